//! Data in quantity.

/// SQL that fills a database with shop data: `rows` orders, ten times fewer customers, three lines for each order, events in
/// JSON, indexes and foreign keys. A million rows are about 470 MB in the server and 260 MB as a plain dump.
#[must_use]
pub fn seed_sql(rows: u64) -> String {
    let customers = rows / 10 + 1;
    let (lines, events) = (rows * 3, rows / 2 + 1);
    format!(
        "CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, name text, born date, notes text);
         INSERT INTO customers SELECT n, 'customer' || n || '@example.com', 'Name ' || md5(n::text),
             date '1950-01-01' + (n % 20000)::int, repeat(md5(n::text) || ' ', (n % 5)::int)
             FROM generate_series(1::bigint, {customers}) n;
         CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, placed_at timestamptz NOT NULL,
             total numeric(12, 2), state text, comment text);
         INSERT INTO orders SELECT n, n * 7919 % {customers} + 1, timestamptz '2020-01-01' + n * interval '37 s',
             (n % 100000) / 100.0, (ARRAY['new', 'paid', 'sent'])[n % 3 + 1],
             CASE n % 4 WHEN 0 THEN NULL ELSE md5(n::text) || E'\\ttab' END FROM generate_series(1::bigint, {rows}) n;
         CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, sku text NOT NULL, quantity int,
             price double precision);
         INSERT INTO order_lines SELECT n, n * 104729 % {rows} + 1, 'sku-' || n % 5000, n % 9 + 1, n % 997 / 7.0
             FROM generate_series(1::bigint, {lines}) n;
         CREATE TABLE events (id bigint, at timestamptz, payload jsonb);
         INSERT INTO events SELECT n, timestamptz '2024-01-01' + n * interval '1 s',
             jsonb_build_object('kind', 'event ' || n % 17, 'value', n, 'text', md5(n::text))
             FROM generate_series(1::bigint, {events}) n;
         CREATE UNIQUE INDEX customers_email ON customers (email);
         CREATE INDEX orders_customer ON orders (customer_id);
         CREATE INDEX orders_placed ON orders (placed_at);
         CREATE INDEX lines_order ON order_lines (order_id);
         CREATE INDEX lines_sku ON order_lines (sku);
         CREATE INDEX events_at ON events (at);
         ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id);
         ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders (id);"
    )
}

//! The fixtures themselves.

use adhoc_db::testing::PostgresFixture;

#[tokio::test]
async fn the_fixture_is_like_a_new_rds_instance() {
    let fixture = PostgresFixture::start().await.expect("PostgreSQL starts");
    let session = fixture.server().connect("postgres", &fixture.master()).await.expect("the master user logs in");
    let row =
        session.client().query_one("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user", &[]);
    let row = row.await.expect("a row");
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
}

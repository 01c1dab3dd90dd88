use proptest::prelude::*;

use super::*;

/// Everything that comes of `input` when it arrives in parts of these lengths, with adjacent data made one.
fn pieces(input: &[u8], lengths: &[usize]) -> (Vec<Piece>, Option<&'static str>, Option<Fault>) {
    let mut splitter = Splitter::new();
    let mut found: Vec<Piece> = Vec::new();
    let (mut rest, mut lengths) = (input, lengths.iter().cycle());
    loop {
        match splitter.next() {
            Ok(Some(Piece::Data(more))) => match found.last_mut() {
                Some(Piece::Data(data)) => *data = [&data[..], &more[..]].concat().into(),
                _ => found.push(Piece::Data(more)),
            },
            Ok(Some(piece)) => found.push(piece),
            Ok(None) if splitter.has_ended() => return (found, splitter.unfinished(), None),
            Ok(None) => {
                let (mut part, later) = rest.split_at((*lengths.next().unwrap()).clamp(1, 9).min(rest.len()));
                splitter.fill(&mut part).unwrap();
                rest = later;
            }
            Err(fault) => return (found, None, Some(fault)),
        }
    }
}

fn whole(input: &str) -> Vec<Piece> {
    let (found, unfinished, fault) = pieces(input.as_bytes(), &[9]);
    assert_eq!((unfinished, fault), (None, None), "{input}");
    found
}

fn statement(sql: &str, line: u64) -> Piece {
    Piece::Statement { sql: sql.to_owned(), line }
}

#[test]
fn semicolons_in_quotes_comments_and_parentheses_end_nothing() {
    for sql in [
        "SELECT ';';",
        "SELECT 'it''s;';",
        r"SELECT E'\';';",
        r"SELECT E'a\\';",
        "SELECT 'a\\';",
        "SELECT e'a'\n'\\';';",
        "SELECT U&'\\0061;';",
        "SELECT \";\"\";\";",
        "SELECT $$;$$;",
        "SELECT $a$ $$ ; $b$ ; $a$;",
        "SELECT $1, a$b$;",
        "SELECT 1 -- ;\n;",
        "SELECT /* ; /* ; */ ; */ 1;",
        "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
        "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END;",
    ] {
        assert_eq!(whole(&format!("{sql}\nSELECT 2;")).len(), 2, "{sql}");
        assert_eq!(whole(sql), [statement(sql, 1)]);
    }
}

#[test]
fn a_body_belongs_to_routines_only() {
    assert_eq!(whole("BEGIN; CREATE TABLE begin (a int); END;").len(), 3);
    assert_eq!(whole("CREATE FOREIGN TABLE begin (a int) SERVER s; SELECT 1;").len(), 2);
}

#[test]
fn data_end_with_their_marker_and_lines_are_counted() {
    let found = whole(
        "-- c\n\nCOPY t (a) FROM stdin;\n\\N\n\\.x\n\\\\.\n\\.\nSELECT\n1;COPY u FROM STDIN;\r\n\\.\r\n SELECT 3;",
    );
    let expected = [
        Piece::Comment("-- c".into()),
        Piece::Copy { sql: "COPY t (a) FROM stdin;".into(), line: 3 },
        Piece::Data(Bytes::from_static(b"\\N\n\\.x\n\\\\.\n")),
        Piece::DataEnd,
        statement("SELECT\n1;", 8),
        Piece::Copy { sql: "COPY u FROM STDIN;".into(), line: 9 },
        Piece::DataEnd,
        statement("SELECT 3;", 11),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_copy_from_elsewhere_has_no_data() {
    assert_eq!(whole("COPY t FROM '/stdin'; COPY (SELECT a FROM stdin) TO stdout;").len(), 2);
}

#[test]
fn commands_to_psql_are_found_wherever_psql_would() {
    assert_eq!(whole("\\restrict k\nSELECT 1;")[0], Piece::Meta { text: "\\restrict k".into(), line: 1 });
    let (_, _, fault) = pieces(b"SELECT 1\n\\gexec\n", &[3]);
    assert_eq!(fault.unwrap().to_string(), ":2: a backslash inside a statement: \\gexec");
}

#[test]
fn an_end_in_the_middle_is_noticed() {
    let ends =
        ["SELECT 'a", "SELECT \"a", "SELECT $$a", "SELECT 1", "/* a", "COPY t FROM stdin;\n1\n", "COPY t FROM stdin;"];
    let found = ends.map(|sql| pieces(sql.as_bytes(), &[2]).1.unwrap_or_default());
    let data = "the data of a table";
    assert_eq!(found, ["a string", "a quoted name", "a string", "a statement", "a comment", data, data]);
    assert_eq!(pieces(b"COPY t FROM stdin;\n1\n\\.", &[2]).1, None);
}

proptest! {
    #[test]
    fn the_way_it_arrives_does_not_matter(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("COPY t FROM stdin;\n"), Just("\\.\n"), Just("\\.\r\n"), Just("\\"), Just("."), Just("\n"), Just("'"),
                Just("E'"), Just("$$"), Just("$a$"), Just("--"), Just("/*"), Just("*/"), Just("\""), Just(";"),
                Just("("), Just(")"), Just("create function begin case end "), Just("e"), Just("ä"), Just(" x 1 "),
            ],
            0..40,
        ),
        lengths in proptest::collection::vec(1usize..9, 1..5),
    ) {
        let input = parts.concat();
        prop_assert_eq!(pieces(input.as_bytes(), &lengths), pieces(input.as_bytes(), &[9]));
    }

    #[test]
    fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..200), length in 1usize..9) {
        pieces(&input, &[length]);
    }
}

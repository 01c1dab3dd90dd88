//! What of a dump is executed, what is left out, and what is refused.

use std::collections::HashSet;

use super::item::{Fault, Place, Read};
use super::words::{Token, begins_with, tokens};

const TRANSACTION: &str = "everything is loaded in one transaction; take the statement out of the dump";
const WITHOUT_CREATE: &str = "make the dump without --create";
const PRIVILEGES: &str = "privileges";
const REPLICATION: &str = "publications and subscriptions";

/// What to do with a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Execute it.
    Run,
    /// Leave it out; with the name of its kind.
    Skip(&'static str),
    /// Refuse the dump; why, and what to do.
    Refuse(String, &'static str),
}

/// Judges statements; as `pg_restore --no-owner --no-acl` would, and stricter.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    settings: HashSet<String>,
    large_objects: LargeObjects,
    /// Whether the dump has dropped the schema `public`, which it then makes anew.
    public_dropped: bool,
}

/// `pg_dump` writes the contents of large objects between BEGIN and COMMIT, which are not needed here.
#[derive(Debug, Default)]
enum LargeObjects {
    #[default]
    Outside,
    Begun(Place),
    Inside,
}

impl Filter {
    /// A filter for a server that knows `settings`. Without any, no setting is left out.
    pub(crate) fn new(settings: HashSet<String>) -> Self {
        Self { settings, large_objects: LargeObjects::Outside, public_dropped: false }
    }

    /// Whether the statement is to be executed, and else the kind of what is left out.
    pub(crate) fn judge(&mut self, sql: &str, place: &Place) -> Read<Option<&'static str>> {
        if self.around_large_objects(sql, place)? {
            return Ok(Some("transactions around large objects"));
        }
        if drops_public(sql) {
            self.public_dropped = true;
        } else if self.public_dropped && is_only_after(sql, &["CREATE", "SCHEMA", "PUBLIC"]) {
            return Ok(None);
        }
        match verdict(sql, &self.settings) {
            Verdict::Run => Ok(None),
            Verdict::Skip(kind) => Ok(Some(kind)),
            Verdict::Refuse(reason, hint) => Err(Fault::at(place, reason).with_hint(hint)),
        }
    }

    /// The dump is over.
    pub(crate) fn finish(&self) -> Read<()> {
        match &self.large_objects {
            LargeObjects::Outside => Ok(()),
            LargeObjects::Begun(place) => Err(begin_refused(place)),
            LargeObjects::Inside => Err(Fault::new("ends inside a large object").truncated()),
        }
    }

    /// Whether this is the BEGIN or COMMIT around large objects.
    fn around_large_objects(&mut self, sql: &str, place: &Place) -> Read<bool> {
        let is_content = || ["lo_open", "lowrite", "lo_close"].iter().any(|name| calls(sql, name));
        match std::mem::take(&mut self.large_objects) {
            LargeObjects::Outside if is_only(sql, "BEGIN") => {
                self.large_objects = LargeObjects::Begun(place.clone());
                Ok(true)
            }
            LargeObjects::Outside => Ok(false),
            LargeObjects::Begun(begun) if !is_content() => Err(begin_refused(&begun)),
            LargeObjects::Inside if is_only(sql, "COMMIT") => Ok(true),
            LargeObjects::Begun(_) | LargeObjects::Inside => {
                self.large_objects = LargeObjects::Inside;
                Ok(false)
            }
        }
    }
}

fn begin_refused(place: &Place) -> Fault {
    Fault::at(place, "BEGIN in a dump").with_hint(TRANSACTION)
}

fn is_only(sql: &str, keyword: &str) -> bool {
    let mut tokens = tokens(sql);
    tokens.next().is_some_and(|token| token.is(keyword)) && tokens.all(|token| token == Token::Other(";"))
}

/// Whether it is `SELECT [pg_catalog.]function(..`.
fn calls(sql: &str, function: &str) -> bool {
    let mut tokens = tokens(sql).map(Token::text).skip_while(|text| text.eq_ignore_ascii_case("SELECT"));
    match tokens.next() {
        Some("pg_catalog") => tokens.next() == Some(".") && tokens.next() == Some(function),
        name => name == Some(function),
    }
}

fn verdict(sql: &str, settings: &HashSet<String>) -> Verdict {
    let first = tokens(sql).next().map_or_else(String::new, |token| token.text().to_ascii_uppercase());
    match first.as_str() {
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" => {
            Verdict::Refuse(format!("{first} in a dump"), TRANSACTION)
        }
        "PREPARE" if begins_with(sql, &["PREPARE", "TRANSACTION"]) => {
            Verdict::Refuse("PREPARE TRANSACTION in a dump".to_owned(), TRANSACTION)
        }
        "COPY" => Verdict::Refuse(
            "COPY from or to a place other than the dump itself".to_owned(),
            "only COPY .. FROM STDIN can be loaded",
        ),
        "GRANT" | "REVOKE" => Verdict::Skip(PRIVILEGES),
        "SET" => set(sql, settings),
        "RESET" if begins_with(sql, &["RESET", "SESSION", "AUTHORIZATION"]) => Verdict::Skip("session roles"),
        "ALTER" => alter(sql),
        "CREATE" | "DROP" => create_or_drop(sql),
        "COMMENT" => comment(sql),
        "SELECT" if restores_statistics(sql) => Verdict::Skip("statistics"),
        "SELECT" if sets_something(sql) => Verdict::Refuse(
            "set_config of something else than search_path".to_owned(),
            "pg_dump writes no such statement; take it out of the dump",
        ),
        _ => Verdict::Run,
    }
}

fn set(sql: &str, settings: &HashSet<String>) -> Verdict {
    let mut tokens = tokens(sql).skip(1).peekable();
    if tokens.next_if(|token| token.is("SESSION")).is_some() && tokens.peek().is_some_and(|t| t.is("AUTHORIZATION")) {
        return Verdict::Skip("session roles");
    }
    tokens.next_if(|token| token.is("LOCAL"));
    let name = tokens.next().map_or_else(String::new, |token| token.text().trim_matches('"').to_ascii_lowercase());
    let is_setting = tokens.next().is_some_and(|token| token == Token::Other("=") || token.is("TO"));
    let value = tokens.next().map_or("", |token| token.text().trim_matches('\''));
    match name.as_str() {
        "role" => Verdict::Skip("session roles"),
        "default_tablespace" => Verdict::Skip("tablespaces"),
        "client_encoding" | "names" => encoding(value),
        "standard_conforming_strings" if !["on", "true", "1"].contains(&value) => Verdict::Refuse(
            "standard_conforming_strings is off".to_owned(),
            "make the dump with `PGOPTIONS=\"-c standard_conforming_strings=on\" pg_dump`",
        ),
        _ if is_setting && !settings.is_empty() && !settings.contains(&name) && tokens_of_name(sql) == 1 => {
            Verdict::Skip("settings that this server does not know")
        }
        _ => Verdict::Run,
    }
}

/// How many parts the name of a setting has: what an extension knows has two.
fn tokens_of_name(sql: &str) -> usize {
    1 + tokens(sql).take_while(|token| *token != Token::Other("=")).filter(|token| *token == Token::Other(".")).count()
}

fn encoding(value: &str) -> Verdict {
    match ["UTF8", "UTF-8", "UNICODE", "SQL_ASCII"].iter().any(|known| value.eq_ignore_ascii_case(known)) {
        true => Verdict::Run,
        false => Verdict::Refuse(format!("is written in the encoding {value}"), super::splitter::NOT_UTF8),
    }
}

fn alter(sql: &str) -> Verdict {
    if begins_with(sql, &["ALTER", "DEFAULT", "PRIVILEGES"]) {
        return Verdict::Skip(PRIVILEGES);
    }
    let kind = second(sql);
    match kind.as_str() {
        "DATABASE" => return Verdict::Skip("settings of the database"),
        "PUBLICATION" | "SUBSCRIPTION" => return Verdict::Skip(REPLICATION),
        _ => {}
    }
    let words: Vec<Token<'_>> = tokens(sql).filter(|token| *token != Token::Other(";")).collect();
    match words.as_slice() {
        [.., owner, to, _] if owner.is("OWNER") && to.is("TO") => Verdict::Skip("owners"),
        _ => Verdict::Run,
    }
}

fn create_or_drop(sql: &str) -> Verdict {
    let kind = second(sql);
    match kind.as_str() {
        "DATABASE" => Verdict::Refuse("makes or drops a database".to_owned(), WITHOUT_CREATE),
        "PUBLICATION" | "SUBSCRIPTION" => Verdict::Skip(REPLICATION),
        "SCHEMA" if is_only_after(sql, &["CREATE", "SCHEMA", "PUBLIC"]) => Verdict::Skip("the schema public"),
        _ => Verdict::Run,
    }
}

fn comment(sql: &str) -> Verdict {
    match tokens(sql).nth(2).map_or_else(String::new, |token| token.text().to_ascii_uppercase()).as_str() {
        "EXTENSION" => Verdict::Skip("comments on extensions"),
        "DATABASE" => Verdict::Skip("settings of the database"),
        "PUBLICATION" | "SUBSCRIPTION" => Verdict::Skip(REPLICATION),
        "SCHEMA" if begins_with(sql, &["COMMENT", "ON", "SCHEMA", "PUBLIC"]) => Verdict::Skip("the schema public"),
        _ => Verdict::Run,
    }
}

/// Whether it is `DROP SCHEMA [IF EXISTS] public ..`.
fn drops_public(sql: &str) -> bool {
    begins_with(sql, &["DROP", "SCHEMA", "PUBLIC"]) || begins_with(sql, &["DROP", "SCHEMA", "IF", "EXISTS", "PUBLIC"])
}

/// Whether it calls `set_config` for anything but `search_path`, as pg_dump does: a setting such as
/// standard_conforming_strings changes how the server reads what follows.
fn sets_something(sql: &str) -> bool {
    let words: Vec<&str> = tokens(sql).map(Token::text).collect();
    words.iter().enumerate().any(|(at, word)| {
        word.trim_matches('"').eq_ignore_ascii_case("set_config")
            && !words.get(at + 2).is_some_and(|name| name.trim_matches('\'').eq_ignore_ascii_case("search_path"))
    })
}

fn is_only_after(sql: &str, keywords: &[&str]) -> bool {
    begins_with(sql, keywords) && tokens(sql).skip(keywords.len()).all(|token| token == Token::Other(";"))
}

/// `SELECT * FROM pg_catalog.pg_restore_relation_stats(..` and its like, of `pg_dump --statistics`: the server gathers its own.
fn restores_statistics(sql: &str) -> bool {
    let mut names = tokens(sql).take(6).filter(|token| matches!(token, Token::Word(_)));
    names.any(|name| name.text().starts_with("pg_restore_") && name.text().ends_with("_stats"))
}

fn second(sql: &str) -> String {
    tokens(sql).nth(1).map_or_else(String::new, |token| token.text().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Verdict {
        verdict(
            sql,
            &HashSet::from([
                "statement_timeout".to_owned(),
                "work_mem".to_owned(),
                "standard_conforming_strings".to_owned(),
            ]),
        )
    }

    #[test]
    fn owners_privileges_and_what_only_administrators_may_are_left_out() {
        for sql in [
            "ALTER TABLE public.t OWNER TO \"Some One\";",
            "ALTER FUNCTION public.f(a integer, b text) OWNER TO x;",
            "ALTER LARGE OBJECT 16412 OWNER TO x;",
            "GRANT ALL ON SCHEMA public TO PUBLIC;",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO y;",
            "COMMENT ON EXTENSION citext IS 'x';",
            "COMMENT ON SCHEMA public IS 'x';",
            "SET SESSION AUTHORIZATION 'x';",
            "RESET SESSION AUTHORIZATION;",
            "SET default_tablespace = '';",
            "SET transaction_timeout = 0;",
            "CREATE PUBLICATION p FOR ALL TABLES;",
            "CREATE SCHEMA public;",
            "SELECT * FROM pg_catalog.pg_restore_relation_stats(\n'version', '180000'::integer);",
        ] {
            assert!(matches!(of(sql), Verdict::Skip(_)), "{sql}");
        }
    }

    #[test]
    fn everything_else_runs() {
        for sql in [
            "SET statement_timeout = 0;",
            "SET SESSION work_mem TO '1MB';",
            "SET my.own = 1;",
            "SET client_encoding = 'UTF8';",
            "SET standard_conforming_strings = on;",
            "SET TIME ZONE 'UTC';",
            "ALTER TABLE t ADD COLUMN owner text;",
            "CREATE SCHEMA public_api;",
            "CREATE SCHEMA public AUTHORIZATION x;",
            "COMMENT ON TABLE extension IS 'a';",
            "SELECT pg_catalog.setval('a', 1, true);",
            "SELECT pg_catalog.set_config('search_path', '', false);",
            "PREPARE transactions AS SELECT 1;",
            "CREATE EXTENSION IF NOT EXISTS citext;",
        ] {
            assert_eq!(of(sql), Verdict::Run, "{sql}");
        }
    }

    #[test]
    fn what_would_end_the_transaction_or_leave_the_dump_is_refused() {
        for sql in [
            "COMMIT;",
            "start transaction;",
            "/* x */ end;",
            "ROLLBACK;",
            "PREPARE TRANSACTION 'x';",
            "CREATE DATABASE x;",
            "DROP DATABASE x;",
            "COPY t TO STDOUT;",
            "COPY t FROM PROGRAM 'rm -rf /';",
            "SET client_encoding = 'LATIN1';",
            "SET standard_conforming_strings = off;",
            "SELECT set_config('standard_conforming_strings', 'off', false);",
            "SELECT 1, pg_catalog.\"set_config\"('role', 'none', false);",
        ] {
            assert!(matches!(of(sql), Verdict::Refuse(..)), "{sql}");
        }
    }

    #[test]
    fn a_schema_public_that_was_dropped_is_made_anew() {
        let mut filter = Filter::default();
        let mut judge = |sql: &str| filter.judge(sql, &Place::Line(1)).expect("judged");
        assert_eq!(judge("CREATE SCHEMA public;"), Some("the schema public"));
        assert_eq!(judge("DROP SCHEMA IF EXISTS public CASCADE;"), None);
        assert_eq!(judge("CREATE SCHEMA public;"), None);
    }

    #[test]
    fn begin_and_commit_are_for_large_objects_only() {
        let place = |line| Place::Line(line);
        let run = |statements: &[&str]| -> Read<usize> {
            let mut filter = Filter::default();
            let verdicts = (1..).zip(statements).map(|(line, sql)| filter.judge(sql, &place(line)));
            let left_out = verdicts.collect::<Read<Vec<_>>>()?.into_iter().flatten().count();
            filter.finish().map(|()| left_out)
        };
        let content = "SELECT pg_catalog.lo_open('1', 131072);";
        assert_eq!(run(&["BEGIN;", content, "SELECT pg_catalog.lo_close(0);", "COMMIT;", "SELECT 1;"]), Ok(2));
        assert_eq!(run(&["SELECT 0;", "BEGIN;", "SELECT 1;", "COMMIT;"]).unwrap_err().place, ":2");
        assert_eq!(run(&["BEGIN;", content, "COMMIT;", "COMMIT;"]).unwrap_err().place, ":4");
        assert!(run(&["BEGIN;"]).is_err() && run(&["BEGIN;", content]).is_err());
    }
}

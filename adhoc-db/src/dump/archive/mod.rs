//! Archives of pg_dump, versions 1.12 (PostgreSQL 9.6 and 10) to 1.16 (17 and 18).
//!
//! They have no specification but the sources: `pg_backup_archiver.c`, `pg_backup_custom.c`, `pg_backup_tar.c` and
//! `pg_backup_directory.c` in <https://github.com/postgres/postgres/tree/master/src/bin/pg_dump>.

mod custom;
mod directory;
mod player;
mod tar;
mod toc;
mod wire;

pub(super) use self::custom::read_custom;
pub(super) use self::directory::{directory_size, read_directory};
pub(super) use self::tar::read_tar;

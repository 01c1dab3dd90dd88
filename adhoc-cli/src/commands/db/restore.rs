use std::io::IsTerminal;
use std::path::Path;

use adhoc_core::{DatabaseMarker, DatabaseName, EnvironmentName, Error, Result, Summary};
use adhoc_db::{DumpSource, LoadTemplate, RestoreOptions, Restored, Session, restore as load};

use super::change::creator;
use super::{Surroundings, summary};
use crate::args::DbRestoreArgs;
use crate::reporters::{DatabaseChange, count, size};

/// `adhoc db restore`.
pub(super) async fn restore(at: &Surroundings<'_>, args: &DbRestoreArgs) -> Summary {
    let (environment, dump) = match args.target() {
        Ok(target) => target,
        Err(error) => return summary("db restore", None, Err::<(), _>(error)),
    };
    let done = match (&args.as_template, &environment) {
        (Some(template), environment) => {
            if let Some(environment) = environment {
                at.cx.hint(format!("a template belongs to no environment: {environment} is left as it is"));
            }
            as_template(at, template, &dump).await
        }
        (None, Some(environment)) => into_environment(at, environment, &dump, args.clean).await,
        (None, None) => Err(Error::internal("", "", "no environment and no template")),
    };
    summary("db restore", environment.as_ref().filter(|_| args.as_template.is_none()), done)
}

async fn into_environment(
    at: &Surroundings<'_>,
    environment: &EnvironmentName,
    dump: &Path,
    clean: bool,
) -> Result<DatabaseChange> {
    let source = source(dump)?;
    let databases = at.open().await?;
    let account = databases.account(environment)?;
    let options = RestoreOptions::new().with_clean(clean);
    let work = databases.admin.as_owner(&account.database, &account.role, async |session: &Session| {
        load(at.cx, session, source, &options).await
    });
    let restored = at.cx.step("restore", work).await?;
    Ok(DatabaseChange {
        message: format!("database {} holds {}", account.database, what(&restored)),
        database: account.database.to_string(),
        role: account.role.to_string(),
        change: "restored".to_owned(),
        details: skipped(&restored),
    })
}

async fn as_template(at: &Surroundings<'_>, template: &DatabaseName, dump: &Path) -> Result<DatabaseChange> {
    let source = source(dump)?;
    let databases = at.open().await?;
    let marker = DatabaseMarker::for_template(template, at.cx.clock().now()).with_creator(creator());
    let request = LoadTemplate::new(template.clone(), marker)?.with_extensions(databases.config.extensions.clone());
    let options = RestoreOptions::new();
    let work = databases
        .admin
        .load_template(at.cx, &request, async |session: &Session| load(at.cx, session, source, &options).await);
    let restored = at.cx.step("restore", work).await?;
    let role = adhoc_db::template_owner(template)?;
    Ok(DatabaseChange {
        message: format!(
            "template {template} holds {}; `adhoc db clone ENV --from {template}` copies it",
            what(&restored)
        ),
        database: template.to_string(),
        role: role.to_string(),
        change: "template_made".to_owned(),
        details: skipped(&restored),
    })
}

/// The dump: a file or directory, which must be there before anything is connected, or what is piped in.
fn source(dump: &Path) -> Result<DumpSource> {
    if dump != Path::new("-") {
        return match std::fs::metadata(dump) {
            Ok(_) => Ok(DumpSource::path(dump)),
            Err(error) => Err(Error::invalid("", dump.display().to_string(), "cannot be read")
                .with_source(error)
                .with_hint("name a dump that pg_dump has made, or `-` for what is piped in")),
        };
    }
    if std::io::stdin().is_terminal() {
        return Err(Error::invalid("", "", "no dump is named, and none is piped in")
            .with_hint("`adhoc db restore ENV FILE`, or `pg_dump ... | adhoc db restore ENV -`"));
    }
    Ok(DumpSource::reader("stdin", std::io::stdin()))
}

fn what(restored: &Restored) -> String {
    let number = |number: u64, noun| count(usize::try_from(number).unwrap_or(usize::MAX), noun);
    let (rows, tables) = (number(restored.rows, "row"), number(restored.tables, "table"));
    format!("{rows} in {tables}, from {} of dump", size(restored.bytes))
}

/// What was left out, so that nobody looks for it.
fn skipped(restored: &Restored) -> Vec<String> {
    if restored.skipped.is_empty() {
        return Vec::new();
    }
    let kinds: Vec<String> =
        restored.skipped.iter().map(|skipped| format!("{} {}", skipped.count, skipped.kind)).collect();
    vec![format!("left out: {}", kinds.join(", "))]
}

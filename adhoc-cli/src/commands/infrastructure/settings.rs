use std::fs;
use std::path::Path;

use adhoc_core::{Error, Result};
use adhoc_terraform::variables::{SetVariable, assignment};
use adhoc_terraform::{Declarations, VarFile};

use super::Site;

/// A variable's name and value.
pub(super) type Setting = (String, String);

/// What `--set KEY=VALUE` says. clap is not asked, since it would show the value, which may be a secret.
pub(super) fn parsed(settings: &[String]) -> Result<Vec<Setting>> {
    settings.iter().map(|setting| assignment(setting).map_err(|error| named(&error, "--set"))).collect()
}

/// A var file with other values, which gets its old ones back unless they are kept. The environment has to be held meanwhile.
pub(super) struct Edited {
    before: VarFile,
    after: VarFile,
}

impl Edited {
    /// Sets variables in the environment's var file.
    pub(super) fn set(site: &Site<'_>, settings: &[Setting]) -> Result<Self> {
        let before = site.driver.workspaces.read_var_file(&site.environment)?;
        let mut after = before.clone();
        if settings.is_empty() {
            return Ok(Self { before, after });
        }
        let declarations = Declarations::read(&site.driver.dir)?;
        for (name, value) in settings {
            let set = after.set(name, value, &declarations)?;
            site.cx.hint(format!("{}: {}", after.path().display(), sentence(&set)));
        }
        if after.text() != before.text() {
            ensure_writable(after.path())?;
            after.write()?;
        }
        Ok(Self { before, after })
    }

    /// Puts the old values back after `error`, unless somebody has edited the file meanwhile; says so if they could not be.
    pub(super) fn undo(self, error: Error) -> Error {
        let path = self.after.path();
        if self.after.text() == self.before.text() {
            return error;
        }
        let ours = fs::read_to_string(path).is_ok_and(|text| text == self.after.text());
        match ours && self.before.write().is_ok() {
            true => error,
            false => error.with_left_behind(format!("the new values in {}", path.display())),
        }
    }
}

fn sentence(set: &SetVariable) -> String {
    let from = set.from.as_ref().map_or(String::new(), |from| format!(" (it was {from})"));
    format!("{} = {}{from}", set.name, set.to)
}

fn named(error: &Error, option: &str) -> Error {
    let detail = error.detail();
    let named = Error::invalid("", option, detail.reason.as_str());
    match &detail.hint {
        Some(hint) => named.with_hint(hint.as_str()),
        None => named,
    }
}

/// A file that its owner has made read-only is not to be replaced.
fn ensure_writable(path: &Path) -> Result<()> {
    match fs::metadata(path).is_ok_and(|file| file.permissions().readonly()) {
        false => Ok(()),
        true => Err(Error::invalid("", path.display().to_string(), "is read-only, and was not changed")
            .with_hint("make it writable, or leave `--set` out")),
    }
}

use std::fs;
use std::path::PathBuf;

use adhoc_core::{Error, Result};
use adhoc_terraform::Declarations;

use super::Site;
use crate::args::Setting;

/// A var file with other values, which gets its old ones back unless they are kept.
pub(super) struct Edited {
    path: PathBuf,
    before: Option<String>,
}

impl Edited {
    /// Sets variables in the environment's var file.
    pub(super) fn set(site: &Site<'_>, settings: &[Setting]) -> Result<Self> {
        let mut file = site.driver.workspaces.read_var_file(&site.environment)?;
        let mut edited = Self { path: file.path().to_owned(), before: None };
        if settings.is_empty() {
            return Ok(edited);
        }
        let declarations = Declarations::read(&site.driver.dir)?;
        let before = file.text();
        for Setting { key, value } in settings {
            let set = file.set(key, value, &declarations)?;
            let from = set.from.map_or(String::new(), |from| format!(" (it was {from})"));
            site.cx.hint(format!("{}: {key} = {}{from}", edited.path.display(), set.to));
        }
        if file.text() != before {
            file.write()?;
            edited.before = Some(before);
        }
        Ok(edited)
    }

    /// Leaves the new values.
    pub(super) fn keep(mut self) {
        self.before = None;
    }

    /// Puts the old values back after `error`, or says that they could not be.
    pub(super) fn undo(mut self, error: Error) -> Error {
        let Some(before) = self.before.take() else { return error };
        match fs::write(&self.path, before) {
            Ok(()) => error,
            Err(_) => error.with_left_behind(format!("the new values in {}", self.path.display())),
        }
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // Only on the way out of a panic.
            let _ = fs::write(&self.path, before);
        }
    }
}

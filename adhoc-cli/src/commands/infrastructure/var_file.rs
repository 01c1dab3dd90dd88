//! A var file for an environment that has none yet.

use std::fs;
use std::path::{Path, PathBuf};

use adhoc_core::{Error, Result};

use super::Site;

/// The var file that was begun here, if one was.
pub(super) struct Begun(Option<PathBuf>);

impl Begun {
    /// Starts the environment's var file as a copy of `template`, if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the template cannot be read, or the copy cannot be written.
    pub(super) fn from(site: &Site<'_>, template: Option<&Path>) -> Result<Self> {
        let path = site.driver.var_file(&site.environment);
        let Some(template) = template.filter(|_| !path.exists()) else { return Ok(Self(None)) };
        // Said like `var_files`, in the folder that is driven, or like any file.
        let beside = site.driver.dir.join(template);
        let template = if template.exists() { template } else { beside.as_path() };
        let text = fs::read_to_string(template)
            .map_err(|error| Error::invalid("", template.display().to_string(), "cannot be read").with_source(error))?;
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Error::invalid("", path.display().to_string(), "cannot be written").with_source(error))?;
        site.cx.hint(format!("{} begins as a copy of {}", path.display(), template.display()));
        Ok(Self(Some(path)))
    }

    /// Takes the file away again after `error`: nothing was made with it.
    pub(super) fn undo(self, error: Error) -> Error {
        match self.0 {
            Some(path) if fs::remove_file(&path).is_err() => {
                error.with_left_behind(format!("the file {}", path.display()))
            }
            _ => error,
        }
    }
}

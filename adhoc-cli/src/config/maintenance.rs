//! `[maintenance]`: what is answered instead of the application.

use std::path::PathBuf;

use adhoc_core::{Error, FixedResponse, Result};
use serde::Deserialize;
use toml::Spanned;

use super::Source;

/// What is answered instead of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MaintenanceConfig {
    /// The title of the page that we make.
    pub(crate) title: String,
    /// The file with a page of the user's own.
    pub(crate) body_file: Option<PathBuf>,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The type of the page.
    pub(crate) content_type: String,
}

impl Default for MaintenanceConfig {
    fn default() -> Self {
        Self {
            title: "Down for maintenance".to_owned(),
            body_file: None,
            status: 503,
            content_type: "text/html".to_owned(),
        }
    }
}

impl MaintenanceConfig {
    /// The page, as a load balancer takes it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the file cannot be read, or is too long.
    pub(crate) fn page(&self) -> Result<FixedResponse> {
        let body = match &self.body_file {
            None => html(&self.title),
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                Error::invalid("", path.display().to_string(), "cannot be read")
                    .with_source(error)
                    .with_hint("`maintenance.body_file` names a text file, beside adhoc.toml or by its whole path")
            })?,
        };
        FixedResponse::new(self.status, &self.content_type, body)
    }
}

fn html(title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style>\n\
         <h1>{title}</h1>\n<p>We are working on it. Please try again in a few minutes.</p>\n"
    )
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct MaintenanceTable {
    title: Option<String>,
    body_file: Option<String>,
    status: Option<Spanned<u16>>,
    content_type: Option<Spanned<String>>,
}

impl MaintenanceTable {
    pub(super) fn into_maintenance(self, source: &Source<'_>) -> Result<MaintenanceConfig> {
        let default = MaintenanceConfig::default();
        let is_ours = self.body_file.is_none();
        let config = MaintenanceConfig {
            title: self.title.unwrap_or(default.title),
            body_file: self.body_file.map(|path| source.path(&path)),
            status: self.status.as_ref().map_or(default.status, |status| *status.get_ref()),
            content_type: self.content_type.as_ref().map_or(default.content_type, |kind| kind.get_ref().clone()),
        };
        if let Some(status) = &self.status {
            check(FixedResponse::new(config.status, "text/html", ""), status, "status", source)?;
        }
        if let Some(kind) = &self.content_type {
            check(FixedResponse::new(503, kind.get_ref(), ""), kind, "content_type", source)?;
            if is_ours && kind.get_ref() != "text/html" {
                let hint = "name the page with `body_file`";
                return Err(source.error(
                    kind.span(),
                    "maintenance.content_type",
                    "does not fit the built-in page",
                    hint,
                ));
            }
        }
        Ok(config)
    }
}

fn check<T>(checked: Result<FixedResponse>, value: &Spanned<T>, key: &str, source: &Source<'_>) -> Result<()> {
    let fault = |error: Error| {
        let fault = format!("cannot be: {}", error.detail().reason);
        source.error(value.span(), &format!("maintenance.{key}"), &fault, "503 and text/html suit most")
    };
    checked.map(drop).map_err(fault)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<MaintenanceConfig> {
        Config::parse(text, Path::new("adhoc.toml")).map(|config| config.maintenance)
    }

    #[test]
    fn the_built_in_page_fits() {
        let page = MaintenanceConfig::default().page().expect("fits");
        assert_eq!((page.status, page.content_type.as_str()), (503, "text/html"));
        let page = parse("[maintenance]\ntitle = 'Back <soon>'").expect("valid").page().expect("fits");
        assert!(page.body.contains("<h1>Back &lt;soon&gt;</h1>"), "{}", page.body);
    }

    #[test]
    fn a_page_of_ones_own_is_read_when_it_is_needed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("page.json");
        let text =
            format!("[maintenance]\nbody_file = '{}'\ncontent_type = 'application/json'\nstatus = 500", file.display());
        let config = parse(&text).expect("valid");
        assert!(config.page().expect_err("no file").to_string().contains("cannot be read"));
        std::fs::write(&file, "{}").expect("written");
        assert_eq!(config.page().expect("fits"), FixedResponse::found(500, "application/json", "{}"));
        std::fs::write(&file, "x".repeat(1025)).expect("written");
        assert!(config.page().expect_err("too long").to_string().contains("1025 bytes"));
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        for (text, part) in [
            ("[maintenance]\nstatus = 302", "`maintenance.status` cannot be: the status 302"),
            ("[maintenance]\ncontent_type = 'image/png'", "`maintenance.content_type` cannot be"),
            ("[maintenance]\ncontent_type = 'text/plain'", "does not fit the built-in page"),
            ("[maintenance]\nbody = 'x'", "unknown field `body`"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(part) && error.detail().hint.is_some(), "{error}");
        }
    }
}

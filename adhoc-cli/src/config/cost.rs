//! `[cost]`: what AWS takes, if it is not what the built-in table says.

use std::path::{Path, PathBuf};

use adhoc_core::{Error, PriceTable, Result};
use serde::Deserialize;
use toml::Spanned;

use super::Source;
use super::database::filled;

/// Where prices are from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CostConfig {
    /// The file with the prices; the built-in table if none.
    pub(crate) prices: Option<PathBuf>,
}

impl CostConfig {
    /// The prices of `file`, else of the file that is configured, else the built-in ones; and which these are.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with file, line and column.
    pub(crate) fn table(&self, file: Option<&Path>) -> Result<(PriceTable, Option<PathBuf>)> {
        match file.or(self.prices.as_deref()) {
            Some(file) => Ok((read(file)?, Some(file.to_owned()))),
            None => Ok((PriceTable::built_in(), None)),
        }
    }
}

fn read(path: &Path) -> Result<PriceTable> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::invalid("", path.display().to_string(), "cannot be read")
            .with_source(error)
            .with_hint("name a readable file with `--prices`, or in adhoc.toml under [cost]")
    })?;
    toml::from_str(&text).map_err(|error| Source { text: &text, path }.syntax_error(error))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct CostTable {
    prices: Option<Spanned<String>>,
}

impl CostTable {
    pub(super) fn into_cost(self, source: &Source<'_>) -> Result<CostConfig> {
        let prices = filled(self.prices.as_ref(), "cost.prices", source)?;
        Ok(CostConfig { prices: prices.map(|path| source.path(&path)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<CostConfig> {
        Config::parse(text, Path::new("project/adhoc.toml")).map(|config| config.cost)
    }

    #[test]
    fn prices_are_beside_the_configuration() {
        let config = parse("[cost]\nprices = 'prices.toml'").expect("valid");
        assert_eq!(config.prices.as_deref(), Some(Path::new("project/prices.toml")));
        assert_eq!(parse("").expect("valid").table(None).expect("built in"), (PriceTable::built_in(), None));
        assert!(parse("[cost]\nprices = ''").is_err() && parse("[cost]\nprice = 'x'").is_err());
    }

    #[test]
    fn a_table_of_ones_own_is_toml() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("prices.toml");
        let config = CostConfig { prices: Some("no such file".into()) };
        let table = |text: &str| {
            std::fs::write(&file, text).expect("written");
            config.table(Some(&file)).map(|(table, _)| table)
        };
        let read = table("as_of = '2026-05-01'\n[regions.eu-west-1]\nfargate_vcpu_hour = 0.05\nnat_gateway_hour = 1\n");
        let read = read.expect("valid");
        assert_eq!(read.as_of, "2026-05-01");
        assert_eq!(read.regions["eu-west-1"].fargate_vcpu_hour.map(adhoc_core::Money::micros), Some(50_000));
        for (text, part) in [
            ("as_of = '2026-05-01'\n[regions.eu-west-1]\nfargate_vcpu = 0.05", "prices.toml:3:1"),
            ("as_of = '2026-05-01'\n[regions.x]\nnat_gateway_hour = -1", "prices.toml:3:20"),
            ("[regions.x]", "missing field `as_of`"),
        ] {
            let error = table(text).expect_err(text);
            assert!(error.chain().join(": ").contains(part), "{error}");
        }
        assert!(config.table(None).expect_err("no file").to_string().contains("cannot be read"));
    }
}

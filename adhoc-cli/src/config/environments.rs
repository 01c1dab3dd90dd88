//! `[environments.NAME]`: in which account an environment is.

use std::collections::BTreeMap;

use adhoc_core::{EnvironmentName, Result};
use serde::Deserialize;
use toml::Spanned;

use super::Source;

/// How the account of an environment is reached. Without anything, with whatever credentials there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The role to act as.
    pub(crate) assume_role: Option<String>,
    /// What its trust policy asks for besides.
    pub(crate) external_id: Option<String>,
    /// The region.
    pub(crate) region: Option<String>,
}

/// The accounts by environment, or by the beginning of its name where the key ends in `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts(BTreeMap<String, Account>);

impl Accounts {
    /// That of an environment: by its name, else by the longest beginning.
    pub(crate) fn of(&self, environment: &EnvironmentName) -> Account {
        let name = environment.as_str();
        let begins = |key: &&String| key.strip_suffix('*').is_some_and(|beginning| name.starts_with(beginning));
        let longest = || self.0.keys().filter(begins).max_by_key(|key| key.len());
        let key = Some(name).filter(|name| self.0.contains_key(*name)).or_else(|| longest().map(String::as_str));
        key.and_then(|key| self.0.get(key)).cloned().unwrap_or_default()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct EnvironmentTable {
    assume_role: Option<Spanned<String>>,
    external_id: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
}

/// Checks the tables.
pub(super) fn accounts(tables: BTreeMap<Spanned<String>, EnvironmentTable>, source: &Source<'_>) -> Result<Accounts> {
    let checked = tables.into_iter().map(|(name, table)| {
        check_name(&name, source)?;
        let account = table.into_account(name.get_ref(), source)?;
        Ok((name.into_inner(), account))
    });
    checked.collect::<Result<_>>().map(Accounts)
}

fn check_name(name: &Spanned<String>, source: &Source<'_>) -> Result<()> {
    // Whatever follows the beginning can make a name of it.
    let whole = name.get_ref().strip_suffix('*').map(|beginning| format!("{beginning}x"));
    let valid: Result<EnvironmentName> = whole.as_ref().unwrap_or(name.get_ref()).parse();
    valid.map(drop).map_err(|error| {
        let hint = "name an environment, such as `production`, or the beginning of names, such as `\"pr-*\"`";
        source.error(name.span(), &format!("environments.{}", name.get_ref()), &error.detail().reason, hint)
    })
}

impl EnvironmentTable {
    fn into_account(self, name: &str, source: &Source<'_>) -> Result<Account> {
        let key = |member: &str| format!("environments.{name}.{member}");
        if let Some(role) = self.assume_role.as_ref().filter(|role| !is_role(role.get_ref())) {
            let hint = "write its ARN: `arn:aws:iam::123456789012:role/deploy`";
            return Err(source.error(role.span(), &key("assume_role"), "is no ARN of a role", hint));
        }
        if let (Some(id), None) = (&self.external_id, &self.assume_role) {
            let hint = "it belongs to a role: set `assume_role`, too";
            return Err(source.error(id.span(), &key("external_id"), "has no role that it is for", hint));
        }
        for (member, value) in [("external_id", &self.external_id), ("region", &self.region)] {
            if let Some(value) = value.as_ref().filter(|value| value.get_ref().trim().is_empty()) {
                return Err(source.error(value.span(), &key(member), "is empty", "leave it out, or give it a value"));
            }
        }
        Ok(Account {
            assume_role: self.assume_role.map(Spanned::into_inner),
            external_id: self.external_id.map(Spanned::into_inner),
            region: self.region.map(Spanned::into_inner),
        })
    }
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", "", account, role] if !account.is_empty() && role.starts_with("role/"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("adhoc.toml"))
    }

    const ROLE: &str = "arn:aws:iam::210987654321:role/ci/deploy";

    #[test]
    fn an_environment_has_the_account_of_its_name_or_of_the_longest_beginning() {
        let text = format!(
            "[environments.production]\nassume_role = '{ROLE}'\nexternal_id = 'x'\nregion = 'eu-west-1'\n\
             [environments.'pr-*']\nregion = 'eu-north-1'\n[environments.'pr-1*']\nregion = 'eu-south-1'"
        );
        let config = parse(&text).expect("valid");
        let of = |name: &str| config.clone().for_environment(&name.parse().expect("valid")).account;
        assert_eq!(of("production").assume_role.as_deref(), Some(ROLE));
        assert_eq!(of("production").external_id.as_deref(), Some("x"));
        assert_eq!(of("pr-7").region.as_deref(), Some("eu-north-1"));
        assert_eq!(of("pr-12").region.as_deref(), Some("eu-south-1"));
        assert_eq!(of("alpha"), Account::default());
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        for (text, part) in [
            ("[environments.production]\nassume_role = 'deploy'", "`environments.production.assume_role` is no ARN"),
            ("[environments.production]\nexternal_id = 'x'", "`environments.production.external_id` has no role"),
            ("[environments.production]\nregion = ''", "`environments.production.region` is empty"),
            ("[environments.Production]\nregion = 'x'", "`environments.Production`"),
            ("[environments.'*-pr']\nregion = 'x'", "`environments.*-pr`"),
            ("[environments.production]\nrole = 'x'", "unknown field `role`"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(part) && error.detail().hint.is_some(), "{error}");
        }
    }
}

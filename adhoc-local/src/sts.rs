//! STS: who signs, and roles to assume.

use crate::{
    clock::rfc3339,
    error::ApiError,
    rds::invalid_action,
    xml::{leaf, node},
};
use serde_json::Value;
use std::collections::BTreeMap;

const DEFAULT_DURATION_S: u64 = 3600;

/// The roles that were assumed, by the access key that each session got.
#[derive(Default)]
pub(crate) struct Roles {
    sessions: BTreeMap<String, String>,
}

impl Roles {
    /// Answers with the elements inside of the result. `key` is the access key that the request was signed with.
    pub(crate) fn call(
        &mut self,
        account: &str,
        key: &str,
        operation: &str,
        form: &Value,
        now: u64,
    ) -> Result<String, ApiError> {
        match operation {
            "GetCallerIdentity" => Ok(self.identity(account, key)),
            "AssumeRole" => self.assume(form, now),
            _ => Err(invalid_action(operation)),
        }
    }

    fn identity(&self, account: &str, key: &str) -> String {
        let default = format!("arn:aws:sts::{account}:assumed-role/local/adhoc");
        let arn = self.sessions.get(key).unwrap_or(&default);
        let account = arn.split(':').nth(4).unwrap_or(account);
        leaf("Arn", arn) + &leaf("UserId", "AROALOCAL0000000000:adhoc") + &leaf("Account", account)
    }

    fn assume(&mut self, form: &Value, now: u64) -> Result<String, ApiError> {
        let text = |name: &str| form.get(name).and_then(Value::as_str).unwrap_or_default();
        let (role, session) = (text("RoleArn"), text("RoleSessionName"));
        let invalid = |what: &str| Err(ApiError::new("ValidationError", format!("{what} is not valid")));
        let Some((account, name)) = role_of(role) else { return invalid(role) };
        let fits = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(fits) {
            return invalid("roleSessionName");
        }
        let duration = text("DurationSeconds").parse().unwrap_or(DEFAULT_DURATION_S);
        let random = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        let key = format!("ASIA{}", &random[..16]);
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        let credentials = leaf("AccessKeyId", &key)
            + &leaf("SecretAccessKey", &format!("local-secret-{random}"))
            + &leaf("SessionToken", &format!("local-session-{random}"))
            + &leaf("Expiration", &rfc3339(now + duration * 1000));
        let user = leaf("AssumedRoleId", &format!("AROALOCAL0000000000:{session}")) + &leaf("Arn", &arn);
        self.sessions.insert(key, arn);
        Ok(node("Credentials", &credentials) + &node("AssumedRoleUser", &user) + &leaf("PackedPolicySize", "0"))
    }
}

/// Account and name of `arn:aws:iam::123456789012:role/path/name`.
fn role_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.split(':');
    let (Some(_), Some("iam"), Some(""), Some(account), Some(resource), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    (account.len() == 12 && !name.is_empty()).then_some((account, name))
}

#[cfg(test)]
mod tests {
    use super::role_of;

    #[test]
    fn a_role_is_named_by_its_arn() {
        assert_eq!(role_of("arn:aws:iam::123456789012:role/ci/deploy"), Some(("123456789012", "deploy")));
        for bad in [
            "",
            "deploy",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert_eq!(role_of(bad), None, "{bad}");
        }
    }
}

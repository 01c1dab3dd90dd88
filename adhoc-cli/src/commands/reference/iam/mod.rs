//! `adhoc iam-policy`: the least that AWS has to allow for commands.

mod grants;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use adhoc_core::{Error, Result};
use serde_json::{Value, json};

use self::grants::Grant;
use self::table::{COMMANDS, Needs};
use crate::config::{AdminAuth, Config};

/// How long a managed policy may be, white space apart.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
const MANAGED_POLICY_LIMIT: usize = 6144;

/// A policy that allows commands, and nothing else.
#[derive(Debug)]
pub(super) struct Policy {
    statements: Vec<Statement>,
    runs_terraform: bool,
    lacks_database: bool,
}

#[derive(Debug)]
struct Statement {
    sid: String,
    actions: BTreeSet<&'static str>,
    resources: Vec<String>,
    condition: Option<[String; 3]>,
}

/// The policy for commands as they are typed; `all` stands for every command.
///
/// # Errors
///
/// [`Error::Invalid`] for a command that there is not.
pub(super) fn policy(commands: &[String], config: &Config) -> Result<Policy> {
    let mut needs: BTreeMap<&str, &Needs> = BTreeMap::new();
    for command in commands {
        collect(command.trim(), &mut needs)?;
    }
    let names = Names::new(config);
    let mut statements: Vec<Statement> = Vec::new();
    // In the order of the table, so that the same commands always give the same text.
    let needed = COMMANDS.iter().filter(|entry| needs.contains_key(entry.command));
    for grant in needed.flat_map(|entry| entry.grants.iter().copied().flatten()).filter(|grant| (grant.when)(config)) {
        add(&mut statements, grant, &names);
    }
    let touches_database = needs.keys().any(|command| command.starts_with("db "));
    Ok(Policy {
        statements,
        runs_terraform: needs.values().any(|entry| entry.terraform),
        lacks_database: touches_database && config.database.is_none(),
    })
}

fn collect<'a>(command: &str, needs: &mut BTreeMap<&'a str, &'a Needs>) -> Result<()> {
    if command == "all" {
        needs.extend(COMMANDS.iter().map(|entry| (entry.command, entry)));
        return Ok(());
    }
    let entry = COMMANDS.iter().find(|entry| entry.command == command).ok_or_else(|| unknown(command))?;
    if needs.insert(entry.command, entry).is_none() {
        entry.also.iter().try_for_each(|also| collect(also, needs))?;
    }
    Ok(())
}

fn unknown(command: &str) -> Error {
    let below: Vec<String> = COMMANDS
        .iter()
        .filter(|entry| entry.command.strip_prefix(command).is_some_and(|rest| rest.starts_with(' ')))
        .map(|entry| format!("\"{}\"", entry.command))
        .collect();
    let hint = match below.is_empty() {
        true => "name commands as they are typed, in quotes if they have two words, such as \"db create\"".to_owned(),
        false => format!("name one of {}", below.join(", ")),
    };
    Error::invalid("", format!("{command:?}"), "is no command").with_hint(hint)
}

/// Adds to the statement with the same resources and condition, or begins one.
fn add(statements: &mut Vec<Statement>, grant: &Grant, names: &Names) {
    let resources: Vec<String> = grant.resources.iter().map(|resource| names.fill(resource)).collect();
    let condition = grant.condition.map(|parts| parts.map(|part| names.fill(part)));
    let same = |it: &&mut Statement| it.resources == resources && it.condition == condition;
    match statements.iter_mut().find(same) {
        Some(statement) => statement.actions.extend(grant.actions),
        None => {
            let actions = grant.actions.iter().copied().collect();
            statements.push(Statement { sid: grant.sid.to_owned(), actions, resources, condition });
        }
    }
}

/// The names of the configuration, as patterns.
struct Names {
    pairs: [(&'static str, String); 8],
}

impl Names {
    fn new(config: &Config) -> Self {
        let (names, shared) = (&config.conventions.names, &config.conventions.shared);
        let pattern = |template: &str| {
            let mut pattern = template.replace("{shared}", shared).replace("{env}", "*").replace("{role}", "*");
            while pattern.contains("**") {
                pattern = pattern.replace("**", "*");
            }
            pattern
        };
        let database = config.database.as_ref();
        let admin_secret = match database.map(|database| &database.auth) {
            Some(AdminAuth::Secret(secret)) if secret.starts_with("arn:") => secret.clone(),
            // AWS adds a hyphen and six characters to a name.
            Some(AdminAuth::Secret(secret)) => format!("arn:aws:secretsmanager:*:*:secret:{secret}-??????"),
            _ => "*".to_owned(),
        };
        let admin_user = database.and_then(|database| database.admin_user.clone());
        Self {
            pairs: [
                ("arn:aws:", format!("arn:{}:", partition(config.project.region.as_deref()))),
                ("{cluster}", pattern(&names.cluster)),
                ("{family}", pattern(&names.family)),
                ("{rds_instance}", pattern(&names.rds_instance)),
                ("{bastion}", pattern(&names.bastion)),
                ("{secret}", pattern(&names.database_secret)),
                ("{admin_secret}", admin_secret),
                ("{admin_user}", admin_user.unwrap_or_else(|| "*".to_owned())),
            ],
        }
    }

    fn fill(&self, template: &str) -> String {
        self.pairs.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

impl Policy {
    /// What the policy itself does not say.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if self.runs_terraform {
            hints.push(
                "what Terraform needs is not in it: the roles that `adhoc bootstrap create` makes for CI have that"
                    .to_owned(),
            );
        }
        if self.lacks_database {
            hints.push("what a database needs is not in it, since adhoc.toml has no [database]".to_owned());
        }
        let length = self.to_string().chars().filter(|c| !c.is_whitespace()).count();
        if length > MANAGED_POLICY_LIMIT {
            hints.push(format!(
                "it has {length} characters, and a managed policy takes {MANAGED_POLICY_LIMIT}: make two"
            ));
        }
        hints
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statements: Vec<Value> = self.statements.iter().map(Statement::to_json).collect();
        writeln!(f, "{:#}", json!({"Version": "2012-10-17", "Statement": statements}))
    }
}

impl Statement {
    fn to_json(&self) -> Value {
        let mut statement =
            json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": self.resources});
        if let (Some([operator, key, value]), Some(members)) = (&self.condition, statement.as_object_mut()) {
            members.insert("Condition".to_owned(), json!({operator: {key: value}}));
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn of(commands: &[&str], toml: &str) -> Policy {
        let config = Config::parse(toml, Path::new("adhoc.toml")).expect("a configuration");
        let commands: Vec<String> = commands.iter().map(|&command| command.to_owned()).collect();
        policy(&commands, &config).expect("known commands")
    }

    fn leaves(command: &clap::Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().map(|below| (below, format!("{path} {}", below.get_name())));
        let below: Vec<String> = below.flat_map(|(below, path)| leaves(below, path.trim())).collect();
        if below.is_empty() { vec![path.to_owned()] } else { below }
    }

    #[test]
    fn the_table_has_every_command_once_and_no_other() {
        let mut commands = leaves(&Cli::command(), "");
        let mut known: Vec<String> = COMMANDS.iter().map(|entry| entry.command.to_owned()).collect();
        commands.sort();
        known.sort();
        assert_eq!(commands, known);
    }

    #[test]
    fn what_a_command_includes_is_in_the_table() {
        for also in COMMANDS.iter().flat_map(|entry| entry.also) {
            assert!(COMMANDS.iter().any(|entry| entry.command == *also), "{also}");
        }
    }

    #[test]
    fn names_follow_the_configuration() {
        let text = of(&["update"], "[names]\ncluster = '{env}'\nfamily = 'app-{env}-{role}'").to_string();
        assert!(text.contains("arn:aws:ecs:*:*:service/*/*"), "{text}");
        assert!(text.contains("arn:aws:ecs:*:*:task-definition/app-*-*:*"), "{text}");
        assert!(!text.contains("{env}"), "{text}");
    }

    #[test]
    fn no_placeholder_is_left() {
        for toml in ["", "[database]\nhost = '127.0.0.1'\nsslmode = 'disable'\nadmin_secret = 'admin'", DATABASE] {
            let text = of(&["all"], toml).to_string();
            for name in ["{cluster}", "{family}", "{bastion}", "{secret}", "{admin_secret}", "{admin_user}", "{shared}"]
            {
                assert!(!text.contains(name), "{name} in {text}");
            }
        }
    }

    const DATABASE: &str = "[database]\nssl_root_cert = 'ca.pem'";

    #[test]
    fn grants_of_one_statement_have_its_name() {
        let all = || COMMANDS.iter().flat_map(|entry| entry.grants.iter().copied().flatten());
        for (one, other) in all().flat_map(|one| all().map(move |other| (one, other))) {
            let is_same = one.resources == other.resources && one.condition == other.condition;
            assert!(!is_same || one.sid == other.sid || one.condition.is_some(), "{} and {}", one.sid, other.sid);
        }
    }

    #[test]
    fn a_statement_has_a_name_of_its_own() {
        let policy = of(&["all"], DATABASE);
        let names: BTreeSet<&str> = policy.statements.iter().map(|statement| statement.sid.as_str()).collect();
        assert_eq!(names.len(), policy.statements.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())));
    }

    #[test]
    fn reading_needs_no_change() {
        let text = of(&["status", "logs"], DATABASE).to_string();
        for change in ["Update", "Run", "Register", "Tag", "PassRole", "secretsmanager"] {
            assert!(!text.contains(change), "{change} in {text}");
        }
    }

    #[test]
    fn a_database_that_is_reached_otherwise_needs_less() {
        let direct =
            "[database]\nbastion = 'direct'\nhost = 'localhost'\nadmin_password_env = 'X'\nsslmode = 'disable'";
        assert!(of(&["db create"], direct).statements.is_empty());
        let by_session = of(&["db list"], "[database]\nbastion = 'ssm'\nssl_root_cert = 'ca.pem'").to_string();
        assert!(by_session.contains("ssm:StartSession") && by_session.contains("aws:ResourceTag/Name"), "{by_session}");
        assert!(!by_session.contains("SendSSHPublicKey"), "{by_session}");
    }

    #[test]
    fn all_fits_into_a_managed_policy() {
        assert!(of(&["all"], DATABASE).hints().iter().all(|hint| !hint.contains("characters")));
    }

    #[test]
    fn what_is_missing_is_told() {
        let hints = of(&["create"], "").hints().join("\n");
        assert!(hints.contains("Terraform") && hints.contains("[database]"), "{hints}");
        assert!(of(&["status"], "").hints().is_empty());
        let error = policy(&["db".to_owned()], &Config::default()).expect_err("a group");
        assert!(error.detail().hint.as_deref().is_some_and(|hint| hint.contains("\"db create\"")), "{error}");
    }

    #[test]
    fn other_partitions_have_their_own_prefix() {
        let text = of(&["status"], "[project]\nregion = 'cn-north-1'").to_string();
        assert!(text.contains("arn:aws-cn:ecs") && !text.contains("arn:aws:"), "{text}");
    }

    #[test]
    fn the_policy_of_a_release_reads_well() {
        let text = of(&["update"], DATABASE).to_string();
        insta::with_settings!({ snapshot_path => "../../../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("iam_policy_update", text);
        });
    }
}

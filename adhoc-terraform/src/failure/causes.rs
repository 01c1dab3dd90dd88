//! The causes there are, the most telling first.

use std::path::Path;

use adhoc_core::Error;

use super::{Faults, Situation};
use crate::LockInfo;
use crate::stream::{Diagnostic, one_line};

/// How many variables are named.
const NAMED: usize = 20;

/// How a lock that is held, and not only out of reach, shows where nothing else is told of it.
const HELD: [&str; 5] = [
    "PreconditionFailed",
    "ConditionalCheckFailed",
    "ConditionalRequestConflict",
    "resource temporarily unavailable",
    "already locked",
];

const LOGGED_OUT: [&str; 8] = [
    "No valid credential sources",
    "failed to refresh cached credentials",
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "security token",
    "token has expired",
];

const DENIED: [&str; 4] = ["AccessDenied", "UnauthorizedOperation", "not authorized to perform", "api error Forbidden"];

/// What to do where the error stays Terraform's own.
const HINTS: [(&[&str], &str); 9] = [
    (
        &["Failed to query available provider packages", "Failed to install provider", "no available releases match"],
        "without a way to the registry, name a folder with the providers: `plugin_dir` of [terraform], or ADHOC_TF_PLUGIN_DIR",
    ),
    (
        &["Inconsistent dependency lock file"],
        "`terraform init -upgrade` brings .terraform.lock.hcl up to date; commit it then",
    ),
    (
        &["NoSuchBucket", "The referenced S3 bucket must have been previously created"],
        "`adhoc bootstrap create` makes the bucket of the state",
    ),
    (
        &["Backend initialization required", "Backend configuration changed"],
        "the backend is not the one that this folder was initialised with: check its block, or set it up with \
         `adhoc bootstrap create`",
    ),
    (&["Instance cannot be destroyed"], "remove `prevent_destroy` from that resource; then it can be destroyed"),
    (
        &["deletion protection", "deletion_protection", "Cannot delete protected"],
        "switch its deletion protection off, apply that, and destroy it then",
    ),
    (
        &["BucketNotEmpty", "RepositoryNotEmptyException"],
        "it still holds something: allow it to go with that (`force_destroy` or the like), apply that, and destroy it then",
    ),
    (&["final_snapshot_identifier"], "set `skip_final_snapshot = true`, apply that, and destroy it then"),
    (
        &["PriorityInUse"],
        "another rule of the listener has this priority: choose another with `--set listener_rule_slot=N`",
    ),
];

/// The error that these faults mean.
pub(super) fn find(faults: &Faults<'_>, situation: &Situation<'_>) -> Error {
    let causes = [locked, variables, outdated_plan, absent, credentials];
    causes.iter().find_map(|cause| cause(faults, situation)).unwrap_or_else(|| other(faults, situation))
}

impl Situation<'_> {
    fn terraform(&self, reason: String) -> Error {
        Error::terraform(self.operation, self.environment, reason)
    }

    fn invalid(&self, reason: String) -> Error {
        let error = Error::invalid(self.operation, self.environment, reason);
        match self.var_file {
            Some(file) => error.with_hint(format!("correct it in {file}")),
            None => error,
        }
    }

    fn is_var_file(&self, file: &str) -> bool {
        let (file, ours) = (Path::new(file), self.var_file.map(Path::new));
        ours.is_some_and(|ours| ours.ends_with(file) || file.ends_with(ours))
    }
}

fn locked(faults: &Faults<'_>, situation: &Situation<'_>) -> Option<Error> {
    let (error, words) = faults.find(&["Error acquiring the state lock", "does not match the existing lock ID"])?;
    let locked = |reason: String| Error::locked(situation.operation, situation.environment, reason);
    let Some(lock) = LockInfo::parse(&error.detail).or_else(|| LockInfo::parse(&error.summary)) else {
        if !HELD.iter().any(|sign| words.contains(sign)) {
            return None;
        }
        let hint = "wait for the run that holds it; if there is none, remove the lock from the backend: on S3, the \
                    object whose name ends in .tflock";
        return Some(locked("the state is locked, and the lock does not say by whom".to_owned()).with_hint(hint));
    };
    let (who, since, unlock) = (one_line(&lock.who), lock.since(), (situation.unlock)(&lock.id));
    let holder = format!("{who}, {}, since {since}, lock {} of {}", lock.verb(), lock.id, lock.path);
    if (situation.left_behind_lock_is_ours)(&lock) {
        let reason = format!("the state's lock looks like that of a dead run of this machine ({holder})");
        let hint = format!("unless a run from another folder is at work, `{unlock}`");
        return Some(locked(reason).with_hint(hint));
    }
    Some(locked(format!("the state is locked ({holder})")).with_hint(format!("if that run is dead: `{unlock}`")))
}

fn variables(faults: &Faults<'_>, situation: &Situation<'_>) -> Option<Error> {
    let missing: Vec<_> =
        faults.0.iter().filter(|(error, _)| error.summary == "No value for required variable").collect();
    if !missing.is_empty() {
        return Some(without_values(faults, situation, &missing));
    }
    if let Some((error, words)) = faults.find(&["Failed to read variables file"]) {
        let reason = faults.with_others(&error.detail, 1);
        return words
            .contains("does not exist")
            .then(|| Error::not_found(situation.operation, situation.environment, one_line(&reason)));
    }
    let wrong = |error: &Diagnostic| {
        ["Value for undeclared variable", "Invalid value for variable", "Invalid value for input variable"]
            .contains(&error.summary.as_str())
            || error.location.as_ref().is_some_and(|location| situation.is_var_file(&location.file))
    };
    let (error, _) = faults.0.iter().find(|(error, _)| wrong(error))?;
    Some(situation.invalid(faults.with_others(&error.to_string(), 1)))
}

fn without_values(faults: &Faults<'_>, situation: &Situation<'_>, missing: &[&(&Diagnostic, String)]) -> Error {
    let name = |words: &str| -> Option<String> {
        let (_, rest) = words.split_once("variable \"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let names: Vec<_> = missing.iter().filter_map(|(_, words)| name(words)).take(NAMED).collect();
    let places = missing.iter().map(|(error, words)| {
        let name = name(words).unwrap_or_else(|| "?".to_owned());
        error.location.as_ref().map_or_else(|| format!("\"{name}\""), |place| format!("\"{name}\" ({place})"))
    });
    let places: Vec<_> = places.take(NAMED).collect();
    let one = if missing.len() == 1 { "variable" } else { "variables" };
    let reason = format!("no value for the required {one} {}", places.join(", "));
    let (names, whose) = (names.join(", "), situation.var_file.unwrap_or("a file of variables"));
    Error::invalid(situation.operation, situation.environment, faults.with_others(&reason, places.len()))
        .with_hint(format!("give {names} a value in {whose}, or a default"))
}

fn outdated_plan(faults: &Faults<'_>, situation: &Situation<'_>) -> Option<Error> {
    let (error, _) = faults.find(&[
        "Saved plan is stale",
        "Saved plan does not match the given state",
        "plan file was created by",
        "plan file was created with",
        "plan file was created for",
        "plan files cannot be transferred",
        "as a plan file",
    ])?;
    Some(situation.terraform(faults.with_others(&error.to_string(), 1)).with_hint("plan again"))
}

/// No workspace, no configuration.
fn absent(faults: &Faults<'_>, situation: &Situation<'_>) -> Option<Error> {
    let is_absent = |error: &Diagnostic, words: &str| {
        let workspace = words.starts_with("Workspace \"") || words.contains("Currently selected workspace");
        let absent = words.contains("doesn't exist") || words.contains("does not exist");
        (workspace && absent) || error.summary == "No configuration files"
    };
    let (error, _) = faults.0.iter().find(|(error, words)| is_absent(error, words))?;
    let reason = faults.with_others(&one_line(&error.summary), 1);
    Some(Error::not_found(situation.operation, situation.environment, reason))
}

fn credentials(faults: &Faults<'_>, situation: &Situation<'_>) -> Option<Error> {
    if let Some((error, _)) = faults.find(&LOGGED_OUT) {
        let hint = "sign in to AWS again (`aws sts get-caller-identity` shows who you are)";
        let error = situation.terraform(faults.with_others(&error.to_string(), 1));
        return Some(error.with_hint(hint));
    }
    let (error, words) = faults.find(&DENIED)?;
    let hint = match (denied_action(words), words.contains("explicit deny")) {
        (Some(action), true) => {
            format!("a policy denies {action} explicitly: it is to be changed, or another role used")
        }
        (Some(action), false) => format!("allow {action} to the role that Terraform runs as"),
        (None, _) => "allow that to the role that Terraform runs as".to_owned(),
    };
    Some(situation.terraform(faults.with_others(&error.to_string(), 1)).with_hint(hint))
}

/// `ecs:CreateService`, or in the words of the SDK.
fn denied_action(words: &str) -> Option<String> {
    let named = words.split_once("not authorized to perform").and_then(|(_, rest)| {
        let action = rest.trim_start_matches(':').split_whitespace().next()?.trim_end_matches(['.', ',']);
        action.contains(':').then(|| format!("`{action}`"))
    });
    named.or_else(|| {
        let (service, rest) = words.split_once("operation error ")?.1.split_once(": ")?;
        let operation = rest.split([',', ' ', ':']).next().filter(|operation| !operation.is_empty())?;
        Some(format!("`{operation}` of {service}"))
    })
}

fn other(faults: &Faults<'_>, situation: &Situation<'_>) -> Error {
    let hint = HINTS.iter().find_map(|(words, hint)| faults.find(words).map(|(error, _)| (error, *hint)));
    match (hint, faults.0.first()) {
        (Some((error, hint)), _) => situation.terraform(faults.with_others(&error.to_string(), 1)).with_hint(hint),
        (None, Some((error, _))) => situation.terraform(faults.with_others(&error.to_string(), 1)),
        (None, None) => situation.terraform("terraform failed and did not say why".to_owned()),
    }
}

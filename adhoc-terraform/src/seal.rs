//! What a saved plan was made for.
//!
//! A plan of Terraform's does not say which workspace it is for, and can be applied to another one on some backends
//! (<https://github.com/hashicorp/terraform/issues/37954>); nor does it say from which var file it was made. The seal beside
//! it does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use adhoc_core::{EnvironmentName, Error, InfrastructurePlan, Result, Timestamp};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::folder::{unwritable, write_private};

/// The state of everything that a plan depends on, apart from the state itself, which Terraform looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// SHA-256 of each var file that Terraform reads, by path relative to the configuration.
    pub(crate) var_files: BTreeMap<String, String>,
    /// SHA-256 of the lock file of the providers, if there is one.
    pub(crate) lock_file: Option<String>,
    /// The commit that is checked out, where it is known.
    pub(crate) revision: Option<String>,
}

/// The seal of a saved plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// The form of the seal.
    version: u32,
    /// The workspace.
    workspace: String,
    /// SHA-256 of the plan.
    plan_sha256: String,
    /// The var file that the plan was made with.
    var_file: PathBuf,
    /// When it was made.
    created_at: Timestamp,
    /// Which program made it.
    made_by: String,
    #[serde(flatten)]
    inputs: Inputs,
    /// Whether the workspace was made for this plan.
    pub(crate) workspace_is_new: bool,
    /// What the plan does.
    pub(crate) plan: InfrastructurePlan,
}

const VERSION: u32 = 1;

impl Inputs {
    /// What there is now. `var_file` and the result's names are relative to `dir`.
    pub(crate) fn read(dir: &Path, var_file: &Path, revision: Option<String>) -> Result<Self> {
        let mut names: Vec<PathBuf> = automatic_var_files(dir)?;
        names.push(var_file.to_owned());
        let mut var_files = BTreeMap::new();
        for name in names {
            let path = dir.join(&name);
            let hash = sha256(&path).map_err(|error| unreadable(&path, error))?;
            var_files.insert(name.display().to_string(), hash);
        }
        let lock_file = dir.join(".terraform.lock.hcl");
        let lock_file = match sha256(&lock_file) {
            Ok(hash) => Some(hash),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&lock_file, error)),
        };
        Ok(Self { var_files, lock_file, revision })
    }

    /// Refuses inputs that have changed while they were read.
    pub(crate) fn ensure_same(&self, after: &Self, environment: &EnvironmentName) -> Result<()> {
        match self.difference(after) {
            None => Ok(()),
            Some(difference) => {
                Err(Error::terraform("plan", environment.as_str(), format!("{difference} the plan began"))
                    .with_hint("plan again"))
            }
        }
    }

    /// The first thing that differs, in words.
    fn difference(&self, now: &Self) -> Option<String> {
        let names = self.var_files.keys().chain(now.var_files.keys());
        let differs = |name: &&String| self.var_files.get(*name) != now.var_files.get(*name);
        if let Some(name) = names.into_iter().find(differs) {
            return Some(format!("{name} has changed since"));
        }
        if self.lock_file != now.lock_file {
            return Some("the versions of the providers, in .terraform.lock.hcl, have changed since".to_owned());
        }
        match (&self.revision, &now.revision) {
            (Some(then), Some(now)) if then != now => {
                Some(format!("it is of commit {}, and {} is checked out", short(then), short(now)))
            }
            (Some(then), None) => Some(format!("it is of commit {}, and none can be read now", short(then))),
            _ => None,
        }
    }
}

fn short(revision: &str) -> &str {
    revision.get(..9).unwrap_or(revision)
}

/// The var files that Terraform reads unasked.
fn automatic_var_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|error| unreadable(dir, error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let automatic = |name: &String| {
        [".auto.tfvars", ".auto.tfvars.json"].iter().any(|ending| name.ends_with(ending))
            || ["terraform.tfvars", "terraform.tfvars.json"].contains(&name.as_str())
    };
    Ok(names.filter(automatic).map(PathBuf::from).collect())
}

impl Seal {
    /// Seals a plan that was just made.
    pub(crate) fn new(
        plan: &InfrastructurePlan,
        file: &Path,
        var_file: &Path,
        inputs: Inputs,
        (created_at, made_by): (Timestamp, String),
    ) -> Result<Self> {
        let plan_sha256 = sha256(file).map_err(|error| unreadable(file, error))?;
        Ok(Self {
            version: VERSION,
            workspace: plan.environment.clone(),
            plan_sha256,
            var_file: var_file.to_owned(),
            created_at,
            made_by,
            inputs,
            workspace_is_new: false,
            plan: plan.clone(),
        })
    }

    /// Says whether the workspace was made for this plan.
    pub(crate) fn of_new_workspace(mut self, is_new: bool) -> Self {
        self.workspace_is_new = is_new;
        self
    }

    /// The var file that the plan was made with, relative to the configuration.
    pub(crate) fn var_file(&self) -> &Path {
        &self.var_file
    }

    /// Writes it beside the plan.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let path = path_of(file);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_private(&path, &text).map_err(|error| unwritable(&path, error))
    }

    /// Reads the seal of a plan, and refuses a plan that is another environment's, or not the one that was sealed.
    pub(crate) fn read(file: &Path, environment: &EnvironmentName) -> Result<Self> {
        let name = file.display().to_string();
        let plan_sha256 = sha256(file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found("apply", name.as_str(), "there is no such plan"),
            _ => unreadable(file, error),
        })?;
        let path = path_of(file);
        let text = fs::read(&path).map_err(|error| {
            let reason = format!("has no seal: {} cannot be read", path.display());
            Error::invalid("apply", name.as_str(), reason)
                .with_source(error)
                .with_hint("apply plans that `adhoc plan --out` has saved, and keep both of its files together")
        })?;
        let seal: Self = serde_json::from_slice(&text).map_err(|error| {
            Error::invalid("apply", name.as_str(), "has a seal that is not one of ours").with_source(error)
        })?;
        if seal.version != VERSION {
            let reason = format!("its seal has the form {}, and this version knows {VERSION}", seal.version);
            return Err(refused(&name, reason));
        }
        if seal.workspace != environment.as_str() {
            return Err(Error::invalid(
                "apply",
                name,
                format!("is a plan for {}, not for {environment}", seal.workspace),
            )
            .with_hint(format!("plan {environment} itself")));
        }
        if seal.plan_sha256 != plan_sha256 {
            return Err(refused(&name, "is not the plan that was sealed"));
        }
        Ok(seal)
    }

    /// Refuses a plan whose inputs have changed.
    pub(crate) fn ensure_unchanged(&self, file: &Path, now: &Inputs) -> Result<()> {
        match self.inputs.difference(now) {
            None => Ok(()),
            Some(difference) => {
                Err(refused(&file.display().to_string(), format!("does not fit any more: {difference}")))
            }
        }
    }
}

fn refused(name: &str, reason: impl Into<String>) -> Error {
    Error::terraform("apply", name, reason).with_hint("plan again")
}

fn path_of(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".seal.json");
    path.into()
}

/// Removes a plan and its seal.
pub(crate) fn remove(file: &Path) {
    let _ = fs::remove_file(file);
    let _ = fs::remove_file(path_of(file));
}

fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut piece) = (File::open(path)?, Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(HEXLOWER.encode(&hasher.finalize())),
            read => hasher.update(&piece[..read]),
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::terraform("", path.display().to_string(), "cannot be read").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sealed {
        dir: tempfile::TempDir,
        alpha: EnvironmentName,
    }

    impl Sealed {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            for (name, text) in
                [("alpha.tfvars", "a = 1"), ("x.auto.tfvars", ""), ("plan", "zip"), (".terraform.lock.hcl", "1")]
            {
                fs::write(dir.path().join(name), text).expect("written");
            }
            let sealed = Self { dir, alpha: "alpha".parse().expect("valid") };
            let plan = InfrastructurePlan::new(&sealed.alpha);
            let made = ("2026-11-21T06:00:00Z".parse().expect("a time"), "Terraform 1.11.4".to_owned());
            let seal = Seal::new(&plan, &sealed.plan(), Path::new("alpha.tfvars"), sealed.inputs("aaaaaaaaaaaa"), made)
                .expect("sealed");
            seal.write(&sealed.plan()).expect("written");
            sealed
        }

        fn plan(&self) -> PathBuf {
            self.dir.path().join("plan")
        }

        fn inputs(&self, revision: &str) -> Inputs {
            Inputs::read(self.dir.path(), Path::new("alpha.tfvars"), Some(revision.to_owned())).expect("read")
        }

        fn check(&self, revision: &str) -> Result<()> {
            Seal::read(&self.plan(), &self.alpha)?.ensure_unchanged(Path::new("plan"), &self.inputs(revision))
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.dir.path().join(name), text).expect("written");
        }
    }

    #[test]
    fn what_has_not_changed_may_be_applied() {
        Sealed::new().check("aaaaaaaaaaaa").expect("unchanged");
    }

    #[test]
    fn every_change_breaks_the_seal() {
        let expect = |sealed: &Sealed, revision: &str, wanted: &str| {
            let error = sealed.check(revision).expect_err(wanted);
            assert!(matches!(error, Error::Terraform(_)) && error.to_string().contains(wanted), "{error}");
            assert_eq!(error.detail().hint.as_deref(), Some("plan again"));
        };
        let sealed = Sealed::new();
        expect(&sealed, "bbbbbbbbbbbb", "it is of commit aaaaaaaaa, and bbbbbbbbb is checked out");
        sealed.write(".terraform.lock.hcl", "2");
        expect(&sealed, "aaaaaaaaaaaa", ".terraform.lock.hcl, have changed since");
        sealed.write("new.auto.tfvars", "");
        expect(&sealed, "aaaaaaaaaaaa", "new.auto.tfvars has changed since");
        sealed.write("alpha.tfvars", "a = 2");
        expect(&sealed, "aaaaaaaaaaaa", "alpha.tfvars has changed since");
        sealed.write("plan", "other");
        expect(&sealed, "aaaaaaaaaaaa", "is not the plan that was sealed");
    }

    #[test]
    fn a_plan_for_another_environment_or_without_a_seal_is_a_fault_of_the_user() {
        let sealed = Sealed::new();
        let beta = "beta".parse().expect("valid");
        let error = Seal::read(&sealed.plan(), &beta).expect_err("another's");
        assert!(
            matches!(error, Error::Invalid(_)) && error.to_string().contains("is a plan for alpha, not for beta"),
            "{error}"
        );
        fs::remove_file(path_of(&sealed.plan())).expect("removed");
        assert!(matches!(Seal::read(&sealed.plan(), &sealed.alpha), Err(Error::Invalid(_))));
        fs::remove_file(sealed.plan()).expect("removed");
        assert!(matches!(Seal::read(&sealed.plan(), &sealed.alpha), Err(Error::NotFound(_))));
    }
}

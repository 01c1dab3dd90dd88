//! Which Terraform it is.

use std::fmt;

use adhoc_core::{Error, Result};

/// Which program it is: they share their command line, and count their versions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Terraform of HashiCorp.
    Terraform,
    /// OpenTofu.
    OpenTofu,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        })
    }
}

/// A program and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// Which program.
    pub flavour: Flavour,
    /// Major, minor and patch.
    pub number: (u64, u64, u64),
}

/// The oldest that is driven: `terraform_data`, `import` blocks, and a JSON stream with everything that is read here.
const OLDEST: (u64, u64) = (1, 5);

impl Version {
    /// Reads what `terraform version` prints, whose first line is `Terraform v1.11.4`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find(|line| line.contains(" v"))?;
        let (name, number) = line.trim().split_once(" v")?;
        let flavour = match name {
            "Terraform" => Flavour::Terraform,
            "OpenTofu" => Flavour::OpenTofu,
            _ => return None,
        };
        // A release candidate, `1.12.0-rc1`, is taken for its release.
        let mut parts = number.split(['-', '+', ' ']).next()?.split('.').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { flavour, number: (next()?, next()?, next()?) })
    }

    /// Refuses what is too old.
    ///
    /// # Errors
    ///
    /// [`Error::Terraform`].
    pub(crate) fn ensure_supported(self, program: &str) -> Result<Self> {
        if (self.number.0, self.number.1) >= OLDEST {
            return Ok(self);
        }
        let (major, minor) = OLDEST;
        Err(Error::terraform("", program, format!("is {self}, which is too old: {major}.{minor} or later is needed"))
            .with_hint("install a newer one, or name another program with `bin` under [terraform]"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.number;
        write!(f, "{} {major}.{minor}.{patch}", self.flavour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_programs_tell_their_version() {
        for (text, shown) in [
            ("Terraform v1.11.4\non linux_amd64\n", "Terraform 1.11.4"),
            ("Terraform v1.5.0\n\nYour version of Terraform is out of date!", "Terraform 1.5.0"),
            ("OpenTofu v1.8.2\non darwin_arm64", "OpenTofu 1.8.2"),
            ("Terraform v1.13.0-rc1", "Terraform 1.13.0"),
        ] {
            let version = Version::parse(text).expect(text);
            assert_eq!(version.to_string(), shown);
            assert!(version.ensure_supported("terraform").is_ok());
        }
        for text in ["", "usage: terraform", "Terraform v1.x", "GNU bash, version 5"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_old_one_is_refused() {
        let old = Version::parse("Terraform v1.4.7").expect("a version");
        let error = old.ensure_supported("terraform").expect_err("too old");
        assert_eq!(error.to_string(), "terraform: is Terraform 1.4.7, which is too old: 1.5 or later is needed");
    }
}

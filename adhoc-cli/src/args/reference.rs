//! `adhoc completions`, `man` and `iam-policy`: what the program says about itself.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;

pub(crate) const COMPLETIONS_HELP: &str = "\
Examples:
  adhoc completions bash >~/.local/share/bash-completion/completions/adhoc
  adhoc completions zsh >~/.zfunc/_adhoc
      With fpath+=~/.zfunc before compinit in ~/.zshrc.
  adhoc completions fish >~/.config/fish/completions/adhoc.fish";

pub(crate) const MAN_HELP: &str = "\
Examples:
  adhoc man | man -l -
  adhoc man db create | man -l -
  adhoc man --dir ~/.local/share/man/man1
      Afterwards `man adhoc-db-create` works.";

pub(crate) const IAM_POLICY_HELP: &str = "\
Names of adhoc.toml become patterns: `{env}-cluster` is `*-cluster`. What Terraform needs is not in it: the roles that
`adhoc bootstrap create` makes for CI have that.

Examples:
  adhoc iam-policy update rollback status logs >deployer.json
      For who releases, and does nothing else.
  adhoc iam-policy \"db create\" \"db drop\"
  adhoc iam-policy all";

/// `adhoc completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// `adhoc man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page to print, such as `db create` [default: the page of adhoc itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into FOLDER, such as /usr/local/share/man/man1
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// `adhoc iam-policy`.
#[derive(Debug, Args)]
pub(crate) struct IamPolicyArgs {
    /// The commands that are to be allowed, such as update or "db create"; all stands for all of them
    #[arg(required = true, value_name = "COMMAND")]
    pub(crate) commands: Vec<String>,
}

use std::env;

/// Who runs this, and where its log is to be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Who runs this.
    pub(crate) actor: Option<String>,
    /// The page of the run, in GitHub Actions.
    pub(crate) run: Option<String>,
}

impl Surroundings {
    /// What the environment variables of GitHub Actions, or of a shell, say.
    pub(crate) fn detect() -> Self {
        Self { actor: ["GITHUB_ACTOR", "USER", "LOGNAME"].into_iter().find_map(variable), run: run_of(variable) }
    }
}

fn run_of(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (server, repository) = (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?);
    let id = variable("GITHUB_RUN_ID")?;
    let url = format!("{}/{repository}/actions/runs/{id}", server.trim_end_matches('/'));
    reqwest::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "https" | "http")).map(String::from)
}

/// The value of an environment variable that says something.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_page() {
        let variable = |name: &str| {
            let value = match name {
                "GITHUB_SERVER_URL" => "https://github.com/",
                "GITHUB_REPOSITORY" => "acme/blog",
                _ => "42",
            };
            Some(value.to_owned())
        };
        assert_eq!(run_of(variable).as_deref(), Some("https://github.com/acme/blog/actions/runs/42"));
        assert_eq!(run_of(|_| None), None);
    }
}

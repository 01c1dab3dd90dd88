//! What a server starts with.

use crate::{Behaviour, EnvironmentSpec, Fault, Network, ScenarioError, Timing};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The account, the network, the environments and the troubles that a server starts with.
///
/// [`Scenario::default`] is the shared environment `dev` with one ad hoc environment `alpha`.
///
/// ```
/// use adhoc_local::Scenario;
///
/// let scenario = Scenario::from_toml("timing = \"instant\"\n[[environments]]\nname = \"beta\"\n")?;
/// assert_eq!(scenario.environments[0].name, "beta");
/// let error = Scenario::from_toml("timing = \"instant\"\ncolour = 3\n").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 1));
/// # Ok::<(), adhoc_local::ScenarioError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// The region in every ARN; default `us-east-1`.
    pub region: String,
    /// The account in every ARN; default `123456789012`.
    pub account_id: String,
    /// How long things take.
    pub timing: Timing,
    /// The shared network.
    pub network: Network,
    /// Ad hoc environments that are there from the start.
    pub environments: Vec<EnvironmentSpec>,
    /// What is in the images; the last that matches wins.
    pub behaviours: Vec<Behaviour>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Request rates.
    pub limits: Limits,
    /// Tags in ECR by repository. A repository that is not listed has every tag.
    pub images: BTreeMap<String, Vec<String>>,
    /// Secrets Manager: value by name.
    pub secrets: BTreeMap<String, String>,
}

/// Request rates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Whether AWS's own request rates apply: a call above them is answered ThrottlingException.
    pub real: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self { environments: vec![EnvironmentSpec::new("alpha")], ..Self::empty() }
    }
}

impl Scenario {
    /// The shared network and nothing else.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
            timing: Timing::default(),
            network: Network::default(),
            environments: Vec::new(),
            behaviours: Vec::new(),
            faults: Vec::new(),
            limits: Limits::default(),
            images: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// Reads a scenario file; what it leaves out is as in [`Scenario::default`].
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and column.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let general = positioned(text, &error, None);
            let place = |error: &ScenarioError| (error.line, error.column);
            locate(text).filter(|exact| place(exact) > place(&general)).unwrap_or(general)
        })?;
        scenario.check(text)?;
        Ok(scenario)
    }

    fn check(&self, text: &str) -> Result<(), ScenarioError> {
        let fail =
            |needle: &str, message: String| Err(ScenarioError::at(text, text.find(needle).unwrap_or(0), message));
        if self.account_id.len() != 12 || !self.account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return fail("account_id", format!("`account_id` is `{}`, expected twelve digits", self.account_id));
        }
        let region_characters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || !self.region.bytes().all(region_characters) {
            return fail("region", format!("`{}` is not a region", self.region));
        }
        self.network.check().or_else(|(member, message)| fail(member, message))
    }

    /// Sets how long things take.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Sets the region.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Sets the account, twelve digits.
    #[must_use]
    pub fn with_account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Sets the shared network.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Adds an environment; one of the same name is replaced.
    #[must_use]
    pub fn with_environment(mut self, spec: EnvironmentSpec) -> Self {
        self.environments.retain(|other| other.name != spec.name);
        self.environments.push(spec);
        self
    }

    /// Adds a behaviour, which wins over those before it.
    #[must_use]
    pub fn with_behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviours.push(behaviour);
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Applies AWS's own request rates, or not.
    #[must_use]
    pub fn with_real_limits(mut self, real: bool) -> Self {
        self.limits.real = real;
        self
    }

    /// Lists the tags that a repository has; the image of any other tag cannot be pulled.
    #[must_use]
    pub fn with_images<I: IntoIterator<Item = S>, S: Into<String>>(
        mut self,
        repository: impl Into<String>,
        tags: I,
    ) -> Self {
        self.images.insert(repository.into(), tags.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a secret.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }
}

fn positioned(text: &str, error: &toml::de::Error, otherwise: Option<usize>) -> ScenarioError {
    let offset = error.span().map(|span| span.start).or(otherwise).unwrap_or(0);
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    ScenarioError::at(text, offset, message)
}

/// The lists whose items are checked as a whole. Such an error has the position of the list, not of the item.
#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    environments: Vec<toml::Spanned<toml::Value>>,
    #[serde(default)]
    behaviours: Vec<toml::Spanned<toml::Value>>,
    #[serde(default)]
    faults: Vec<toml::Spanned<toml::Value>>,
}

/// The item of a list that cannot be used, if the error is in one.
fn locate(text: &str) -> Option<ScenarioError> {
    fn first<T: serde::de::DeserializeOwned>(
        text: &str,
        items: Vec<toml::Spanned<toml::Value>>,
    ) -> Option<ScenarioError> {
        items.into_iter().find_map(|item| {
            let start = item.span().start;
            let error = item.into_inner().try_into::<T>().err()?;
            Some(positioned(text, &error, Some(start)))
        })
    }
    let lists: Lists = toml::from_str(text).ok()?;
    first::<EnvironmentSpec>(text, lists.environments)
        .or_else(|| first::<Behaviour>(text, lists.behaviours))
        .or_else(|| first::<Fault>(text, lists.faults))
}

#[cfg(test)]
mod tests {
    use super::Scenario;
    use crate::{Effect, FaultKind, Timing};

    fn error(text: &str) -> (usize, usize, String) {
        let error = Scenario::from_toml(text).unwrap_err();
        (error.line, error.column, error.message)
    }

    #[test]
    fn an_empty_file_is_the_default_scenario() {
        assert_eq!(Scenario::from_toml("").unwrap(), Scenario::default());
    }

    #[test]
    fn every_part_is_read() {
        let scenario = Scenario::from_toml(
            r#"
            region = "eu-west-1"
            timing = { preset = "instant", log_delay_ms = 7 }
            environments = []
            limits.real = true
            network = { shared = "qa", private_subnets = 0 }
            images.backend = ["v1"]
            secrets."db/password" = "hunter2"
            behaviours = [
                { family = "a-*", image = "*:v2", fail_to_start = "CannotPullContainerError: no" },
                { family = "b", stop_code = "SpotInterruption", after_ms = 20 },
            ]
            faults = [
                { operation = "ecs:*", skip = 2, kind = "throttle" },
                { operation = "RunTask", error = { code = "ClientException", message = "no" } },
                { operation = "RunTask", times = 0, delay_ms = 30 },
            ]
            "#,
        )
        .unwrap();
        assert_eq!(scenario.timing, Timing::instant().with_log_delay_ms(7));
        assert!(scenario.environments.is_empty() && scenario.limits.real);
        assert_eq!((scenario.network.private_subnets, scenario.network.public_subnets), (0, 2));
        assert_eq!(scenario.behaviours[1].effect, Effect::Stop { code: "SpotInterruption".into(), after_ms: 20 });
        assert_eq!((scenario.faults[0].skip, scenario.faults[0].times), (2, 1));
        assert_eq!(scenario.faults[2].kind, FaultKind::Delay(30));
    }

    #[test]
    fn the_complete_example_of_the_readme_is_read() {
        let readme = include_str!("../README.md");
        let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let scenario = Scenario::from_toml(example).unwrap();
        assert_eq!((scenario.behaviours.len(), scenario.faults.len()), (6, 8));
        assert_eq!(scenario.timing, Timing::brisk(), "the example shows the defaults");
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let (line, column, message) = error("region = \"eu-west-1\"\n\n  regoin = 1\n");
        assert_eq!((line, column), (3, 3));
        assert!(message.contains("regoin"), "{message}");
        let (line, _, message) = error(
            "[[behaviours]]\nfamily = \"a\"\nidle = true\n[[behaviours]]\nfamily = \"b\"\nidle = true\nhang = true\n",
        );
        assert_eq!(line, 4, "{message}");
        assert!(message.contains("exactly one"), "{message}");
        assert_eq!(error("timing = 3\n").0, 1);
        assert!(error("timing = \"slow\"\n").2.contains("unknown timing"));
        assert_eq!(error("[limits]\nreal = true\naccount_id = \"12\"\n").0, 3);
        assert!(error("account_id = \"12\"\n").2.contains("twelve digits"));
        assert!(error("faults = [{ operation = \"x\", kind = \"explode\" }]").2.contains("unknown kind"));
        assert!(error("[[environments]]\nname = \"Alpha\"\n").2.contains("Alpha"));
        assert_eq!(error("a = \n").0, 1);
    }
}

//! An account on moto, and a folder with the project's own configurations in which the program manages it.
//!
//! Needs `terraform` on the PATH, the provider (from its registry, or in the folder that ADHOC_TF_PLUGIN_DIR names), and the
//! virtual environment with moto and the AWS CLI that ADHOC_TEST_VENV names.

#![expect(clippy::print_stderr, reason = "how long each step took is part of what such a test shows")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::moto::Moto;
use super::{Run, bare_command};

/// The bucket with the states.
pub(crate) const BUCKET: &str = "ublog-terraform-state";
const BOOTSTRAP: &str = "project       = \"ublog\"\nstate_bucket  = \"ublog-terraform-state\"\nforce_destroy = true\n\
                         github_repository = \"example/ublog\"\n\
                         # moto knows no TLS.\nstate_tls_only = false\n";
const ENVIRONMENT: &str = "# Where shared is.\nstate_bucket = \"ublog-terraform-state\"\n";

/// moto, and a folder with `adhoc.toml`, the configurations and their var files.
pub(crate) struct Account {
    moto: Moto,
    folder: tempfile::TempDir,
    zone: String,
    certificate: String,
    /// More variables for the program and its children.
    variables: Vec<(String, String)>,
}

impl Account {
    /// With a certificate, a zone, and var files for the bootstrap, the shared environment `dev`, `alpha` and `beta`.
    pub(crate) fn open() -> Self {
        let mut account = Self {
            moto: Moto::start(),
            folder: tempfile::tempdir().unwrap(),
            zone: String::new(),
            certificate: String::new(),
            variables: Vec::new(),
        };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform"), &account.path("terraform"));
        account.record_versions();
        account.prepare();
        account.configure();
        account
    }

    /// Lets another server than moto answer for a service, by its name in `AWS_ENDPOINT_URL_...`.
    pub(crate) fn answer_elsewhere(&mut self, service: &str, endpoint: &str) {
        self.set(&format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the folder.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What took part, in the ledger of the components.
    fn record_versions(&self) {
        let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
        let terraform = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().unwrap();
        let terraform = String::from_utf8_lossy(&terraform.stdout).into_owned();
        let version = terraform.lines().find_map(|line| line.strip_prefix("Terraform v")).expect("a version");
        let script = "import importlib.metadata; print('moto', importlib.metadata.version('moto'))";
        let moto = self.moto.program("python").args(["-c", script]).output().unwrap();
        let moto = String::from_utf8_lossy(&moto.stdout).into_owned();
        let mut file = fs::OpenOptions::new().create(true).append(true).open(ledger).unwrap();
        std::io::Write::write_all(&mut file, format!("terraform {version}\n{moto}").as_bytes()).unwrap();
    }

    /// What a team has before its first environment: a certificate and a zone.
    fn prepare(&mut self) {
        let certified = rcgen::generate_simple_self_signed(["*.dev.example.com".to_owned()]).unwrap();
        self.file("certificate.pem", &certified.cert.pem());
        self.file("key.pem", &certified.signing_key.serialize_pem());
        let certificate =
            self.aws("acm import-certificate --certificate fileb://certificate.pem --private-key fileb://key.pem");
        let zone = self.aws("route53 create-hosted-zone --name dev.example.com --caller-reference once");
        self.zone = zone["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned();
        self.certificate = certificate["CertificateArn"].as_str().unwrap().to_owned();
    }

    /// The configuration and the var files, with what only this account can say.
    fn configure(&self) {
        let (zone, certificate) = (&self.zone, &self.certificate);
        self.file("adhoc.toml", "[project]\nname = \"ublog\"\ndomain = \"dev.example.com\"\n");
        self.file("terraform/bootstrap/envs/bootstrap.tfvars", BOOTSTRAP);
        self.file(
            "terraform/shared/envs/dev.tfvars",
            &format!(
                "project         = \"ublog\"\ndomain          = \"dev.example.com\"\nzone_id         = \"{zone}\"\n\
                 certificate_arn = \"{certificate}\"\n"
            ),
        );
        for name in ["alpha", "beta"] {
            self.file(&format!("terraform/ad-hoc/envs/{name}.tfvars"), ENVIRONMENT);
        }
    }

    /// Makes what an environment needs of the bootstrap and of the shared environment `dev`, without either.
    pub(crate) fn stand_in_for_shared(&self) {
        let mut python = self.moto.program("python");
        python.arg("-c").arg(include_str!("shared_stand_in.py")).args([BUCKET, &self.zone, &self.certificate]);
        self.with_account(&mut python);
        let output = python.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for name in ["shared", "ad-hoc"] {
            let backend = format!(
                "bucket = \"{BUCKET}\"\nkey = \"{name}/terraform.tfstate\"\nregion = \"us-east-1\"\n\
                 use_lockfile = true\n"
            );
            self.file(&format!("terraform/{name}/backend.config"), &backend);
        }
    }

    // --- Running things ----------------------------------------------------------------------------------------------

    fn with_account(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", self.moto.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test-secret-key-never-shown")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// The program, about to run.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = bare_command(line, self.folder.path());
        self.with_account(&mut command);
        for name in ["ADHOC_TF_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"] {
            command.envs(std::env::var_os(name).map(|folder| (name, folder)));
        }
        command.env("TMPDIR", std::env::temp_dir());
        command
    }

    /// The program, running.
    pub(crate) fn spawn(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A run of the program, which shows no secret however it ends.
    pub(crate) fn adhoc(&self, line: &str) -> Run {
        let started = std::time::Instant::now();
        let run = Run::of(self.command(line).output().unwrap());
        eprintln!("{line}: exit code {} after {} s", run.code, started.elapsed().as_secs());
        assert!(!run.stdout.contains("never-shown") && !run.stderr.contains("never-shown"), "{line} shows a secret");
        run
    }

    /// A run that must succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, line: &str) -> Run {
        let run = self.adhoc(line);
        assert_eq!(run.code, 0, "{line}\n{}\n{}", run.stdout, run.stderr);
        run
    }

    /// What the AWS CLI says.
    #[track_caller]
    pub(crate) fn aws(&self, line: &str) -> Value {
        let mut command = self.moto.program("aws");
        command.args(["--output", "json"]).args(line.split_whitespace());
        // For RDS the AWS CLI does not read the variable.
        if line.starts_with("rds ") {
            command.args(["--endpoint-url", self.moto.endpoint()]);
        }
        self.with_account(&mut command);
        let output = command.current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "aws {line}: {}", String::from_utf8_lossy(&output.stderr));
        if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout).unwrap() }
    }

    // --- What is there -----------------------------------------------------------------------------------------------

    /// The revision that a service of alpha runs, and how often.
    pub(crate) fn running(&self, service: &str) -> (String, i64) {
        let services = self.aws(&format!("ecs describe-services --cluster alpha-cluster --services {service}"));
        let service = &services["services"][0];
        (
            service["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            service["desiredCount"].as_i64().unwrap(),
        )
    }

    fn lists_nothing(&self, line: &str, list: &str) {
        let answer = self.aws(line);
        let left = answer[list].as_array().map_or(0, Vec::len);
        assert_eq!(left, 0, "{line}: {answer}");
    }

    /// Nothing is left of any environment; the shared one and the bootstrap may be there.
    pub(crate) fn no_environment_is_left(&self) {
        self.lists_nothing("ecs list-clusters", "clusterArns");
        // Those included that an update has registered.
        self.lists_nothing("ecs list-task-definitions --status ACTIVE", "taskDefinitionArns");
        self.lists_nothing("elbv2 describe-target-groups", "TargetGroups");
        self.lists_nothing("servicediscovery list-services", "Services");
        let groups = self.aws("logs describe-log-groups");
        assert_eq!(groups["logGroups"], json!([]), "log groups");
        let buckets = self.aws("s3api list-buckets");
        assert!(!buckets.to_string().contains("-media-"), "{buckets}");
        let secrets = self.aws("secretsmanager list-secrets");
        assert!(!secrets.to_string().contains("\"alpha-db\""), "{secrets}");
        let records = self.aws(&format!("route53 list-resource-record-sets --hosted-zone-id {}", self.zone));
        assert!(!records.to_string().contains("alpha") && !records.to_string().contains("beta"), "{records}");
        for folder in ["ad-hoc", "shared"] {
            let kept = self.path(&format!("terraform/{folder}/.adhoc"));
            let kept = kept.read_dir().into_iter().flatten().map(|entry| entry.unwrap().file_name());
            let kept: Vec<_> = kept.map(|name| name.into_string().unwrap()).collect();
            assert!(!kept.iter().any(|name| ["alpha", "beta"].contains(&name.as_str())), "{kept:?}");
        }
    }

    /// Nothing is left of anything.
    pub(crate) fn nothing_is_left(&self) {
        self.no_environment_is_left();
        self.lists_nothing("ec2 describe-vpcs --filters Name=is-default,Values=false", "Vpcs");
        self.lists_nothing("ec2 describe-instances --filters Name=instance-state-name,Values=running", "Reservations");
        self.lists_nothing("ec2 describe-nat-gateways --filter Name=state,Values=available", "NatGateways");
        self.lists_nothing("ec2 describe-addresses", "Addresses");
        self.lists_nothing("elbv2 describe-load-balancers", "LoadBalancers");
        self.lists_nothing("rds describe-db-instances", "DBInstances");
        self.lists_nothing("rds describe-db-subnet-groups", "DBSubnetGroups");
        self.lists_nothing("servicediscovery list-namespaces", "Namespaces");
        self.lists_nothing("s3api list-buckets", "Buckets");
        self.lists_nothing("ecr describe-repositories", "repositories");
        self.lists_nothing("secretsmanager list-secrets", "SecretList");
        self.lists_nothing("iam list-roles", "Roles");
        self.lists_nothing("iam list-policies --scope Local", "Policies");
        let zones = self.aws("route53 list-hosted-zones");
        // moto keeps the zone of a namespace that is gone.
        let of_namespace = |zone: &&Value| zone["Config"]["Comment"] == "hosted zone for private dns namespace ad-hoc";
        let zones: Vec<_> =
            zones["HostedZones"].as_array().unwrap().iter().filter(|zone| !of_namespace(zone)).collect();
        assert_eq!(zones.len(), 1, "only the zone that was there before: {zones:?}");
        assert!(!self.path("terraform/shared/.adhoc/dev").exists());
    }
}

/// Copies a folder, but for what runs have left in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if [".adhoc", ".terraform", "backend.config"].iter().any(|left| name == *left) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

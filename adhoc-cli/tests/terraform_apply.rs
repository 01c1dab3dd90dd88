//! The configurations under `terraform/`, applied for real by the program: real Terraform, the real AWS provider, and moto for
//! AWS. It takes minutes, so `scripts/test` runs it in a stage of its own.
//!
//! Needs `terraform` on the PATH, the provider (from its registry, or in the folder that ADHOC_TF_PLUGIN_DIR names), and the
//! virtual environment with moto and the AWS CLI that ADHOC_TEST_VENV names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::{Run, bare_command};

/// moto, and a folder with the project's configurations, a certificate and a zone.
struct Account {
    moto: Child,
    endpoint: String,
    venv: PathBuf,
    folder: tempfile::TempDir,
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.moto.kill();
        let _ = self.moto.wait();
    }
}

impl Account {
    fn open() -> Self {
        let venv =
            PathBuf::from(std::env::var_os("ADHOC_TEST_VENV").expect("ADHOC_TEST_VENV names the virtual environment"));
        let (moto, port) = start_moto(&venv);
        let account =
            Self { moto, endpoint: format!("http://127.0.0.1:{port}"), venv, folder: tempfile::tempdir().unwrap() };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform"), &account.folder.path().join("terraform"));
        account.record_versions();
        account
    }

    /// What took part, in the ledger of the components.
    fn record_versions(&self) {
        let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
        let terraform = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().unwrap();
        let terraform = String::from_utf8_lossy(&terraform.stdout).into_owned();
        let version = terraform.lines().find_map(|line| line.strip_prefix("Terraform v")).expect("a version");
        let script = "import importlib.metadata; print('moto', importlib.metadata.version('moto'))";
        let moto = Command::new(self.venv.join("bin/python")).args(["-c", script]).output().unwrap();
        let moto = String::from_utf8_lossy(&moto.stdout).into_owned();
        let mut file = fs::OpenOptions::new().create(true).append(true).open(ledger).unwrap();
        std::io::Write::write_all(&mut file, format!("terraform {version}\n{moto}").as_bytes()).unwrap();
    }

    fn with_account(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test-secret-key-never-shown")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }

    fn command(&self, line: &str) -> Command {
        let mut command = bare_command(line, self.folder.path());
        self.with_account(&mut command);
        for name in ["ADHOC_TF_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"] {
            command.envs(std::env::var_os(name).map(|folder| (name, folder)));
        }
        command.env("TMPDIR", std::env::temp_dir());
        command
    }

    fn adhoc(&self, line: &str) -> Run {
        let started = std::time::Instant::now();
        let run = Run::of(self.command(line).output().unwrap());
        eprintln!("{line}: exit code {} after {} s", run.code, started.elapsed().as_secs());
        assert!(!run.stdout.contains("never-shown") && !run.stderr.contains("never-shown"), "{line} shows a secret");
        run
    }

    fn succeed(&self, line: &str) -> Run {
        let run = self.adhoc(line);
        assert_eq!(run.code, 0, "{line}\n{}\n{}", run.stdout, run.stderr);
        run
    }

    /// What the AWS CLI says.
    fn aws(&self, line: &str) -> Value {
        let mut command = Command::new(self.venv.join("bin/aws"));
        command
            .args(["--endpoint-url", &self.endpoint, "--output", "json"])
            .args(line.split_whitespace())
            .env_clear()
            .env("PATH", self.venv.join("bin"));
        self.with_account(&mut command);
        let output = command.current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "aws {line}: {}", String::from_utf8_lossy(&output.stderr));
        if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout).unwrap() }
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The var files, with what only this account can say: certificate, zone and bucket.
    fn configure(&self) {
        let certified = rcgen::generate_simple_self_signed(["*.dev.example.com".to_owned()]).unwrap();
        self.file("certificate.pem", &certified.cert.pem());
        self.file("key.pem", &certified.signing_key.serialize_pem());
        let certificate =
            self.aws("acm import-certificate --certificate fileb://certificate.pem --private-key fileb://key.pem");
        let zone = self.aws("route53 create-hosted-zone --name dev.example.com --caller-reference once");
        let zone = zone["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned();
        let certificate = certificate["CertificateArn"].as_str().unwrap().to_owned();
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
}

const BUCKET: &str = "ublog-terraform-state";
const BOOTSTRAP: &str = "project       = \"ublog\"\nstate_bucket  = \"ublog-terraform-state\"\nforce_destroy = true\n\
                         github_repository = \"example/ublog\"\n\
                         # moto knows no TLS.\nstate_tls_only = false\n";
const ENVIRONMENT: &str = "# Where shared is.\nstate_bucket = \"ublog-terraform-state\"\n";

fn start_moto(venv: &Path) -> (Child, u16) {
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // moto, but for what it forgets of services, which Terraform would take for drift.
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/moto-server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_clear().env("PATH", venv.join("bin"));
        // It is an AWS client itself now and then, and must not look for an account.
        command.envs([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        let mut moto = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while moto.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (moto, port);
            }
            std::thread::yield_now();
        }
    }
    panic!("moto does not start");
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

/// The revision of a family that a service runs.
fn running(account: &Account, service: &str) -> (String, i64) {
    let services = account.aws(&format!("ecs describe-services --cluster alpha-cluster --services {service}"));
    let service = &services["services"][0];
    (
        service["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
        service["desiredCount"].as_i64().unwrap(),
    )
}

#[test]
#[ignore = "takes minutes: `scripts/test apply`"]
fn environments_are_made_changed_and_destroyed_for_real() {
    let account = Account::open();
    account.configure();

    account.succeed("bootstrap create");
    assert!(account.succeed("bootstrap create").stdout.contains("nothing had to be changed"));
    let backend = fs::read_to_string(account.folder.path().join("terraform/ad-hoc/backend.config")).unwrap();
    assert!(backend.contains(BUCKET) && backend.contains("use_lockfile = true"), "{backend}");

    account.succeed("shared create dev");
    made_shared(&account);

    // Two at once, in two workspaces of one folder.
    let others = account.command("create beta").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let alpha = account.succeed("create alpha");
    let beta = Run::of(others.wait_with_output().unwrap());
    assert_eq!(beta.code, 0, "{}\n{}", beta.stdout, beta.stderr);
    assert!(alpha.stdout.contains("https://alpha.dev.example.com"), "{}", alpha.stdout);
    made_environments(&account);

    updated_and_changed(&account);

    // One without its var file, which its last apply makes up for.
    fs::remove_file(account.folder.path().join("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    assert_eq!(account.adhoc("create alpha").code, 3);
    let gone = account.succeed("destroy alpha --yes");
    assert!(gone.stdout.contains("alpha is gone"), "{}", gone.stdout);
    assert_eq!(account.adhoc("destroy beta").code, 2, "nobody is there to be asked");
    account.succeed("destroy beta --yes");
    account.succeed("destroy beta --yes");
    account.succeed("shared destroy dev --yes");
    account.succeed("bootstrap destroy --yes");
    nothing_is_left(&account);
}

/// Names and tags by which `adhoc update` finds things without reading outputs.
fn made_shared(account: &Account) {
    let subnets = account.aws("ec2 describe-subnets --filters Name=tag:env,Values=dev Name=tag:Name,Values=*private*");
    assert_eq!(subnets["Subnets"].as_array().unwrap().len(), 2);
    let groups = account.aws("ec2 describe-security-groups --filters Name=tag:Name,Values=dev-ecs-sg");
    assert_eq!(groups["SecurityGroups"].as_array().unwrap().len(), 1);
    let database = &account.aws("rds describe-db-instances --db-instance-identifier dev-rds")["DBInstances"][0];
    assert_eq!(
        (&database["StorageEncrypted"], &database["PubliclyAccessible"], &database["IAMDatabaseAuthenticationEnabled"]),
        (&json!(true), &json!(false), &json!(true))
    );
    let bastion = account.aws("ec2 describe-instances --filters Name=tag:Name,Values=dev-bastion");
    assert_eq!(bastion["Reservations"].as_array().unwrap().len(), 1);
    // The master password is in no state, and in no output.
    let state = account.aws(&format!("s3api list-objects-v2 --bucket {BUCKET}"));
    assert!(
        state["Contents"].as_array().unwrap().iter().any(|object| object["Key"] == "env:/dev/shared/terraform.tfstate")
    );
}

fn made_environments(account: &Account) {
    let clusters = account.aws("ecs list-clusters");
    assert_eq!(clusters["clusterArns"].as_array().unwrap().len(), 2);
    for role in ["gunicorn", "default", "beat", "web-ui"] {
        assert_eq!(running(account, &format!("alpha-{role}")), (format!("alpha-{role}:1"), 0));
    }
    assert_eq!(running(account, "alpha-redis").1, 1);
    let balancer = account.aws("elbv2 describe-load-balancers");
    let balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap().to_owned();
    let listeners = account.aws(&format!("elbv2 describe-listeners --load-balancer-arn {balancer}"));
    let https = listeners["Listeners"].as_array().unwrap().iter().find(|listener| listener["Port"] == 443).unwrap();
    let rules = account.aws(&format!("elbv2 describe-rules --listener-arn {}", https["ListenerArn"].as_str().unwrap()));
    for name in ["alpha", "beta"] {
        let host = format!("{name}.dev.example.com");
        let ours = rules["Rules"].as_array().unwrap().iter().filter(|rule| rule.to_string().contains(&host));
        let (api, rest): (Vec<_>, Vec<_>) = ours.partition(|rule| rule.to_string().contains("/api/*"));
        let priority = |rule: &Value| rule["Priority"].as_str().unwrap().parse::<u32>().unwrap();
        let catch_all =
            rest.iter().filter(|rule| !rule.to_string().contains("path-pattern")).map(|rule| priority(rule));
        assert!(priority(api[0]) < catch_all.min().unwrap(), "the back end's paths come first");
    }
}

/// A release by `adhoc update`, then a change of the configuration that must not roll it back.
fn updated_and_changed(account: &Account) {
    // moto models no rollouts, so the update cannot see the end of this one; it may not fail in any other way.
    let update = account.adhoc("update backend alpha --tag v1.1.0 --skip-pre-update --timeout 5s --output json");
    assert!([0, 8].contains(&update.code), "{}\n{}", update.stdout, update.stderr);
    assert_eq!(running(account, "alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1));
    let plan = account.succeed("plan alpha");
    assert!(plan.stdout.contains("no changes"), "a rolled service is no drift: {}", plan.stdout);

    let before = fs::read_to_string(account.folder.path().join("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    account.succeed("create alpha --yes --set environment_variables={FEATURE=\"on\"}");
    let after = fs::read_to_string(account.folder.path().join("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    assert!(after.starts_with(&before) && after.contains("FEATURE"), "{after}");
    assert_eq!(running(account, "alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1), "nothing was rolled back");
    let newest = account.aws("ecs describe-task-definition --task-definition alpha-gunicorn");
    assert_eq!(newest["taskDefinition"]["revision"], 3);
    assert!(newest.to_string().contains("FEATURE"));
    assert!(account.succeed("plan alpha").stdout.contains("no changes"));

    // A plan in a file is for one environment, and for what it was made from.
    account.succeed("plan alpha --out alpha.tfplan --markdown comment.md");
    let comment = fs::read_to_string(account.folder.path().join("comment.md")).unwrap();
    assert!(comment.starts_with("<!-- adhoc plan alpha -->"), "{comment}");
    let wrong = account.adhoc("create beta --plan alpha.tfplan");
    assert!(wrong.code == 2 && wrong.stderr.contains("is a plan for alpha, not for beta"), "{}", wrong.stderr);
}

fn nothing_is_left(account: &Account) {
    let empty = |line: &str, list: &str| {
        let answer = account.aws(line);
        let left = answer[list].as_array().map_or(0, Vec::len);
        assert_eq!(left, 0, "{line}: {answer}");
    };
    let active = account.aws("ecs describe-clusters --clusters alpha-cluster beta-cluster");
    assert!(active["clusters"].as_array().unwrap().iter().all(|cluster| cluster["status"] == "INACTIVE"), "{active}");
    // Those included that an update has registered.
    empty("ecs list-task-definitions --status ACTIVE", "taskDefinitionArns");
    empty("ec2 describe-vpcs --filters Name=is-default,Values=false", "Vpcs");
    empty("ec2 describe-instances --filters Name=instance-state-name,Values=running", "Reservations");
    empty("ec2 describe-nat-gateways --filter Name=state,Values=available", "NatGateways");
    empty("ec2 describe-addresses", "Addresses");
    empty("elbv2 describe-load-balancers", "LoadBalancers");
    empty("elbv2 describe-target-groups", "TargetGroups");
    empty("rds describe-db-instances", "DBInstances");
    empty("rds describe-db-subnet-groups", "DBSubnetGroups");
    empty("servicediscovery list-namespaces", "Namespaces");
    empty("s3api list-buckets", "Buckets");
    empty("ecr describe-repositories", "repositories");
    empty("secretsmanager list-secrets", "SecretList");
    empty("iam list-roles", "Roles");
    empty("iam list-policies --scope Local", "Policies");
    let groups = account.aws("logs describe-log-groups");
    assert_eq!(groups["logGroups"], json!([]), "log groups");
    let zones = account.aws("route53 list-hosted-zones");
    // moto keeps the zone of a namespace that is gone.
    let of_namespace = |zone: &&Value| zone["Config"]["Comment"] == "hosted zone for private dns namespace ad-hoc";
    let zones: Vec<_> = zones["HostedZones"].as_array().unwrap().iter().filter(|zone| !of_namespace(zone)).collect();
    assert_eq!(zones.len(), 1, "only the zone that was there before: {zones:?}");
    let zone = zones[0]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/");
    let records = account.aws(&format!("route53 list-resource-record-sets --hosted-zone-id {zone}"));
    assert!(!records.to_string().contains("alpha") && !records.to_string().contains("beta"), "{records}");
    for folder in ["ad-hoc", "shared"] {
        let kept = fs::read_dir(account.folder.path().join("terraform").join(folder).join(".adhoc")).unwrap();
        let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!kept.iter().any(|name| ["alpha", "beta", "dev"].contains(&name.as_str())), "{kept:?}");
    }
}

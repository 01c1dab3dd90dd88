//! A stack made by AWS CDK, for real but for the account: `cdk synth` of the app in `examples/cdk`, moto's CloudFormation, and
//! releases by the program onto what is then there. It needs a minute and npm's registry, so `scripts/test` runs it in a stage of
//! its own.
//!
//! Needs `node` and `npm` on the PATH, the virtual environment with moto and the AWS CLI that ADHOC_TEST_VENV names, and the
//! programs `adhoc` and `cdk` (the example) beside this one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper that fails is a test that fails"
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{
    ChangeCounts, Context, EnvironmentName, Error, Event, PlanPurpose, PlanRequest, ResourceAction, ResourcePhase,
    SystemClock, Workspaces,
};
use adhoc_examples::cdk::{CdkConfig, CdkWorkspaces};
use adhoc_examples::sdk_config;
use serde_json::{Value, json};

/// moto with the network of a shared environment, and the app with what `npm ci` installs.
struct Account {
    moto: Child,
    endpoint: String,
    venv: PathBuf,
    folder: tempfile::TempDir,
    subnets: String,
    group: String,
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
        let (endpoint, folder) = (format!("http://127.0.0.1:{port}"), tempfile::tempdir().unwrap());
        let mut account = Self { moto, endpoint, venv, folder, subnets: String::new(), group: String::new() };
        account.install();
        account.lay_network();
        account
    }

    fn app(&self) -> PathBuf {
        self.folder.path().join("cdk")
    }

    /// The app with the packages of its lock file.
    fn install(&self) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cdk"), &self.app());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--no-update-notifier"])
            .current_dir(self.app())
            .stdin(Stdio::null());
        succeeded("npm ci", &npm.output().unwrap());
        record("node", Command::new("node").arg("--version"), "v");
        record("aws-cdk", Command::new(self.app().join("node_modules/.bin/cdk")).arg("--version"), "");
        let script = "import importlib.metadata; print(importlib.metadata.version('moto'))";
        record("moto", Command::new(self.venv.join("bin/python")).args(["-c", script]), "");
    }

    /// Two private subnets and a security group, with the tags that releases go by.
    fn lay_network(&mut self) {
        let id = |answer: &Value, kind: &str, member: &str| answer[kind][member].as_str().unwrap().to_owned();
        let vpc = id(&self.aws("ec2 create-vpc --cidr-block 10.0.0.0/16"), "Vpc", "VpcId");
        self.aws(&format!("ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-hostnames"));
        let mut subnets: Vec<String> = ["a", "b"]
            .iter()
            .enumerate()
            .map(|(number, zone)| {
                let tags =
                    format!("ResourceType=subnet,Tags=[{{Key=Name,Value=dev-private-{zone}}},{{Key=env,Value=dev}}]");
                let line = format!(
                    "ec2 create-subnet --vpc-id {vpc} --cidr-block 10.0.{number}.0/24 --tag-specifications {tags}"
                );
                id(&self.aws(&line), "Subnet", "SubnetId")
            })
            .collect();
        subnets.sort();
        self.subnets = subnets.join(",");
        let tags = "ResourceType=security-group,Tags=[{Key=Name,Value=dev-ecs-sg}]";
        let line = format!("ec2 create-security-group --group-name dev-ecs-sg --description tasks --vpc-id {vpc}");
        let group = self.aws(&format!("{line} --tag-specifications {tags}"));
        self.group = group["GroupId"].as_str().unwrap().to_owned();
    }

    fn with_account<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
    }

    /// What the AWS CLI says.
    fn aws(&self, line: &str) -> Value {
        let mut command = Command::new(self.venv.join("bin/aws"));
        command.args(["--output", "json"]).args(line.split_whitespace());
        let output = self.with_account(&mut command).output().unwrap();
        succeeded(line, &output);
        if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout).unwrap() }
    }

    /// A run of a program that lies in the target folder.
    fn run(&self, program: &str, line: &str) -> Output {
        let deps = std::env::current_exe().unwrap();
        let program = deps.parent().unwrap().parent().unwrap().join(program);
        assert!(program.exists(), "{} is not built: `scripts/test cdk` does that", program.display());
        let mut command = Command::new(program);
        command.args(line.split_whitespace());
        self.with_account(&mut command).output().unwrap()
    }

    /// The summary of a release that went well.
    fn update(&self, line: &str) -> Value {
        let output = self.run("adhoc", &format!("update {line} --output json"));
        succeeded(line, &output);
        let last = output.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap();
        serde_json::from_slice(last).unwrap()
    }

    /// What a service runs, and how often.
    fn running(&self, service: &str) -> (String, i64) {
        let services = self.aws(&format!("ecs describe-services --cluster alpha-cluster --services {service}"));
        let service = &services["services"][0];
        let revision = service["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap();
        (revision.to_owned(), service["desiredCount"].as_i64().unwrap())
    }

    fn workspaces(&self, variables: &str) -> CdkWorkspaces {
        let variable = |name: &str| std::env::var_os(name).map(|value| (name.into(), value));
        let mut config = CdkConfig::new(self.app(), "ublog")
            .with_variables(variable("PATH"))
            .with_context("subnets", &self.subnets)
            .with_context("securityGroups", &self.group);
        if !variables.is_empty() {
            config = config.with_context("variables", variables);
        }
        CdkWorkspaces::new(config, aws_sdk_cloudformation::Client::new(&sdk_config(&self.endpoint)))
    }
}

fn succeeded(line: &str, output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{line}: {}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
}

/// What took part, in the ledger of the components.
fn record(name: &str, command: &mut Command, before: &str) {
    let output = command.output().unwrap();
    succeeded(name, &output);
    let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().next().unwrap().trim_start_matches(before);
    let mut file = fs::OpenOptions::new().create(true).append(true).open(ledger).unwrap();
    std::io::Write::write_all(&mut file, format!("{name} {version}\n").as_bytes()).unwrap();
}

fn start_moto(venv: &Path) -> (Child, u16) {
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
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

/// Copies the app, but for what runs have left in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if name == "node_modules" || name == "cdk.out" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn context() -> (Context, Arc<RecordingSink>) {
    let sink = Arc::new(RecordingSink::default());
    (Context::new(Arc::new(SystemClock::new()), sink.clone()), sink)
}

fn alpha(purpose: PlanPurpose) -> PlanRequest {
    PlanRequest::new("alpha".parse().unwrap(), purpose)
}

#[tokio::test]
#[ignore = "takes a minute and npm's registry: `scripts/test cdk`"]
async fn a_stack_of_cdk_is_made_released_onto_changed_and_destroyed() {
    let account = Account::open();
    let workspaces = account.workspaces("");
    looked_at(&workspaces).await;
    made(&account, &workspaces).await;
    released_and_changed(&account, &workspaces).await;
    gone(&account, &workspaces).await;
    by_the_example(&account);
}

/// A look leaves nothing, and an app that fails says why.
async fn looked_at(workspaces: &CdkWorkspaces) {
    let (cx, sink) = context();
    let plan = workspaces.plan(&cx, &alpha(PlanPurpose::Look)).await.unwrap();
    assert_eq!((plan.has_changes, plan.reference.as_deref(), plan.counts.add), (true, None, 30));
    assert_eq!(sink.names(), ["step_started", "step_finished", "infrastructure_plan"]);
    let refused = workspaces.apply(&cx, &plan).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused}");
    assert!(workspaces.list(&cx).await.unwrap().is_empty());
    assert!(matches!(workspaces.outputs(&cx, &plan.environment.parse().unwrap()).await, Err(Error::NotFound(_))));
    let destroy = alpha(PlanPurpose::Look).with_destroy(true);
    assert!(matches!(workspaces.plan(&cx, &destroy).await, Err(Error::NotFound(_))));
}

async fn made(account: &Account, workspaces: &CdkWorkspaces) {
    let (cx, sink) = context();
    let plan = workspaces.plan(&cx, &alpha(PlanPurpose::Apply)).await.unwrap();
    let mut of_another = plan.clone();
    of_another.environment = "beta".to_owned();
    let refused = workspaces.apply(&cx, &of_another).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)) && refused.to_string().contains("ublog-alpha"), "{refused}");

    let applied = workspaces.apply(&cx, &plan).await.unwrap();
    assert_eq!(applied.counts, ChangeCounts { add: 30, ..ChangeCounts::default() });
    let finished = |event: &Event| {
        matches!(event, Event::ResourceProgress { phase: ResourcePhase::Finished, action: ResourceAction::Create, .. })
    };
    assert_eq!(sink.events().iter().filter(|event| finished(event)).count(), 30);
    let again = workspaces.apply(&cx, &plan).await.unwrap_err();
    assert!(matches!(again, Error::Terraform(_)) && again.to_string().contains("has changed since"), "{again}");

    let environment: EnvironmentName = "alpha".parse().unwrap();
    assert_eq!(workspaces.list(&cx).await.unwrap(), std::slice::from_ref(&environment));
    let outputs = workspaces.outputs(&cx, &environment).await.unwrap();
    assert_eq!(outputs["ClusterName"].as_str(), Some("alpha-cluster"));
    for role in ["gunicorn", "default", "beat", "web-ui"] {
        assert_eq!(account.running(&format!("alpha-{role}")), (format!("alpha-{role}:1"), 0));
    }
}

/// Two releases with a change of the stack between them, which rolls nothing back.
async fn released_and_changed(account: &Account, workspaces: &CdkWorkspaces) {
    let summary = account.update("backend alpha --tag v1.1.0 --skip-db");
    assert_eq!(summary["outcome"], "succeeded");
    assert_eq!(summary["tasks"][0]["family"], "alpha-migrate");
    assert_eq!(summary["services"].as_array().unwrap().len(), 3);
    assert_eq!(account.running("alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1));
    account.update("frontend alpha --tag v1.1.0");

    let (cx, _) = context();
    let plan = workspaces.plan(&cx, &alpha(PlanPurpose::Apply)).await.unwrap();
    assert!(!plan.has_changes, "what a release has changed is no drift: {plan:?}");
    assert_eq!(workspaces.apply(&cx, &plan).await.unwrap().counts, ChangeCounts::default());

    let changed = account.workspaces("FEATURE=on");
    let plan = changed.plan(&cx, &alpha(PlanPurpose::Apply)).await.unwrap();
    assert!(plan.changes.iter().all(|change| change.kind == "AWS::ECS::TaskDefinition"), "{plan:?}");
    assert_eq!(plan.changes.len(), 5);
    changed.apply(&cx, &plan).await.unwrap();
    assert_eq!(account.running("alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1), "nothing was rolled back");
    let old = account.aws("ecs describe-task-definition --task-definition alpha-gunicorn:1");
    assert_eq!(old["taskDefinition"]["status"], "ACTIVE");

    account.update("backend alpha --tag v1.2.0 --skip-db");
    assert_eq!(account.running("alpha-gunicorn"), ("alpha-gunicorn:4".to_owned(), 1));
    let live = account.aws("ecs describe-task-definition --task-definition alpha-gunicorn:4");
    let container = &live["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["environment"], json!([{"name": "FEATURE", "value": "on"}]));
    assert!(container["image"].as_str().unwrap().ends_with("/backend:v1.2.0"), "{container}");
}

async fn gone(account: &Account, workspaces: &CdkWorkspaces) {
    let (cx, _) = context();
    let request = alpha(PlanPurpose::Apply).with_destroy(true);
    let plan = workspaces.plan(&cx, &request).await.unwrap();
    assert_eq!((plan.counts.destroy, plan.destroy), (30, true));
    let mut other = plan.clone();
    other.reference = Some("arn:aws:cloudformation:another".to_owned());
    assert!(matches!(workspaces.apply(&cx, &other).await, Err(Error::Terraform(_))));

    assert_eq!(workspaces.apply(&cx, &plan).await.unwrap().counts.destroy, 30);
    let again = workspaces.destroy(&cx, &request.environment).await.unwrap();
    assert_eq!((again.existed, again.destroyed), (false, 0));
    assert!(workspaces.list(&cx).await.unwrap().is_empty());
    let clusters = account.aws("ecs list-clusters");
    assert_eq!(clusters["clusterArns"], json!([]));
    assert_eq!(account.aws("logs describe-log-groups")["logGroups"], json!([]));
    assert_eq!(account.aws("iam list-roles")["Roles"], json!([]));
}

/// The same by the example, which also retires what its releases have registered; and what the ones above have.
fn by_the_example(account: &Account) {
    let made = account.run("examples/cdk", "cdk alpha v2.0.0");
    succeeded("the example", &made);
    let shown = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(shown.contains("30 to make") && shown.contains("alpha-gunicorn: succeeded"), "{shown}");
    let gone = account.run("examples/cdk", "cdk alpha --destroy");
    succeeded("the example", &gone);
    eprintln!("{shown}{}", String::from_utf8_lossy(&gone.stdout));
    let left = account.aws("ecs list-task-definitions --status ACTIVE");
    assert_eq!(left["taskDefinitionArns"], json!([]));
}

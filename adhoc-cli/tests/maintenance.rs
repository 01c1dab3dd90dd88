//! The maintenance page: the program, the embedded AWS for ECS, and moto for the load balancer.
//!
//! `ADHOC_TEST_VENV` names the virtual environment with moto and boto3; `scripts/test` makes one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use adhoc_local::Behaviour;
use serde_json::Value;
use support::{Run, World};

/// A load balancer that forwards alpha.example.com to gunicorn.
const SET_UP: &str = r#"
subnets = ec2.describe_subnets()["Subnets"]
lb = elb.create_load_balancer(Name="dev", Subnets=[subnet["SubnetId"] for subnet in subnets[:2]])
lb = lb["LoadBalancers"][0]["LoadBalancerArn"]
group = elb.create_target_group(Name="alpha-api", Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"])
group = group["TargetGroups"][0]["TargetGroupArn"]
forward = [{"Type": "forward", "TargetGroupArn": group}]
listener = elb.create_listener(LoadBalancerArn=lb, Protocol="HTTP", Port=80, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["alpha.example.com"]}}
elb.create_rule(ListenerArn=listener, Priority=8, Conditions=[host], Actions=forward)
target = {"targetGroupArn": group, "containerName": "gunicorn", "containerPort": 8000}
ecs.update_service(cluster="alpha-cluster", service="alpha-gunicorn", loadBalancers=[target])
"#;

/// The answers that the load balancer gives by itself.
const ANSWERS: &str = r#"
answers = []
for lb in elb.describe_load_balancers()["LoadBalancers"]:
    for listener in elb.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]:
        for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            answers += [action["FixedResponseConfig"] for action in rule["Actions"] if "FixedResponseConfig" in action]
print(json.dumps(answers))
"#;

const CLIENTS: &str = r#"
import boto3, json, sys
def client(name, url):
    return boto3.client(name, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
elb, ec2, ecs = client("elbv2", sys.argv[1]), client("ec2", sys.argv[1]), client("ecs", sys.argv[2])
"#;

struct Site {
    world: World,
    venv: PathBuf,
    moto: Child,
    endpoint: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.moto.kill();
        let _ = self.moto.wait();
    }
}

impl Site {
    /// None, said aloud, without the virtual environment, if it is not required.
    fn open() -> Option<Self> {
        let Some(venv) = std::env::var_os("ADHOC_TEST_VENV").map(PathBuf::from) else {
            let required = std::env::var_os("ADHOC_TEST_REQUIRE").is_some_and(|required| required == "1");
            assert!(!required, "moto is required, but ADHOC_TEST_VENV is not set");
            skipped();
            return None;
        };
        let (moto, endpoint) = start_moto(&venv);
        let site = Self { world: World::new(), venv, moto, endpoint };
        site.python(SET_UP);
        Some(site)
    }

    fn python(&self, script: &str) -> String {
        let mut command = Command::new(self.venv.join("bin/python"));
        command.args(["-c", &format!("{CLIENTS}{script}"), &self.endpoint, &self.world.server.endpoint()]);
        let output = command.env_clear().env("HOME", self.world.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn answers(&self) -> Vec<Value> {
        serde_json::from_str(&self.python(ANSWERS)).unwrap()
    }

    fn adhoc(&self, line: &str) -> Run {
        let mut command = self.world.command(line);
        Run::of(command.env("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", &self.endpoint).output().unwrap())
    }
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn skipped() {
    println!("skipped: moto (ADHOC_TEST_VENV is not set)");
}

fn start_moto(venv: &Path) -> (Child, String) {
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(venv.join("bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_clear().env("PATH", venv.join("bin"));
        let mut moto = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Someone else may have taken the port in the meantime.
        while moto.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (moto, format!("http://127.0.0.1:{port}"));
            }
            std::thread::yield_now();
        }
    }
    panic!("moto does not start");
}

#[test]
fn the_page_is_switched_on_and_off() {
    let Some(site) = Site::open() else { return };
    site.world.file("adhoc.toml", "[maintenance]\nbody_file = 'page.txt'\ncontent_type = 'text/plain'");
    let missing = site.adhoc("maintenance on alpha").ends_with(2);
    assert!(missing.errors()[0].contains("page.txt"), "{}", missing.stderr);
    site.world.file("page.txt", "back soon");
    let on = site.adhoc("maintenance on alpha").ends_with(0);
    assert!(on.stdout.contains("alpha.example.com now answers with status 503"), "{}", on.stdout);
    assert_eq!(site.answers()[0]["MessageBody"], "back soon");
    let again = site.adhoc("maintenance on alpha --output json").ends_with(0).summary();
    assert!(again["result"].as_str().unwrap().contains("already answers"), "{again}");
    assert_eq!(site.answers().len(), 1);
    site.adhoc("maintenance off alpha").ends_with(0);
    assert_eq!(site.answers(), Vec::<Value>::new());
    let off = site.adhoc("maintenance off alpha").ends_with(0);
    assert!(off.stdout.contains("had no maintenance page"), "{}", off.stdout);
    site.adhoc("maintenance on beta").ends_with(3);
}

#[test]
fn an_update_shows_the_page_until_the_release_runs() {
    let Some(site) = Site::open() else { return };
    site.adhoc("update backend alpha --tag v2 --maintenance --dry-run").ends_with(0);
    assert_eq!(site.answers(), Vec::<Value>::new());
    site.world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", "exit 3"]).with_image("*:v2"));
    let run = site.adhoc("update backend alpha --tag v2 --maintenance --output json").ends_with(4);
    let left = run.summary()["left_behind"].to_string();
    assert!(left.contains("the maintenance page of alpha") && left.contains("adhoc maintenance off alpha"), "{left}");
    assert_eq!(site.answers().len(), 1);

    let run = site.adhoc("update backend alpha --tag v3 --maintenance --output json").ends_with(0);
    let steps: Vec<Value> = run
        .events()
        .into_iter()
        .filter(|event| event["event"] == "step_started")
        .map(|event| event["step"].clone())
        .collect();
    assert_eq!(steps, ["resolve", "maintenance page", "register", "migrate", "roll", "maintenance off"]);
    assert_eq!(site.answers(), Vec::<Value>::new());

    // Without pre-update tasks a release that was rolled back leaves nothing to hide.
    let crash = Behaviour::command("*-gunicorn", ["sh", "-c", "exit 7"]).with_image("*:v4");
    site.world.server.add_behaviour(crash);
    for role in ["default", "beat"] {
        let crash = Behaviour::command(format!("*-{role}"), ["sh", "-c", "exit 7"]).with_image("*:v4");
        site.world.server.add_behaviour(crash);
    }
    let run = site.adhoc("update backend alpha --tag v4 --maintenance --skip-pre-update --output json").ends_with(6);
    assert_eq!(run.summary()["left_behind"], Value::Null);
    assert_eq!(site.answers(), Vec::<Value>::new());
}

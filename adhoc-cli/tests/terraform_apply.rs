//! The configurations under `terraform/`, applied for real by the program: real Terraform, the real AWS provider, and moto for
//! AWS. It takes minutes, so `scripts/test` runs it in a stage of its own.
//!
//! Needs `terraform` on the PATH, the provider (from its registry, or in the folder that ADHOC_TF_PLUGIN_DIR names), and the
//! virtual environment with moto and the AWS CLI that ADHOC_TEST_VENV names.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Run;
use support::account::{Account, BUCKET};

#[test]
#[ignore = "takes minutes: `scripts/test apply`"]
fn environments_are_made_changed_and_destroyed_for_real() {
    let account = Account::open();

    account.succeed("bootstrap create");
    assert!(account.succeed("bootstrap create").stdout.contains("nothing had to be changed"));
    let backend = fs::read_to_string(account.path("terraform/ad-hoc/backend.config")).unwrap();
    assert!(backend.contains(BUCKET) && backend.contains("use_lockfile = true"), "{backend}");

    account.succeed("shared create dev");
    made_shared(&account);

    // Two at once, in two workspaces of one folder.
    let others = account.spawn("create beta");
    let alpha = account.succeed("create alpha");
    let beta = Run::of(others.wait_with_output().unwrap());
    assert_eq!(beta.code, 0, "{}\n{}", beta.stdout, beta.stderr);
    assert!(alpha.stdout.contains("https://alpha.dev.example.com"), "{}", alpha.stdout);
    made_environments(&account);

    updated_and_changed(&account);

    // One without its var file, which its last apply makes up for.
    fs::remove_file(account.path("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    assert_eq!(account.adhoc("create alpha").code, 3);
    let gone = account.succeed("destroy alpha --yes");
    assert!(gone.stdout.contains("alpha is gone"), "{}", gone.stdout);
    assert_eq!(account.adhoc("destroy beta").code, 2, "nobody is there to be asked");
    account.succeed("destroy beta --yes");
    account.succeed("destroy beta --yes");
    account.succeed("shared destroy dev --yes");
    account.succeed("bootstrap destroy --yes");
    account.nothing_is_left();
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
        assert_eq!(account.running(&format!("alpha-{role}")), (format!("alpha-{role}:1"), 0));
    }
    assert_eq!(account.running("alpha-redis").1, 1);
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
    assert_eq!(account.running("alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1));
    let plan = account.succeed("plan alpha");
    assert!(plan.stdout.contains("no changes"), "a rolled service is no drift: {}", plan.stdout);

    let before = fs::read_to_string(account.path("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    account.succeed("create alpha --yes --skip-update --set environment_variables={FEATURE=\"on\"}");
    let after = fs::read_to_string(account.path("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    assert!(after.starts_with(&before) && after.contains("FEATURE"), "{after}");
    assert_eq!(account.running("alpha-gunicorn"), ("alpha-gunicorn:2".to_owned(), 1), "nothing was rolled back");
    let newest = account.aws("ecs describe-task-definition --task-definition alpha-gunicorn");
    assert_eq!(newest["taskDefinition"]["revision"], 3);
    assert!(newest.to_string().contains("FEATURE"));
    assert!(account.succeed("plan alpha").stdout.contains("no changes"));

    // A plan in a file is for one environment, and for what it was made from.
    account.succeed("plan alpha --out alpha.tfplan --markdown comment.md");
    let comment = fs::read_to_string(account.path("comment.md")).unwrap();
    assert!(comment.starts_with("<!-- adhoc plan alpha -->"), "{comment}");
    let wrong = account.adhoc("create beta --plan alpha.tfplan");
    assert!(wrong.code == 2 && wrong.stderr.contains("is a plan for alpha, not for beta"), "{}", wrong.stderr);
}

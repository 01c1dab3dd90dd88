use super::*;
use crate::Message;
use crate::stream::Severity;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../tests/recorded/", $name))
    };
}

fn errors_of(recording: &str) -> Vec<Diagnostic> {
    let error = |line: &str| match Message::parse(line.as_bytes()) {
        Message::Diagnostic(diagnostic) if diagnostic.severity == Severity::Error => Some(diagnostic),
        _ => None,
    };
    recording.lines().filter_map(error).collect()
}

fn unlock(id: &str) -> String {
    format!("adhoc unlock alpha {id}")
}

fn judged(errors: &[Diagnostic], text: &str, is_ours: bool) -> Error {
    let situation = Situation {
        operation: "plan",
        environment: "alpha",
        var_file: Some("envs/bad_value.tfvars"),
        unlock: &unlock,
        left_behind_lock_is_ours: &|_| is_ours,
    };
    classify(errors, text, &situation)
}

/// Of a recording of messages, or of text.
fn of(recording: &str) -> Error {
    match errors_of(recording) {
        errors if errors.is_empty() => judged(&[], recording, false),
        errors => judged(&errors, "", false),
    }
}

fn of_words(summary: &str, detail: &str) -> Error {
    judged(&[Diagnostic::new(Severity::Error, summary, detail)], "", false)
}

fn hint(error: &Error) -> &str {
    error.detail().hint.as_deref().unwrap_or_default()
}

#[test]
fn a_lock_says_who_holds_it_and_how_to_release_it() {
    let of_s3 = "plan alpha: the state is locked (ci@runner, apply, since 2026-11-21T10:00:02.123456789Z, lock \
                 5b5e0a2c-6d4a-5b7e-9c1d-0f6a8e3b2d11 of tf-state/env.tfstate)";
    for recording in
        [recorded!("locked_s3.jsonl"), recorded!("locked_dynamodb.jsonl"), recorded!("locked_s3_unlock_wrong.txt")]
    {
        let error = of(recording);
        assert!(matches!(error, Error::Locked(_)), "{error:?}");
        assert_eq!(error.to_string(), of_s3);
        let unlock = "if that run is dead: `adhoc unlock alpha 5b5e0a2c-6d4a-5b7e-9c1d-0f6a8e3b2d11`";
        assert_eq!(hint(&error), unlock);
    }
    for recording in [recorded!("locked_local.jsonl"), recorded!("locked.txt")] {
        let error = of(recording);
        assert!(matches!(error, Error::Locked(_)) && error.to_string().contains("of terraform.tfstate"), "{error}");
    }
}

#[test]
fn a_lock_that_a_dead_run_of_ours_left_is_simply_released() {
    let error = judged(&errors_of(recorded!("locked_s3.jsonl")), "", true);
    assert!(
        error.to_string().contains("the state's lock looks like that of a dead run of this machine (ci@runner"),
        "{error}"
    );
    assert_eq!(
        hint(&error),
        "unless a run from another folder is at work, `adhoc unlock alpha 5b5e0a2c-6d4a-5b7e-9c1d-0f6a8e3b2d11`"
    );
}

#[test]
fn a_lock_without_a_holder_is_a_lock_and_one_out_of_reach_is_none() {
    let error = of(recorded!("locked_s3_no_info.jsonl"));
    assert!(matches!(error, Error::Locked(_)) && hint(&error).contains(".tflock"), "{error:?}");
    let denied = "Error message: operation error S3: PutObject, https response error StatusCode: 403, RequestID: A, \
                  HostID: B, api error AccessDenied: Access Denied";
    let error = of_words("Error acquiring the state lock", denied);
    assert!(matches!(error, Error::Terraform(_)), "{error:?}");
    assert_eq!(hint(&error), "allow `PutObject` of S3 to the role that Terraform runs as");
}

#[test]
fn every_missing_variable_is_named() {
    let mut errors = errors_of(recorded!("missing_variables.jsonl"));
    let mut second = errors[0].clone();
    second.detail = second.detail.replace("\"tag\"", "\"domain\"");
    errors.push(second);
    let error = judged(&errors, "", false);
    assert!(matches!(error, Error::Invalid(_)));
    let expected = "plan alpha: no value for the required variables \"tag\" (main.tf line 1 column 1), \"domain\" \
                    (main.tf line 1 column 1)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(hint(&error), "give tag, domain a value in envs/bad_value.tfvars, or a default");
}

#[test]
fn faults_in_the_file_of_variables_are_the_users() {
    let error = of(recorded!("bad_value.jsonl"));
    assert!(matches!(error, Error::Invalid(_)));
    let expected = "plan alpha: bad_value.tfvars line 2 column 8: Invalid value for input variable: The given value is not \
                    suitable for var.size declared at main.tf:4,1-16: a number is required";
    assert_eq!((error.to_string().as_str(), hint(&error)), (expected, "correct it in envs/bad_value.tfvars"));
    for recording in [recorded!("undeclared_flag.jsonl"), recorded!("validation.jsonl")] {
        assert!(matches!(of(recording), Error::Invalid(_)), "{recording}");
    }
    assert!(matches!(of(recorded!("missing_file.jsonl")), Error::NotFound(_)));
}

#[test]
fn syntax_errors_name_their_place_and_belong_to_their_file() {
    for (recording, place) in [
        (recorded!("broken_tfvars.jsonl"), "broken.tfvars line 2 column 8: Invalid expression"),
        (recorded!("reference_tfvars.jsonl"), "reference.tfvars line 2 column 8: Variables not allowed"),
        (recorded!("block_tfvars.jsonl"), "block.tfvars line 2 column 1: Unexpected \"block\" block"),
        (recorded!("bad_hcl.jsonl"), "main.tf line 2 column 11: Invalid expression"),
        (recorded!("bad_hcl_init.jsonl"), "main.tf line 2 column 11: Invalid expression"),
        (recorded!("bad_hcl_init.txt"), "main.tf line 2: Invalid expression"),
        (recorded!("unsupported.jsonl"), "main.tf line 4 column 1: Unsupported block type"),
        (recorded!("unsupported_argument.jsonl"), "main.tf line 5 column 21: Reference to undeclared input variable"),
    ] {
        let error = of(recording);
        assert!(matches!(error, Error::Terraform(_)) && error.to_string().contains(place), "{error}");
        let ours = recording.replace("broken.tfvars", "bad_value.tfvars").replace("block.tfvars", "bad_value.tfvars");
        if ours != recording {
            assert!(matches!(of(&ours), Error::Invalid(_)), "{ours}");
        }
    }
    let error = of(recorded!("secret_tfvars.jsonl"));
    assert!(error.to_string().ends_with("left operand: a number is required (and one more error)"), "{error}");
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[test]
fn a_plan_that_is_out_of_date_is_made_again() {
    let version = "plan file was created by Terraform 1.10.0, but this is 1.11.4; plan files cannot be transferred between \
                   different Terraform versions";
    for error in [
        of(recorded!("stale.jsonl")),
        of(recorded!("other_workspace.jsonl")),
        of(recorded!("garbage_plan.jsonl")),
        of_words("Failed to read plan from plan file", version),
    ] {
        assert!(matches!(error, Error::Terraform(_)), "{error:?}");
        assert_eq!(hint(&error), "plan again", "{error}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for recording in [recorded!("workspace_missing.txt"), recorded!("config_warning.txt")] {
        let error = of(recording);
        assert!(matches!(error, Error::NotFound(_)));
        assert_eq!(error.to_string(), "plan alpha: Workspace \"nope\" doesn't exist");
    }
    assert!(matches!(of(recorded!("no_configuration.jsonl")), Error::NotFound(_)));
    let error = of(recorded!("workspace_exists.txt"));
    assert!(matches!(error, Error::Terraform(_)));
    assert_eq!(error.to_string(), "plan alpha: Workspace \"one\" already exists");
    let foreign = of_words("creating Grafana Workspace", "it does not exist");
    assert!(matches!(foreign, Error::Terraform(_)));
}

#[test]
fn credentials_are_to_be_renewed_and_permissions_to_be_given() {
    let error = of(recorded!("no_credentials.jsonl"));
    assert!(matches!(error, Error::Terraform(_)));
    assert!(hint(&error).starts_with("sign in to AWS again"));
    for code in ["ExpiredToken", "InvalidClientTokenId: The security token included in the request is invalid"] {
        let error = of_words("creating ECS Service", &format!("operation error ECS: CreateService, api error {code}"));
        assert!(hint(&error).starts_with("sign in"), "{error}");
    }
    let named = "AccessDeniedException: User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: \
                 ecs:CreateService on resource: arn:aws:ecs:eu-central-1:1:service/a/b because no identity-based policy \
                 allows the ecs:CreateService action";
    assert_eq!(hint(&of_words("creating", named)), "allow `ecs:CreateService` to the role that Terraform runs as");
    let denied = named.replace("because no identity-based policy allows", "with an explicit deny in");
    assert!(hint(&of_words("creating", &denied)).starts_with("a policy denies `ecs:CreateService` explicitly"));
    let of_ec2 = "operation error EC2: DescribeVpcs, https response error StatusCode: 403, RequestID: A, api error \
                  UnauthorizedOperation: You are not authorized to perform this operation.";
    assert_eq!(hint(&of_words("reading", of_ec2)), "allow `DescribeVpcs` of EC2 to the role that Terraform runs as");
}

#[test]
fn what_terraform_cannot_do_comes_with_what_to_do() {
    let rds = "operation error RDS: DeleteDBInstance, https response error StatusCode: 400, RequestID: A, api error \
               InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try \
               again.";
    let alb = "operation error Elastic Load Balancing v2: DeleteLoadBalancer, https response error StatusCode: 400, \
               RequestID: A, OperationNotPermitted: Load balancer 'arn' cannot be deleted because deletion protection is \
               enabled";
    let rule = "operation error Elastic Load Balancing v2: CreateRule, https response error StatusCode: 400, RequestID: A, \
                PriorityInUse: Priority '10' is currently in use";
    for (error, words) in [
        (of(recorded!("provider_missing.jsonl")), "ADHOC_TF_PLUGIN_DIR"),
        (of(recorded!("provider_missing.txt")), "ADHOC_TF_PLUGIN_DIR"),
        (of(recorded!("provider_not_installed.jsonl")), ".terraform.lock.hcl"),
        (of(recorded!("no_bucket.jsonl")), "`adhoc bootstrap create` makes the bucket"),
        (of(recorded!("no_bucket.txt")), "`adhoc bootstrap create` makes the bucket"),
        (of(recorded!("backend_required.jsonl")), "`adhoc bootstrap create`"),
        (of(recorded!("backend_changed.jsonl")), "`adhoc bootstrap create`"),
        (of(recorded!("backend_changed_init.jsonl")), "`adhoc bootstrap create`"),
        (of(recorded!("prevent_destroy.jsonl")), "`prevent_destroy`"),
        (of_words("deleting RDS DB Instance (alpha)", rds), "deletion protection"),
        (of_words("deleting ELBv2 Load Balancer (arn)", alb), "deletion protection"),
        (of_words("creating ELBv2 Listener Rule", rule), "`--set listener_rule_slot=N`"),
    ] {
        assert!(matches!(error, Error::Terraform(_)), "{error:?}");
        assert!(hint(&error).contains(words), "{error}: {}", hint(&error));
    }
}

#[test]
fn a_lost_state_and_an_interruption_are_noticed() {
    let lost = errors_of(recorded!("lost_state.jsonl"));
    assert!(lost_state(&lost) && !was_interrupted(&lost, ""));
    let error = judged(&lost, "", false);
    assert!(error.to_string().starts_with("plan alpha: Failed to save state: Error saving state"), "{error}");
    assert!(
        error.to_string().ends_with("connect: connection refused") || error.to_string().ends_with("..."),
        "{error}"
    );
    let halted = errors_of(recorded!("apply_interrupted.jsonl"));
    assert!(was_interrupted(&halted, "") && !lost_state(&halted));
    let error = judged(&halted, "", false);
    assert!(error.to_string().contains("terraform_data.long: local-exec provisioner error"), "{error}");
    assert!(!error.to_string().contains("more error"), "{error}");
    assert_eq!(of_words("execution halted", "").to_string(), "plan alpha: execution halted");
    assert!(was_interrupted(&[], "\nInterrupt received.\n") && !was_interrupted(&[], ""));
}

#[test]
fn whatever_happens_something_is_said() {
    assert_eq!(judged(&[], "", false).to_string(), "plan alpha: terraform failed and did not say why");
    assert_eq!(
        judged(&[], recorded!("config_warning_plan.txt"), false).to_string(),
        judged(&[], "", false).to_string()
    );
    let usage = "plan alpha: Failed to parse command-line flags: flag provided but not defined: -nosuchflag";
    assert_eq!(of(recorded!("usage.txt")).to_string(), usage);
    assert_eq!(of(recorded!("usage.jsonl")).to_string(), usage);
    let killed = judged(&[], "terraform: error while loading shared libraries", false);
    assert_eq!(killed.to_string(), "plan alpha: terraform: error while loading shared libraries");
}

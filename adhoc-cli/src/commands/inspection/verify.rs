use adhoc_core::{Error, Result, Summary};
use adhoc_ecs::{Account, Finding, FindingVerdict, VerifyRequest, outcome_of_findings};

use super::Session;
use crate::args::VerifyArgs;
use crate::reporters::{FindingRow, VerifyReport};

/// `adhoc verify`.
pub(in crate::commands) async fn verify(args: &VerifyArgs, session: &Session) -> Summary {
    let mut summary = Summary::new("verify").with_environment(args.environment.as_str());
    if let Some(component) = &args.component {
        summary = summary.with_component(component);
    }
    match findings(args, session).await {
        Ok((findings, result)) => {
            summary.result = Some(result);
            summary.with_outcome(outcome_of_findings(&findings))
        }
        Err(error) => summary.with_error(&error),
    }
}

async fn findings(args: &VerifyArgs, session: &Session) -> Result<(Vec<Finding>, serde_json::Value)> {
    let account = Account::on_aws(&session.sdk, &session.config.conventions);
    let request = VerifyRequest::new(session.environment(&args.environment))
        .with_component(args.component.clone())
        .with_image(args.image.change());
    let findings = adhoc_ecs::verify(&session.cx, &session.ecs, &*session.clusters, &account, &request).await?;
    let report = VerifyReport { verify: args.environment.to_string(), findings: findings.iter().map(row).collect() };
    let result = serde_json::to_value(report)
        .map_err(|error| Error::internal("", "verify", "has no JSON form").with_source(error))?;
    Ok((findings, result))
}

fn row(finding: &Finding) -> FindingRow {
    let outcome = match finding.verdict {
        FindingVerdict::Failed(outcome) => Some(outcome),
        _ => None,
    };
    FindingRow {
        check: finding.check.to_owned(),
        subject: finding.subject.clone(),
        verdict: finding.verdict.to_string(),
        outcome: outcome.and_then(|outcome| serde_json::to_value(outcome).ok()?.as_str().map(str::to_owned)),
        reason: finding.reason.clone(),
        hint: finding.hint.clone(),
    }
}

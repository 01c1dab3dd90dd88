//! The comment on a pull request. Pure.

use adhoc_core::{Summary, Timestamp};

use super::{Surroundings, moment, versions};
use crate::reporters;

/// How long a comment may be: <https://docs.github.com/rest/issues/comments> takes 65536 characters.
const LONGEST: usize = 65_000;

const CUT: &str = "*More does not fit into a comment: see the run.*";

/// The hidden first line, by which the comment of an environment is found again.
pub(super) fn marker(environment: &str) -> String {
    format!("<!-- adhoc {environment} -->")
}

/// What is to be seen of an environment after a command.
pub(super) fn body(
    summary: &Summary,
    environment: &str,
    url: Option<&str>,
    surroundings: &Surroundings,
    now: Timestamp,
) -> String {
    let mut report = reporters::markdown_parts(summary).into_iter();
    let heading = report.next().unwrap_or_default();
    let first = format!("{}\n{heading}", marker(environment));
    let middle = facts(summary, url).into_iter().chain(report).collect();
    fitted(first, middle, &footer(surroundings, now))
}

/// All parts that fit; one that does not is left out whole, so that no table and no fold stays open.
fn fitted(first: String, middle: Vec<String>, last: &str) -> String {
    let mut room = LONGEST.saturating_sub(first.len() + CUT.len() + last.len() + 8);
    let mut parts = vec![first];
    let before = middle.len();
    for part in middle {
        if part.len() + 2 <= room {
            room -= part.len() + 2;
            parts.push(part);
        }
    }
    if parts.len() <= before {
        parts.push(CUT.to_owned());
    }
    parts.push(last.to_owned());
    parts.join("\n\n") + "\n"
}

/// Where the environment is reached, what it runs, and when it ends.
fn facts(summary: &Summary, url: Option<&str>) -> Option<String> {
    let versions: Vec<String> = versions(summary).iter().map(|version| reporters::code(version)).collect();
    let result = summary.result.as_ref();
    let expires = result.and_then(|result| result["expires_at"].as_str()?.parse().ok()).map(moment);
    let rows = [
        ("URL", url.filter(|url| is_plain(url)).map(str::to_owned)),
        ("Version", Some(versions.join(", ")).filter(|versions| !versions.is_empty())),
        ("Expires", expires),
    ];
    let rows: Vec<[String; 2]> = rows.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).collect();
    reporters::table(["", ""], &rows)
}

/// Whether a URL has a meaning to Markdown beyond that of a URL.
fn is_plain(url: &str) -> bool {
    let is_scheme = url.starts_with("https://") || url.starts_with("http://");
    is_scheme && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[]|`\\*".contains(c))
}

fn footer(surroundings: &Surroundings, now: Timestamp) -> String {
    let run = surroundings.run.as_deref().filter(|url| is_plain(url)).map(|url| format!("[run]({url})"));
    let actor = surroundings.actor.as_deref().map(|actor| format!("by {}", reporters::escaped(actor)));
    let parts: Vec<String> = [run, actor, Some(moment(now))].into_iter().flatten().collect();
    format!("<sub>{}</sub>", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reporters::samples;

    fn body_of(summary: &Summary, url: Option<&str>) -> String {
        let run = "https://github.com/acme/blog/actions/runs/42".to_owned();
        let surroundings = Surroundings { actor: Some("dependabot[bot]".to_owned()), run: Some(run) };
        body(summary, "alpha", url, &surroundings, samples::moment())
    }

    #[test]
    fn a_comment_shows_the_state_of_the_environment() {
        let url = Some("https://alpha.dev.example.com");
        let mut created = samples::success();
        created.command = "create".to_owned();
        created.result = Some(json!({"expires_at": "2026-03-06T12:00:00Z"}));
        let mut plan = Summary::new("plan").with_environment("alpha");
        plan.result = Some(json!({"plan": samples::infrastructure_plan()}));
        let comments = [body_of(&created, url), body_of(&samples::rolled_back(), url), body_of(&plan, None)];
        samples::assert_snapshot("pull_request_comments", &comments.join("\n"));
    }

    #[test]
    fn a_comment_is_never_too_long() {
        let mut summary = samples::rolled_back();
        if let Some(dossier) = &mut summary.services[0].dossier {
            dossier.events = vec!["x".repeat(1000); 100];
        }
        let text = body_of(&summary, None);
        assert!(text.len() < LONGEST && text.contains(CUT) && text.contains("**Next:**"), "{}", text.len());
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }

    #[test]
    fn a_url_of_somebody_else_has_no_meaning_to_markdown() {
        for url in ["javascript:alert(1)", "https://a b", "https://a](https://b", "https://a|b"] {
            assert!(!is_plain(url), "{url}");
        }
        assert!(is_plain("https://alpha.dev.example.com/a_b?c=d&e#f"));
    }
}

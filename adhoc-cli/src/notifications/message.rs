//! What a chat is told. Pure.
//!
//! Format: <https://docs.slack.dev/messaging/formatting-message-text>. The whole message stands in `text`, too, since Mattermost and
//! Discord know no blocks.

use adhoc_core::{Outcome, Summary, Timestamp};
use serde_json::{Value, json};

use super::{Surroundings, moment, versions};
use crate::reporters::{self, Tone};

/// How long one piece of text from elsewhere may be. Slack takes 3000 characters in a block, and Discord 2000 in a message.
const LONGEST: usize = 400;
/// How many remains are named.
const REMAINS: usize = 2;

/// Something that a chat is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// One line, in mrkdwn.
    heading: String,
    /// Names and values, in mrkdwn.
    fields: Vec<(&'static str, String)>,
    /// Paragraphs, in mrkdwn.
    paragraphs: Vec<String>,
    /// The page with the details.
    link: Option<String>,
}

/// An environment that is going to be swept away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpiryWarning {
    /// The environment.
    pub(crate) environment: String,
    /// Whose it is.
    pub(crate) owner: Option<String>,
    /// After when it is swept away.
    pub(crate) expires_at: Timestamp,
    /// Where it is reached.
    pub(crate) url: Option<String>,
}

/// How a command has ended.
pub(super) fn of_summary(summary: &Summary, surroundings: &Surroundings) -> Message {
    let (subject, words) = (mrkdwn(&reporters::subject(summary)), reporters::outcome_words(summary));
    let versions: Vec<String> = versions(summary).iter().map(|version| mrkdwn(version)).collect();
    let fields = [
        ("Environment", summary.environment.as_deref().map(mrkdwn)),
        ("Component", summary.component.as_deref().map(mrkdwn)),
        ("Version", Some(versions.join(", ")).filter(|versions| !versions.is_empty())),
        ("By", surroundings.actor.as_deref().map(mrkdwn)),
    ];
    Message {
        heading: format!("{} *{subject}* {words}", Tone::from(summary.outcome).mark()),
        fields: fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        paragraphs: paragraphs(summary),
        link: surroundings.run.clone(),
    }
}

fn paragraphs(summary: &Summary) -> Vec<String> {
    let mut paragraphs: Vec<String> = summary.error.iter().map(|error| format!("*Error:* {}", mrkdwn(error))).collect();
    if summary.outcome != Outcome::Succeeded {
        paragraphs.extend(summary.hint.iter().map(|hint| format!("*Next:* {}", mrkdwn(hint))));
    }
    // What was done is said by nothing else.
    let found = summary.result.as_ref().filter(|_| summary.command == "sweep");
    paragraphs.extend(found.map(|result| mrkdwn_lines(&reporters::plain_result(result))));
    let left = summary.left_behind.iter().take(REMAINS);
    paragraphs.extend(left.map(|what| format!("*Left behind:* {}", mrkdwn(what))));
    paragraphs
}

/// That an environment is going to be swept away.
pub(super) fn of_warning(warning: &ExpiryWarning) -> Message {
    let environment = mrkdwn(&warning.environment);
    let fields = [
        ("Owner", warning.owner.as_deref().map(mrkdwn)),
        ("Expires", Some(moment(warning.expires_at))),
        ("URL", warning.url.as_deref().map(mrkdwn)),
    ];
    Message {
        heading: format!("! *{environment} expires soon*"),
        fields: fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        paragraphs: vec![format!(
            "`adhoc extend {environment} --ttl 5d` lets it live longer; else it is destroyed, with its database."
        )],
        link: None,
    }
}

impl Message {
    /// The body of the request.
    pub(super) fn payload(&self) -> Value {
        let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
        let mut blocks = vec![section(&self.heading)];
        if !self.fields.is_empty() {
            let field =
                |(name, value): &(&str, String)| json!({"type": "mrkdwn", "text": format!("*{name}*\n{value}")});
            blocks.push(json!({"type": "section", "fields": self.fields.iter().map(field).collect::<Vec<_>>()}));
        }
        blocks.extend(self.paragraphs.iter().map(|paragraph| section(paragraph)));
        if let Some(link) = self.link() {
            blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]}));
        }
        json!({"text": self.text(), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
    }

    fn text(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let mut lines = vec![self.heading.clone()];
        lines.extend((!fields.is_empty()).then(|| fields.join(" · ")));
        lines.extend(self.paragraphs.iter().cloned());
        lines.extend(self.link());
        lines.join("\n")
    }

    fn link(&self) -> Option<String> {
        // A URL holds no `<`, `>` or `|` once it was parsed.
        self.link.as_ref().map(|link| format!("<{}|Show the run>", link.replace('&', "&amp;")))
    }
}

/// Text from elsewhere on one line, which mentions nobody and links nothing.
fn mrkdwn(text: &str) -> String {
    escaped(&reporters::one_safe_line(text))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if safe.len() > LONGEST {
            safe.push('…');
            break;
        }
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' if mentions(before, &text[at + 1..]) => safe.push_str("@\u{200b}"),
            _ => safe.push(c),
        }
        before = c;
    }
    safe
}

/// Whether an `@` between these calls somebody, unlike that of an address.
fn mentions(before: char, after: &str) -> bool {
    let everybody = ["everyone", "here", "channel", "all"];
    !before.is_alphanumeric() || everybody.iter().any(|name| after.starts_with(name))
}

/// Lines as they stand, up to the length of a few paragraphs.
fn mrkdwn_lines(lines: &[String]) -> String {
    let mut kept = Vec::new();
    let mut room = 2 * LONGEST;
    for line in lines.iter().map(|line| escaped(line).replace('`', "'")) {
        if line.len() > room {
            kept.push("…".to_owned());
            break;
        }
        room -= line.len();
        kept.push(line);
    }
    format!("```\n{}\n```", kept.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    fn surroundings() -> Surroundings {
        let run = "https://github.com/acme/blog/actions/runs/42".to_owned();
        Surroundings { actor: Some("ada".to_owned()), run: Some(run) }
    }

    fn pretty(message: &Message) -> String {
        format!("{:#}", message.payload())
    }

    #[test]
    fn a_message_says_how_it_ended_and_where_to_look() {
        let messages = [samples::success(), samples::rolled_back()].map(|it| pretty(&of_summary(&it, &surroundings())));
        samples::assert_snapshot("slack_messages", &messages.join("\n"));
    }

    #[test]
    fn a_warning_says_how_to_keep_an_environment() {
        let warning = ExpiryWarning {
            environment: "alpha".to_owned(),
            owner: Some("ada@example.com".to_owned()),
            expires_at: samples::moment(),
            url: Some("https://alpha.dev.example.com".to_owned()),
        };
        samples::assert_snapshot("slack_warning", &pretty(&of_warning(&warning)));
    }

    #[test]
    fn nobody_is_mentioned_by_text_from_elsewhere() {
        for (text, safe) in [
            ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@\u{200b}U1&gt;"),
            ("@everyone", "@\u{200b}everyone"),
            ("a@here", "a@\u{200b}here"),
            ("ada@example.com", "ada@example.com"),
            ("one\ntwo \u{1b}[31mred", "one two red"),
        ] {
            assert_eq!(mrkdwn(text), safe);
        }
    }

    #[test]
    fn long_text_is_cut_and_every_block_is_taken() {
        let mut summary = samples::rolled_back();
        summary.error = Some("<".repeat(10_000));
        summary.left_behind = vec!["&".repeat(10_000); 20];
        let message = of_summary(&summary, &surroundings());
        let payload = message.payload();
        let texts =
            payload["blocks"].as_array().expect("blocks").iter().filter_map(|block| block["text"]["text"].as_str());
        assert!(texts.clone().all(|text| text.chars().count() < 3000), "{payload:#}");
        assert_eq!(texts.filter(|text| text.starts_with("*Left behind:*")).count(), REMAINS);
        assert!(mrkdwn(&"é".repeat(5000)).ends_with('…'));
    }

    #[test]
    fn a_sweep_says_what_it_has_done() {
        let mut summary = Summary::new("sweep");
        summary.result = Some(json!("alpha  destroyed\n`beta`  kept"));
        let text = of_summary(&summary, &Surroundings::default()).text();
        assert_eq!(text, "✓ *sweep* succeeded\n```\nalpha  destroyed\n'beta'  kept\n```");
    }
}

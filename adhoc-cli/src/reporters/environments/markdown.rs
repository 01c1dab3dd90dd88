use adhoc_core::EnvironmentRecord;

use super::words::{dollars, end, remarks, tasks, totals};
use super::{EnvironmentTable, state_cell};
use crate::reporters::github::{code, escaped, table};

/// How long the text may be. A comment on GitHub has at most 65536 characters.
const MAX_BYTES: usize = 60_000;

pub(super) fn table_of(list: &EnvironmentTable) -> String {
    let mut parts = vec![format!("<!-- adhoc list -->\n### {}", escaped(&capitalised(&totals(&list.environments))))];
    let (mut room, mut rows) = (MAX_BYTES, Vec::new());
    for record in &list.environments {
        let row = row(list, record);
        let size = row.iter().map(|cell| cell.len() + " | ".len()).sum();
        match room.checked_sub(size) {
            Some(left) => room = left,
            None => break,
        }
        rows.push(row);
    }
    parts.extend(table(["Environment", "State", "Version", "Owner", "Expires", "Per day", "Remarks"], &rows));
    let left_out = list.environments.len() - rows.len();
    parts.extend(
        (left_out > 0).then(|| format!("**{left_out} more are not listed here**: the list would be too long.")),
    );
    parts.extend(list.unreadable.iter().map(|what| format!("**Could not be read:** {}", escaped(what))));
    parts.push(format!("<sub>As of {}</sub>", list.at.strftime("%Y-%m-%d %H:%M UTC")));
    parts.join("\n\n") + "\n"
}

fn row(list: &EnvironmentTable, record: &EnvironmentRecord) -> [String; 7] {
    let name = match record.url.as_deref().filter(|url| is_link(url)) {
        Some(url) => format!("[{}]({url})", escaped(record.name.as_str())),
        None => escaped(record.name.as_str()),
    };
    let tasks = tasks(record).map_or(String::new(), |tasks| format!(" {tasks}"));
    let versions = record.versions.iter().map(|(name, version)| format!("{} {}", escaped(name), code(version)));
    let date = record.expires_at.map(|at| at.strftime(" (%Y-%m-%d %H:%M UTC)").to_string()).unwrap_or_default();
    [
        name,
        escaped(&format!("{}{tasks}", state_cell(record))),
        versions.collect::<Vec<_>>().join("<br>"),
        escaped(record.owner.as_deref().unwrap_or_default()),
        end(record, list.at).map_or(String::new(), |end| format!("{end}{date}")),
        record.cost_cents_per_day.map(dollars).unwrap_or_default(),
        escaped(&remarks(record).join("; ")),
    ]
}

/// Whether a URL may stand in a link of Markdown as it is.
fn is_link(url: &str) -> bool {
    let http = url.starts_with("https://") || url.starts_with("http://");
    http && !url
        .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '<' | '>' | '|' | '\\'))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn environments_stand_in_a_table() {
        crate::reporters::samples::assert_snapshot("environments_markdown", &table_of(&samples::table()));
    }

    #[test]
    fn what_others_wrote_has_no_meaning() {
        let text = table_of(&samples::hostile());
        assert!(
            !text.contains("<script")
                && !text.contains("javascript:")
                && !text.replace("\\]", "").contains("](http://x"),
            "{text}"
        );
    }

    #[test]
    fn a_list_that_is_too_long_for_a_comment_is_cut_and_says_so() {
        let mut list = samples::table();
        list.environments = std::iter::repeat_n(list.environments[0].clone(), 2000).collect();
        let text = table_of(&list);
        assert!(text.len() < 65_000 && text.contains("more are not listed here"), "{}", text.len());
    }
}

//! One HTML page for those who use the environments: self-contained, readable on a phone, and whole without its script.

use adhoc_core::{EnvironmentRecord, EnvironmentState, Timestamp};

use super::words::{dollars, relative, total_cost};
use super::{EnvironmentTable, tone};
use crate::reporters::style::Tone;
use crate::reporters::text::{count, one_line, safe};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing is loaded from anywhere, whatever the page says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// How many days a month has, for what it costs.
const MONTH: u64 = 30;

/// From how many environments on they can be filtered.
const MANY: usize = 8;

/// How long before its end an environment is marked.
const SOON_HOURS: i64 = 24;

/// The parts of the page: title, what it holds, and the states that belong to it.
const SECTIONS: [(&str, &str, &[EnvironmentState]); 4] = [
    ("In use", "", &[EnvironmentState::Live]),
    ("Asleep", "nothing runs; the data are kept", &[EnvironmentState::Stopped]),
    (
        "Needs attention",
        "something is left over or not finished",
        &[
            EnvironmentState::HalfMade,
            EnvironmentState::GhostWorkspace,
            EnvironmentState::OrphanDatabase,
            EnvironmentState::Unknown,
        ],
    ),
    ("Other", "not made here, or not made yet", &[EnvironmentState::Untracked, EnvironmentState::Configured]),
];

pub(super) fn page(list: &EnvironmentTable) -> String {
    let title = list.project.as_deref().map_or(String::new(), |project| format!("{}: ", escaped(project)));
    let body = [header(list), tiles(list), unread(list), filter(list), sections(list), footer(list)].concat();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}Environments</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{body}<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn header(list: &EnvironmentTable) -> String {
    let project = list.project.as_deref().map_or(String::new(), |project| format!("{} ", escaped(project)));
    let region = list.region.as_deref().map_or(String::new(), |region| format!(" in {}", escaped(region)));
    format!(
        "<header>\n<h1>{project}environments</h1>\n<span class=\"soft\">as of {}{region}</span>\n</header>\n",
        moment(list.at)
    )
}

/// What there is, in numbers.
fn tiles(list: &EnvironmentTable) -> String {
    let of = |states: &[EnvironmentState]| list.environments.iter().filter(|it| states.contains(&it.state)).count();
    let mut tiles = vec![
        (of(SECTIONS[0].2).to_string(), "in use".to_owned()),
        (of(SECTIONS[1].2).to_string(), "asleep".to_owned()),
    ];
    let soon = list.environments.iter().filter(|it| ends_soon(it, list.at)).count();
    tiles.extend((soon > 0).then(|| (soon.to_string(), "expired or ending soon".to_owned())));
    let attention = of(SECTIONS[2].2);
    tiles.extend((attention > 0).then(|| (attention.to_string(), "to look after".to_owned())));
    if let Some(cents) = total_cost(&list.environments) {
        tiles.push((
            dollars(cents),
            format!("per day, about {} a month", dollars(cents * MONTH / 100 * 100).trim_end_matches(".00")),
        ));
    }
    let items = tiles.iter().map(|(number, label)| format!("<li><b>{number}</b><span>{label}</span></li>\n"));
    format!("<ul class=\"tiles\">\n{}</ul>\n", items.collect::<String>())
}

fn ends_soon(record: &EnvironmentRecord, now: Timestamp) -> bool {
    let soon = now.checked_add(jiff::SignedDuration::from_hours(SOON_HOURS)).unwrap_or(now);
    is_there(record) && !is_spared(record) && record.expires_at.is_some_and(|at| at <= soon)
}

fn is_there(record: &EnvironmentRecord) -> bool {
    matches!(record.state, EnvironmentState::Live | EnvironmentState::Stopped)
}

fn is_spared(record: &EnvironmentRecord) -> bool {
    record.protected || record.keep.is_some()
}

fn unread(list: &EnvironmentTable) -> String {
    let lines = list
        .unreadable
        .iter()
        .map(|what| format!("<p class=\"unread\">Could not be read, and is missing here: {}.</p>\n", escaped(what)));
    lines.collect()
}

/// Shown by the script, without which it would do nothing.
fn filter(list: &EnvironmentTable) -> String {
    if list.environments.len() < MANY {
        return String::new();
    }
    "<label class=\"filter\" hidden><input type=\"search\" placeholder=\"Filter by name, owner, version\" \
     aria-label=\"Filter by name, owner, version\" autocomplete=\"off\"></label>\n"
        .to_owned()
}

fn sections(list: &EnvironmentTable) -> String {
    if list.environments.is_empty() {
        return "<p>No environments.</p>\n".to_owned();
    }
    let parts = SECTIONS.iter().map(|(title, hint, states)| {
        let records: Vec<_> = list.environments.iter().filter(|it| states.contains(&it.state)).collect();
        if records.is_empty() { String::new() } else { section(list, title, hint, &records) }
    });
    parts.collect()
}

fn section(list: &EnvironmentTable, title: &str, hint: &str, records: &[&EnvironmentRecord]) -> String {
    let costs = list.environments.iter().any(|record| record.cost_cents_per_day.is_some());
    let hint = if hint.is_empty() { String::new() } else { format!("<small>{hint}</small>") };
    let money = if costs { "<th scope=\"col\" class=\"money\">Per day</th>" } else { "" };
    let rows: String = records.iter().map(|record| row(list, record, costs)).collect();
    format!(
        "<section>\n<h2>{title}{hint}</h2>\n<table>\n<thead><tr><th scope=\"col\">Environment</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Version</th><th scope=\"col\">Owner</th>\
         <th scope=\"col\">Ends</th>{money}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n"
    )
}

fn row(list: &EnvironmentTable, record: &EnvironmentRecord, costs: bool) -> String {
    let owner = record.owner.as_deref().map(escaped).unwrap_or_default();
    let cost = record.cost_cents_per_day.map(dollars).unwrap_or_default();
    let money = if costs { format!("<td class=\"money\" data-label=\"Per day\">{cost}</td>") } else { String::new() };
    format!(
        "<tr><th scope=\"row\">{}</th><td data-label=\"State\">{}</td><td data-label=\"Version\">{}</td>\
         <td class=\"owner\" data-label=\"Owner\">{owner}</td><td data-label=\"Ends\">{}</td>{money}</tr>\n",
        name(record, list.at),
        state(record),
        versions(record),
        end(record, list.at),
    )
}

/// The name, with a link, since when it is there, and what is worth knowing.
fn name(record: &EnvironmentRecord, now: Timestamp) -> String {
    let name = escaped(record.name.as_str());
    let url = record.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let mut text = match url.filter(|_| is_there(record)) {
        Some(url) => format!("<b class=\"name\"><a href=\"{}\" rel=\"noreferrer\">{name}</a></b>", escaped(url)),
        None => format!("<b class=\"name\">{name}</b>"),
    };
    if let Some(at) = record.created_at {
        text.push_str(&format!("<small class=\"soft\">made {}</small>", relative_time(at, now)));
    }
    text.push_str(
        &record.notes.iter().map(|note| format!("<span class=\"note\">{}</span>", escaped(note))).collect::<String>(),
    );
    text
}

fn state(record: &EnvironmentRecord) -> String {
    let class = match tone(record) {
        Tone::Good => "good",
        Tone::Idle => "idle",
        Tone::Doubtful => "doubt",
        Tone::Bad => "bad",
    };
    let words = match (record.state, record.services) {
        (EnvironmentState::Live, Some(counts)) if counts.running == 0 => "down",
        (EnvironmentState::Live, Some(counts)) if counts.running < counts.desired => "partly up",
        (EnvironmentState::Live, _) => "up",
        (EnvironmentState::Stopped, _) => "asleep",
        (EnvironmentState::GhostWorkspace, _) => "left-over workspace",
        (EnvironmentState::OrphanDatabase, _) => "left-over database",
        (EnvironmentState::Untracked, _) => "not made here",
        (EnvironmentState::Configured, _) => "not made yet",
        (other, _) => other.words(),
    };
    format!("<span class=\"badge {class}\">{words}</span>")
}

fn versions(record: &EnvironmentRecord) -> String {
    let of = |(name, version): (&String, &String)| {
        format!("<dt>{}</dt><dd><code>{}</code></dd>", escaped(name), escaped(version))
    };
    let all: String = record.versions.iter().map(of).collect();
    if all.is_empty() { all } else { format!("<dl>{all}</dl>") }
}

/// When it ends, relative to now and absolute; or why it does not.
fn end(record: &EnvironmentRecord, now: Timestamp) -> String {
    let why = match (record.protected, &record.keep) {
        (true, _) => Some("protected".to_owned()),
        (false, Some(reason)) => Some(format!("kept: {}", escaped(reason))),
        (false, None) => None,
    };
    if let Some(why) = why {
        return format!("<span>does not end<span class=\"keep\">{why}</span></span>");
    }
    match record.expires_at {
        Some(at) => {
            let (class, verb) = if at <= now {
                (" class=\"over\"", "expired ")
            } else if ends_soon(record, now) {
                (" class=\"soon\"", "")
            } else {
                ("", "")
            };
            format!(
                "<span><span{class}>{verb}{}</span><br><small class=\"soft\">{}</small></span>",
                relative_time(at, now),
                moment(at)
            )
        }
        None if record.tracked => "<span class=\"soft\">no end</span>".to_owned(),
        None => String::new(),
    }
}

fn footer(list: &EnvironmentTable) -> String {
    let number = count(list.environments.len(), "environment");
    format!(
        "<footer>{number}. <code>adhoc extend NAME</code> gives one longer, <code>adhoc start NAME</code> wakes one, \
         <code>adhoc sweep</code> says what goes next.</footer>\n"
    )
}

/// A moment as a time that a script can keep true.
fn relative_time(at: Timestamp, now: Timestamp) -> String {
    format!("<time datetime=\"{at}\" title=\"{}\" data-relative>{}</time>", minute(at), relative(at, now))
}

fn moment(at: Timestamp) -> String {
    format!("<time datetime=\"{at}\">{}</time>", minute(at))
}

fn minute(at: Timestamp) -> String {
    at.strftime("%a %-d %b %Y, %H:%M UTC").to_string()
}

/// Text from elsewhere, on one line, without meaning to HTML, in an attribute either.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(&safe(text, false)).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_page_is_as_it_was_looked_at() {
        let page = page(&samples::table());
        // The style and the script are files of their own.
        let page = page.replace(STYLE, "").replace(SCRIPT, "");
        crate::reporters::samples::assert_snapshot("environments_page", &page);
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&samples::table());
        for loading in ["src=", "@import", "url(", "<link", "fetch(", "<iframe"] {
            assert!(!page.contains(loading), "{loading}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn what_others_wrote_is_text() {
        let page = page(&samples::hostile());
        assert_eq!(page.matches("<script").count(), 1, "our own");
        for evil in ["<img", "javascript:", "\u{1b}"] {
            assert!(!page.contains(evil), "{evil}");
        }
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
    }

    #[test]
    fn a_short_list_has_no_filter() {
        let mut table = samples::table();
        table.environments.truncate(3);
        assert!(!page(&table).contains("class=\"filter\""));
        assert!(page(&samples::table()).contains("class=\"filter\""));
    }
}

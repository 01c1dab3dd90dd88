//! What is written about the program is true: every command that stands somewhere is accepted by the command line, every
//! `adhoc.toml` is valid, every link leads somewhere.
//!
//! A command in capitals is a placeholder (`adhoc update COMPONENT ENV`), `[...]` may be left out, `a|b` is one of two, and `...`
//! something that is not said. In running text the beginning of a command is enough. A block whose commands fail on purpose
//! is marked: the word `fails` after the language of the fence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Cli;
use crate::config::Config;

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Where, such as `README.md:12`.
    place: String,
    text: String,
    /// Whether the beginning of a command is enough.
    is_prose: bool,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The files of the project with this extension, by their paths in it.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").map(|entry| entry.expect("an entry")) {
            let (path, name) = (entry.path(), entry.file_name());
            let is_foreign =
                ["target", "node_modules", ".git", ".terraform", ".adhoc", "cdk.out"].iter().any(|it| name == *it);
            if entry.file_type().expect("a type").is_dir() {
                folders.extend((!is_foreign).then_some(path));
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path.strip_prefix(root()).expect("inside").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).expect("readable")
}

// ---------------------------------------------------------------------------------------------------------------------
// Markdown

/// A fenced block.
struct Block {
    line: usize,
    /// What follows the fence, such as `console fails`.
    info: String,
    lines: Vec<String>,
}

/// The fenced blocks, and the text with a blank line instead of each.
fn split(markdown: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose, mut open) = (Vec::new(), String::new(), None::<Block>);
    for (index, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some(Block { line: index + 1, info: info.to_owned(), lines: Vec::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
                continue;
            }
        }
        prose.push('\n');
    }
    (blocks, prose)
}

/// The commands in a block: what follows a prompt; in a block without a prompt, the lines that begin with `adhoc `.
fn commands_of_block(file: &str, block: &Block) -> Vec<Piece> {
    let has_prompt = block.lines.iter().any(|line| line.trim_start().starts_with("$ "));
    let (mut found, mut begun) = (Vec::new(), None::<(usize, String)>);
    for (index, line) in block.lines.iter().enumerate() {
        let trimmed = line.trim();
        let (at, text) = match begun.take() {
            Some((at, text)) => (at, format!("{text} {trimmed}")),
            None if has_prompt => match trimmed.strip_prefix("$ ") {
                Some(command) => (index, command.to_owned()),
                None => continue,
            },
            None => (index, trimmed.to_owned()),
        };
        match text.strip_suffix('\\') {
            Some(open) => begun = Some((at, open.trim_end().to_owned())),
            None => found.extend(commands_of_line(&text).into_iter().map(|text| Piece {
                place: format!("{file}:{}", block.line + at + 1),
                text,
                is_prose: false,
            })),
        }
    }
    found
}

/// Our commands in a line for a shell, without what is ours no more: pipes, redirections, comments.
fn commands_of_line(line: &str) -> Vec<String> {
    const RUN: &str = "cargo run -p adhoc-cli -- ";
    let Some(words) = shlex::split(line) else { return Vec::new() };
    let is_operator = |word: &String| matches!(word.as_str(), "|" | "||" | "&&" | ";" | "&");
    words
        .split(is_operator)
        .filter_map(|words| {
            let redirected = |word: &&String| word.starts_with(['>', '<']) || word.starts_with("2>");
            let words: Vec<&String> = words.iter().take_while(|word| !redirected(word)).collect();
            let line = shlex::try_join(words.iter().map(|word| word.as_str())).ok()?;
            let line = line.strip_prefix(RUN).map(|rest| format!("adhoc {rest}")).unwrap_or(line);
            line.starts_with("adhoc ").then_some(line)
        })
        .collect()
}

/// The code spans of running text that begin with `adhoc `. A span ends within its paragraph, but not always within its line.
fn commands_of_prose(file: &str, prose: &str) -> Vec<Piece> {
    let (mut found, mut line) = (Vec::new(), 1);
    for paragraph in prose.split("\n\n") {
        for (index, span) in paragraph.split('`').enumerate() {
            if index % 2 == 1 && span.starts_with("adhoc ") {
                let text = span.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\|", "|");
                found.push(Piece { place: format!("{file}:{line}"), text, is_prose: true });
            }
            line += span.matches('\n').count();
        }
        line += 2;
    }
    found
}

fn commands_of_markdown(file: &str, markdown: &str) -> Vec<Piece> {
    let (blocks, prose) = split(markdown);
    let blocks = blocks.iter().filter(|block| !block.info.split_whitespace().any(|word| word == "fails"));
    let found = blocks.flat_map(|block| match block.info.as_str() {
        "yaml" => commands_of_workflow(&format!("{file}, workflow at line {}", block.line), &block.lines.join("\n")),
        _ => commands_of_block(file, block),
    });
    found.chain(commands_of_prose(file, &prose)).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// Workflows

/// The commands in a workflow: lines that begin with `adhoc `, also after `run:`, and what follows `run:` of our own action,
/// which is the command's words.
fn commands_of_workflow(file: &str, yaml: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut is_ours = false;
    for (index, line) in yaml.lines().enumerate() {
        is_ours &= !line.trim_start().starts_with("- ");
        let text = line.trim().trim_start_matches("- ");
        if let Some(uses) = text.strip_prefix("uses:") {
            is_ours = uses.trim().starts_with("./") || uses.contains("/adhoc@");
        }
        let run = text.strip_prefix("run:").map(|run| run.trim().trim_matches(['\'', '"']));
        let command = match run {
            Some(words) if is_ours && !words.is_empty() && !words.starts_with(['|', '>']) => format!("adhoc {words}"),
            Some(words) => words.to_owned(),
            None => text.to_owned(),
        };
        let commands = commands_of_line(&without_expressions(&command)).into_iter();
        found.extend(commands.map(|text| Piece { place: format!("{file}:{}", index + 1), text, is_prose: false }));
    }
    found
}

/// With values for `${{ inputs.environment }}`, `$ENVIRONMENT` and `${ENVIRONMENT}`.
fn without_expressions(line: &str) -> String {
    let mut text = line.to_owned();
    while let Some((before, rest)) = text.clone().split_once("${{") {
        let (expression, after) = rest.split_once("}}").unwrap_or((rest, ""));
        let name = expression.trim().rsplit(['.', ' ']).next().unwrap_or_default().to_uppercase();
        text = format!("{before}{}{after}", sample(&name));
    }
    while let Some((before, rest)) = text.clone().split_once('$') {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if let Some(after) = after.strip_prefix("[@]}") {
            text = format!("{before}...{after}");
            continue;
        }
        text = format!("{before}{}{}", sample(name), after.strip_prefix('}').unwrap_or(after));
    }
    text
}

// ---------------------------------------------------------------------------------------------------------------------
// Placeholders

/// The commands that a synopsis stands for, as words.
fn variants(synopsis: &str) -> Vec<Vec<String>> {
    let with = synopsis.replace(['[', ']'], "");
    let mut without = String::new();
    let mut depth = 0_u32;
    for c in synopsis.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => without.push(c),
            _ => {}
        }
    }
    let lines: BTreeSet<String> = [with, without].into();
    lines.iter().flat_map(|line| alternatives(line)).collect()
}

fn alternatives(line: &str) -> Vec<Vec<String>> {
    let Some(words) = shlex::split(line) else { return Vec::new() };
    words.iter().fold(vec![Vec::new()], |lines, word| {
        let choices: Vec<String> = match word.as_str() {
            "..." => return lines,
            word if word.contains(' ') => vec![word.to_owned()],
            word => word.split('|').map(sample).collect(),
        };
        lines
            .iter()
            .flat_map(|line| {
                choices
                    .iter()
                    .map(|choice| line.iter().chain([choice]).cloned().collect::<Vec<String>>())
                    .collect::<Vec<_>>()
            })
            .collect()
    })
}

/// A value for a placeholder; other words as they are.
fn sample(word: &str) -> String {
    let name = word.strip_suffix("...").unwrap_or(word);
    let is_placeholder = |name: &str| {
        name.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '_' | '-'))
            && name.starts_with(|c: char| c.is_ascii_uppercase())
    };
    let parts: Vec<String> = name
        .split('=')
        .map(|part| match part {
            "TTL" | "DURATION" | "TIMEOUT" | "AGE" => "5d".to_owned(),
            "N" | "PORT" | "REVISION" | "NUMBER" | "COUNT" | "LIMIT" => "1".to_owned(),
            "COMMAND" => "update".to_owned(),
            "SHELL" => "bash".to_owned(),
            "FORMAT" => "json".to_owned(),
            part if is_placeholder(part) => part.to_lowercase().replace('_', "-"),
            part => part.to_owned(),
        })
        .collect();
    parts.join("=")
}

/// What is wrong with a command.
fn fault(words: &[String], is_prose: bool) -> Option<String> {
    let error = Cli::try_parse_from(words).err()?;
    let is_begun = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let words = error.render().to_string();
    let is_begun = is_begun || words.contains("a value is required");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        _ if is_begun && is_prose => None,
        _ => Some(words.lines().next().unwrap_or_default().to_owned()),
    }
}

fn faults(pieces: &[Piece]) -> Vec<String> {
    let fault_of = |piece: &Piece| {
        let is_begun = piece.is_prose || piece.text.split(' ').any(|word| word == "...");
        let fault = variants(&piece.text).iter().find_map(|words| fault(words, is_begun));
        fault.map(|fault| format!("{}: `{}`: {fault}", piece.place, piece.text))
    };
    pieces.iter().filter_map(fault_of).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// The tests

fn markdown() -> Vec<(String, String)> {
    files("md").iter().map(|path| (path.display().to_string(), read(path))).collect()
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn commands_in_documents_are_accepted() {
    let pieces: Vec<Piece> = markdown().iter().flat_map(|(file, text)| commands_of_markdown(file, text)).collect();
    assert!(pieces.len() > 100, "only {} commands were found", pieces.len());
    assert_none(&faults(&pieces));
}

#[test]
fn commands_in_workflows_are_accepted() {
    let files = files("yml").into_iter().chain(files("yaml"));
    let pieces: Vec<Piece> =
        files.flat_map(|path| commands_of_workflow(&path.display().to_string(), &read(&path))).collect();
    assert_none(&faults(&pieces));
}

#[test]
fn commands_in_helps_are_accepted() {
    fn collect(command: &clap::Command, pieces: &mut Vec<Piece>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().flat_map(|line| commands_of_line(line.trim()));
        let place = format!("the help of {}", command.get_name());
        pieces.extend(lines.map(|text| Piece { place: place.clone(), text, is_prose: false }));
        pieces.extend(commands_of_prose(&place, &help));
        command.get_subcommands().for_each(|below| collect(below, pieces));
    }
    let mut pieces = Vec::new();
    collect(&Cli::command(), &mut pieces);
    assert!(pieces.len() > 20, "only {} commands were found", pieces.len());
    assert_none(&faults(&pieces));
}

#[test]
fn commands_in_messages_and_comments_are_accepted() {
    let mut pieces = Vec::new();
    // These hold wrong ones on purpose.
    let is_wrong = |path: &PathBuf| path.ends_with("args/documented.rs") || path.ends_with("failure/tests.rs");
    for path in files("rs").into_iter().filter(|path| !is_wrong(path)) {
        for (index, line) in read(&path).lines().enumerate() {
            let is_command = |span: &str| span.starts_with("adhoc ") && !span.starts_with("adhoc {");
            let spans = line.split('`').enumerate().filter(|(at, span)| at % 2 == 1 && is_command(span));
            for (_, span) in spans {
                // What a message fills in is a placeholder, too.
                let text: String = span.replace("{{", "").replace("}}", "").replace("\\\"", "\"");
                let text =
                    text.split(' ').map(|word| if word.contains('{') { "ENV" } else { word }).collect::<Vec<_>>();
                let place = format!("{}:{}", path.display(), index + 1);
                pieces.push(Piece { place, text: text.join(" "), is_prose: true });
            }
        }
    }
    assert!(pieces.len() > 50, "only {} commands were found", pieces.len());
    assert_none(&faults(&pieces));
}

#[test]
fn configurations_in_documents_are_valid() {
    const TABLES: &[&str] = &[
        "project",
        "names",
        "components",
        "database",
        "terraform",
        "lifecycle",
        "health",
        "notifications",
        "maintenance",
        "cost",
        "environments",
    ];
    let is_ours = |block: &&Block| {
        let first = block.lines.iter().map(|line| line.trim()).find(|line| !line.is_empty() && !line.starts_with('#'));
        let table = first.and_then(|line| line.strip_prefix('[')).and_then(|line| line.split([']', '.']).next());
        table.is_some_and(|table| TABLES.contains(&table))
    };
    let (mut found, mut faults) = (0, Vec::new());
    for (file, text) in markdown() {
        for block in split(&text).0.iter().filter(|block| block.info == "toml").filter(is_ours) {
            found += 1;
            let text = block.lines.join("\n");
            // A table of a table can be shown without the rest of it.
            let rest = if text.contains("[database]") { "" } else { "[database]\nssl_root_cert = 'ca.pem'\n" };
            let text = if text.contains("[database.") { format!("{rest}{text}") } else { text };
            let parsed = Config::parse(&text, Path::new("adhoc.toml"));
            faults.extend(parsed.err().map(|error| format!("{file}:{}: {error}", block.line)));
        }
    }
    assert!(found > 3, "only {found} were found");
    assert_none(&faults);
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for (file, text) in markdown() {
        for target in links(&split(&text).1) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&file).parent().expect("a file is in a folder");
            let place = if path.is_empty() { PathBuf::from(&file) } else { folder.join(path) };
            if !root().join(&place).exists() {
                faults.push(format!("{file}: {target} is not there"));
            } else if !anchor.is_empty() && !anchors(&read(&place)).contains(anchor) {
                faults.push(format!("{file}: {target} has no such heading"));
            }
        }
    }
    assert_none(&faults);
}

/// The targets of links within the project.
fn links(prose: &str) -> Vec<String> {
    let targets =
        prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors that GitHub gives to headings.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose = split(markdown).1;
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn a_wrong_command_is_found_wherever_it_stands() {
    let document = "Say `adhoc updat` or `adhoc db create\nalpha --ttl never`.\n\n\
                    ```console\n$ adhoc status alpha --nope | cat   # why not\noutput of `adhoc x`\n$ pg_dump app | adhoc db restore \\\n    alpha - --cleen\n```\n\n\
                    ```console fails\n$ adhoc nothing\n```\n\n`adhoc db`, `adhoc update --tag`, `adhoc create\\|plan ENV [--flag]`";
    let faults = faults(&commands_of_markdown("x.md", document));
    let places: Vec<&str> = faults.iter().map(|fault| fault.split(": ").next().expect("a place")).collect();
    assert_eq!(places, ["x.md:5", "x.md:7", "x.md:1", "x.md:1", "x.md:15"], "{faults:#?}");

    let workflow = "- run: adhoc create \"$ENVIRONMENT\" --ttl ${{ inputs.ttl }} --badly\n\
                    - uses: ./\n  with:\n    run: destory ${{ inputs.environment }} --yes\n";
    let faults = self::faults(&commands_of_workflow("x.yml", workflow));
    assert_eq!(faults.len(), 2, "{faults:#?}");
}

#[test]
fn placeholders_stand_for_commands() {
    let lines = |synopsis: &str| variants(synopsis).iter().map(|words| words.join(" ")).collect::<Vec<_>>();
    assert_eq!(lines("adhoc run TASK ENV [-- COMMAND...]"), ["adhoc run task env", "adhoc run task env -- update"]);
    assert_eq!(lines("adhoc create|plan ENV"), ["adhoc create env", "adhoc plan env"]);
    assert_eq!(lines("adhoc create alpha --set KEY=VALUE ..."), ["adhoc create alpha --set key=value"]);
}

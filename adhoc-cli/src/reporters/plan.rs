//! What is about to be done, as one aligned list.

use adhoc_core::{Plan, PlannedService, PlannedTaskDefinition};

use super::style::Style;
use super::text::{columns, count, image_change, revision_of, safe};

/// The plan: a heading, one row per action, and in a dry run every field that would change.
pub(crate) fn lines(plan: &Plan, style: Style) -> Vec<String> {
    let mut lines = vec![style.bold(&heading(plan))];
    lines.extend(rows(plan).into_iter().map(|row| paint(&row, style)));
    if plan.dry_run {
        plan.task_definitions.iter().for_each(|definition| lines.extend(changes(definition, style)));
    }
    lines
}

fn heading(plan: &Plan) -> String {
    let what = plan.component.as_ref().map_or(String::new(), |component| format!(" {component}"));
    let dry = if plan.dry_run { " (dry run)" } else { "" };
    format!("{}{what} in {}{dry}", plan.command, plan.environment)
}

fn rows(plan: &Plan) -> Vec<String> {
    let row = |verb: &str, name: &str, revision: String, detail: String| {
        vec![verb.to_owned(), name.to_owned(), revision, detail]
    };
    let mut rows = Vec::new();
    for what in &plan.preparations {
        rows.push(row("ensure", what, String::new(), String::new()));
    }
    for definition in &plan.task_definitions {
        let from = revision_of(&definition.from, &definition.family);
        let (verb, revision) = match &definition.to {
            None => ("register", format!("{from} → new")),
            Some(to) if *to == definition.from => ("reuse", from.to_owned()),
            Some(to) => ("put back", format!("{from} → {}", revision_of(to, &definition.family))),
        };
        rows.push(row(verb, &definition.family, revision, image_change(&definition.image_from, &definition.image)));
    }
    for task in &plan.tasks {
        rows.push(row("run", &task.family, String::new(), String::new()));
    }
    for service in &plan.services {
        let from = format!("from {}", revision_of(&service.from, &service.service));
        rows.push(row("roll", &service.service, from, tasks(service)));
    }
    columns("  ", &rows)
}

fn tasks(service: &PlannedService) -> String {
    let number = |number: u32| count(usize::try_from(number).unwrap_or(usize::MAX), "task");
    match service.set_desired_count {
        Some(wanted) if service.desired_count == 0 => format!("starts {}", number(wanted)),
        Some(wanted) if wanted != service.desired_count => format!("{} → {}", service.desired_count, number(wanted)),
        _ => format!("keeps {}", number(service.desired_count)),
    }
}

fn paint(row: &str, style: Style) -> String {
    let verbs = ["register", "put back", "reuse", "ensure", "run", "roll"];
    let verb = verbs.into_iter().find(|verb| row.trim_start().starts_with(verb));
    verb.map_or_else(
        || row.to_owned(),
        |verb| row.replacen(verb, &if verb == "reuse" { style.dim(verb) } else { style.cyan(verb) }, 1),
    )
}

fn changes(definition: &PlannedTaskDefinition, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if !definition.changes.is_empty() {
        lines.push(String::new());
        lines.push(style.bold(&format!("what differs from {}", definition.from)));
    }
    for change in &definition.changes {
        lines.push(format!("  {}", safe(&change.path, false)));
        lines.push(style.red(&format!("    - {}", safe(&change.from, false))));
        lines.push(style.green(&format!("    + {}", safe(&change.to, false))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    #[test]
    fn a_rollback_puts_images_back() {
        let mut plan = Plan { command: "rollback".to_owned(), tasks: Vec::new(), ..samples::plan() };
        plan.preparations.clear();
        plan.task_definitions.retain(|definition| definition.register);
        for definition in &mut plan.task_definitions {
            definition.register = false;
            definition.from = format!("{}:2", definition.family);
            definition.to = Some(format!("{}:1", definition.family));
            std::mem::swap(&mut definition.image_from, &mut definition.image);
        }
        samples::assert_snapshot("plan_rollback", &lines(&plan, Style::PLAIN).join("\n"));
    }

    #[test]
    fn a_dry_run_shows_every_change() {
        let plan = Plan { dry_run: true, ..samples::plan() };
        samples::assert_snapshot("plan_dry_run", &lines(&plan, Style::PLAIN).join("\n"));
    }
}

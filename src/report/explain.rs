//! What is known of one resource, for people and for programs.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::SignedDuration;
use serde_json::Value;

use super::headline::{Mood, headline, place};
use super::history::time;
use super::paper::{folded, paint};
use super::problems::{self, Look};
use super::text::shown;
use super::voice::done;
use super::{escape, json as as_json};
use crate::model::address::{Address, OwnerKind};
use crate::model::explain::{Explanation, FieldWords, Next, Standing, verdict_of, words};
use crate::model::history::Event;
use crate::model::json::{Json, object};
use crate::model::manifest::{Lifecycle, OnDrift};
use crate::model::pass::{FailureNote, HeldNote, Pass};
use crate::model::plan::{Action, FieldChange};
use crate::model::planner::{Adopt, FieldView};

/// An explanation with what surrounds it.
#[derive(Debug)]
pub struct Explained {
    /// What follows from files, state and platform.
    pub resource: Explanation,
    /// Whether the platform was asked.
    pub refreshed: bool,
    /// Whether the daemon writes at all.
    pub enforces: bool,
    /// How long the daemon waits before it deletes.
    pub delete_grace: Duration,
    /// What was changed about it, newest first.
    pub history: Vec<Event>,
    /// The last pass that was made.
    pub last_pass: Option<Pass>,
}

impl Explained {
    fn held(&self) -> Option<&HeldNote> {
        let found = self.last_pass.as_ref()?.result.as_ref().ok()?;
        let address = self.resource.address.to_string();
        found.held.iter().find(|note| note.address == address)
    }

    fn failure(&self) -> Option<&FailureNote> {
        let found = self.last_pass.as_ref()?.result.as_ref().ok()?;
        let address = self.resource.address.to_string();
        found.failures.iter().find(|note| note.address == address)
    }
}

/// Writes it for people.
///
/// # Errors
///
/// Those of `out`.
pub fn write(explained: &Explained, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let resource = &explained.resource;
    let address = resource.address.to_string();
    let first = format!("{} {}", paint(&escape(&address), Style::new().bold(), look), sentence(resource));
    writeln!(out, "{}", folded(&first, "", "    ", look))?;
    let lines = standing_lines(explained);
    write_pairs(&lines, look, out)?;
    if let Some(compared) = &resource.compared
        && !(compared.fields.is_empty() && resource.moved.is_empty())
    {
        write_heading("Fields", look, out)?;
        let width = compared.fields.iter().map(|field| field.path.len()).max().unwrap_or_default();
        for field in &compared.fields {
            write_field(field, words(field, &resource.next), width, look, out)?;
        }
        resource.moved.iter().try_for_each(|field| write_moved(field, width, look, out))?;
    }
    write_heading("Next pass", look, out)?;
    for line in next_lines(explained) {
        writeln!(out, "{}", folded(&line, "    ", "    ", look))?;
    }
    write_heading("Settings that count here", look, out)?;
    write_pairs(&setting_lines(explained), look, out)?;
    let found = resource.references();
    if !found.is_empty() {
        write_heading("References", look, out)?;
        let lines: Vec<_> = found.iter().map(|(kind, (written, id))| (*kind, format!("{written} = {id}"))).collect();
        write_pairs(&lines, look, out)?;
    }
    write_history(explained, look, out)?;
    if !resource.problems.is_empty() {
        writeln!(out)?;
    }
    problems::write(&resource.problems, look, out)
}

/// What is so, behind the address.
fn sentence(resource: &Explanation) -> String {
    match (&resource.next, resource.standing) {
        (Next::Change(change, _), _) => headline(change, Mood::Will),
        (Next::InSync, _) => "is in sync".to_owned(),
        (Next::Forget, _) => "is neither declared nor live any more".to_owned(),
        (Next::InError, Standing::Broken) => "is declared by a file that is in error".to_owned(),
        (Next::InError, Standing::Disputed) => "takes no part: its declaration is in error".to_owned(),
        (Next::InError, _) => "cannot be compared".to_owned(),
        (Next::Nothing, _) => "is unmanaged: it is live, and no file declares it".to_owned(),
    }
}

fn standing_lines(explained: &Explained) -> Vec<(&'static str, String)> {
    let resource = &explained.resource;
    let declared = resource.source.as_ref().map_or_else(|| "no".to_owned(), place);
    let recorded = match &resource.recorded {
        None => "no: versync has neither made nor adopted it".to_owned(),
        Some(record) => {
            let name =
                if record.address == resource.address { String::new() } else { format!(" as {}", record.address) };
            format!("as applied from {}{}", place(&record.source), escape(&name))
        }
    };
    let template = resource.compared.as_ref().and_then(|compared| compared.template_id.as_deref());
    let id = template.map(|id| format!(", template {}", escape(id))).unwrap_or_default();
    let live = match resource.compared.as_ref().and_then(|compared| compared.is_live) {
        _ if !explained.refreshed => "not asked (--no-refresh): taken to be as recorded".to_owned(),
        Some(true) => format!("yes{id}"),
        Some(false) => "no".to_owned(),
        None => "not known".to_owned(),
    };
    vec![("declared", declared), ("recorded", recorded), ("live", live)]
}

fn write_field(field: &FieldView, words: FieldWords, width: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (sign, color) = if words.differs { ("~", AnsiColor::Yellow) } else { ("=", AnsiColor::Green) };
    let sign = paint(sign, color.on_default(), look);
    let FieldWords { verdict, reason, .. } = words;
    let plain = match verdict {
        "in sync" if !field.sensitive => field.declared.as_ref(),
        "not ours" => field.observed.as_ref(),
        _ => None,
    };
    // In the JSON it is what it was called first.
    let verdict = if verdict == "not ours" { "not declared" } else { verdict };
    if let Some(value) = plain {
        let value = shown(value);
        let line = format!("    {sign} {:width$}  {verdict}: {value}", field.path);
        return writeln!(out, "{}", folded(&line, "", "        ", look));
    }
    let line = format!("    {sign} {:width$}  {verdict}: {reason}", field.path);
    writeln!(out, "{}", folded(&line, "", "        ", look))?;
    if field.sensitive {
        return Ok(());
    }
    let values = [("declared", &field.declared), ("recorded", &field.recorded), ("live", &field.observed)];
    for (what, value) in values {
        let value = value.as_ref().map_or_else(|| "-".to_owned(), shown);
        writeln!(out, "{}", folded(&format!("{what:8}  {value}"), "          ", "                    ", look))?;
    }
    Ok(())
}

fn write_moved(field: &FieldChange, width: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let sign = paint("~", AnsiColor::Yellow.on_default(), look);
    let values = format!("{} → {}", shown(&field.before), shown(&field.after));
    let line = format!("    {sign} {:width$}  {}: {values}", field.path, verdict_of(field.cause));
    writeln!(out, "{}", folded(&line, "", "        ", look))
}

/// What the next pass does and why, and the way out of what keeps it from that.
fn next_lines(explained: &Explained) -> Vec<String> {
    let resource = &explained.resource;
    let mut lines = Vec::new();
    match &resource.next {
        Next::InSync => lines.push("nothing is to be done".to_owned()),
        Next::Nothing => lines.push(format!(
            "nothing: it is left alone. Declare it to take it over, or write its manifest: `versync import {} --out DIR`",
            escape(&import_of(&resource.address))
        )),
        Next::Forget => lines.push("it is forgotten".to_owned()),
        Next::InError => lines.push(
            "nothing is done about it, and nothing at all is deleted, until what is in error below is mended"
                .to_owned(),
        ),
        Next::Change(change, approve) => {
            lines.push(match (change.action, &change.held) {
                (Action::None, Some(held)) => format!("nothing: {}", escape(&held.reason)),
                (action, Some(held)) => format!("it is not {}: {}", done(action), escape(&held.reason)),
                (action, None) => match change.protection() {
                    Some(true) => "it is protected from being deleted".to_owned(),
                    Some(false) => "it is no longer protected from being deleted".to_owned(),
                    None => format!("it is {}", done(action)),
                },
            });
            lines.extend(
                approve.as_ref().map(|hash| format!("`versync approve {hash}` approves it, and what is held with it")),
            );
            if change.action == Action::Delete && change.held.is_none() {
                lines.push(grace(explained));
            }
        }
    }
    if !explained.enforces {
        lines.push("the daemon writes nothing: sync.mode is \"observe\"".to_owned());
    }
    lines.extend(resource.begun.map(|missed| {
        let then = if missed { ", and a pass has looked for it in vain since" } else { "" };
        format!("a create of it was begun of which no outcome is known{then}")
    }));
    lines.extend(last_pass(explained));
    lines
}

/// When the daemon does a delete that nothing holds.
fn grace(explained: &Explained) -> String {
    let grace = explained.delete_grace;
    let rule = format!("the daemon waits until it has been gone from the files for {grace:?} (sync.delete_grace)");
    // What the daemon has held is waiting already.
    let seen = explained.held().filter(|note| note.action == Action::Delete).map(|note| note.since);
    let due = seen.and_then(|seen| seen.checked_add(SignedDuration::try_from(grace).ok()?).ok());
    due.map_or_else(|| rule.clone(), |due| format!("{rule}: it is due at {}", time(due)))
}

/// What the last pass did about it, where that is still so.
fn last_pass(explained: &Explained) -> Option<String> {
    let (pass, Next::Change(change, _)) = (explained.last_pass.as_ref()?, &explained.resource.next) else {
        return None;
    };
    let which = format!("the last pass (`versync {}`, {})", escape(&pass.command), time(pass.ended_at));
    if let (Some(held), Some(note)) = (&change.held, explained.held()) {
        let what = if note.action == Action::None { "reported" } else { "held" };
        let why = if held.reason == note.reason { "for the same reason" } else { "for another reason" };
        let still = format!("{which} {what} it too, {why}; it has been {what} since {}", time(note.since));
        return (note.action == change.action).then_some(still);
    }
    let note = explained.failure().filter(|_| change.action != Action::None)?;
    Some(format!("{which} could not apply it: {}", escape(&note.error)))
}

/// The flags that import what a resource belongs to.
fn import_of(address: &Address) -> String {
    match address {
        Address::ConnectionTemplate { project, environment, .. } => {
            format!("--project {project:?} --environment {environment:?}")
        }
        Address::AuthSchemeConfig { kind: OwnerKind::System, owner, .. } => format!("--system {owner:?}"),
        Address::AuthSchemeConfig { kind: OwnerKind::Connector, owner, .. } => format!("--connector {owner}"),
    }
}

fn setting_lines(explained: &Explained) -> Vec<(&'static str, String)> {
    let resource = &explained.resource;
    let lifecycle = resource.lifecycle.as_ref();
    let own = lifecycle.is_some_and(|lifecycle| lifecycle.on_drift.is_some());
    let mut lines = vec![
        (
            "on_drift",
            format!("{:?} ({})", on_drift(resource.on_drift), if own { "lifecycle" } else { "sync.on_drift" }),
        ),
        ("adopt", format!("{:?}", adopt(resource.adopt))),
        ("prune", resource.prune.to_string()),
    ];
    let declared = lifecycle.is_some_and(Lifecycle::prevents_delete);
    let recorded = resource.recorded.as_ref().is_some_and(|record| record.prevent_delete);
    match (declared, recorded) {
        (true, true) => lines.push(("prevent_delete", "true".to_owned())),
        (true, false) => lines.push(("prevent_delete", "true, once it is applied".to_owned())),
        (false, true) => lines.push(("prevent_delete", "true, as it was declared last".to_owned())),
        (false, false) => {}
    }
    if let Some(lifecycle) = lifecycle {
        if !lifecycle.ignore.is_empty() {
            lines.push(("ignore", lifecycle.ignore.join(", ")));
        }
        lines.extend(lifecycle.renamed_from.as_ref().map(|name| ("renamed_from", name.clone())));
        lines.extend(lifecycle.allow_replace.then(|| ("allow_replace", "true".to_owned())));
    }
    lines
}

fn write_history(explained: &Explained, look: Look, out: &mut dyn Write) -> io::Result<()> {
    write_heading("Last changes by versync", look, out)?;
    if explained.history.is_empty() {
        return writeln!(out, "    none is kept");
    }
    for event in &explained.history {
        let mut text = Vec::new();
        super::history::write(std::slice::from_ref(event), Look { width: None, ..look }, &mut text)?;
        for line in String::from_utf8_lossy(&text).lines() {
            writeln!(out, "{}", folded(line, "    ", "        ", look))?;
        }
    }
    Ok(())
}

fn write_heading(text: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}", paint(text, Style::new().bold(), look))
}

fn write_pairs(lines: &[(&str, String)], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, text) in lines {
        let behind = " ".repeat(4 + width + 2);
        writeln!(out, "{}", folded(&format!("{name:width$}  {}", escape(text)), "    ", &behind, look))?;
    }
    Ok(())
}

fn on_drift(on_drift: OnDrift) -> &'static str {
    match on_drift {
        OnDrift::Revert => "revert",
        OnDrift::Report => "report",
    }
}

fn adopt(adopt: Adopt) -> &'static str {
    match adopt {
        Adopt::Matching => "matching",
        Adopt::Always => "always",
        Adopt::Never => "never",
    }
}

/// The same as one JSON value. Values that may not be shown are `null`.
pub fn json(explained: &Explained) -> Json {
    let resource = &explained.resource;
    let compared = resource.compared.as_ref();
    let lifecycle = resource.lifecycle.as_ref().map(|lifecycle| {
        object! {
            "prevent_delete": lifecycle.prevents_delete(),
            "on_drift": lifecycle.on_drift.map(on_drift),
            "ignore": lifecycle.ignore,
            "renamed_from": lifecycle.renamed_from,
            "allow_replace": lifecycle.allow_replace,
        }
    });
    let recorded = resource.recorded.as_ref().map(|record| {
        object! {
            "address": record.address.to_string(),
            "source": as_json::source(&record.source),
            "template_id": record.template_id,
            "prevent_delete": record.prevent_delete,
        }
    });
    let fields = compared.iter().flat_map(|compared| &compared.fields).map(|field| field_json(field, &resource.next));
    let moved = resource.moved.iter().map(moved_json);
    object! {
        "format_version": "1",
        "address": resource.address.to_string(),
        "standing": match resource.standing {
            Standing::Declared => "declared",
            Standing::Broken => "broken",
            Standing::Disputed => "disputed",
            Standing::Undeclared => "undeclared",
            Standing::Unmanaged => "unmanaged",
        },
        "summary": sentence(resource),
        "source": resource.source.as_ref().map(as_json::source),
        "id": resource.identity().map(ToString::to_string),
        "template_id": compared.and_then(|compared| compared.template_id.as_ref()),
        "live": compared.and_then(|compared| compared.is_live),
        "refreshed": explained.refreshed,
        "recorded": recorded,
        "fields": fields.chain(moved).collect::<Vec<_>>(),
        "lifecycle": lifecycle,
        "policy": object! {
            "on_drift": on_drift(resource.on_drift),
            "adopt": adopt(resource.adopt),
            "prune": resource.prune,
            "mode": if explained.enforces { "enforce" } else { "observe" },
        },
        "references": resource.references().iter().map(|(kind, (written, id))| {
            object! {"kind": kind, "written": written, "id": id}
        }).collect::<Vec<_>>(),
        "next": next_json(&resource.next),
        "notes": next_lines(explained),
        "begun": resource.begun.map(|missed| object! {"missed": missed}),
        "history": explained.history.iter().map(as_json::event).collect::<Vec<_>>(),
        "problems": resource.problems.iter().map(as_json::problem).collect::<Vec<_>>(),
    }
}

fn next_json(next: &Next) -> Json {
    match next {
        Next::Change(change, approve) => as_json::change(change).with("approve", approve.as_deref()),
        Next::InSync | Next::InError | Next::Forget | Next::Nothing => Json::NULL,
    }
}

fn field_json(field: &FieldView, next: &Next) -> Json {
    let FieldWords { verdict, reason, differs } = words(field, next);
    object! {
        "path": field.path,
        "verdict": verdict.replace(' ', "_"),
        "reason": reason,
        "differs": differs,
        "declared": field.declared,
        "recorded": field.recorded,
        "observed": field.observed,
        "sensitive": field.sensitive,
    }
}

fn moved_json(field: &FieldChange) -> Json {
    object! {
        "path": field.path,
        "verdict": verdict_of(field.cause),
        "reason": "it is another one",
        "differs": true,
        "declared": field.after,
        "recorded": Value::Null,
        "observed": field.before,
        "sensitive": field.sensitive,
    }
}

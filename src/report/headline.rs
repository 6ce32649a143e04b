//! The sentence that heads a resource: what happens to it and whose change that follows.

use super::escape;
use super::voice::done;
use crate::model::plan::{Action, Cause, Change, Source};

/// Whether what is told of is going to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// By whoever applies it.
    Will,
    /// Not by whoever tells of it, who writes nothing.
    Would,
}

/// What follows its address: `will be updated: its file says otherwise`.
pub(super) fn headline(change: &Change, mood: Mood) -> String {
    let why = why(change).map(|why| format!(": {why}")).unwrap_or_default();
    if change.is_due() {
        let verb = if mood == Mood::Will { "will be" } else { "would be" };
        let only_name = change.changed_fields().count() == 1;
        return match (change.is_rename(), only_name) {
            (true, true) => format!("{verb} renamed"),
            (true, false) => format!("{verb} renamed and updated"),
            (false, _) if change.protection().is_some() => format!("stays as it is{why}"),
            (false, _) => format!("{verb} {}{why}", done(change.action)),
        };
    }
    if change.action == Action::None {
        return format!("{}{why}", if change.is_drifted() { "has drifted" } else { "is left alone" });
    }
    let why = why.strip_prefix(": ").map(|why| format!(", since {why}")).unwrap_or_default();
    format!("is held: it would be {}{why}", done(change.action))
}

/// Whose change it is, where the action does not say it already.
fn why(change: &Change) -> Option<&'static str> {
    Some(match (change.action, change.cause()) {
        (Action::Create | Action::None, Cause::Manifest) => return None,
        (_, Cause::Drift | Cause::Conflict) if change.was_deleted() => "it was deleted on the platform",
        (Action::Adopt, _) if change.protection().is_some() => "only what versync remembers of it changes",
        (Action::Adopt, _) => "it exists already, as declared",
        (Action::Delete, _) => "no file declares it any more",
        (Action::Replace, Cause::Manifest) => "its file gives it another system or environment",
        (Action::Update, Cause::Manifest) => match secrets(change) {
            Some(true) => "its file declares its secret for the first time",
            Some(false) => "its secret has changed",
            None => "its file says otherwise",
        },
        (_, Cause::Conflict) => "both its file and somebody on the platform have changed it",
        (_, Cause::Drift) if change.causes.contains(&Cause::Manifest) => {
            "it was changed on the platform, and its file says otherwise too"
        }
        (_, Cause::Drift) => "it was changed on the platform",
    })
}

/// Whether all that differs are secrets, and whether nothing was recorded of any.
fn secrets(change: &Change) -> Option<bool> {
    let only = !change.fields.is_empty() && change.fields.iter().all(|field| field.sensitive);
    only.then(|| change.fields.iter().all(|field| field.first))
}

/// `shop.toml:8`, safe to print.
pub(super) fn place(source: &Source) -> String {
    format!("{}:{}", escape(&source.file), source.line)
}

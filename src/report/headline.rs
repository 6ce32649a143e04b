//! The sentence that heads a resource: what happens to it and whose change that follows.

use super::escape;
use crate::model::plan::{Action, Cause, Change, Source};

/// What follows its address: `will be updated: its file says otherwise`.
pub(super) fn headline(change: &Change) -> String {
    let why = why(change).map(|why| format!(": {why}")).unwrap_or_default();
    let what = match (change.action, change.held.is_some()) {
        (Action::None, _) if change.is_drifted() => "has drifted",
        (Action::None, _) => "is left alone",
        (Action::Create, true) => "is held: it would be created",
        (Action::Update, true) => "is held: it would be updated",
        (Action::Replace, true) => "is held: it would be replaced",
        (Action::Delete, true) => "is held: it would be deleted",
        (Action::Adopt, true) => "is held: it would be adopted",
        (Action::Adopt, false) if change.is_protection() => "stays as it is",
        (Action::Create, false) => "will be created",
        (Action::Update, false) => "will be updated",
        (Action::Replace, false) => "will be replaced",
        (Action::Delete, false) => "will be deleted",
        (Action::Adopt, false) => "will be adopted",
    };
    if change.held.is_some() && change.action != Action::None {
        let why = why.strip_prefix(": ").map(|why| format!(", since {why}")).unwrap_or_default();
        return format!("{what}{why}");
    }
    format!("{what}{why}")
}

/// Whose change it is, where the action does not say it already.
fn why(change: &Change) -> Option<&'static str> {
    Some(match (change.action, change.cause()) {
        (Action::Create | Action::None, Cause::Manifest) => return None,
        (_, Cause::Drift | Cause::Conflict) if change.was_deleted() => "it was deleted on the platform",
        (Action::Adopt, _) if change.is_protection() => "only what versync remembers of it changes",
        (Action::Adopt, _) => "it exists already, as declared",
        (Action::Delete, _) => "no file declares it any more",
        (Action::Replace, Cause::Manifest) => "its file gives it another system or environment",
        (Action::Update, Cause::Manifest) => "its file says otherwise",
        (_, Cause::Conflict) => "both its file and somebody on the platform have changed it",
        (_, Cause::Drift) if change.causes.contains(&Cause::Manifest) => {
            "it was changed on the platform, and its file says otherwise too"
        }
        (_, Cause::Drift) => "it was changed on the platform",
    })
}

/// `shop.toml:8`, safe to print.
pub(super) fn place(source: &Source) -> String {
    format!("{}:{}", escape(&source.file), source.line)
}

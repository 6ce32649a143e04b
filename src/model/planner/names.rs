//! Names that are taken: the platform would let two templates have one, and nobody could tell them apart by it.

use std::collections::BTreeMap;

use super::index::{Index, Map, Set};
use crate::model::address::{Identity, Scope};
use crate::model::observed::LiveTemplate;
use crate::model::plan::{Change, Held, Step};

/// Holds what would give a template a name that another one in its environment has, and keeps. `replaces` says
/// whether replacements are carried out in this pass.
pub(super) fn hold_second_of_a_name(changes: &mut [Change], index: &Index<'_>, replaces: bool) {
    // What is held keeps its own name, which something else may want.
    loop {
        let renamed = changes.iter().filter_map(|change| leaves_its_name(change, index));
        let leaving: Set<&str> = renamed.chain(changes.iter().filter_map(is_replaced).filter(|_| replaces)).collect();
        let taken_by = |change: &Change| {
            let (scope, name, own) = name_to_be(change, index)?;
            let is_other =
                |live: &&&LiveTemplate| !own.contains(&live.id.as_str()) && !leaving.contains(live.id.as_str());
            index.templates(scope, name).iter().find(is_other).copied()
        };
        let going: Set<&str> = changes.iter().filter_map(is_deleted).collect();
        let is_going = |by: &LiveTemplate| going.contains(by.id.as_str());
        let why = |by| if is_going(by) { Held::until_its_name_is_free() } else { name_is_taken(by, index) };
        let held: Vec<(usize, Held)> =
            changes.iter().enumerate().filter_map(|(at, change)| Some((at, why(taken_by(change)?)))).collect();
        if held.is_empty() {
            return;
        }
        held.into_iter().for_each(|(at, held)| changes[at].held = Some(held));
    }
}

/// What may only be done once others are done: they have the names that these want. Two may wait for each other.
pub(super) fn turns(changes: &[Change], index: &Index<'_>) -> BTreeMap<Identity, Vec<Identity>> {
    let giver = |change: &'_ Change| leaves_its_name(change, index).or_else(|| is_replaced(change)).map(str::to_owned);
    let givers: Map<String, &Identity> =
        changes.iter().filter_map(|change| Some((giver(change)?, &change.identity))).collect();
    let waits = |change: &Change| {
        let (scope, name, _) = name_to_be(change, index).filter(|_| !givers.is_empty())?;
        let holders = index.templates(scope, name).iter().filter_map(|live| givers.get(&live.id));
        let others: Vec<Identity> =
            holders.filter(|holder| ***holder != change.identity).map(|holder| (*holder).clone()).collect();
        (!others.is_empty()).then(|| (change.identity.clone(), others))
    };
    changes.iter().filter_map(waits).collect()
}

/// The template that has another name once this is done.
fn leaves_its_name<'c>(change: &'c Change, index: &Index<'_>) -> Option<&'c str> {
    match &change.step {
        Step::UpdateTemplate { id, step, .. } if change.is_due() => {
            index.template(&step.scope, id).filter(|live| live.name != step.name).map(|_| id.as_str())
        }
        _ => None,
    }
}

/// The template that is no longer there once this is done. Deletes may still be held.
fn is_replaced(change: &Change) -> Option<&str> {
    match &change.step {
        Step::ReplaceTemplate { old, .. } if change.is_due() => Some(&old.id),
        _ => None,
    }
}

/// The template that is deleted after everything else is done.
fn is_deleted(change: &Change) -> Option<&str> {
    match &change.step {
        Step::DeleteTemplate { id, .. } if change.is_due() => Some(id),
        Step::FinishReplacement { old, .. } if change.is_due() => Some(&old.id),
        _ => None,
    }
}

/// The name that a template has only once this is done, and which templates it may share that with.
fn name_to_be<'c>(change: &'c Change, index: &Index<'_>) -> Option<(&'c Scope, &'c str, Vec<&'c str>)> {
    let (step, own) = match &change.step {
        _ if !change.is_due() => return None,
        Step::CreateTemplate(step) => (step, None),
        Step::ReplaceTemplate { old, step } => (step, Some(old.id.as_str())),
        Step::UpdateTemplate { id, step, .. } => {
            leaves_its_name(change, index)?;
            (step, Some(id.as_str()))
        }
        _ => return None,
    };
    let replaced = step.record.replaces.as_ref().map(|old| old.id.as_str());
    Some((&step.scope, &step.name, own.into_iter().chain(replaced).collect()))
}

fn name_is_taken(by: &LiveTemplate, index: &Index<'_>) -> Held {
    let recorded = index.recorded_as(&by.id).and_then(|identity| index.record(identity));
    let which = recorded.map(|record| format!(", which is recorded as {}", record.address)).unwrap_or_default();
    Held::because(format!(
        "another template of the platform has this name ({}{which}): there would be two of it; give that one another name, \
         or delete it, where versync does not",
        by.id
    ))
}

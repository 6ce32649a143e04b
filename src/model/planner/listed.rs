//! The configs that templates list: they come before those templates, and stay for as long as one lists them.

use std::collections::{BTreeMap, BTreeSet};

use super::orphans::why;
use crate::model::address::{Owner, OwnerKind};
use crate::model::observed::{Lookup, Observed, configs_of};
use crate::model::plan::{Change, Held, Step};
use crate::model::recorded::OldTemplate;

/// Holds the templates that list a config which does not exist and is not made in this pass either: the
/// platform would refuse the list after it has made the template.
pub(super) fn hold_what_waits_for_others(changes: &mut [Change], observed: &Observed) {
    let made: BTreeSet<(Owner, String)> = changes
        .iter()
        .filter(|change| change.is_due())
        .filter_map(|change| match &change.step {
            Step::PutConfig(step) => Some((step.owner.clone(), step.id.clone())),
            _ => None,
        })
        .collect();
    for change in changes.iter_mut().filter(|change| change.is_due()) {
        let (Step::CreateTemplate(step) | Step::UpdateTemplate { step, .. } | Step::ReplaceTemplate { step, .. }) =
            &change.step
        else {
            continue;
        };
        let owner = Owner::system(&step.system);
        let live = observed.configs.get(&owner).and_then(|configs| configs.as_ref().ok());
        let exists = |id: &String| live.is_some_and(|live| live.iter().any(|config| config.id == *id));
        let waits_for =
            step.auth_scheme_configs.iter().find(|id| !exists(id) && !made.contains(&(owner.clone(), (*id).clone())));
        if let Some(id) = waits_for {
            change.held = Some(Held::because(format!(
                "it lists the auth scheme config {id:?}, which does not exist yet and is not made in this pass"
            )));
        }
    }
}

/// Holds the deletes of configs that some template will still list: the platform would let them
/// through, and tokens would silently stop being refreshed.
pub(super) fn hold_configs_in_use(changes: &mut [Change], observed: &Observed) {
    let deletes = |change: &Change| change.held.is_none() && matches!(change.step, Step::DeleteConfig { .. });
    if !changes.iter().any(deletes) {
        return;
    }
    let planned: BTreeMap<&str, &[String]> = changes
        .iter()
        .filter(|change| change.is_due())
        .filter_map(|change| match &change.step {
            Step::UpdateTemplate { id, step, .. } => Some((id.as_str(), step.auth_scheme_configs.as_slice())),
            Step::ReplaceTemplate { old: OldTemplate { id, .. }, .. }
            | Step::FinishReplacement { old: OldTemplate { id, .. }, .. }
            | Step::DeleteTemplate { id, .. } => Some((id.as_str(), [].as_slice())),
            _ => None,
        })
        .collect();
    // By which template: whoever reads that a config is held wants to know why.
    let mut used: BTreeMap<(Owner, String), String> = BTreeMap::new();
    for template in observed.templates.values().flatten().flatten() {
        let listed = planned.get(template.id.as_str()).copied().unwrap_or(&template.auth_scheme_configs);
        used.extend(configs_of(&template.system, listed).map(|config| (config, template.name.clone())));
    }
    for change in changes.iter().filter(|change| change.is_due()) {
        if let Step::CreateTemplate(step) | Step::ReplaceTemplate { step, .. } = &change.step {
            used.extend(configs_of(&step.system, &step.auth_scheme_configs).map(|config| (config, step.name.clone())));
        }
    }
    for change in changes.iter_mut().filter(|change| change.held.is_none()) {
        let Step::DeleteConfig { owner, id } = &change.step else { continue };
        // Templates are of systems: they list no config of a connector.
        if owner.kind == OwnerKind::System {
            change.held = in_use(&(owner.clone(), id.clone()), &used, observed.listed_elsewhere.as_ref());
        }
    }
}

/// Why a config may not be deleted for the sake of templates that list it.
fn in_use(
    config: &(Owner, String),
    here: &BTreeMap<(Owner, String), String>,
    elsewhere: Option<&Lookup<BTreeSet<(Owner, String)>>>,
) -> Option<Held> {
    let listed = |which: &str| {
        Some(Held::because(format!("{which} still lists it, and would be left with a config that is gone")))
    };
    if let Some(name) = here.get(config) {
        return listed(&format!("the connection template {name:?}"));
    }
    match elsewhere {
        Some(Ok(elsewhere)) if elsewhere.contains(config) => {
            listed("a connection template of an environment that no file names")
        }
        Some(Ok(_)) => None,
        Some(Err(unread)) => Some(Held::because(format!(
            "it cannot be told whether a connection template of another environment lists it: {}",
            why(unread)
        ))),
        None => Some(Held::unlooked()),
    }
}

//! In which order the changes of a plan are made.

use std::collections::BTreeSet;

use crate::model::address::Identity;
use crate::model::plan::{Change, Plan, Step};

/// Changes of one phase do not depend on each other; those of the next may depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Records,
    Configs,
    Templates,
    TemplateDeletes,
    ConfigDeletes,
}

impl Phase {
    pub(super) const ALL: [Phase; 5] =
        [Phase::Records, Phase::Configs, Phase::Templates, Phase::TemplateDeletes, Phase::ConfigDeletes];

    pub(super) fn deletes(self) -> bool {
        matches!(self, Phase::TemplateDeletes | Phase::ConfigDeletes)
    }

    pub(super) fn of(step: &Step) -> Option<Self> {
        Some(match step {
            Step::Nothing => return None,
            Step::Record { .. } => Phase::Records,
            Step::PutConfig(_) => Phase::Configs,
            Step::CreateTemplate(_) | Step::UpdateTemplate { .. } | Step::ReplaceTemplate { .. } => Phase::Templates,
            Step::FinishReplacement { .. } | Step::DeleteTemplate { .. } => Phase::TemplateDeletes,
            Step::DeleteConfig { .. } => Phase::ConfigDeletes,
        })
    }
}

/// The changes of a phase, those that wait for others behind those.
pub(super) fn in_turn<'p>(mut due: Vec<&'p Change>, plan: &Plan) -> Vec<Vec<&'p Change>> {
    let mut turns = Vec::new();
    while !plan.turns.is_empty() {
        let open: BTreeSet<&Identity> = due.iter().map(|change| &change.identity).collect();
        let waits = |change: &&Change| {
            plan.turns.get(&change.identity).is_some_and(|others| others.iter().any(|other| open.contains(other)))
        };
        let (later, now): (Vec<_>, Vec<_>) = due.iter().copied().partition(waits);
        // Those that wait for each other go together.
        if now.is_empty() || later.is_empty() {
            break;
        }
        turns.push(now);
        due = later;
    }
    turns.push(due);
    turns
}

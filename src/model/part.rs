//! The part of the world that an edit is about. Whatever decides about a resource is in its own place: its environment,
//! or the system or connector that it belongs to. So where the last pass has left nothing to do and nothing to say, a
//! plan of the places that the edited files speak of is a plan of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::address::{Address, Identity, Owner, OwnerKind, Scope};
use super::desired::{Desired, SecretHashes};
use super::manifest::{Declared, Target};
use super::observed::{Observed, Project, Wanted};
use super::parses::Edit;
use super::plan::{Bookkeeping, Change, InSync, Plan, Step, Unmanaged};
use super::planner::{Policy, identity_of};
use super::recorded::{Recorded, RecordedResource};
use super::seen::{Seen, touched};
use super::source::Severity;

/// A world in which a pass has left nothing to do, and nothing to say.
#[derive(Debug)]
pub struct Calm {
    unmanaged: Unmanaged,
    secrets: SecretHashes,
}

impl Calm {
    /// What is left after a plan that was carried out whole, with what is recorded then. Nothing where there may be more
    /// to do or to say.
    pub fn after(
        plan: &Plan,
        policy: &Policy,
        desired: &Desired,
        secrets: SecretHashes,
        recorded: &Recorded,
    ) -> Option<Self> {
        let is_kept = |entry: &Bookkeeping| match entry {
            Bookkeeping::Record(identity, record) => {
                let is_changed = plan.changes.iter().any(|change| change.identity == *identity);
                is_changed || recorded.resources.get(identity) == Some(record)
            }
            _ => false,
        };
        let is_calm = policy.is_unlimited()
            && !policy.lists_unmanaged
            && is_plain(plan, desired)
            && plan.bookkeeping.iter().all(is_kept)
            && is_at_rest(recorded)
            // What was begun for what no file declares any more is recorded as well, and is left to be deleted.
            && recorded.resources.len() == desired.resources.len()
            && recorded.resources.values().all(|record| record.replaces.is_none());
        is_calm.then(|| Self { unmanaged: plan.unmanaged.clone(), secrets })
    }

    /// Whether secrets that unchanged files refer to may have changed.
    fn has_other_secrets(&self, now: &SecretHashes) -> bool {
        self.secrets.iter().any(|(reference, hash)| now.get(reference).is_some_and(|now| now != hash))
    }
}

/// Whether a plan holds nothing that concerns more than the place where it is: changes and notes of what stays where and
/// what it is, none of them held or left in part, and no word beside what the files alone have it say.
fn is_plain(plan: &Plan, desired: &Desired) -> bool {
    let is_plain = |change: &Change| {
        change.is_due()
            && !change.leaves_drift()
            && match &change.step {
                Step::CreateTemplate(step) => step.record.replaces.is_none(),
                Step::UpdateTemplate { renamed_from, .. } | Step::Record { renamed_from, .. } => renamed_from.is_none(),
                Step::PutConfig(_) => true,
                _ => false,
            }
    };
    !plan.refused
        && plan.turns.is_empty()
        && plan.not_compared.is_empty()
        && plan.problems.len() == desired.problems.len()
        && !plan.has_errors()
        && plan.bookkeeping.iter().all(|entry| matches!(entry, Bookkeeping::Record(..)))
        && plan.changes.iter().all(is_plain)
}

/// Whether nothing is under way, approved or lost.
fn is_at_rest(recorded: &Recorded) -> bool {
    recorded.intents.is_empty() && recorded.approvals.is_empty() && !recorded.is_lost
}

/// What an edit is about, with all that is declared in the same places.
#[derive(Debug)]
pub struct Part {
    desired: Desired,
    /// Where that is.
    places: Wanted,
    /// The systems of its templates.
    systems: BTreeSet<Owner>,
    /// What is to be read: where something is to be done, and what is not known.
    pub looks: Wanted,
}

impl Part {
    /// The part that an edit is about. Nothing where a plan of it may not be one of everything: where something is no
    /// longer declared or is renamed, means nothing yet, or is most of all there is.
    pub fn of(
        calm: &Calm,
        edit: &Edit,
        (desired, secrets): (&Desired, &SecretHashes),
        recorded: &Recorded,
        seen: &Seen,
    ) -> Option<Self> {
        let errors = desired.problems.iter().any(|problem| problem.severity == Severity::Error);
        if errors || !desired.disputed.is_empty() || !is_at_rest(recorded) || calm.has_other_secrets(secrets) {
            return None;
        }
        let observed = seen.observed();
        let mut places = Wanted::default();
        for declared in edit.before() {
            desired.find(&declared.address)?;
            places.insert(&identity_of(&declared.address, observed).ok()?);
        }
        for declared in edit.after(desired) {
            if declared.lifecycle.renamed_from.is_some() {
                return None;
            }
            places.insert(&identity_of(&declared.address, observed).ok()?);
        }
        // Whatever is looked at shows what somebody has changed there.
        let mut looks = touched(edit.after(desired), recorded, observed);
        places.append(looks.clone());
        let mut resources = declared_in(&places, desired, observed);
        let systems = systems_of(&resources, observed)?;
        let unknown = seen.unknown_of(&Wanted { owners: systems.clone(), ..Wanted::default() });
        if !unknown.owners.is_empty() {
            places.append(unknown);
            resources = declared_in(&places, desired, observed);
        }
        if resources.len() * 2 > desired.resources.len() {
            return None;
        }
        looks.append(seen.unknown_of(&places));
        let desired = Desired {
            resources: Arc::new(resources),
            problems: desired.problems.clone(),
            files: Arc::clone(&desired.files),
            secrets: Arc::clone(&desired.secrets),
            ..Desired::default()
        };
        Some(Self { desired, places, systems, looks })
    }

    /// What is recorded of it.
    pub fn recorded(&self, recorded: &Recorded) -> Recorded {
        Recorded { resources: Arc::new(recorded_in(&self.places, recorded)), ..Recorded::default() }
    }

    /// The plan of everything, as `plan` makes that of the part and what is [recorded](Self::recorded) of it. Nothing
    /// where that holds more than changes in their places.
    pub fn plan(
        &self,
        calm: &Calm,
        (desired, recorded): (&Desired, &Recorded),
        seen: &mut Seen,
        plan: impl FnOnce(&Desired, &Recorded, &Observed) -> Plan,
    ) -> Option<Plan> {
        let here = seen.lend(&self.places, &self.systems);
        let plan = plan(&self.desired, recorded, &here);
        seen.take_back(here);
        is_plain(&plan, &self.desired).then(|| Plan {
            in_sync: Self::all_in_sync(&plan, desired),
            unmanaged: self.all_unmanaged(&plan, calm),
            ..plan
        })
    }

    /// What is as declared, here and elsewhere.
    fn all_in_sync(plan: &Plan, desired: &Desired) -> InSync {
        // Both are in the order of addresses.
        let others = plan.in_sync.others().filter_map(|declared| desired.position(&declared.address));
        InSync::all_but(&desired.resources, others.collect())
    }

    fn all_unmanaged(&self, plan: &Plan, calm: &Calm) -> Unmanaged {
        let mut all = calm.unmanaged.clone();
        renew(&mut all.templates, &plan.unmanaged.templates, &self.places.scopes);
        renew(&mut all.configs, &plan.unmanaged.configs, &self.places.owners);
        all
    }
}

fn renew<K: Clone + Ord>(all: &mut BTreeMap<K, usize>, now: &BTreeMap<K, usize>, places: &BTreeSet<K>) {
    for place in places {
        match now.get(place) {
            Some(count) => all.insert(place.clone(), *count),
            None => all.remove(place),
        };
    }
}

/// All that is declared in these places, in the order of addresses.
fn declared_in(places: &Wanted, desired: &Desired, observed: &Observed) -> Vec<Arc<Declared>> {
    let mut written: BTreeSet<Address> = BTreeSet::new();
    for (project, found) in &observed.projects {
        for (id, name) in found.iter().flat_map(|found| &found.environments) {
            let scope = |found: &Project| Scope { project: found.id.clone(), environment: id.clone() };
            if found.as_ref().is_ok_and(|found| places.scopes.contains(&scope(found))) {
                let address = |environment: &String| Address::ConnectionTemplate {
                    project: project.clone(),
                    environment: environment.clone(),
                    name: String::new(),
                };
                written.extend([id, name].map(address));
            }
        }
    }
    let config = |kind, owner: &String| Address::AuthSchemeConfig { kind, owner: owner.clone(), id: String::new() };
    for (system, found) in &observed.systems {
        if found.as_ref().is_ok_and(|id| places.owners.contains(&Owner::system(id))) {
            written.insert(config(OwnerKind::System, system));
        }
    }
    let connectors = places.owners.iter().filter(|owner| owner.kind == OwnerKind::Connector);
    written.extend(connectors.map(|owner| config(OwnerKind::Connector, &owner.id)));
    written.iter().flat_map(|first| declared_from(first, desired)).cloned().collect()
}

/// What is declared in the place of an address, from it on.
fn declared_from<'d>(first: &Address, desired: &'d Desired) -> impl Iterator<Item = &'d Arc<Declared>> {
    let from = desired.resources.partition_point(|declared| declared.address < *first);
    desired.resources[from..].iter().take_while(|declared| declared.address.is_beside(first))
}

/// All that is recorded in these places.
fn recorded_in(places: &Wanted, recorded: &Recorded) -> BTreeMap<Identity, RecordedResource> {
    let configs = places.owners.iter().flat_map(|owner| {
        let first = Identity::AuthSchemeConfig { owner: owner.clone(), id: String::new() };
        let all = recorded.resources.range(first..);
        all.take_while(
            move |(identity, _)| matches!(identity, Identity::AuthSchemeConfig { owner: found, .. } if found == owner),
        )
    });
    let templates = places.scopes.iter().flat_map(|scope| {
        let first = Identity::ConnectionTemplate { scope: scope.clone(), name: String::new() };
        let all = recorded.resources.range(first..);
        all.take_while(
            move |(identity, _)| matches!(identity, Identity::ConnectionTemplate { scope: found, .. } if found == scope),
        )
    });
    configs.chain(templates).map(|(identity, record)| (identity.clone(), record.clone())).collect()
}

/// The systems that templates are of; nothing where one means nothing.
fn systems_of(resources: &[Arc<Declared>], observed: &Observed) -> Option<BTreeSet<Owner>> {
    let written = resources.iter().filter_map(|declared| match &declared.target {
        Target::ConnectionTemplate { system, .. } => Some(&system.value),
        Target::AuthSchemeConfig { .. } => None,
    });
    let written: BTreeSet<&String> = written.collect();
    written.into_iter().map(|system| Some(Owner::system(observed.systems.get(system)?.as_ref().ok()?))).collect()
}

#[cfg(test)]
mod tests;

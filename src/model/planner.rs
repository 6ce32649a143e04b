//! Declared, recorded and observed in; a [`Plan`] out. Total: whatever is wrong becomes a problem
//! of the resource that it concerns, and the rest is planned.

mod begun;
mod claims;
mod compare;
mod conclude;
mod configs;
mod follow;
mod hints;
mod index;
mod listed;
mod marks;
mod names;
mod orphans;
mod renames;
mod replacements;
mod resolve;
mod targets;
mod templates;
mod trace;
mod unmanaged;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::address::{Address, Identity, Owner};
use super::desired::{Desired, Secrets, declared_twice};
use super::guard::{self, Circumstances, DeleteLimit};
use super::manifest::{Declared, OnDrift};
use super::observed::Observed;
use super::plan::{Bookkeeping, InSync, Plan};
use super::recorded::Recorded;
use super::saved::SavedPlan;
use super::source::{Problem, sort_problems};
use claims::Claims;
use index::{Index, Set};
use resolve::{LookedUp, Resolved};
use targets::{Targets, unknown_targets};
use trace::Watch;

pub use trace::{Compared, FieldCase, FieldView, identity_of};

/// How the user wants differences to be treated.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `sync.on_drift`
    pub on_drift: OnDrift,
    /// `sync.adopt`
    pub adopt: Adopt,
    /// `sync.prune`
    pub prune: bool,
    /// `sync.delete_limit`
    pub delete_limit: DeleteLimit,
    /// Addresses (with `*` for any text, but for whole ones that there are), files, or folders of them (with `/` at the
    /// end); nothing else is planned. Empty: everything is.
    pub targets: Vec<String>,
    /// A plan that somebody has looked at: nothing is planned that it does not hold too.
    pub saved: Option<SavedPlan>,
    /// Whether somebody wants to see what is unmanaged, not only how much of it there is.
    pub lists_unmanaged: bool,
}

impl Policy {
    /// Whether everything is planned that there is to plan.
    pub fn is_unlimited(&self) -> bool {
        self.targets.is_empty() && self.saved.is_none()
    }
}

/// What to do about an object that exists already and that versync did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adopt {
    /// Hold it where it differs from what is declared.
    #[default]
    Matching,
    /// Take it over.
    Always,
    /// Only report it where it differs.
    Never,
}

/// Plans one pass.
pub fn plan(
    desired: &Desired,
    recorded: &Recorded,
    observed: &Observed,
    policy: &Policy,
    revision: Option<String>,
) -> Plan {
    plan_watching(desired, recorded, observed, policy, revision, None).0
}

/// Plans one pass, and tells what was compared of the resource of this address, if it is declared or recorded.
pub fn trace(
    desired: &Desired,
    recorded: &Recorded,
    observed: &Observed,
    policy: &Policy,
    address: &Address,
) -> (Plan, Option<Compared>) {
    plan_watching(desired, recorded, observed, policy, None, Some(Watch::over(address.clone())))
}

fn plan_watching(
    desired: &Desired,
    recorded: &Recorded,
    observed: &Observed,
    policy: &Policy,
    revision: Option<String>,
    watch: Option<Watch>,
) -> (Plan, Option<Compared>) {
    let looked_up = resolve::resolve_all(&desired.resources, observed);
    let index = Index::of(observed, recorded);
    let followed = follow::followed(&looked_up, desired, recorded, &index);
    let under_new_names = followed.recorded(recorded);
    let (recorded, index) = match &under_new_names {
        Some(recorded) => (recorded, Index::of(observed, recorded)),
        None => (recorded, index),
    };
    let mut planner = Planner {
        secrets: &desired.secrets,
        recorded,
        observed,
        policy,
        plan: Plan {
            revision,
            problems: desired.problems.clone(),
            not_compared: desired.disputed.clone(),
            bookkeeping: followed.bookkeeping(recorded),
            ..Plan::default()
        },
        in_sync: Vec::with_capacity(looked_up.len()),
        claimed: Claims::with_room(looked_up.len()),
        targets: Targets::of(policy, desired, recorded),
        index,
        watch,
        lifted: Vec::new(),
        unsaid: followed.unsaid,
    };
    let pointless = unknown_targets(policy, desired, recorded);
    if !pointless.is_empty() {
        planner.plan.problems.extend(pointless);
        sort_problems(&mut planner.plan.problems);
        return (Plan { refused: true, ..planner.plan }, None);
    }
    let resources = planner.take_in(&looked_up);
    planner.reserve_what_is_in_error(desired);
    planner.claim_predecessors(&resources);
    let ids: Set<(&Owner, &str)> = resources
        .iter()
        .filter_map(|(resolved, _)| match &resolved.identity {
            Identity::AuthSchemeConfig { owner, id } => Some((owner, id.as_str())),
            Identity::ConnectionTemplate { .. } => None,
        })
        .collect();
    // Of most there is nothing to say, which takes longest to find out.
    let all = resources.par_iter().with_min_len(resolve::FEW);
    let settled: Vec<bool> = all.map(|(resolved, declared)| planner.is_settled(declared, resolved, &ids)).collect();
    for ((resolved, declared), is_settled) in resources.iter().zip(settled) {
        // What is no target is planned as well, for what it claims: a template that moves from one place to another is
        // no orphan where only its old place is a target.
        let mark = (!planner.targets.include(&declared.address, declared.place.file())).then(|| planner.mark());
        planner.remember_protection(declared, &resolved.identity);
        match &resolved.identity {
            _ if is_settled => planner.is_in_sync(declared),
            Identity::ConnectionTemplate { scope, name } => {
                if let Err(problems) = resolve::check_auth_scheme_configs(declared, &resolved.owner, &ids, observed) {
                    planner.give_up(declared, problems);
                } else {
                    planner.plan_template(declared, resolved, scope, name);
                }
            }
            Identity::AuthSchemeConfig { owner, id } => planner.plan_config(declared, resolved, owner, id),
        }
        if let Some(mark) = mark {
            planner.go_back_to(&mark);
        }
    }
    planner.plan_orphans(desired);
    if policy.saved.is_none() {
        planner.hint_at_renames(&resources);
    }
    planner.settle_intents();
    planner.count_unmanaged();
    let compared = planner.compared();
    let Planner { mut plan, in_sync, index, lifted, targets, .. } = planner;
    plan.in_sync = InSync::only(&desired.resources, &in_sync);
    plan.marks = marks::of(&plan.changes, &index);
    // What has moved since a plan was saved is no reason to hold the deletes of what has not.
    let errors = plan.has_errors();
    if let Some(saved) = &policy.saved {
        saved.restrict(&mut plan, |address, file| targets.include(address, file));
    }
    sort_problems(&mut plan.problems);
    hold(&mut plan, errors, &index, (desired, recorded, observed), policy);
    plan.turns = names::turns(&plan.changes, &index);
    if policy.saved.is_none() {
        conclude::lift_protection(&mut plan, lifted, &index);
    }
    (plan, compared)
}

/// Holds what may not be done now, and puts the changes into their order.
fn hold(
    plan: &mut Plan,
    errors: bool,
    index: &Index<'_>,
    (desired, recorded, observed): (&Desired, &Recorded, &Observed),
    policy: &Policy,
) {
    listed::hold_what_waits_for_others(&mut plan.changes, observed);
    names::hold_second_of_a_name(&mut plan.changes, index, !errors);
    listed::hold_configs_in_use(&mut plan.changes, observed);
    let circumstances =
        Circumstances { errors, folder_is_empty: desired.files.is_empty(), recorded: recorded.resources.len() };
    guard::hold_deletes(&mut plan.changes, policy.delete_limit, circumstances);
    plan.changes.sort_by(|a, b| a.address.cmp(&b.address));
    guard::let_through(plan, &recorded.approvals);
    if let Some(saved) = &policy.saved {
        saved.hold(plan);
    }
    let sees_everything = policy.is_unlimited() && !errors;
    if sees_everything {
        guard::void_outdated(plan, &recorded.approvals);
    }
    if recorded.is_lost {
        guard::only_adopt(&mut plan.changes);
        plan.bookkeeping.extend(sees_everything.then_some(Bookkeeping::LookedAtEverything));
    }
}

/// What declarations speak for, as far as what they refer to was read: what each is, and what it is to be renamed
/// from.
pub fn identities(declared: &[Arc<Declared>], observed: &Observed) -> BTreeSet<Identity> {
    let of_one = |declared: &Declared| {
        let is = resolve::resolve(declared, observed).ok()?.identity;
        let was = match (&is, &declared.lifecycle.renamed_from) {
            (Identity::ConnectionTemplate { scope, .. }, Some(name)) => {
                Some(Identity::ConnectionTemplate { scope: scope.clone(), name: name.clone() })
            }
            _ => None,
        };
        Some(std::iter::once(is).chain(was))
    };
    declared.iter().filter_map(|declared| of_one(declared)).flatten().collect()
}

/// How far a plan has come.
struct Mark {
    changes: usize,
    bookkeeping: usize,
    problems: usize,
    in_sync: usize,
    lifted: usize,
}

struct Planner<'a> {
    secrets: &'a Secrets,
    recorded: &'a Recorded,
    observed: &'a Observed,
    policy: &'a Policy,
    plan: Plan,
    /// What is as declared, in the order of all that is.
    in_sync: Vec<&'a Arc<Declared>>,
    /// Identities that some file speaks for, sound or not: none of them is an orphan.
    claimed: Claims<'a>,
    targets: Targets<'a>,
    index: Index<'a>,
    /// The one resource of which is kept what was compared.
    watch: Option<Watch>,
    /// Whose protection files give up in so many words.
    lifted: Vec<Identity>,
    /// What has to be said first of the protection of the template of this address.
    unsaid: BTreeMap<Identity, Address>,
}

impl<'a> Planner<'a> {
    /// What is declared and means something. What does not, or is declared twice under two spellings, becomes a
    /// problem and is left out.
    fn take_in(&mut self, looked_up: &'a [LookedUp<'a>]) -> Vec<(&'a Resolved<'a>, &'a Arc<Declared>)> {
        let mut repeated: Set<&Identity> = Set::default();
        let mut resources = Vec::with_capacity(looked_up.len());
        for (declared, found) in looked_up {
            match found {
                Ok(resolved) => {
                    self.note_meaning(declared, resolved);
                    if let Some(earlier) = self.claimed.declare(&resolved.identity, declared) {
                        self.give_up(declared, [declared_twice(earlier, declared)]);
                        repeated.insert(&resolved.identity);
                    }
                    resources.push((resolved, *declared));
                }
                Err(problems) => self.give_up(declared, problems.iter().cloned()),
            }
        }
        resources.retain(|(resolved, _)| !repeated.contains(&resolved.identity));
        resources
    }

    /// What a file declared last that is in error now, or that is declared and cannot be told, stays as it is.
    fn reserve_what_is_in_error(&mut self, desired: &Desired) {
        let is_declared = |address: &Address| desired.find(address).is_some();
        for (identity, resource) in self.recorded.resources.iter() {
            let in_error = desired.broken_files.contains(&resource.source.file)
                || desired.disputed.contains(&resource.address)
                || !self.claimed.is_declared(identity) && is_declared(&resource.address);
            if in_error {
                self.claimed.reserve(identity);
            }
        }
    }

    /// What files rename, and what a replacement that was cut off has left behind, is spoken for by the file of the
    /// new one.
    fn claim_predecessors(&mut self, resources: &[(&Resolved<'_>, &Arc<Declared>)]) {
        for (resolved, declared) in resources {
            if let (Identity::ConnectionTemplate { scope, .. }, Some(old)) =
                (&resolved.identity, &declared.lifecycle.renamed_from)
            {
                let old = Identity::ConnectionTemplate { scope: scope.clone(), name: old.clone() };
                self.claimed.wish(resolved.identity.clone(), old.clone());
                let is_done = self.recorded.resources.contains_key(&resolved.identity);
                if !is_done && self.recorded.resources.contains_key(&old) && !self.claimed.is_declared(&old) {
                    self.remember_protection(declared, &old);
                    self.claimed.rename(old, resolved.identity.clone());
                }
            }
        }
        for (here, old) in self.index.replacing().iter().copied() {
            let Some(identity) = old.identity.as_ref().filter(|_| self.claimed.is_declared(here)) else { continue };
            if !self.claimed.is_wanted(identity, here) {
                self.claimed.insert(identity.clone());
            }
        }
    }

    /// Whether a resource is live, recorded and declared all the same, and needs no closer look.
    fn is_settled(&self, declared: &Declared, resolved: &Resolved<'_>, ids: &Set<(&Owner, &str)>) -> bool {
        let is_settled = || match &resolved.identity {
            Identity::ConnectionTemplate { scope, name } => {
                resolve::check_auth_scheme_configs(declared, &resolved.owner, ids, self.observed).is_ok()
                    && self.is_settled_template(declared, resolved, scope, name)
            }
            Identity::AuthSchemeConfig { owner, id } => {
                self.index.config(owner, id).is_some_and(|live| self.is_settled_config(declared, resolved, live))
            }
        };
        !self.watches(&declared.address) && is_settled()
    }

    /// How far the plan has come.
    fn mark(&self) -> Mark {
        let Plan { changes, bookkeeping, problems, .. } = &self.plan;
        Mark {
            changes: changes.len(),
            bookkeeping: bookkeeping.len(),
            problems: problems.len(),
            in_sync: self.in_sync.len(),
            lifted: self.lifted.len(),
        }
    }

    /// Takes back what was planned since, but for what it claims.
    fn go_back_to(&mut self, mark: &Mark) {
        self.plan.changes.truncate(mark.changes);
        self.plan.bookkeeping.truncate(mark.bookkeeping);
        self.plan.problems.truncate(mark.problems);
        self.in_sync.truncate(mark.in_sync);
        self.lifted.truncate(mark.lifted);
    }

    /// Leaves a resource out of this pass.
    fn give_up(&mut self, declared: &Declared, problems: impl IntoIterator<Item = Problem>) {
        let before = self.plan.problems.len();
        self.plan.problems.extend(problems);
        self.note_problems(declared, before);
        self.plan.not_compared.insert(declared.address.clone());
        self.claimed.leave_open(declared.place.file());
    }
}

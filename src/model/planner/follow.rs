//! Templates whose names somebody has changed, and whose files have followed: what is recorded of them goes by the
//! names that they have now.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::index::{Index, Map, Set};
use super::resolve::{LookedUp, Resolved};
use crate::model::address::{Address, Identity};
use crate::model::desired::Desired;
use crate::model::manifest::Declared;
use crate::model::observed::LiveTemplate;
use crate::model::plan::Bookkeeping;
use crate::model::recorded::{OldTemplate, Recorded, RecordedResource};

/// A template that has another name than it is recorded under.
struct Stray<'a> {
    old: &'a Identity,
    record: &'a RecordedResource,
    live: &'a LiveTemplate,
    /// What it would be recorded as by the name that it has now.
    new: Identity,
}

/// What follows from names that files have followed.
#[derive(Default)]
pub(super) struct Followed {
    /// What is recorded under new names: from what, and to what.
    moves: Vec<(Identity, Identity)>,
    /// What cannot be followed for want of a word about the protection of the template of this address.
    pub(super) unsaid: BTreeMap<Identity, Address>,
}

impl Followed {
    /// What is recorded, each template under the name that it has now; nothing where none has moved.
    pub(super) fn recorded(&self, recorded: &Recorded) -> Option<Recorded> {
        if self.moves.is_empty() {
            return None;
        }
        let mut resources = (*recorded.resources).clone();
        let moved: Vec<_> = self.moves.iter().filter_map(|(old, new)| Some((new, resources.remove(old)?))).collect();
        for (new, record) in moved {
            let Identity::ConnectionTemplate { name, .. } = new else { continue };
            let address = record.address.renamed(name);
            resources.insert(new.clone(), RecordedResource { address, ..record });
        }
        Some(Recorded { resources: Arc::new(resources), ..recorded.clone() })
    }

    /// How that is kept, to be done before anything else.
    pub(super) fn bookkeeping(&self, followed: &Recorded) -> Vec<Bookkeeping> {
        let forget = self.moves.iter().map(|(old, _)| Bookkeeping::Forget(old.clone()));
        let record = |(_, new): &(Identity, Identity)| {
            Some(Bookkeeping::Record(new.clone(), Box::new(followed.resources.get(new)?.clone())))
        };
        forget.chain(self.moves.iter().filter_map(record)).collect()
    }
}

/// Finds the templates of which a file declares the name that they have now, on the system that they are on, while
/// nothing wants them back under the name that they are recorded under. What is recorded under the new name goes on to
/// the name that its template has by now: names are exchanged whole, or not at all.
pub(super) fn followed<'a>(
    looked_up: &'a [LookedUp<'a>],
    desired: &Desired,
    recorded: &'a Recorded,
    index: &Index<'a>,
) -> Followed {
    let strays: Map<&Identity, Stray<'_>> =
        recorded.resources.iter().filter_map(|(old, record)| Some((old, stray(old, record, index)?))).collect();
    if strays.is_empty() {
        return Followed::default();
    }
    let files = Files::of(looked_up, desired);
    let seeds = strays.values().filter(|stray| files.have_followed(stray, &strays, index));
    let mut chains: Vec<_> = seeds.filter_map(|seed| chain(seed, &strays, index, recorded)).collect();
    let mut found = Followed::default();
    // What keeps one of a chain where it is keeps all that the chain has anything to do with.
    let mut staying: Set<&Identity> = strays.values().filter(|it| files.keep(it)).map(|stray| stray.old).collect();
    while let Some(at) = chains.iter().position(|chain| files.stay(chain, &staying)) {
        let chain = chains.swap_remove(at);
        staying.extend(chain.iter().map(|stray| stray.old));
        let said = chain.iter().find_map(|stray| found.unsaid.get(&stray.new)).cloned();
        let silent = chain.iter().find(|stray| files.leave_protection_open(stray));
        let unsaid = silent.map(|stray| stray.record.address.clone()).or(said);
        let all = chain.iter().filter(|_| chain.len() > 1).map(|stray| stray.new.clone());
        found.unsaid.extend(unsaid.into_iter().flat_map(|address| all.clone().map(move |new| (new, address.clone()))));
    }
    let going: Set<&Identity> = chains.iter().flatten().map(|stray| stray.old).collect();
    let mut moves: Vec<_> = going.into_iter().map(|old| (old.clone(), strays[old].new.clone())).collect();
    moves.sort();
    Followed { moves, ..found }
}

fn stray<'a>(old: &'a Identity, record: &'a RecordedResource, index: &Index<'a>) -> Option<Stray<'a>> {
    let Identity::ConnectionTemplate { scope, name } = old else { return None };
    let live = index.template(scope, record.template_id.as_deref()?).filter(|live| live.name != *name)?;
    // Of two of a name, nobody knows which is meant.
    let is_alone = index.templates(scope, &live.name).len() == 1;
    let new = Identity::ConnectionTemplate { scope: scope.clone(), name: live.name.clone() };
    is_alone.then_some(Stray { old, record, live, new })
}

/// The templates that have to go by other names together with this one: it takes a name, and what is recorded under
/// that one goes on. Nothing where one of them cannot.
fn chain<'s, 'a>(
    seed: &'s Stray<'a>,
    strays: &'s Map<&'a Identity, Stray<'a>>,
    index: &Index<'a>,
    recorded: &Recorded,
) -> Option<Vec<&'s Stray<'a>>> {
    let is_free = |stray: &Stray<'_>| {
        let is_replaced = |(here, old): &(&Identity, &OldTemplate)| {
            *here == stray.old || old.identity.as_ref() == Some(stray.old) || old.id == stray.live.id
        };
        !index.replacing().iter().any(is_replaced)
            && !recorded.intents.contains_key(stray.old)
            && !recorded.intents.contains_key(&stray.new)
    };
    let mut chain = vec![seed];
    loop {
        let last = *chain.last()?;
        if !is_free(last) {
            return None;
        }
        let Identity::ConnectionTemplate { scope, .. } = &last.new else { return None };
        let id = index.record(&last.new).and_then(|record| record.template_id.as_deref());
        if id.and_then(|id| index.template(scope, id)).is_none() || last.new == *seed.old {
            return Some(chain);
        }
        let next = strays.get(&last.new)?;
        if chain.iter().any(|stray| stray.old == next.old) {
            return Some(chain);
        }
        chain.push(next);
    }
}

/// What files say of templates, by what those are.
struct Files<'a> {
    declared: Map<&'a Identity, (&'a Declared, &'a Resolved<'a>)>,
    /// What some file renames.
    renamed: Set<Identity>,
    desired: &'a Desired,
}

impl<'a> Files<'a> {
    fn of(looked_up: &'a [LookedUp<'a>], desired: &'a Desired) -> Self {
        let sound = looked_up.iter().filter_map(|(declared, found)| Some((&***declared, found.as_ref().ok()?)));
        let declared: Map<_, _> = sound.map(|(declared, found)| (&found.identity, (declared, found))).collect();
        let before = |(identity, (declared, _)): (&&Identity, &(&Declared, &Resolved<'_>))| {
            let Identity::ConnectionTemplate { scope, .. } = identity else { return None };
            let name = declared.lifecycle.renamed_from.clone()?;
            Some(Identity::ConnectionTemplate { scope: scope.clone(), name })
        };
        let renamed = declared.iter().filter_map(before).collect();
        Self { declared, renamed, desired }
    }

    /// Whether a template could be what is declared as this without being made anew.
    fn fit(&self, identity: &Identity, live: &LiveTemplate) -> bool {
        self.declared.get(identity).is_some_and(|(_, resolved)| resolved.owner.id == live.system)
    }

    fn have_followed<'s>(&self, stray: &Stray<'s>, strays: &Map<&'s Identity, Stray<'s>>, index: &Index<'_>) -> bool {
        let is_wanted_back = self.fit(stray.old, stray.live) || self.renamed.contains(stray.old);
        // The one that is recorded so is given its own name back.
        let is_anothers = strays.get(&stray.new).is_some_and(|other| self.fit(&stray.new, other.live));
        let is_recorded = index.recorded_as(&stray.live.id) == Some(stray.old);
        self.fit(&stray.new, stray.live) && !is_wanted_back && !is_anothers && is_recorded
    }

    /// Whether it stays what it is recorded as: the file that declared it last is in error, or renames it.
    fn keep(&self, stray: &Stray<'_>) -> bool {
        let address = &stray.record.address;
        let is_declared = || self.desired.find(address).is_some();
        self.renamed.contains(stray.old)
            || self.desired.broken_files.contains(&stray.record.source.file)
            || self.desired.disputed.contains(address)
            || !self.declared.contains_key(stray.old) && is_declared()
    }

    /// Whether a chain cannot go by other names: one of its templates stays, or nothing is said of its protection.
    fn stay(&self, chain: &[&Stray<'_>], staying: &Set<&Identity>) -> bool {
        chain.iter().any(|stray| staying.contains(stray.old) || self.leave_protection_open(stray))
    }

    /// Whether it is protected, and the file that declares its new name does not say whether it still is.
    fn leave_protection_open(&self, stray: &Stray<'_>) -> bool {
        let declared = self.declared.get(&stray.new);
        stray.record.prevent_delete && declared.is_some_and(|(declared, _)| declared.lifecycle.prevent_delete.is_none())
    }
}

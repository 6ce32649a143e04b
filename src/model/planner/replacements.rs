//! Connection templates that another has to take the place of: their system or their environment cannot change
//! in place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Planner;
use super::compare::{ENVIRONMENT, text_change};
use super::conclude::{Judged, record_of};
use super::resolve::Resolved;
use super::templates::template_step;
use crate::model::address::{Address, Identity, Scope};
use crate::model::connection_template::SYSTEM;
use crate::model::manifest::{Declared, OnDrift};
use crate::model::observed::{LiveTemplate, Unread};
use crate::model::plan::{Action, Bookkeeping, Cause, Change, Held, Source, Step};
use crate::model::recorded::{OldTemplate, RecordedResource};
use crate::model::schema::Fields;
use crate::model::source::Problem;

const NEEDS_REPLACEMENT: &str = "its system or environment cannot change in place: set lifecycle.allow_replace = true to \
                                 have a new template made and the old one deleted, which breaks the connections made from it";
const PROTECTED_FROM_REPLACEMENT: &str = "its system or environment cannot change in place, and lifecycle.prevent_delete \
                                          keeps the old one from being deleted: declare it where it was, with \
                                          prevent_delete = false, apply that, and move it then";

/// Why a template does not move to where another of its name is.
pub(super) const PLACE_IS_TAKEN: &str = "its environment cannot change in place, and the platform has another template of this name \
                                         there, which versync did not make: declare it in both (environments = [\"…\", \"…\"]) \
                                         and apply, then remove the old environment";

/// A template in the environment where a file declared it before.
pub(super) struct Left<'a> {
    identity: &'a Identity,
    record: &'a RecordedResource,
    live: &'a LiveTemplate,
    old: OldTemplate,
}

impl<'a> Planner<'a> {
    /// The template that a file declared in another environment of the project, under one of these names, where it
    /// now declares one that is not recorded: its environment was changed. Claimed, so that it is no orphan.
    pub(super) fn environment_left(
        &mut self,
        declared: &Declared,
        scope: &Scope,
        names: [&str; 2],
    ) -> Result<Option<Left<'a>>, Problem> {
        let here = Identity::ConnectionTemplate { scope: scope.clone(), name: names[0].to_owned() };
        let begun = self.begun_to_replace(&here);
        let mut namesakes = names.iter().flat_map(|name| self.index.recorded(&scope.project, name));
        let left = namesakes.find(|(identity, resource)| {
            let is_free = !self.claimed.contains(identity) || begun == Some(*identity);
            let is_wanted = self.claimed.is_wanted(identity, &here) || self.is_declared_beside(identity, names[0]);
            resource.source.file == declared.place.file() && is_free && !is_wanted
        });
        let Some((identity, record)) = left.copied() else { return Ok(None) };
        let found = self.find_live(identity, record).map_err(|why| {
            let message =
                format!("{} was {} before, of which it is not known: {why}", declared.address, record.address);
            Problem::at(declared.place.clone(), message)
        })?;
        let Some((Step::DeleteTemplate { scope, id }, _)) = found else { return Ok(None) };
        let Some(live) = self.index.template(&scope, &id).filter(|live| self.is_left(identity, live)) else {
            return Ok(None);
        };
        self.claimed.insert(identity.clone());
        self.remember_protection(declared, identity);
        Ok(Some(Left { identity, record, live, old: OldTemplate { scope, id, identity: Some(identity.clone()) } }))
    }

    /// Whether a file declares a template of this name where the other one is: that has not moved, it is to be renamed.
    fn is_declared_beside(&self, other: &Identity, name: &str) -> bool {
        let Identity::ConnectionTemplate { scope, .. } = other else { return false };
        self.claimed.is_declared(&Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() })
    }

    /// Whether no file speaks for what was recorded so, under whatever name somebody has given it.
    fn is_left(&self, recorded: &Identity, live: &LiveTemplate) -> bool {
        let Identity::ConnectionTemplate { scope, name } = recorded else { return false };
        let renamed = || Identity::ConnectionTemplate { scope: scope.clone(), name: live.name.clone() };
        live.name == *name || !self.claimed.contains(&renamed()) && !self.is_taken(scope, live)
    }

    /// What a replacement that was begun, and of which nothing may have come, claims beside its own place.
    pub(super) fn begun_to_replace(&self, here: &Identity) -> Option<&'a Identity> {
        let old = self.recorded.intents.get(here)?.record.replaces.as_ref()?.identity.as_ref()?;
        (!self.claimed.is_wanted(old, here)).then_some(old)
    }

    /// Plans the replacement of a template by one in another environment.
    pub(super) fn plan_move(
        &mut self,
        declared: &'a Arc<Declared>,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
        wanted: &Fields,
        left: Left<'_>,
        refused: Option<Held>,
    ) {
        if let Some(old) = &left.record.replaces
            && let Some(live) = self.index.template(&old.scope, &old.id)
        {
            return self.finish_first(declared, &left, old, live);
        }
        let (mut comparison, _) = self.compare_template(declared, resolved, wanted, Some(left.record), left.live);
        if let (live, Identity::ConnectionTemplate { name: before, .. }) = (&left.live.name, left.identity)
            && live != before
        {
            comparison.drifted_name(live, name, OnDrift::Revert);
        }
        comparison.relocate(environment_of(&left.record.address), environment_of(&declared.address));
        let record = record_of(declared, resolved, None, &comparison.record);
        let record = RecordedResource { replaces: Some(Box::new(left.old.clone())), ..record };
        let step = Box::new(template_step(scope, name, &comparison.send, Some(left.live), record.clone()));
        let step = Step::ReplaceTemplate { old: left.old, step };
        let refused = refused.or_else(|| refused_replacement(declared, Some(left.record)));
        let (recorded, renamed_from, action) = (Some(left.record), None, Action::Replace);
        self.conclude(declared, resolved, Judged { recorded, comparison, record, renamed_from, action, step, refused });
    }

    /// Plans the end of a replacement that was cut off where the template was before: it moves on only then, or the
    /// one that was to be deleted would be forgotten.
    fn finish_first(&mut self, declared: &Declared, left: &Left<'_>, old: &OldTemplate, live: &LiveTemplate) {
        let Some(identity) = left.old.identity.clone() else { return };
        let record = RecordedResource { replaces: None, ..left.record.clone() };
        let mut fields = vec![text_change(SYSTEM.name, &live.system, &left.live.system, Cause::Manifest)];
        self.write_systems_by_name(&mut fields);
        self.plan.changes.push(Change {
            address: left.record.address.clone(),
            identity,
            action: Action::Replace,
            causes: BTreeSet::from([Cause::Manifest]),
            source: Some(Source::of(declared)),
            held: refused_replacement(declared, Some(left.record)),
            fields,
            step: Step::FinishReplacement { old: old.clone(), record: Box::new(record) },
        });
    }

    /// The old template of a replacement that was cut off, where the file wants it back as it is, and as what it is
    /// recorded then: the half made one is what has to go.
    pub(super) fn reverted(
        &self,
        resolved: &Resolved<'_>,
        scope: &Scope,
        old: &OldTemplate,
        new: &LiveTemplate,
    ) -> Option<(&'a LiveTemplate, RecordedResource)> {
        let is_here = old.identity.is_none() && old.scope == *scope;
        let live = self.index.template(scope, &old.id).filter(|_| is_here && new.system != resolved.owner.id)?;
        let known = match self.recorded.resources.get(&resolved.identity) {
            Some(known) => Cow::Borrowed(known),
            // Where no answer came for either, what was begun last tells of the new one.
            None => {
                let begun = &self.recorded.intents.get(&resolved.identity)?.record;
                Cow::Owned(RecordedResource { template_id: None, ..begun.clone() })
            }
        };
        let replaces = OldTemplate { scope: scope.clone(), id: new.id.clone(), identity: None };
        (live.system == resolved.owner.id).then(|| (live, as_the_old(&known, live, Some(Box::new(replaces)))))
    }

    /// The old template of a replacement of which nothing else is there any more, where the file wants it back as it is,
    /// and as what it is recorded then.
    pub(super) fn left_alone(
        &self,
        resolved: &Resolved<'_>,
        scope: &Scope,
        recorded: Option<&RecordedResource>,
    ) -> Option<(&'a LiveTemplate, RecordedResource)> {
        let known = self.index.record(&resolved.identity).filter(|known| Some(*known) == recorded)?;
        let old = known.replaces.as_deref().filter(|old| old.identity.is_none() && old.scope == *scope)?;
        let is_gone = known.template_id.as_deref().is_some_and(|id| self.index.template(scope, id).is_none());
        let live = self.index.template(scope, &old.id).filter(|live| is_gone && live.system == resolved.owner.id)?;
        Some((live, as_the_old(known, live, None)))
    }

    /// What is left of a replacement that was cut off: the old template, if it is still there. One that is gone is
    /// forgotten; of one that could not be looked for, nothing follows.
    pub(super) fn still_pending(
        &mut self,
        pending: Option<OldTemplate>,
    ) -> (Option<OldTemplate>, Option<&'a LiveTemplate>) {
        let Some(old) = pending else { return (None, None) };
        let is_read = matches!(self.observed.templates.get(&old.scope), Some(Ok(_) | Err(Unread::Absent)));
        let live = self.index.template(&old.scope, &old.id);
        if is_read && live.is_none() {
            self.plan.bookkeeping.extend(old.identity.map(Bookkeeping::Forget));
            return (None, None);
        }
        (Some(old), live)
    }

    /// Plans what is left to do where the new template is made: to delete the old one.
    pub(super) fn finish_replacement(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        (pending, old): (&OldTemplate, &LiveTemplate),
        recorded: Option<&RecordedResource>,
        record: RecordedResource,
    ) {
        let known = pending.identity.as_ref().and_then(|identity| self.recorded.resources.get(identity));
        let mut fields = Vec::new();
        if let Some(known) = known.filter(|known| environment_of(&known.address) != environment_of(&declared.address)) {
            let (from, to) = (environment_of(&known.address), environment_of(&declared.address));
            fields.push(text_change(ENVIRONMENT, from, to, Cause::Manifest));
        }
        if old.system != resolved.owner.id {
            fields.push(text_change(SYSTEM.name, &old.system, resolved.owner_written, Cause::Manifest));
        }
        self.write_systems_by_name(&mut fields);
        self.plan.changes.push(Change {
            address: declared.address.clone(),
            identity: resolved.identity.clone(),
            action: Action::Replace,
            causes: BTreeSet::from([Cause::Manifest]),
            source: Some(Source::of(declared)),
            held: refused_replacement(declared, known.or(recorded)),
            fields,
            step: Step::FinishReplacement { old: pending.clone(), record: Box::new(record) },
        });
    }
}

/// What is recorded of a replacement, with the old template in the place of the new one. Where the new one was recorded,
/// nothing is known any more of the old one's fields.
fn as_the_old(known: &RecordedResource, old: &LiveTemplate, replaces: Option<Box<OldTemplate>>) -> RecordedResource {
    let is_old = known.template_id.as_ref() == Some(&old.id);
    let fields = if is_old { known.fields.clone() } else { Fields::new() };
    RecordedResource { template_id: Some(old.id.clone()), fields, replaces, ..known.clone() }
}

fn environment_of(address: &Address) -> &str {
    match address {
        Address::ConnectionTemplate { environment, .. } => environment,
        Address::AuthSchemeConfig { .. } => "",
    }
}

/// Why a template may not be replaced, where it may not. What protects it is also what was declared last: one
/// edit that removes the protection and moves the template is not enough to lose it.
pub(super) fn refused_replacement(declared: &Declared, recorded: Option<&RecordedResource>) -> Option<Held> {
    let is_protected = declared.lifecycle.prevents_delete() || recorded.is_some_and(|recorded| recorded.prevent_delete);
    let why = match (declared.lifecycle.allow_replace, is_protected) {
        (false, _) => NEEDS_REPLACEMENT,
        (true, true) => PROTECTED_FROM_REPLACEMENT,
        (true, false) => return None,
    };
    Some(Held::because(why))
}

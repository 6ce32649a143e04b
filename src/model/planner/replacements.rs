//! Connection templates that another has to take the place of: their system or their environment cannot change
//! in place.

use std::collections::BTreeSet;

use super::compare::{ENVIRONMENT, text_change};
use super::resolve::Resolved;
use super::templates::template_step;
use super::{Planner, record_of, source_of};
use crate::model::address::{Address, Identity, Scope};
use crate::model::connection_template::SYSTEM;
use crate::model::manifest::Declared;
use crate::model::observed::LiveTemplate;
use crate::model::plan::{Action, Cause, Change, FieldChange, Held, OldTemplate, Step};
use crate::model::recorded::RecordedResource;
use crate::model::schema::Fields;
use crate::model::source::Problem;

const NEEDS_REPLACEMENT: &str = "its system or environment cannot change in place: set lifecycle.allow_replace = true to \
                                 have a new template made and the old one deleted, which breaks the connections made from it";
const PROTECTED_FROM_REPLACEMENT: &str = "its system or environment cannot change in place, and lifecycle.prevent_delete \
                                          forbids to delete the old one: apply it once without that where it is, and \
                                          move it then";

/// Why a template does not move to where another of its name is.
pub(super) const PLACE_IS_TAKEN: &str = "its environment cannot change in place, and the platform has another template of this name \
                                         there, which versync did not make: declare it in both (environments = [\"…\", \"…\"]) \
                                         and apply, then remove the old environment";

/// A template in the environment where a file declared it before.
pub(super) struct Left<'a> {
    record: &'a RecordedResource,
    live: &'a LiveTemplate,
    old: OldTemplate,
}

impl<'a> Planner<'a> {
    /// The template that a file declared in another environment of the project, where it now declares one that
    /// is not recorded: its environment was changed. Claimed, so that it is no orphan.
    pub(super) fn environment_left(
        &mut self,
        declared: &Declared,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<Left<'a>>, Problem> {
        let here = Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() };
        if self.recorded.resources.contains_key(&here) {
            return Ok(None);
        }
        let mut namesakes = self.index.recorded(&scope.project, name).iter();
        let left = namesakes.find(|(identity, resource)| {
            resource.source.file == declared.place.file() && !self.claimed.contains(*identity)
        });
        let Some((identity, record)) = left.copied() else { return Ok(None) };
        let found = self.find_live(identity, record).map_err(|why| {
            let message =
                format!("{} was {} before, of which it is not known: {why}", declared.address, record.address);
            Problem::at(declared.place.clone(), message)
        })?;
        let Some((Step::DeleteTemplate { scope: old_scope, id }, _)) = found else { return Ok(None) };
        let mut live = self.index.templates(&old_scope, name).iter();
        let Some(live) = live.find(|template| template.id == id).copied() else { return Ok(None) };
        self.claimed.insert(identity.clone());
        Ok(Some(Left { record, live, old: OldTemplate { scope: old_scope, id, identity: Some(identity.clone()) } }))
    }

    /// Plans the replacement of a template by one in another environment.
    pub(super) fn plan_move(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
        wanted: &Fields,
        left: Left<'_>,
        refused: Option<Held>,
    ) {
        let (mut comparison, _) = self.compare_template(declared, resolved, wanted, Some(left.record), left.live);
        comparison.relocate(environment_of(&left.record.address), environment_of(&declared.address));
        let record = record_of(declared, resolved, None, &comparison.record);
        let step = Box::new(template_step(scope, name, &comparison.send, Some(left.live), record.clone()));
        let step = Step::ReplaceTemplate { old: left.old, step };
        let refused = refused.or_else(|| refused_replacement(declared, Some(left.record)));
        self.conclude(declared, resolved, Some(left.record), comparison, record, (Action::Replace, step), refused);
    }

    /// Plans what is left to do where a template is as declared and another of its name waits to be deleted.
    pub(super) fn finish_replacement(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        (scope, old): (&Scope, &LiveTemplate),
        recorded: Option<&RecordedResource>,
        record: RecordedResource,
    ) {
        let mut fields = [text_change(SYSTEM.name, &old.system, &resolved.owner_written, Cause::Manifest)];
        self.write_systems_by_name(&mut fields);
        let held = refused_replacement(declared, recorded);
        let old = OldTemplate { scope: scope.clone(), id: old.id.clone(), identity: None };
        self.finish(declared, resolved, fields, held, Step::FinishReplacement { old, record: Box::new(record) });
    }

    /// The same, where the other one is in the environment that was left.
    pub(super) fn finish_move(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        left: Left<'_>,
        record: RecordedResource,
    ) {
        let (from, to) = (environment_of(&left.record.address), environment_of(&declared.address));
        let fields = [text_change(ENVIRONMENT, from, to, Cause::Manifest)];
        let held = refused_replacement(declared, Some(left.record));
        self.finish(
            declared,
            resolved,
            fields,
            held,
            Step::FinishReplacement { old: left.old, record: Box::new(record) },
        );
    }

    fn finish(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        fields: impl Into<Vec<FieldChange>>,
        held: Option<Held>,
        step: Step,
    ) {
        self.plan.changes.push(Change {
            address: declared.address.clone(),
            identity: resolved.identity.clone(),
            action: Action::Replace,
            causes: BTreeSet::from([Cause::Manifest]),
            source: Some(source_of(declared)),
            held,
            fields: fields.into(),
            step,
        });
    }
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
    let is_protected = declared.lifecycle.prevent_delete || recorded.is_some_and(|recorded| recorded.prevent_delete);
    let why = match (declared.lifecycle.allow_replace, is_protected) {
        (false, _) => NEEDS_REPLACEMENT,
        (true, true) => PROTECTED_FROM_REPLACEMENT,
        (true, false) => return None,
    };
    Some(Held::because(why))
}

/// The new and the old one of two templates of one name, where the one was made to take the other's place
/// and something came between. That one of them is ours is recorded; that there may be two is declared.
pub(super) fn unfinished_replacement<'t>(
    matches: &[&'t LiveTemplate],
    declared: &Declared,
    resolved: &Resolved<'_>,
    recorded: Option<&RecordedResource>,
) -> Option<(&'t LiveTemplate, &'t LiveTemplate)> {
    let [first, second] = matches else { return None };
    let ours = recorded?.template_id.as_deref()?;
    let is_new = |template: &LiveTemplate| template.system == resolved.owner.id;
    let (new, old) = match (is_new(first), is_new(second)) {
        (true, false) => (first, second),
        (false, true) => (second, first),
        _ => return None,
    };
    (declared.lifecycle.allow_replace && [&new.id, &old.id].iter().any(|id| *id == ours)).then_some((*new, *old))
}

//! What is recorded or live although no file declares it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Planner;
use super::compare::field_change;
use crate::model::address::{Identity, Scope};
use crate::model::auth_scheme_config::field_named;
use crate::model::connection_template::{self, NAME};
use crate::model::desired::Desired;
use crate::model::observed::{LiveTemplate, Unread};
use crate::model::plan::{Action, Bookkeeping, Cause, Change, FieldChange, Held, Step};
use crate::model::recorded::RecordedResource;
use crate::model::schema::Fields;
use crate::model::source::Problem;

impl<'a> Planner<'a> {
    /// Plans what is recorded and no longer declared.
    pub(super) fn plan_orphans(&mut self, desired: &Desired) {
        for (identity, resource) in self.recorded.resources.iter() {
            if self.claimed.contains(identity) && !self.claimed.is_reserved(identity) {
                continue;
            }
            self.plan.not_compared.insert(resource.address.clone());
            self.plan.in_broken_files += usize::from(desired.broken_files.contains(&resource.source.file));
            // What a create has made in its place is recorded first: both are to go then, and neither is forgotten.
            let spoken_for = self.claimed.is_reserved(identity)
                || self.claimed.is_open(&resource.source.file)
                || self.made(identity).is_some();
            if !spoken_for && self.targets.include(&resource.address, &resource.source.file) {
                self.plan_orphan(identity, resource);
            }
        }
    }

    fn plan_orphan(&mut self, identity: &Identity, resource: &RecordedResource) {
        if let Some(live) = self.taken_over(identity, resource) {
            // The other file's change takes the record with it. Until that is made, this is what is known of it.
            let now = Identity::ConnectionTemplate { scope: live.0.clone(), name: live.1.name.clone() };
            let is_recorded_twice = self.index.record(&now).is_some_and(|it| it.template_id == resource.template_id);
            self.plan.bookkeeping.extend(is_recorded_twice.then(|| Bookkeeping::Forget(identity.clone())));
            return;
        }
        let found = match self.left_behind(resource) {
            Some(left) => Ok(Some(left)),
            None => self.find_live(identity, resource),
        };
        let (step, live) = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.plan.bookkeeping.push(Bookkeeping::Forget(identity.clone()));
                return;
            }
            Err(why) => {
                let problem = Problem::general(format!("cannot tell whether {} still exists: {why}", resource.address));
                self.plan.problems.push(problem);
                return;
            }
        };
        let protected = resource.prevent_delete.then(|| {
            Held::because(
                "it was declared with lifecycle.prevent_delete: declare it once more with prevent_delete = false, apply, and remove \
                 it again",
            )
        });
        let strayed = self.other_name(identity, resource);
        let (action, step, held) = if self.policy.prune {
            (Action::Delete, step, protected)
        } else {
            let now = strayed.map(|name| format!(", and somebody has renamed it to {name:?}")).unwrap_or_default();
            let then = if resource.prevent_delete {
                "it was declared with lifecycle.prevent_delete, and would not be deleted with sync.prune either"
            } else {
                "with sync.prune = true it would be deleted"
            };
            let remark = format!("no file declares it any more{now}; {then}");
            (Action::None, Step::Nothing, Some(Held::because(remark)))
        };
        let mut fields = Vec::new();
        if action == Action::Delete {
            fields = removed(&live);
            let name = |name: &str| field_change(&NAME, Value::from(name), Value::Null, Cause::Manifest);
            fields.extend(strayed.map(name));
        }
        self.write_systems_by_name(&mut fields);
        self.plan.changes.push(Change {
            address: resource.address.clone(),
            identity: identity.clone(),
            action,
            causes: BTreeSet::from([Cause::Manifest]),
            source: Some(resource.source.clone()),
            held,
            fields,
            step,
        });
    }

    /// What somebody has renamed a template to. Whoever has looked at its delete has to look again then.
    fn other_name(&self, identity: &Identity, resource: &RecordedResource) -> Option<&'a str> {
        let Identity::ConnectionTemplate { scope, name } = identity else { return None };
        let live = self.index.template(scope, resource.template_id.as_deref()?)?;
        (live.name != *name).then_some(live.name.as_str())
    }

    /// The template of an orphan, where another file is about that now, with where it is.
    fn taken_over<'i>(
        &self,
        identity: &'i Identity,
        resource: &RecordedResource,
    ) -> Option<(&'i Scope, &'a LiveTemplate)> {
        let Identity::ConnectionTemplate { scope, .. } = identity else { return None };
        let live = self.index.template(scope, resource.template_id.as_deref()?)?;
        self.is_taken(scope, live).then_some((scope, live))
    }

    /// The template whose place an orphan was made to take, where that is not gone yet: it goes first.
    fn left_behind(&self, resource: &RecordedResource) -> Option<(Step, Fields)> {
        let old = resource.replaces.as_deref().filter(|old| old.identity.is_none())?;
        let live = self.index.template(&old.scope, &old.id)?;
        let record = Box::new(RecordedResource { replaces: None, ..resource.clone() });
        Some((Step::FinishReplacement { old: old.clone(), record }, live.fields()))
    }

    /// The live object that is recorded so, with the step that deletes it; nothing where there is none.
    pub(super) fn find_live(
        &self,
        identity: &Identity,
        resource: &RecordedResource,
    ) -> Result<Option<(Step, Fields)>, String> {
        match identity {
            Identity::ConnectionTemplate { scope, name } => {
                match self.observed.templates.get(scope) {
                    Some(Ok(_)) => {}
                    // The project or the environment is gone, and the template with it.
                    Some(Err(Unread::Absent)) => return Ok(None),
                    Some(Err(unread)) => return Err(why(unread)),
                    None => return Err("its environment was not read".to_owned()),
                }
                let found = match &resource.template_id {
                    // By its id, whatever somebody calls it now; another one of its name is not ours to delete.
                    Some(id) => self.index.template(scope, id),
                    None => match self.index.templates(scope, name) {
                        [] => None,
                        [one] => Some(*one),
                        [..] => return Err("the platform has several templates of this name".to_owned()),
                    },
                };
                let delete = |id: &str| Step::DeleteTemplate { scope: scope.clone(), id: id.to_owned() };
                Ok(found.map(|one| (delete(&one.id), one.fields())))
            }
            Identity::AuthSchemeConfig { owner, id } => {
                match self.observed.configs.get(owner) {
                    Some(Ok(_)) => {}
                    Some(Err(Unread::Absent)) => return Ok(None),
                    Some(Err(unread)) => return Err(why(unread)),
                    None => return Err(format!("its {} was not read", owner.kind)),
                }
                let step = || Step::DeleteConfig { owner: owner.clone(), id: id.clone() };
                Ok(self.index.config(owner, id).map(|config| (step(), config.fields.clone())))
            }
        }
    }
}

pub(super) fn why(unread: &Unread) -> String {
    match unread {
        Unread::Failed(why) => why.clone(),
        Unread::Absent | Unread::Unnamed { .. } | Unread::Ambiguous { .. } => "its place was not found".to_owned(),
    }
}

fn removed(live: &Fields) -> Vec<FieldChange> {
    let known = |name: &str| field_named(name).or_else(|| connection_template::field_named(name));
    let change =
        |(name, value): (&&str, &Value)| Some(field_change(known(name)?, value.clone(), Value::Null, Cause::Manifest));
    live.iter().filter_map(change).collect()
}

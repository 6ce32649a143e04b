//! Auth scheme configs, with the secrets that the platform never shows.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Planner;
use super::compare::{compare, is_settled};
use super::conclude::{Judged, is_recorded_as, record_of};
use super::resolve::Resolved;
use crate::model::address::{Identity, Owner};
use crate::model::auth_scheme_config::fields_of;
use crate::model::manifest::Declared;
use crate::model::observed::LiveConfig;
use crate::model::plan::{Action, Change, ConfigStep, Step};
use crate::model::recorded::RecordedResource;
use crate::model::schema::{Fields, Need};
use crate::model::source::Problem;

impl<'a> Planner<'a> {
    /// Plans one config of an owner that was read, and that is not settled.
    pub(super) fn plan_config(
        &mut self,
        declared: &'a Arc<Declared>,
        resolved: &Resolved<'_>,
        owner: &Owner,
        id: &str,
    ) {
        let Some(Ok(_)) = self.observed.configs.get(owner) else { return };
        let live = self.index.config(owner, id);
        let known = self.secrets;
        let step = |fields: &Fields, base: Map<String, Value>, record| {
            let is_secret = |name: &str| declared.secrets.iter().any(|(secret, _)| *secret == name);
            let open = fields.iter().filter(|(name, _)| !is_secret(name));
            let wanted = declared.secrets.iter().filter(|(name, _)| fields.contains_key(name));
            let secrets = wanted.filter_map(|(name, secret)| Some((*name, known.get(&secret.value)?.clone())));
            Step::PutConfig(Box::new(ConfigStep {
                owner: owner.clone(),
                id: id.to_owned(),
                fields: open.map(|(name, value)| (*name, value.clone())).collect(),
                secrets: secrets.collect(),
                base,
                record,
            }))
        };
        let Some(live) = live else {
            self.plan_missing(declared, resolved, &declared.fields, |record| {
                step(&declared.fields, Map::new(), record)
            });
            return self.refuse_without_secrets(declared);
        };
        let begun = self.begun_config(&resolved.identity, live);
        let recorded = self.recorded.resources.get(&resolved.identity).or(begun.as_ref());
        let fields: Vec<_> = fields_of(declared.type_name(), owner.kind).collect();
        self.note_comparison(declared, &fields, &declared.fields, recorded, (&live.fields, None));
        let comparison =
            compare(&fields, &declared.fields, recorded, &live.fields, &declared.lifecycle, self.policy.on_drift);
        let record = record_of(declared, resolved, None, &comparison.record);
        let step = step(&comparison.send, live.raw.members(), record.clone());
        let (action, renamed_from, refused) = (Action::Update, None, None);
        let judged = Judged { recorded, comparison, record, renamed_from, action, step, refused };
        self.conclude(declared, resolved, judged);
        self.refuse_without_secrets(declared);
    }

    /// Whether a config is live, recorded and declared all the same.
    pub(super) fn is_settled_config(&self, declared: &Declared, resolved: &Resolved<'_>, live: &LiveConfig) -> bool {
        let fields = || fields_of(declared.type_name(), resolved.owner.kind);
        self.index.record(&resolved.identity).is_some_and(|recorded| {
            is_recorded_as(recorded, declared, resolved, None)
                && is_settled(fields(), &declared.fields, recorded, &live.fields, &declared.lifecycle)
        })
    }

    /// What a create that was begun has made, where it is still as it was sent. A config is made by a request
    /// that may be sent again, so nothing has to be waited for where it is not.
    pub(super) fn begun_config(&self, identity: &Identity, live: &LiveConfig) -> Option<RecordedResource> {
        let intent = self.recorded.intents.get(identity)?;
        intent.has_made_config(live).then(|| intent.record.clone())
    }

    /// Turns the change that was planned last into a problem where the platform would refuse it for want of
    /// a secret that no file declares.
    fn refuse_without_secrets(&mut self, declared: &Declared) {
        let planned_now = |change: &&Change| change.address == declared.address && change.is_due();
        let Some(change) = self.plan.changes.last().filter(planned_now) else { return };
        let Step::PutConfig(step) = &change.step else { return };
        let missing = fields_of(declared.type_name(), step.owner.kind)
            .find(|field| field.need == Need::ToWrite && !step.secrets.contains_key(field.name));
        let Some(field) = missing else { return };
        let message = format!("{} has to be sent, and the platform needs its {}", declared.address, field.name);
        let help =
            format!("add {} = {{ env = \"NAME\" }}, {{ file = \"PATH\" }} or {{ credential = \"NAME\" }}", field.name);
        self.plan.changes.pop();
        self.give_up(declared, [Problem::at(declared.place.clone(), message).help(help)]);
    }
}

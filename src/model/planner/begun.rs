//! Creates that were begun and whose answers were lost: what they have made is ours.

use super::Planner;
use crate::model::address::{Identity, Scope};
use crate::model::plan::{Action, Bookkeeping, Change, Held};
use crate::model::recorded::RecordedResource;
use crate::model::schema::Fields;

const BEGUN: &str =
    "it was begun before and its answer never came: it is made again if the next pass does not find it either";

impl Planner<'_> {
    /// What a create that was begun has made, as if it were recorded: of its fields nothing is known.
    pub(super) fn begun(&self, scope: &Scope, identity: &Identity) -> Option<RecordedResource> {
        let intent = self.recorded.intents.get(identity)?;
        let Identity::ConnectionTemplate { name, .. } = identity else { return None };
        let mut namesakes = self.index.templates(scope, name).iter();
        let made = namesakes.find(|template| intent.has_made(&scope.environment, template))?;
        Some(RecordedResource { template_id: Some(made.id.clone()), fields: Fields::new(), ..intent.record.clone() })
    }

    /// A create whose answer was lost may still be under way: the next one waits until a later pass does not
    /// find it either.
    pub(super) fn wait_for_begun(&mut self, identity: &Identity) {
        if self.recorded.intents.get(identity).is_none_or(|intent| intent.missed) {
            return;
        }
        let makes = |change: &Change| matches!(change.action, Action::Create | Action::Replace);
        let create = |change: &&mut Change| change.identity == *identity && makes(change) && change.held.is_none();
        if let Some(change) = self.plan.changes.last_mut().filter(create) {
            change.held = Some(Held::for_now(BEGUN));
            self.plan.bookkeeping.push(Bookkeeping::Missed(identity.clone()));
        }
    }

    /// What a create of this that was begun has made.
    pub(super) fn made(&self, identity: &Identity) -> Option<RecordedResource> {
        match identity {
            Identity::ConnectionTemplate { scope, .. } => self.begun(scope, identity),
            Identity::AuthSchemeConfig { owner, id } => self.begun_config(identity, self.index.config(owner, id)?),
        }
    }

    /// Creates that were begun for what no file declares any more: what they have made is remembered, so that
    /// it is treated like anything else that is no longer declared.
    pub(super) fn settle_intents(&mut self) {
        // What stays as it is since its file is in error has been made all the same.
        let is_open = |identity: &Identity| !self.claimed.contains(identity) || self.claimed.is_reserved(identity);
        for (identity, intent) in self.recorded.intents.iter().filter(|(identity, _)| is_open(identity)) {
            let is_read = match identity {
                Identity::ConnectionTemplate { scope, .. } => matches!(self.observed.templates.get(scope), Some(Ok(_))),
                Identity::AuthSchemeConfig { owner, .. } => matches!(self.observed.configs.get(owner), Some(Ok(_))),
            };
            if !is_read {
                continue;
            }
            self.plan.bookkeeping.push(match self.made(identity) {
                Some(made) => Bookkeeping::Record(identity.clone(), Box::new(made)),
                None if intent.missed => Bookkeeping::Abandon(identity.clone()),
                None => Bookkeeping::Missed(identity.clone()),
            });
        }
    }
}

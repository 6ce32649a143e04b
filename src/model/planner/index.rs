//! What is live and recorded, by what a plan looks it up with: going through all of it for each resource would
//! make a plan of many cost their square.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::claims::Claims;
use crate::model::address::{Identity, Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Observed};
use crate::model::recorded::{OldTemplate, Recorded, RecordedResource};

/// Maps and sets with a hash that is made for short texts: most of a plan is looking up.
pub(super) type Map<K, V> = HashMap<K, V, RandomState>;
pub(super) type Set<K> = HashSet<K, RandomState>;

/// Borrows from both for as long as the plan is made.
#[derive(Default)]
pub(super) struct Index<'a> {
    templates: Map<&'a Scope, ByName<'a, Vec<&'a LiveTemplate>>>,
    template_ids: Map<&'a Scope, ByName<'a, &'a LiveTemplate>>,
    configs: Map<&'a Owner, ByName<'a, &'a LiveConfig>>,
    recorded: Map<&'a str, ByName<'a, Vec<Record<'a>>>>,
    recorded_ids: ByName<'a, &'a Identity>,
    replaced_ids: ByName<'a, &'a Identity>,
    recorded_configs: Map<&'a Owner, Set<&'a str>>,
    by_identity: Map<&'a Identity, &'a RecordedResource>,
    replacing: Vec<(&'a Identity, &'a OldTemplate)>,
}

/// A live object of which neither files nor state know.
pub(super) enum Other<'a> {
    Template(&'a Scope, &'a LiveTemplate),
    Config(&'a Owner, &'a str),
}

type ByName<'a, T> = Map<&'a str, T>;
type Record<'a> = (&'a Identity, &'a RecordedResource);

impl<'a> Index<'a> {
    pub(super) fn of(observed: &'a Observed, recorded: &'a Recorded) -> Self {
        let mut index = Self::default();
        for (scope, list) in &observed.templates {
            let names = index.templates.entry(scope).or_default();
            let ids = index.template_ids.entry(scope).or_default();
            let count = list.as_ref().map_or(0, Vec::len);
            names.reserve(count);
            ids.reserve(count);
            for template in list.iter().flatten() {
                names.entry(&template.name).or_default().push(template);
                ids.insert(&template.id, template);
            }
        }
        for (owner, list) in &observed.configs {
            let ids = index.configs.entry(owner).or_default();
            ids.reserve(list.as_ref().map_or(0, Vec::len));
            for config in list.iter().flatten() {
                ids.entry(&config.id).or_insert(config);
            }
        }
        index.by_identity.reserve(recorded.resources.len());
        for (identity, resource) in recorded.resources.iter() {
            index.by_identity.insert(identity, resource);
            index.replacing.extend(resource.replaces.as_deref().map(|old| (identity, old)));
            if let Identity::AuthSchemeConfig { owner, id } = identity {
                index.recorded_configs.entry(owner).or_default().insert(id);
            }
            if let Identity::ConnectionTemplate { scope, name } = identity {
                index.recorded_ids.extend(resource.template_id.as_deref().map(|id| (id, identity)));
                index.recorded.entry(&scope.project).or_default().entry(name).or_default().push((identity, resource));
            }
        }
        let begun = recorded.intents.iter();
        index.replacing.extend(begun.filter_map(|(here, intent)| Some((here, intent.record.replaces.as_deref()?))));
        index.replaced_ids.extend(index.replacing.iter().map(|(here, old)| (old.id.as_str(), *here)));
        index
    }

    /// The live templates of a name.
    pub(super) fn templates(&self, scope: &Scope, name: &str) -> &[&'a LiveTemplate] {
        self.templates.get(scope).and_then(|names| names.get(name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The live template of an id.
    pub(super) fn template(&self, scope: &Scope, id: &str) -> Option<&'a LiveTemplate> {
        self.template_ids.get(scope).and_then(|ids| ids.get(id)).copied()
    }

    /// The live config of an id.
    pub(super) fn config(&self, owner: &Owner, id: &str) -> Option<&'a LiveConfig> {
        self.configs.get(owner).and_then(|ids| ids.get(id)).copied()
    }

    /// The recorded templates of a name in every environment of a project, in their order.
    pub(super) fn recorded(&self, project: &str, name: &str) -> &[Record<'a>] {
        self.recorded.get(project).and_then(|names| names.get(name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// As what the template of this id is recorded.
    pub(super) fn recorded_as(&self, id: &str) -> Option<&'a Identity> {
        self.recorded_ids.get(id).copied()
    }

    /// What is recorded to be this template, or to take its place.
    pub(super) fn owner(&self, id: &str) -> Option<&'a Identity> {
        self.recorded_as(id).or_else(|| self.replaced_ids.get(id).copied())
    }

    /// What is recorded of an identity.
    pub(super) fn record(&self, identity: &Identity) -> Option<&'a RecordedResource> {
        self.by_identity.get(identity).copied()
    }

    /// What is recorded, or was begun, to take the place of something that may still be there.
    pub(super) fn replacing(&self) -> &[(&'a Identity, &'a OldTemplate)] {
        &self.replacing
    }

    /// The live objects that are neither recorded nor claimed, in no order.
    pub(super) fn others(&self, claims: &Claims<'_>) -> impl Iterator<Item = Other<'a>> {
        let is_at = |identity: &Identity, at: &Scope| matches!(identity, Identity::ConnectionTemplate { scope, .. } if scope == at);
        let is_known_template = move |scope: &Scope, name: &str| {
            self.recorded(&scope.project, name).iter().any(|(identity, _)| is_at(identity, scope))
                || claims.contains(&Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() })
        };
        let is_known_config = move |owner: &Owner, id: &str| {
            self.recorded_configs.get(owner).is_some_and(|ids| ids.contains(id))
                || claims.contains(&Identity::AuthSchemeConfig { owner: owner.clone(), id: id.to_owned() })
        };
        let templates = self.templates.iter().flat_map(|(scope, names)| names.iter().map(move |named| (*scope, named)));
        let templates = templates.filter(move |(scope, (name, _))| !is_known_template(scope, name));
        let configs = self.configs.iter().flat_map(|(owner, ids)| ids.keys().map(move |id| (*owner, *id)));
        let configs = configs.filter(move |(owner, id)| !is_known_config(owner, id));
        let live = templates.flat_map(|(scope, (_, list))| list.iter().map(move |live| (scope, *live)));
        let foreign = live.filter(|(_, live)| self.recorded_as(&live.id).is_none());
        let templates = foreign.map(|(scope, live)| Other::Template(scope, live));
        templates.chain(configs.map(|(owner, id)| Other::Config(owner, id)))
    }
}

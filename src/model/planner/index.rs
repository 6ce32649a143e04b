//! What is live and recorded, by what a plan looks it up with: going through all of it for each resource would
//! make a plan of many cost their square.

use std::collections::{HashMap, HashSet};

use crate::model::address::{Identity, Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Observed};
use crate::model::recorded::{Recorded, RecordedResource};

/// Borrows from both for as long as the plan is made.
#[derive(Default)]
pub(super) struct Index<'a> {
    templates: HashMap<&'a Scope, ByName<'a, Vec<&'a LiveTemplate>>>,
    template_ids: HashMap<&'a Scope, ByName<'a, &'a LiveTemplate>>,
    configs: HashMap<&'a Owner, ByName<'a, &'a LiveConfig>>,
    recorded: HashMap<&'a str, ByName<'a, Vec<Record<'a>>>>,
    recorded_ids: ByName<'a, &'a Identity>,
}

type ByName<'a, T> = HashMap<&'a str, T>;
type Record<'a> = (&'a Identity, &'a RecordedResource);

impl<'a> Index<'a> {
    pub(super) fn of(observed: &'a Observed, recorded: &'a Recorded) -> Self {
        let mut index = Self::default();
        for (scope, list) in &observed.templates {
            let names = index.templates.entry(scope).or_default();
            let ids = index.template_ids.entry(scope).or_default();
            for template in list.iter().flatten() {
                names.entry(&template.name).or_default().push(template);
                ids.insert(&template.id, template);
            }
        }
        for (owner, list) in &observed.configs {
            let ids = index.configs.entry(owner).or_default();
            for config in list.iter().flatten() {
                ids.entry(&config.id).or_insert(config);
            }
        }
        for (identity, resource) in recorded.resources.iter() {
            if let Identity::ConnectionTemplate { scope, name } = identity {
                index.recorded_ids.extend(resource.template_id.as_deref().map(|id| (id, identity)));
                index.recorded.entry(&scope.project).or_default().entry(name).or_default().push((identity, resource));
            }
        }
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

    /// How many live objects none of these identities means.
    pub(super) fn count_others<'i>(&self, known: impl Iterator<Item = &'i Identity>) -> usize {
        let (mut templates, mut configs) = (HashSet::new(), HashSet::new());
        for identity in known {
            match identity {
                Identity::ConnectionTemplate { scope, name } => drop(templates.insert((scope, name.as_str()))),
                Identity::AuthSchemeConfig { owner, id } => drop(configs.insert((owner, id.as_str()))),
            }
        }
        let count = |scope: &Scope, names: &ByName<'_, Vec<_>>| {
            let others = names.iter().filter(|(name, _)| !templates.contains(&(scope, **name)));
            others.map(|(_, list)| list.len()).sum::<usize>()
        };
        let others = self.templates.iter().map(|(scope, names)| count(scope, names)).sum::<usize>();
        let ids = self.configs.iter().flat_map(|(owner, ids)| ids.keys().map(move |id| (*owner, *id)));
        others + ids.filter(|key| !configs.contains(key)).count()
    }
}

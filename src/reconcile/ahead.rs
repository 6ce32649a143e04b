//! Reading what is recorded while the record and the files are still taken in: most of it will be asked for, and whoever
//! runs one command waits for the network and not for the disk and the parser as well.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};

use super::sharing::share;
use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Identity, Owner, Scope, is_ulid};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};
use crate::model::recorded::{Recorded, RecordedResource, Reference};

type Answer<T> = Result<T, ApiError>;

/// Answers that nobody has asked for yet.
#[derive(Debug, Default)]
pub(super) struct Answers {
    projects: RefCell<Option<Answer<Vec<Named>>>>,
    systems: RefCell<Option<Answer<Vec<Named>>>>,
    project: RefCell<HashMap<String, Answer<Project>>>,
    templates: RefCell<HashMap<Scope, Answer<Vec<LiveTemplate>>>>,
    configs: RefCell<HashMap<Owner, Answer<Vec<LiveConfig>>>>,
}

/// Asks for what nobody has asked for yet.
#[derive(Debug, Default)]
pub(super) struct Asking {
    answers: Answers,
    /// What was asked for, answered or not.
    asked: RefCell<Places>,
    /// Everything that is recorded, once it is known.
    recorded: OnceCell<Recorded>,
}

type Resources = BTreeMap<Identity, RecordedResource>;

impl Asking {
    /// What has come. The record is let go: it has to be nobody else's where it is changed.
    pub(super) fn done(self) -> Answers {
        self.answers
    }

    /// Lets configs share their fields with what is recorded: those that are there, and those that will come.
    pub(super) fn share_with(&self, recorded: &Recorded) {
        for (owner, configs) in self.answers.configs.borrow_mut().iter_mut() {
            if let Ok(configs) = configs {
                share(owner, configs, recorded);
            }
        }
        _ = self.recorded.set(recorded.clone());
    }

    /// Asks for what these resources are about and was not asked for yet, and for what their names mean. Whatever comes is
    /// for whoever asks later.
    pub(super) async fn gather<A: Read>(&self, api: &A, resources: &Resources) {
        let answers = &self.answers;
        let Places { scopes, projects, owners, names } = self.asked.borrow_mut().take_in(Places::of(resources));
        // Longest first: lists come page after page.
        let templates = join_all(scopes.into_iter().map(async |scope| {
            let answer = api.templates(&scope, None).await;
            answers.templates.borrow_mut().insert(scope, answer);
        }));
        let lists = async {
            if names {
                let (projects, systems) = join(api.projects(), api.systems()).await;
                answers.projects.replace(Some(projects));
                answers.systems.replace(Some(systems));
            }
        };
        let project = join_all(projects.into_iter().map(async |id| {
            let answer = api.project(&id).await;
            answers.project.borrow_mut().insert(id, answer);
        }));
        let configs = stream::iter(owners).for_each_concurrent(api.begun_at_once(), async |owner| {
            let mut answer = api.configs(&owner, None).await;
            if let (Ok(configs), Some(recorded)) = (&mut answer, self.recorded.get()) {
                share(&owner, configs, recorded);
            }
            answers.configs.borrow_mut().insert(owner, answer);
        });
        join(join(templates, lists), join(project, configs)).await;
    }
}

/// Where resources live.
#[derive(Debug, Default)]
struct Places {
    scopes: BTreeSet<Scope>,
    projects: BTreeSet<String>,
    owners: BTreeSet<Owner>,
    /// Whether files wrote names, and not ids alone.
    names: bool,
}

impl Places {
    fn of(resources: &Resources) -> Self {
        let mut places = Self::default();
        let mut known = None;
        for (identity, record) in resources {
            match identity {
                Identity::ConnectionTemplate { scope, .. } => _ = add(&mut places.scopes, scope),
                Identity::AuthSchemeConfig { owner, .. } => _ = add(&mut places.owners, owner),
            }
            // Neighbours share them.
            let references = std::sync::Arc::as_ptr(&record.references);
            if known.replace(references) == Some(references) {
                continue;
            }
            for (reference, id) in record.references.iter() {
                places.names |= !is_ulid(reference.written());
                match reference {
                    Reference::Project(_) => _ = add(&mut places.projects, id),
                    Reference::System(_) => _ = places.owners.insert(Owner::system(id)),
                    Reference::Environment(..) => {}
                }
            }
        }
        places
    }

    /// Adds others to these, and gives back those that are new.
    fn take_in(&mut self, mut others: Self) -> Self {
        others.scopes.retain(|scope| self.scopes.insert(scope.clone()));
        others.projects.retain(|project| self.projects.insert(project.clone()));
        others.owners.retain(|owner| self.owners.insert(owner.clone()));
        others.names &= !self.names;
        self.names |= others.names;
        others
    }
}

fn add<T: Clone + Ord>(all: &mut BTreeSet<T>, one: &T) -> bool {
    !all.contains(one) && all.insert(one.clone())
}

/// A reader that first gives the answers that are there already, each once.
#[derive(Debug)]
pub(super) struct Ahead<'a, A> {
    pub(super) api: A,
    pub(super) answers: &'a Answers,
}

impl<A: Read> Read for Ahead<'_, A> {
    fn begun_at_once(&self) -> usize {
        self.api.begun_at_once()
    }

    async fn projects(&self) -> Answer<Vec<Named>> {
        let known = self.answers.projects.take();
        if let Some(answer) = known { answer } else { self.api.projects().await }
    }

    async fn systems(&self) -> Answer<Vec<Named>> {
        let known = self.answers.systems.take();
        if let Some(answer) = known { answer } else { self.api.systems().await }
    }

    async fn project(&self, id: &str) -> Answer<Project> {
        let known = self.answers.project.borrow_mut().remove(id);
        if let Some(answer) = known { answer } else { self.api.project(id).await }
    }

    async fn templates(&self, scope: &Scope, last: Option<&[LiveTemplate]>) -> Answer<Vec<LiveTemplate>> {
        let known = self.answers.templates.borrow_mut().remove(scope);
        if let Some(answer) = known { answer } else { self.api.templates(scope, last).await }
    }

    async fn configs(&self, owner: &Owner, last: Option<&[LiveConfig]>) -> Answer<Vec<LiveConfig>> {
        let known = self.answers.configs.borrow_mut().remove(owner);
        if let Some(answer) = known { answer } else { self.api.configs(owner, last).await }
    }
}

//! Reading what is recorded while the files are still taken in: most of it will be asked for, and whoever runs one command
//! waits for the network and not for the parser as well.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};

use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Identity, Owner, Scope, is_ulid};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};
use crate::model::recorded::{Recorded, Reference};

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

impl Answers {
    /// Asks for all that is recorded, and for what its names mean. Whatever comes is for whoever asks later.
    pub(super) async fn gather<A: Read>(&self, api: &A, recorded: &Recorded) {
        let Places { scopes, projects, owners, names } = Places::of(recorded);
        // Longest first: lists come page after page.
        let templates = join_all(scopes.into_iter().map(async |scope| {
            let answer = api.templates(&scope).await;
            self.templates.borrow_mut().insert(scope, answer);
        }));
        let lists = async {
            if names {
                let (projects, systems) = join(api.projects(), api.systems()).await;
                self.projects.replace(Some(projects));
                self.systems.replace(Some(systems));
            }
        };
        let project = join_all(projects.into_iter().map(async |id| {
            let answer = api.project(&id).await;
            self.project.borrow_mut().insert(id, answer);
        }));
        let configs = stream::iter(owners).for_each_concurrent(api.at_once(), async |owner| {
            let answer = api.configs(&owner).await;
            self.configs.borrow_mut().insert(owner, answer);
        });
        join(join(templates, lists), join(project, configs)).await;
    }
}

/// Where what is recorded lives.
#[derive(Default)]
struct Places {
    scopes: BTreeSet<Scope>,
    projects: BTreeSet<String>,
    owners: BTreeSet<Owner>,
    /// Whether files wrote names, and not ids alone.
    names: bool,
}

impl Places {
    fn of(recorded: &Recorded) -> Self {
        let mut places = Self::default();
        let mut known = None;
        for (identity, record) in recorded.resources.iter() {
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
    fn at_once(&self) -> usize {
        self.api.at_once()
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

    async fn templates(&self, scope: &Scope) -> Answer<Vec<LiveTemplate>> {
        let known = self.answers.templates.borrow_mut().remove(scope);
        if let Some(answer) = known { answer } else { self.api.templates(scope).await }
    }

    async fn configs(&self, owner: &Owner) -> Answer<Vec<LiveConfig>> {
        let known = self.answers.configs.borrow_mut().remove(owner);
        if let Some(answer) = known { answer } else { self.api.configs(owner).await }
    }
}

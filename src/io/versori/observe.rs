//! Reading the live world: which requests, in which order, and as many side by side as the client lets.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all, try_join_all};
use futures_util::stream::{self, StreamExt};

use super::{ApiError, ErrorKind, Named, Read};
use crate::model::address::{Owner, Scope, is_ulid};
use crate::model::observed::{LiveTemplate, Lookup, Observed, Project, Unread, Wanted};
use crate::model::source::nearest;

/// What names mean, kept for the life of the process and looked up again when one is missing.
#[derive(Debug, Default)]
pub struct Names {
    projects: NameTable,
    systems: NameTable,
}

/// Names of one kind of thing, with every id that has them.
#[derive(Debug, Default)]
struct NameTable {
    ids: BTreeMap<String, BTreeSet<String>>,
}

impl NameTable {
    fn knows_all<'a>(&self, mut written: impl Iterator<Item = &'a String>) -> bool {
        written.all(|written| is_ulid(written) || self.ids.contains_key(written))
    }

    fn fill(&mut self, found: Vec<Named>) {
        self.ids.clear();
        for Named { id, name } in found {
            self.ids.entry(name).or_default().insert(id);
        }
    }

    fn look_up(&self, written: &str) -> Lookup<String> {
        if is_ulid(written) {
            return Ok(written.to_owned());
        }
        let ids: Vec<&String> = self.ids.get(written).into_iter().flatten().collect();
        match ids.as_slice() {
            [] => {
                let known: Vec<&str> = self.ids.keys().map(String::as_str).collect();
                Err(Unread::Unnamed { near: nearest(written, &known).map(str::to_owned) })
            }
            [id] => Ok((*id).clone()),
            [..] => Err(Unread::Ambiguous { ids: ids.into_iter().cloned().collect() }),
        }
    }

    /// A thing that is gone takes its name with it: it may have been made again under another id.
    fn forget(&mut self, id: &str) {
        self.ids.retain(|_, ids| !ids.contains(id));
    }
}

/// Reads all that is wanted. What cannot be read is an [`Unread`] in its place. Of what was `seen` before, nothing is
/// taken but what the platform says once more in the same words.
///
/// # Errors
///
/// Where the token is refused, or where nothing at all could be read: then there is no world to plan
/// with, and one error says so better than many.
pub async fn observe<A: Read>(
    api: &A,
    wanted: &Wanted,
    names: &mut Names,
    seen: Option<&Observed>,
) -> Result<Observed, ApiError> {
    let Names { projects, systems } = names;
    let (projects, systems) =
        join(read_projects(api, wanted, projects, seen), read_owners(api, wanted, systems, seen)).await;
    let mut observed = Observed::default();
    let mut errors = Errors::default();
    for (written, lookup) in projects.projects {
        observed.projects.insert(written, errors.note(lookup));
    }
    for (scope, lookup) in projects.templates {
        observed.templates.insert(scope, errors.note(lookup));
    }
    for (written, lookup) in systems.systems {
        // An id that needed no look-up proves nothing about the platform.
        let lookup = lookup.map_or_else(|failure| errors.note(Err(failure)), Ok);
        observed.systems.insert(written, lookup);
    }
    for (owner, lookup) in systems.configs {
        observed.configs.insert(owner, errors.note(lookup));
    }
    errors.verdict().map(|()| observed)
}

/// Looks in every environment that was not read yet which configs its templates list. The first answer that
/// does not come is the answer: of a part nothing follows.
pub async fn observe_elsewhere<A: Read>(api: &A, observed: &mut Observed) {
    let read: Result<_, ApiError> = async {
        let projects = api.projects().await?;
        let projects = try_join_all(projects.iter().map(|project| api.project(&project.id))).await?;
        let scopes = projects.iter().flat_map(|project| {
            let environments = project.environments.iter();
            environments.map(|(id, _)| Scope { project: project.id.clone(), environment: id.clone() })
        });
        let unread: Vec<Scope> = scopes.filter(|scope| !matches!(observed.templates.get(scope), Some(Ok(_)))).collect();
        let lists = unread.iter().map(|scope| async {
            match api.templates(scope, None).await {
                // Gone since its project was read, with all that was in it.
                Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
                list => list,
            }
        });
        let templates = try_join_all(lists).await?;
        Ok(templates.iter().flatten().flat_map(LiveTemplate::listed).collect())
    }
    .await;
    observed.listed_elsewhere = Some(read.map_err(|error| Unread::Failed(error.to_string())));
}

/// A lookup that still knows the request's error.
type Attempt<T> = Result<T, Failure>;

enum Failure {
    Unread(Unread),
    Api(ApiError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure::Api(error)
    }
}

struct ProjectsRead {
    projects: Vec<(String, Attempt<Project>)>,
    templates: Vec<(Scope, Attempt<Vec<LiveTemplate>>)>,
}

struct OwnersRead {
    systems: Vec<(String, Attempt<String>)>,
    configs: Vec<(Owner, Attempt<Vec<crate::model::observed::LiveConfig>>)>,
}

async fn read_projects<A: Read>(
    api: &A,
    wanted: &Wanted,
    names: &mut NameTable,
    seen: Option<&Observed>,
) -> ProjectsRead {
    let list = |scope: Scope| async {
        let before = seen.map(|seen| known(seen.templates.get(&scope)));
        let templates = api.templates(&scope, before).await.map_err(Failure::from);
        (scope, templates)
    };
    // What is known by its id waits for no name.
    let known = join_all(wanted.scopes.iter().cloned().map(list));
    let by_name = async {
        let projects = read_named_projects(api, wanted, names).await;
        let read = projects.iter().filter_map(|(written, project)| Some((written, project.as_ref().ok()?)));
        let meant = read.flat_map(|(written, project)| scopes_of(project, &wanted.environments[written]));
        let others: BTreeSet<Scope> = meant.filter(|scope| !wanted.scopes.contains(scope)).collect();
        (projects, join_all(others.into_iter().map(list)).await)
    };
    let (mut templates, (projects, others)) = join(known, by_name).await;
    templates.extend(others);
    ProjectsRead { projects, templates }
}

async fn read_named_projects<A: Read>(
    api: &A,
    wanted: &Wanted,
    names: &mut NameTable,
) -> Vec<(String, Attempt<Project>)> {
    let listed = if names.knows_all(wanted.environments.keys()) {
        Ok(())
    } else {
        api.projects().await.map(|found| names.fill(found))
    };
    let reads = wanted.environments.keys().map(|written| async {
        let project = match names.resolve(written, &listed) {
            Ok(id) => api.project(&id).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        (written.clone(), project)
    });
    let projects = join_all(reads).await;
    for (written, project) in &projects {
        if matches!(project, Err(Failure::Api(error)) if error.kind == ErrorKind::NotFound)
            && let Ok(id) = names.look_up(written)
        {
            names.forget(&id);
        }
    }
    projects
}

/// The scopes of the environments that the files name; names that do not exist have none.
fn scopes_of(project: &Project, wanted: &BTreeSet<String>) -> Vec<Scope> {
    let environments = project.environments.iter().filter(|(id, name)| wanted.contains(id) || wanted.contains(name));
    environments.map(|(id, _)| Scope { project: project.id.clone(), environment: id.clone() }).collect()
}

/// What was in a list that could be read; otherwise nothing.
fn known<T>(list: Option<&Lookup<Vec<T>>>) -> &[T] {
    list.and_then(|list| list.as_deref().ok()).unwrap_or_default()
}

async fn read_owners<A: Read>(api: &A, wanted: &Wanted, names: &mut NameTable, seen: Option<&Observed>) -> OwnersRead {
    // Not all at once: lists of templates, which take longest, would wait behind all that wait already.
    let read = |owners: BTreeSet<Owner>| {
        let reads = owners.into_iter().map(|owner| async {
            let before = seen.map(|seen| known(seen.configs.get(&owner)));
            let configs = api.configs(&owner, before).await.map_err(Failure::from);
            (owner, configs)
        });
        stream::iter(reads).buffer_unordered(api.begun_at_once()).collect::<Vec<_>>()
    };
    let by_name = async {
        let listed = if names.knows_all(wanted.systems.iter()) {
            Ok(())
        } else {
            api.systems().await.map(|found| names.fill(found))
        };
        let resolve = |written: &String| (written.clone(), names.resolve(written, &listed));
        let systems: Vec<_> = wanted.systems.iter().map(resolve).collect();
        let ids = systems.iter().filter_map(|(_, found)| found.as_ref().ok());
        let others = ids.map(Owner::system).filter(|owner| !wanted.owners.contains(owner)).collect();
        (systems, read(others).await)
    };
    // What is known by its id waits for no name.
    let ((systems, others), mut configs) = join(by_name, read(wanted.owners.clone())).await;
    configs.extend(others);
    for (owner, read) in &configs {
        if matches!(read, Err(Failure::Api(error)) if error.kind == ErrorKind::NotFound) {
            names.forget(&owner.id);
        }
    }
    OwnersRead { systems, configs }
}

impl NameTable {
    /// What a reference means, given how listing the names went.
    fn resolve(&self, written: &str, listed: &Result<(), ApiError>) -> Attempt<String> {
        match listed {
            Err(error) if !is_ulid(written) && !self.ids.contains_key(written) => Err(Failure::Api(error.clone())),
            _ => self.look_up(written).map_err(Failure::Unread),
        }
    }
}

/// Tells a world of which parts are missing from one that is not there at all.
#[derive(Default)]
struct Errors {
    read: usize,
    refused: Option<ApiError>,
    unreachable: Option<ApiError>,
}

impl Errors {
    fn note<T>(&mut self, attempt: Attempt<T>) -> Lookup<T> {
        match attempt {
            Ok(value) => {
                self.read += 1;
                Ok(value)
            }
            Err(Failure::Unread(unread)) => {
                self.read += 1;
                Err(unread)
            }
            Err(Failure::Api(error)) => Err(match error.kind {
                ErrorKind::NotFound => {
                    self.read += 1;
                    Unread::Absent
                }
                ErrorKind::Unauthorised => {
                    self.refused.get_or_insert_with(|| error.clone());
                    Unread::Failed(error.to_string())
                }
                _ => {
                    self.unreachable.get_or_insert_with(|| error.clone());
                    Unread::Failed(error.to_string())
                }
            }),
        }
    }

    fn verdict(self) -> Result<(), ApiError> {
        match (self.refused, self.unreachable) {
            (Some(error), _) => Err(error),
            (None, Some(error)) if self.read == 0 => Err(error),
            _ => Ok(()),
        }
    }
}

//! The platform: live objects, who made them, and what may be done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use versync::io::versori::{ApiError, ErrorKind, Named, Read, Write};
use versync::model::address::{Identity, Owner, OwnerKind, Scope};
use versync::model::observed::{LiveConfig, LiveTemplate, Project, Raw, Remark, config_fields};
use versync::model::plan::{ConfigStep, TemplateStep};
use versync::model::recorded::RecordedResource;
use versync::sandbox::ids;

use super::folder::{Files, Key};
use super::universe::{Fate, Shared, Universe};

pub(crate) const ENVIRONMENTS: [(&str, &str); 2] = [("production", ids::PRODUCTION), ("staging", ids::STAGING)];
pub(crate) const SYSTEMS: [(&str, &str); 2] = [("shopify", ids::SHOPIFY), ("stripe", ids::STRIPE)];

/// Names that begin so are other people's, and no file ever speaks for them.
pub(crate) const FOREIGN: &str = "foreign";
/// Names that somebody gives to templates which are not his begin so.
pub(crate) const STRAY: &str = "stray";
/// Names that begin so are always declared with `prevent_delete`.
pub(crate) const PROTECTED: &str = "protected";

type Later = (Instant, Box<dyn FnOnce(&mut Universe)>);

#[derive(Default)]
pub(crate) struct Live {
    pub(crate) templates: Vec<(Scope, LiveTemplate)>,
    pub(crate) configs: BTreeMap<Owner, Vec<LiveConfig>>,
    ids: usize,
    /// The ids of templates that versync has made.
    pub(crate) made: BTreeSet<String>,
    /// How a template that somebody renamed was called before.
    pub(crate) renamed: BTreeMap<String, String>,
    pub(crate) writes: usize,
    deletes_of_this_pass: usize,
    /// Names that the last lists held twice: whatever has them is frozen.
    twins: BTreeSet<(Scope, String)>,
    /// Whether somebody else changed anything since this pass began to read.
    pub(crate) touched: bool,
    /// Requests that arrive after their sender has given up.
    late: Vec<Later>,
}

impl Live {
    pub(crate) fn begin_pass(&mut self) {
        self.deletes_of_this_pass = 0;
        self.touched = false;
        self.twins.clear();
    }

    pub(crate) fn add(&mut self, scope: Scope, name: &str, system: &str, dynamic: bool) -> String {
        self.ids += 1;
        let id = format!("T{:04}", self.ids);
        let live = LiveTemplate {
            id: id.clone(),
            name: name.to_owned(),
            system: system.to_owned(),
            dynamic,
            auth_scheme_configs: Vec::new(),
            page: None,
        };
        self.templates.push((scope, live));
        id
    }

    pub(crate) fn named(&self, environment: &str, name: &str) -> Vec<&LiveTemplate> {
        let named = |(scope, live): &&(Scope, LiveTemplate)| scope.environment == environment && live.name == name;
        self.templates.iter().filter(named).map(|(_, live)| live).collect()
    }

    pub(crate) fn put(&mut self, owner: &Owner, id: &str, wire: &Map<String, Value>) {
        let type_name = if wire.contains_key("name") { "api-key" } else { "none" };
        let config = LiveConfig {
            id: id.to_owned(),
            fields: config_fields(type_name, OwnerKind::System, wire),
            raw: Raw::default(),
        };
        let configs = self.configs.entry(owner.clone()).or_default();
        configs.retain(|known| known.id != id);
        configs.push(config);
    }

    pub(crate) fn remove_config(&mut self, owner: &Owner, id: &str) {
        self.configs.entry(owner.clone()).or_default().retain(|known| known.id != id);
        for (_, template) in self.templates.iter_mut().filter(|(_, template)| template.system == owner.id) {
            template.auth_scheme_configs.retain(|used| used != id);
        }
    }
}

pub(crate) fn scope(environment: &str) -> Scope {
    Scope { project: ids::STOREFRONT.to_owned(), environment: environment.to_owned() }
}

fn name_of<'a>(table: &[(&'a str, &str)], id: &str) -> &'a str {
    table.iter().find(|(_, known)| *known == id).map_or("", |(name, _)| name)
}

/// Reads and writes the platform, as far as the faults let it.
#[derive(Clone)]
pub(crate) struct SimApi(pub(crate) Shared);

impl SimApi {
    async fn pause(&self) {
        let wait = self.0.borrow_mut().rng.u64(0..40);
        sleep(Duration::from_millis(wait)).await;
        if self.0.borrow().dead {
            std::future::pending::<()>().await;
        }
        let universe = &mut *self.0.borrow_mut();
        arrive(universe);
    }

    async fn die(&self) -> ! {
        self.0.borrow_mut().die();
        std::future::pending().await
    }

    async fn request<T: 'static>(
        &self,
        what: String,
        writes: bool,
        work: impl FnOnce(&mut Universe) -> Result<T, ErrorKind> + 'static,
    ) -> Result<T, ApiError> {
        self.checked(what, writes, |_| {}, work).await
    }

    /// Sends a request. `check` is asked when it is sent, `work` is done when it arrives.
    async fn checked<T: 'static>(
        &self,
        what: String,
        writes: bool,
        check: impl FnOnce(&mut Universe),
        work: impl FnOnce(&mut Universe) -> Result<T, ErrorKind> + 'static,
    ) -> Result<T, ApiError> {
        self.pause().await;
        check(&mut self.0.borrow_mut());
        let fate = self.0.borrow_mut().fate(format_args!("api: {what}"));
        let failure = |kind| Err(ApiError::new(kind, what.clone(), "as it happens"));
        let fails = |executed| {
            let kind = self.0.borrow_mut().error_kind(executed);
            failure(kind)
        };
        match fate {
            Fate::DiesBefore => self.die().await,
            Fate::FailsBefore => return fails(false),
            Fate::DoneLate if writes => {
                let at = Instant::now() + Duration::from_millis(self.0.borrow_mut().rng.u64(0..100));
                let universe = &mut *self.0.borrow_mut();
                universe.platform.late.push((at, Box::new(move |universe| drop(work(universe)))));
                return failure(ErrorKind::TimedOut);
            }
            Fate::Done | Fate::FailsAfter | Fate::DiesAfter | Fate::DoneLate => {}
        }
        let done = work(&mut self.0.borrow_mut());
        if writes && done.is_ok() {
            self.0.borrow_mut().platform.writes += 1;
        }
        self.pause().await;
        match (fate, done) {
            (Fate::DiesAfter, _) => self.die().await,
            (Fate::FailsAfter | Fate::DoneLate, Ok(_)) => fails(true),
            (_, done) => done.map_err(|kind| ApiError::new(kind, what.clone(), "it is not so")),
        }
    }
}

/// Does what was sent before and has taken its time on the way.
pub(crate) fn arrive(universe: &mut Universe) {
    let now = Instant::now();
    let (due, late): (Vec<Later>, _) =
        std::mem::take(&mut universe.platform.late).into_iter().partition(|(at, _)| *at <= now);
    universe.platform.late = late;
    for (_, work) in due {
        universe.note("a late request arrives");
        work(universe);
    }
}

impl Read for SimApi {
    fn begun_at_once(&self) -> usize {
        12
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        let storefront = || Named { id: ids::STOREFRONT.to_owned(), name: "storefront".to_owned() };
        self.request("list projects".to_owned(), false, move |_| Ok(vec![storefront()])).await
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        let systems = || SYSTEMS.iter().map(|(name, id)| Named { id: (*id).to_owned(), name: (*name).to_owned() });
        self.request("list systems".to_owned(), false, move |_| Ok(systems().collect())).await
    }

    async fn project(&self, id: &str) -> Result<Project, ApiError> {
        let environments = ENVIRONMENTS.iter().map(|(name, id)| ((*id).to_owned(), (*name).to_owned())).collect();
        let project = Project { id: id.to_owned(), environments };
        self.request("get a project".to_owned(), false, move |_| Ok(project)).await
    }

    async fn templates(&self, scope: &Scope, _last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        let wanted = scope.clone();
        self.request(format!("list {}", name_of(&ENVIRONMENTS, &scope.environment)), false, move |universe| {
            let found = universe.platform.templates.iter().filter(|(scope, _)| *scope == wanted);
            let found: Vec<LiveTemplate> = found.map(|(_, live)| live.clone()).collect();
            // A pass may look twice: what it saw last counts.
            universe.platform.twins.retain(|(scope, _)| *scope != wanted);
            let mut seen = BTreeSet::new();
            for live in &found {
                let is_strange = |live: &LiveTemplate| universe.platform.renamed.contains_key(&live.id);
                let namesakes = || found.iter().filter(|other| other.name == live.name);
                if !seen.insert(&live.name) && !namesakes().any(is_strange) {
                    universe.platform.twins.insert((wanted.clone(), live.name.clone()));
                }
            }
            Ok(found)
        })
        .await
    }

    async fn configs(&self, owner: &Owner, _last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        let owner = owner.clone();
        self.request(format!("get system {}", name_of(&SYSTEMS, &owner.id)), false, move |universe| {
            Ok(universe.platform.configs.get(&owner).cloned().unwrap_or_default())
        })
        .await
    }
}

impl Write for SimApi {
    async fn create_template(&self, step: &TemplateStep) -> Result<LiveTemplate, ApiError> {
        let step = step.clone();
        let place = name_of(&ENVIRONMENTS, &step.scope.environment);
        let sent = step.clone();
        self.checked(
            format!("POST {place}/{}", step.name),
            true,
            move |it| check_create(it, &sent),
            move |universe| {
                check_twin(universe, &step);
                let id = universe.platform.add(step.scope.clone(), &step.name, &step.system, step.dynamic);
                universe.platform.made.insert(id.clone());
                let made = universe.platform.templates.iter().find(|(_, live)| live.id == id);
                made.map(|(_, live)| live.clone()).ok_or(ErrorKind::NotFound)
            },
        )
        .await
    }

    async fn update_template(&self, id: &str, step: &TemplateStep) -> Result<(), ApiError> {
        let (id, step) = (id.to_owned(), step.clone());
        let sent = id.clone();
        self.checked(
            format!("PUT {id} {}", step.name),
            true,
            move |it| check_update(it, &sent),
            move |universe| {
                let known = universe.platform.configs.get(&Owner::system(&step.system)).cloned().unwrap_or_default();
                if step.auth_scheme_configs.iter().any(|id| known.iter().all(|config| config.id != *id)) {
                    return Err(ErrorKind::Refused);
                }
                let found = universe.platform.templates.iter_mut().find(|(_, live)| live.id == id);
                let (_, live) = found.ok_or(ErrorKind::NotFound)?;
                if live.name != step.name {
                    live.name.clone_from(&step.name);
                    universe.platform.renamed.remove(&id);
                }
                live.dynamic = step.dynamic;
                live.auth_scheme_configs.clone_from(&step.auth_scheme_configs);
                Ok(())
            },
        )
        .await
    }

    async fn delete_template(&self, scope: &Scope, id: &str) -> Result<(), ApiError> {
        let (scope, id) = (scope.clone(), id.to_owned());
        let sent = id.clone();
        self.checked(
            format!("DELETE {id}"),
            true,
            move |it| check_delete(it, &scope, &sent),
            move |universe| {
                universe.platform.templates.retain(|(_, live)| live.id != id);
                Ok(())
            },
        )
        .await
    }

    async fn put_config(&self, step: &ConfigStep) -> Result<Vec<Remark>, ApiError> {
        let step = step.clone();
        self.request(
            format!("PUT config {} of {}", step.id, name_of(&SYSTEMS, &step.owner.id)),
            true,
            move |universe| {
                if step.id.starts_with(FOREIGN) {
                    universe.violation(format_args!("the config {} is not ours to write", step.id));
                }
                let text = |name: &str| step.fields.get(name).cloned().unwrap_or_else(|| json!(""));
                let mut wire = Map::from_iter([("description".to_owned(), text("description"))]);
                if step.fields.get("type") == Some(&json!("api-key")) {
                    wire.extend([("name".to_owned(), text("name")), ("in".to_owned(), text("in"))]);
                }
                universe.platform.put(&step.owner, &step.id, &wire);
                Ok(Vec::new())
            },
        )
        .await
    }

    async fn delete_config(&self, owner: &Owner, id: &str) -> Result<(), ApiError> {
        let (owner, id) = (owner.clone(), id.to_owned());
        let what = format!("DELETE config {id} of {}", name_of(&SYSTEMS, &owner.id));
        let sent = (owner.clone(), id.clone());
        let check = move |universe: &mut Universe| check_config_delete(universe, &sent.0, &sent.1);
        self.checked(what, true, check, move |universe| {
            universe.platform.remove_config(&owner, &id);
            Ok(())
        })
        .await
    }
}

fn key_of(scope: &Scope, name: &str) -> Key {
    Key::Template(name_of(&ENVIRONMENTS, &scope.environment), name.to_owned())
}

/// At most one object for each identity, but for the moment in which one takes the other's place.
fn check_twin(universe: &mut Universe, step: &TemplateStep) {
    let renamed = &universe.platform.renamed;
    let twins = universe.platform.named(&step.scope.environment, &step.name);
    // One that somebody has given this name gets its own back meanwhile.
    if twins.iter().any(|twin| twin.system == step.system && !renamed.contains_key(&twin.id)) {
        universe.violation(format_args!("{} has a twin now", step.name));
    }
}

fn check_create(universe: &mut Universe, step: &TemplateStep) {
    let key = key_of(&step.scope, &step.name);
    let mut sound = universe.files.read.clone();
    sound.retain(|_, file| !file.is_broken);
    if !Files::keys(&sound).contains(&key) {
        universe.violation(format_args!("{key:?} was made, and no sound file that was read declares it"));
    }
}

fn check_config_delete(universe: &mut Universe, owner: &Owner, id: &str) {
    let key = Key::Config(name_of(&SYSTEMS, &owner.id), id.to_owned());
    check_gone(universe, &key);
    let lists = |live: &LiveTemplate| live.system == owner.id && live.auth_scheme_configs.iter().any(|used| used == id);
    let used = universe.platform.templates.iter().any(|(_, live)| lists(live));
    if used && !universe.platform.touched {
        universe.violation(format_args!("{key:?} was deleted although a template lists it"));
    }
}

/// What versync has neither made nor adopted is left alone, but for what looks like a create whose answer was lost.
fn check_ours(universe: &mut Universe, id: &str) {
    let looks_begun = |(scope, live): &(Scope, LiveTemplate)| {
        let identity = Identity::ConnectionTemplate { scope: scope.clone(), name: live.name.clone() };
        live.id == id && universe.records.now.intents.contains_key(&identity)
    };
    let is_begun = universe.platform.templates.iter().any(looks_begun);
    let is_recorded = |record: &RecordedResource| {
        let replaced = record.replaces.as_ref().map(|old| old.id.as_str());
        [record.template_id.as_deref(), replaced].contains(&Some(id))
    };
    let is_known = universe.platform.made.contains(id) || universe.records.now.resources.values().any(is_recorded);
    if !is_known && !is_begun && !universe.takes_over {
        universe.violation(format_args!("{id} is somebody else's, and is written"));
    }
}

fn check_update(universe: &mut Universe, id: &str) {
    check_ours(universe, id);
    let Some((scope, live)) = universe.platform.templates.iter().find(|(_, live)| live.id == id) else { return };
    let (scope, foreign, name) = (scope.clone(), live.name.starts_with(FOREIGN), live.name.clone());
    let frozen = universe.platform.twins.contains(&(scope.clone(), name.clone()));
    if foreign {
        universe.violation(format_args!("the template {name} is not ours to write"));
    }
    let systems: BTreeSet<_> =
        universe.platform.named(&scope.environment, &name).iter().map(|it| it.system.clone()).collect();
    // One that somebody renamed is known by its id, whatever else has that name; so is one that was renamed for a file,
    // where that could not be recorded.
    let is_recorded_otherwise = universe.records.now.resources.iter().any(|(identity, record)| {
        let is_it = record.template_id.as_deref() == Some(id);
        is_it && !matches!(identity, Identity::ConnectionTemplate { name: known, .. } if *known == name)
    });
    if frozen && systems.len() < 2 && !name.starts_with(STRAY) && !is_recorded_otherwise {
        universe.violation(format_args!("{name} was there twice, and was written all the same"));
    }
}

/// Nothing is deleted that nobody asked to delete.
fn check_delete(universe: &mut Universe, scope: &Scope, id: &str) {
    check_ours(universe, id);
    let Some((_, live)) = universe.platform.templates.iter().find(|(_, live)| live.id == id) else { return };
    let (name, system) = (live.name.clone(), live.system.clone());
    // What somebody has renamed goes by its own name, or by the new one where a file has taken that over. So does what
    // versync has renamed where the record of it was lost. What takes its place may have been renamed since.
    let before = universe.platform.renamed.get(id).cloned();
    let records = universe.records.now.resources.iter().filter(|(_, record)| {
        let replaced = record.replaces.as_ref().map(|old| old.id.as_str());
        [record.template_id.as_deref(), replaced].contains(&Some(id))
    });
    let recorded = records.filter_map(|(identity, _)| match identity {
        Identity::ConnectionTemplate { name, .. } => Some(name.clone()),
        Identity::AuthSchemeConfig { .. } => None,
    });
    let names: Vec<String> =
        before.into_iter().chain(recorded).chain((!name.starts_with(STRAY)).then_some(name)).collect();
    if names.iter().any(|name| name.starts_with(FOREIGN) || name.starts_with(PROTECTED)) {
        return universe.violation(format_args!("the template {names:?} is not to be deleted"));
    }
    let replaced = universe.files.read.values().flat_map(|file| &file.templates).any(|(declared, template)| {
        let elsewhere = !template.environments.contains(name_of(&ENVIRONMENTS, &scope.environment));
        let moved = SYSTEMS.iter().any(|(name, id)| *name == template.system && *id != system);
        let is_it = names.contains(declared) || template.renamed_from.as_ref().is_some_and(|old| names.contains(old));
        is_it && template.replace && (elsewhere || moved)
    });
    if replaced {
        if universe.files.read.values().any(|file| file.is_broken) {
            universe.violation(format_args!("{names:?} was replaced while a file was broken"));
        }
        return;
    }
    let keys: Vec<Key> = names.iter().map(|name| key_of(scope, name)).collect();
    let gone = keys.iter().find(|key| why_kept(universe, key).is_none());
    if let Some(key) = gone.or(keys.first()).cloned() {
        check_gone(universe, &key);
    }
}

fn check_gone(universe: &mut Universe, key: &Key) {
    universe.platform.deletes_of_this_pass += 1;
    let is_too_many = universe.platform.deletes_of_this_pass > universe.limit;
    let too_many = is_too_many.then_some("these are more deletes than one pass may do");
    if let Some(why) = why_kept(universe, key).or(too_many) {
        universe.violation(format_args!("{key:?} was deleted although {why}"));
    }
}

/// Why something may not be deleted by the files alone.
fn why_kept(universe: &Universe, key: &Key) -> Option<&'static str> {
    let files = &universe.files;
    if Files::keys(&files.read).contains(key) {
        Some("a file declares it")
    } else if files.read.values().any(|file| file.is_broken) {
        Some("a file is broken")
    } else if !universe.prune {
        Some("pruning is off")
    } else if files.gone_for(key).is_some_and(|gone| gone < universe.grace) {
        Some("it has not been gone for long enough")
    } else {
        None
    }
}

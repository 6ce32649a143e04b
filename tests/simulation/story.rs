//! What people do meanwhile: they edit files, half of them badly, and change the platform by hand.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, json};
use tokio::time::sleep;
use versync::model::address::{Owner, Scope};
use versync::model::observed::LiveTemplate;

use super::folder::{Config, File, Template};
use super::platform::{ENVIRONMENTS, FOREIGN, PROTECTED, STRAY, SYSTEMS, scope};
use super::universe::{Shared, Universe};

const FILES: [&str; 4] = ["a.toml", "b.toml", "c.toml", "d.toml"];
const CONFIGS: [&str; 3] = ["c0", "c1", "c2"];
const DESCRIPTIONS: [&str; 3] = ["one", "two", "three"];

fn template_names() -> Vec<String> {
    (0..4).map(|n| format!("t{n}")).chain([format!("{PROTECTED}-0"), format!("{PROTECTED}-1")]).collect()
}

/// Whether a template is one that files declare and drop at will.
fn is_plain(name: &str) -> bool {
    name.starts_with('t')
}

impl Universe {
    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.rng.usize(0..among.len())].clone()
    }

    /// Somebody saves a file. Nothing is ever declared twice.
    fn edit(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        let told = self.rng.u32(0..10) < 8;
        if told {
            self.files.hint.notify_one();
        }
    }

    fn declare_template(&mut self) {
        let name = self.pick(&template_names());
        let environments: BTreeSet<&str> =
            ENVIRONMENTS.iter().map(|(name, _)| *name).filter(|_| self.rng.u32(0..3) > 0).collect();
        if environments.is_empty() {
            return self.forget(&name);
        }
        let (system, _) = self.pick(&SYSTEMS);
        // A list of what some file declares on the same system, so that it can be had.
        let known: Vec<String> = self
            .files
            .all
            .values()
            .flat_map(|file| &file.configs)
            .filter(|(_, config)| config.system == system)
            .map(|(id, _)| id.clone())
            .collect();
        let configs = match self.rng.u32(0..3) {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(known.into_iter().filter(|_| self.rng.bool()).collect()),
        };
        let template = Template {
            environments,
            system,
            dynamic: self.pick(&[None, Some(false), Some(true)]),
            configs,
            protected: name.starts_with(PROTECTED),
            replace: self.rng.bool(),
            renamed_from: None,
        };
        let file = self.pick(&FILES);
        self.note(format_args!("somebody declares {name} in {file}: {template:?}"));
        self.forget(&name);
        self.files.all.entry(file.to_owned()).or_default().templates.insert(name, template);
    }

    fn declare_config(&mut self) {
        let id = self.pick(&CONFIGS);
        let (system, _) = self.pick(&SYSTEMS);
        let config = Config {
            system,
            key: self.pick(&[None, Some("X-One"), Some("X-Two")]),
            description: self.pick(&DESCRIPTIONS).to_owned(),
        };
        let file = self.pick(&FILES);
        self.note(format_args!("somebody declares {id} in {file}: {config:?}"));
        self.forget(id);
        self.files.all.entry(file.to_owned()).or_default().configs.insert(id.to_owned(), config);
    }

    fn forget(&mut self, name: &str) {
        for file in self.files.all.values_mut() {
            file.templates.remove(name);
            file.configs.remove(name);
        }
    }

    fn rename(&mut self) {
        let names: Vec<String> = self.files.all.values().flat_map(|file| file.templates.keys().cloned()).collect();
        let free: Vec<String> = (4..8).map(|n| format!("t{n}")).filter(|name| !names.contains(name)).collect();
        let mine: Vec<String> = names.into_iter().filter(|name| !name.starts_with(PROTECTED)).collect();
        if mine.is_empty() || free.is_empty() {
            return;
        }
        let (old, new) = (self.pick(&mine), self.pick(&free));
        self.note(format_args!("somebody renames {old} to {new}"));
        for file in self.files.all.values_mut() {
            if let Some(template) = file.templates.remove(&old) {
                let renamed = Template { renamed_from: Some(old.clone()), ..template };
                file.templates.insert(new.clone(), renamed);
            }
        }
    }

    fn remove_file(&mut self) {
        let file = self.pick(&FILES);
        self.note(format_args!("somebody removes {file}"));
        self.files.all.remove(file);
    }

    fn break_file(&mut self) {
        let file = self.pick(&FILES);
        let file: &mut File = self.files.all.entry(file.to_owned()).or_default();
        file.is_broken = !file.is_broken;
        self.note("somebody breaks or mends a file");
    }

    fn drift(&mut self) {
        self.platform.touched = true;
        let count = self.platform.templates.len();
        let which = if count == 0 { 0 } else { self.rng.usize(0..count) };
        let name = self.platform.templates.get(which).map(|(_, live)| live.name.clone()).unwrap_or_default();
        match self.rng.u32(0..8) {
            0..2 if count > 0 => {
                self.note(format_args!("somebody switches {name}"));
                let live = &mut self.platform.templates[which].1;
                live.dynamic = !live.dynamic;
            }
            2 if count > 0 => {
                let (_, gone) = self.platform.templates.remove(which);
                self.note(format_args!("somebody deletes {} {}", gone.id, gone.name));
            }
            3 if count > 0 => {
                let to = match self.rng.u32(0..3) {
                    0 if is_plain(&name) => format!("t{}", self.rng.u32(0..8)),
                    1 if is_plain(&name) => return self.swap_names(which),
                    _ => format!("{STRAY}-{}", self.rng.u32(..)),
                };
                self.rename_live(which, &to);
            }
            4 => {
                let (_, environment) = self.pick(&ENVIRONMENTS);
                let (_, system) = self.pick(&SYSTEMS);
                let name = format!("{FOREIGN}-{}", self.rng.u32(..));
                self.platform.add(scope(environment), &name, system, true);
            }
            5 if count > 0 => {
                let (scope, live) = self.platform.templates[which].clone();
                let id = self.platform.add(scope, &live.name, &live.system, live.dynamic);
                self.note(format_args!("somebody makes {id}, a twin of {}", live.name));
            }
            6 => {
                let (_, system) = self.pick(&SYSTEMS);
                let id = format!("{FOREIGN}-{}", self.rng.u32(0..3));
                self.platform.put(&Owner::system(system), &id, &Map::new());
            }
            _ => {
                let (_, system) = self.pick(&SYSTEMS);
                let id = self.pick(&CONFIGS);
                let owner = Owner::system(system);
                let there = self.platform.configs.get(&owner).is_some_and(|all| all.iter().any(|it| it.id == id));
                if there && self.rng.bool() {
                    self.note(format_args!("somebody deletes the config {id}"));
                    self.platform.remove_config(&owner, id);
                } else if there {
                    let wire = Map::from_iter([("description".to_owned(), json!("by hand"))]);
                    self.note(format_args!("somebody changes the config {id}"));
                    self.platform.put(&owner, id, &wire);
                }
            }
        }
    }

    fn rename_live(&mut self, which: usize, to: &str) {
        let live = &mut self.platform.templates[which].1;
        let name = std::mem::replace(&mut live.name, to.to_owned());
        let id = live.id.clone();
        self.note(format_args!("somebody renames {id} from {name} to {to} on the platform"));
        self.platform.renamed.entry(id).or_insert(name);
    }

    /// Somebody gives a template and another of its environment each other's names.
    fn swap_names(&mut self, which: usize) {
        let (scope, one) = self.platform.templates[which].clone();
        let is_other =
            |(place, live): &(Scope, LiveTemplate)| *place == scope && live.id != one.id && is_plain(&live.name);
        if let Some(other) = self.platform.templates.iter().position(is_other) {
            let name = self.platform.templates[other].1.name.clone();
            self.rename_live(which, &name);
            self.rename_live(other, &one.name);
        }
    }

    /// One thing that somebody does.
    pub(crate) fn happen(&mut self) {
        match self.rng.u32(0..20) {
            0..6 => self.edit(Self::declare_template),
            6..10 => self.edit(Self::declare_config),
            10 => self.edit(Self::rename),
            11 => self.edit(Self::remove_file),
            12..14 => self.edit(Self::break_file),
            _ => self.drift(),
        }
    }

    /// Whatever was left half done is brought to its end: no file is broken, nothing is there twice.
    pub(crate) fn clean_up(&mut self) {
        self.edit(|it| {
            it.files.hidden.clear();
            it.files.all.values_mut().for_each(|file| file.is_broken = false);
        });
        let mut seen = BTreeSet::new();
        self.platform
            .templates
            .retain(|(scope, live)| seen.insert((scope.clone(), live.name.clone(), live.system.clone())));
    }
}

/// Things happen, now and then, while a process runs or none does.
pub(crate) async fn goes_on(universe: &Shared) {
    loop {
        let wait = universe.borrow_mut().rng.u64(1..8000);
        sleep(Duration::from_millis(wait)).await;
        universe.borrow_mut().happen();
        checkout(universe).await;
    }
}

/// Now and then git writes some files anew, and for a moment they are not there.
async fn checkout(universe: &Shared) {
    if universe.borrow_mut().rng.u32(0..6) > 0 {
        return;
    }
    let moment = {
        let universe = &mut *universe.borrow_mut();
        let hidden: BTreeSet<String> =
            FILES.iter().filter(|_| universe.rng.bool()).map(|file| (*file).to_owned()).collect();
        universe.edit(|it| it.files.hidden = hidden);
        universe.note("git takes some files away for a moment");
        Duration::from_millis(universe.rng.u64(1..2000))
    };
    sleep(moment).await;
    universe.borrow_mut().edit(|it| it.files.hidden.clear());
}

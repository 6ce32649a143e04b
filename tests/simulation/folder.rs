//! A folder that is written by other people, and hints that may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::rc::Rc;

use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;
use versync::io::folder::Manifests;
use versync::io::manifests::FolderError;
use versync::io::secrets::SecretError;
use versync::io::watch::Hints;
use versync::model::desired::ManifestFile;
use versync::model::document::SecretRef;
use versync::model::source::SourceFile;

use super::universe::{Fate, Shared};

/// A template as a file declares it, in one or more environments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    pub(crate) environments: BTreeSet<&'static str>,
    pub(crate) system: &'static str,
    pub(crate) dynamic: Option<bool>,
    pub(crate) configs: Option<Vec<String>>,
    pub(crate) protected: bool,
    pub(crate) replace: bool,
    pub(crate) renamed_from: Option<String>,
}

/// A config as a file declares it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) system: &'static str,
    pub(crate) key: Option<&'static str>,
    pub(crate) description: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct File {
    pub(crate) templates: BTreeMap<String, Template>,
    pub(crate) configs: BTreeMap<String, Config>,
    pub(crate) is_broken: bool,
}

impl File {
    fn text(&self) -> String {
        let mut text = String::from("[defaults]\nproject = \"storefront\"\n");
        for (name, template) in &self.templates {
            let environments: Vec<_> = template.environments.iter().collect();
            let Template { system, protected, replace, .. } = template;
            write!(text, "[connection_templates.{name}]\nenvironments = {environments:?}\nsystem = \"{system}\"\n")
                .unwrap();
            if let Some(dynamic) = template.dynamic {
                writeln!(text, "dynamic = {dynamic}").unwrap();
            }
            if let Some(configs) = &template.configs {
                writeln!(text, "auth_scheme_configs = {configs:?}").unwrap();
            }
            let from =
                template.renamed_from.as_ref().map(|from| format!(", renamed_from = \"{from}\"")).unwrap_or_default();
            writeln!(text, "lifecycle = {{ prevent_delete = {protected}, allow_replace = {replace}{from} }}").unwrap();
        }
        for (id, Config { system, key, description }) in &self.configs {
            write!(text, "[auth_scheme_configs.{id}]\nsystem = \"{system}\"\ndescription = \"{description}\"\n")
                .unwrap();
            match key {
                Some(key) => writeln!(text, "type = \"api-key\"\nname = \"{key}\"\nin = \"header\"").unwrap(),
                None => text.push_str("type = \"none\"\n"),
            }
        }
        if self.is_broken {
            text.push_str("[connection_templates\n");
        }
        text
    }
}

/// What a manifest may declare: a template in an environment, or a config of a system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Template(&'static str, String),
    Config(&'static str, String),
}

#[derive(Default)]
pub(crate) struct Files {
    /// What was read ahead is not all that there was.
    is_half_read: bool,
    pub(crate) all: BTreeMap<String, File>,
    /// Files that somebody is writing just now, and that are not there meanwhile.
    pub(crate) hidden: BTreeSet<String>,
    /// What a pass read last.
    pub(crate) read: BTreeMap<String, File>,
    /// Since when each key that was once read has not been.
    gone_since: BTreeMap<Key, Instant>,
    pub(crate) hint: Rc<Notify>,
}

impl Files {
    pub(crate) fn visible(&self) -> BTreeMap<String, File> {
        let visible = self.all.iter().filter(|(name, _)| !self.hidden.contains(*name));
        visible.map(|(name, file)| (name.clone(), file.clone())).collect()
    }

    /// Everything that sound and broken files declare, or would.
    pub(crate) fn keys(files: &BTreeMap<String, File>) -> BTreeSet<Key> {
        let of_file = |file: &File| {
            let templates = file.templates.iter().flat_map(|(name, template)| {
                template.environments.iter().map(|environment| Key::Template(environment, name.clone()))
            });
            let configs = file.configs.iter().map(|(id, config)| Key::Config(config.system, id.clone()));
            templates.chain(configs).collect::<Vec<_>>()
        };
        files.values().flat_map(of_file).collect()
    }

    /// A pass reads what is there, and notes since when it has not seen what it saw before. What comes back unseen
    /// between two looks, because its hint was lost, has been gone all the time as far as anybody can tell.
    fn look(&mut self) {
        let (before, visible) = (Self::keys(&self.read), self.visible());
        let now = Self::keys(&visible);
        for key in before.difference(&now) {
            self.gone_since.insert(key.clone(), Instant::now());
        }
        self.gone_since.retain(|key, _| !now.contains(key));
        self.read = visible;
    }

    /// For how long a key has been gone; nothing where it was never there or is.
    pub(crate) fn gone_for(&self, key: &Key) -> Option<std::time::Duration> {
        self.gone_since.get(key).map(Instant::elapsed)
    }
}

pub(crate) struct SimFolder(pub(crate) Shared);

impl SimFolder {
    /// What there is, unless something is in the way.
    fn all(&self, what: &str) -> Result<Vec<ManifestFile>, FolderError> {
        let universe = &mut *self.0.borrow_mut();
        let path = PathBuf::from("manifests");
        match universe.fate(what) {
            Fate::Done => {}
            Fate::DiesBefore | Fate::DiesAfter => {
                universe.die();
                return Err(FolderError::Missing(path));
            }
            _ => return Err(FolderError::Unsettled { path, why: "git is at work".to_owned() }),
        }
        universe.platform.begin_pass();
        universe.files.look();
        Ok(universe.files.read.iter().map(|(name, file)| Ok(SourceFile::new(name, file.text()))).collect())
    }
}

impl Manifests for SimFolder {
    async fn read(&self) -> Result<Vec<ManifestFile>, FolderError> {
        self.all("folder: read")
    }

    /// What it fails with is half of a commit: some files are there, and others are not.
    async fn read_ahead(&self) -> Result<Vec<ManifestFile>, FolderError> {
        match self.all("folder: read ahead") {
            Err(FolderError::Unsettled { .. }) => {
                let universe = &mut *self.0.borrow_mut();
                universe.files.is_half_read = true;
                let visible = universe.files.visible();
                let half = visible.iter().filter(|_| universe.rng.bool());
                Ok(half.map(|(name, file)| Ok(SourceFile::new(name, file.text()))).collect())
            }
            all => all,
        }
    }

    async fn was_at_rest(&self) -> bool {
        let universe = &mut *self.0.borrow_mut();
        if std::mem::take(&mut universe.files.is_half_read) {
            return false;
        }
        match universe.fate("folder: at rest") {
            Fate::Done | Fate::DoneLate => universe.files.read == universe.files.visible(),
            Fate::FailsBefore | Fate::FailsAfter => false,
            Fate::DiesBefore | Fate::DiesAfter => {
                universe.die();
                false
            }
        }
    }

    fn secret(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        Err(SecretError::NoCredentials(reference.to_string()))
    }

    fn revision(&self) -> Option<String> {
        None
    }
}

pub(crate) struct SimHints(pub(crate) Rc<Notify>);

impl Hints for SimHints {
    fn rearm(&mut self) {}

    async fn changed(&mut self) {
        self.0.notified().await;
    }
}

//! From what is live to manifests: the text that `import` writes.

mod file;
mod text;

pub(in crate::model) use text::quoted;

use std::collections::{BTreeMap, BTreeSet};

use super::address::{Identity, Owner, OwnerKind, Scope, is_ulid};
use super::format::format;
use super::observed::{LiveConfig, LiveTemplate};
use super::source::is_unprintable;
use file::File;

/// A longer name makes no file name.
const LONGEST_FILE_NAME: usize = 100;

/// What is to be written, with the names that the files use.
#[derive(Debug, Default)]
pub struct Export {
    /// How projects and environments are written: `(project, environment)`.
    pub scopes: BTreeMap<Scope, (String, String)>,
    /// How systems are written, by their ids. One that is not here is written as its id.
    pub systems: BTreeMap<String, String>,
    /// The templates of each environment.
    pub templates: Vec<(Scope, LiveTemplate)>,
    /// The configs of each system or connector.
    pub configs: Vec<(Owner, LiveConfig)>,
}

/// The manifests of an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Texts by file names. Each is a sound manifest and declares what is live.
    pub files: BTreeMap<String, String>,
    /// What the files declare.
    pub resources: BTreeSet<Identity>,
    /// What could not be written, and why.
    pub left_out: Vec<String>,
}

/// How manifests write something: by its name where that means this one thing among `all`, else by its id.
pub fn written<'a>(id: &'a str, name: &'a str, all: impl IntoIterator<Item = &'a str>) -> &'a str {
    let is_name = !name.is_empty() && !is_ulid(name) && !name.chars().any(is_unprintable);
    if is_name && all.into_iter().filter(|other| *other == name).count() == 1 { name } else { id }
}

impl Export {
    /// Drops every resource that `is_known`, by what it is and, of a template, the platform's id. Tells how many those
    /// were.
    pub fn drop_known(&mut self, is_known: impl Fn(&Identity, Option<&str>) -> bool) -> usize {
        let before = self.count();
        self.templates.retain(|(scope, template)| !is_known(&of_template(scope, template), Some(&template.id)));
        self.configs.retain(|(owner, config)| {
            !is_known(&Identity::AuthSchemeConfig { owner: owner.clone(), id: config.id.clone() }, None)
        });
        before - self.count()
    }

    /// The platform's ids of the templates.
    pub fn template_ids(&self) -> impl Iterator<Item = (Identity, String)> {
        self.templates.iter().map(|(scope, template)| (of_template(scope, template), template.id.clone()))
    }

    /// How many resources it holds.
    fn count(&self) -> usize {
        self.templates.len() + self.configs.len()
    }

    /// Writes it as manifests: one file for each system or connector. What is at its default is left out, but
    /// for `dynamic`.
    pub fn into_manifests(self) -> Exported {
        let mut exported = Exported::default();
        let mut owners: BTreeMap<Owner, Contents> = BTreeMap::new();
        let mut names: BTreeMap<(Scope, String), usize> = BTreeMap::new();
        for (scope, template) in &self.templates {
            *names.entry((scope.clone(), template.name.clone())).or_default() += 1;
        }
        for (scope, template) in self.templates {
            if names.get(&(scope.clone(), template.name.clone())).is_some_and(|count| *count > 1) {
                // Whatever systems they are of, they would be declared twice.
                let (project, environment) = self.scopes.get(&scope).cloned().unwrap_or_default();
                exported.left_out.push(format!(
                    "connection template {:?} in {project}/{environment}: there are several of this name, and versync \
                     tells them apart by it",
                    template.name
                ));
                continue;
            }
            owners.entry(Owner::system(template.system.clone())).or_default().templates.push((scope, template));
        }
        for (owner, config) in self.configs {
            owners.entry(owner).or_default().configs.push(config);
        }
        for (owner, Contents { templates, mut configs }) in owners {
            configs.sort_by(|a, b| a.id.cmp(&b.id));
            let (written, head) = match owner.kind {
                OwnerKind::System => {
                    let written = self.systems.get(&owner.id).unwrap_or(&owner.id);
                    (written, format!("[defaults]\nsystem = {}\n", text::quoted(written)))
                }
                OwnerKind::Connector => (&owner.id, String::new()),
            };
            let Exported { files, resources, left_out } = &mut exported;
            let mut file = File { head, tables: String::new(), resources, left_out };
            file.templates(&self.scopes, templates);
            file.configs(&owner, &configs);
            if !file.tables.is_empty() {
                let text = format!("{}{}", file.head, file.tables).trim_start().to_owned();
                files.insert(file_name(&owner, written, files), format(&text).unwrap_or(text));
            }
        }
        exported
    }
}

/// What one file will hold.
#[derive(Default)]
struct Contents {
    templates: Vec<(Scope, LiveTemplate)>,
    configs: Vec<LiveConfig>,
}

fn of_template(scope: &Scope, template: &LiveTemplate) -> Identity {
    Identity::ConnectionTemplate { scope: scope.clone(), name: template.name.clone() }
}

/// A name that no other file has, and that is not hidden: hidden files are no manifests.
fn file_name(owner: &Owner, written: &str, taken: &BTreeMap<String, String>) -> String {
    let plain: String =
        written.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() || plain.len() > LONGEST_FILE_NAME { &owner.id } else { plain };
    let prefix = if owner.kind == OwnerKind::Connector { "connector-" } else { "" };
    let name = format!("{prefix}{plain}.toml");
    if taken.contains_key(&name) { format!("{prefix}{plain}-{}.toml", owner.id) } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::observed::Raw;
    use crate::model::schema::Fields;

    const ID: &str = "01J0SYSSH0P1FY000000000000";

    fn config(id: &str) -> (Owner, LiveConfig) {
        let fields = Fields::from([("description", json!("")), ("type", json!("none"))]);
        (Owner::system(ID), LiveConfig { id: id.to_owned(), fields, raw: Raw::default() })
    }

    #[test]
    fn a_name_is_written_only_where_it_means_one_thing() {
        assert_eq!(written(ID, "a", ["a", "b"]), "a");
        for (name, all) in [("a", ["a", "a"]), ("", ["", "b"]), ("a\u{200b}", ["a\u{200b}", "b"]), (ID, [ID, "b"])] {
            assert_eq!(written(ID, name, all), ID, "{name:?}");
        }
    }

    #[test]
    fn of_several_with_one_id_none_is_written() {
        let configs = vec![config("a"), config("b"), config("a")];
        let exported = Export { configs, ..Export::default() }.into_manifests();
        let is = |id: &str| Identity::AuthSchemeConfig { owner: Owner::system(ID), id: id.to_owned() };
        assert_eq!(exported.resources, BTreeSet::from([is("b")]));
        assert_eq!(exported.left_out.len(), 2, "{:?}", exported.left_out);
        assert_eq!(exported.files.len(), 1);
    }

    #[test]
    fn what_a_path_cannot_hold_is_left_out() {
        let exported = Export { configs: vec![config(".."), config("")], ..Export::default() }.into_manifests();
        assert!(exported.files.is_empty());
        assert_eq!(exported.left_out.len(), 2, "{:?}", exported.left_out);
    }

    #[test]
    fn names_that_look_alike_in_a_folder_have_a_file_each() {
        let other = "01J0SYSSTR1PE0000000000000";
        let systems = [(ID, "a b"), (other, "a-b")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        let configs = vec![config("a"), (Owner::system(other), config("a").1)];
        let exported = Export { configs, systems: systems.into(), ..Export::default() }.into_manifests();
        let names: Vec<&str> = exported.files.keys().map(String::as_str).collect();
        assert_eq!(names, [format!("a-b-{other}.toml").as_str(), "a-b.toml"]);
    }
}

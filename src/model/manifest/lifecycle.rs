//! The `lifecycle` table of a resource.

use std::sync::{Arc, LazyLock};

use super::names::reference;
use crate::model::auth_scheme_config::{self, GRANT_TYPE, TYPE};
use crate::model::document::Section;
use crate::model::schema::{Field, Need};
use crate::model::source::{Problem, nearest};

/// The `lifecycle` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Never delete it, also after its file is gone. Where it says nothing, it is not protected; another template
    /// that was protected, and takes this name, keeps its protection then.
    pub prevent_delete: Option<bool>,
    /// What to do about drift here, in place of the setting.
    pub on_drift: Option<OnDrift>,
    /// Fields that are set on creation and left alone afterwards.
    pub ignore: Vec<&'static str>,
    /// The name that it had before.
    pub renamed_from: Option<String>,
    /// Whether a new one may be made in its place, and the old one deleted.
    pub allow_replace: bool,
}

/// Where no file says anything.
static UNSAID: LazyLock<Arc<Lifecycle>> = LazyLock::new(Arc::default);

impl Lifecycle {
    /// Whether it is never to be deleted.
    pub fn prevents_delete(&self) -> bool {
        self.prevent_delete == Some(true)
    }
}

/// What to do about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Put it right.
    #[default]
    Revert,
    /// Only say so.
    Report,
}

impl OnDrift {
    /// The words of the setting.
    pub const CHOICES: [&'static str; 2] = ["revert", "report"];

    /// The meaning of one of [`Self::CHOICES`].
    pub fn from_choice(choice: &str) -> Self {
        if choice == "report" { OnDrift::Report } else { OnDrift::Revert }
    }
}

pub(super) fn read_lifecycle(
    section: &Section<'_>,
    fields: impl Iterator<Item = &'static Field>,
    renamable: bool,
) -> Arc<Lifecycle> {
    let Some(table) = section.section("lifecycle") else { return Arc::clone(&UNSAID) };
    let fields: Vec<&'static str> = fields.map(|field| field.name).collect();
    let mut ignore = Vec::new();
    for item in table.texts("ignore").map(|list| list.value).unwrap_or_default() {
        if [TYPE.name, GRANT_TYPE.name].contains(&item.value.as_str()) {
            let message = format!("`{}` cannot be ignored: which fields there are depends on it", item.value);
            let problem = Problem::at(item.place, message);
            table.report(problem.help("declare the type that the config has"));
            continue;
        }
        if auth_scheme_config::field_named(&item.value).is_some_and(|field| field.need == Need::ToWrite) {
            let message = format!("`{}` cannot be ignored: the platform needs it for every change", item.value);
            table.report(Problem::at(item.place, message).help("leave it out of `ignore`"));
            continue;
        }
        match fields.iter().find(|field| **field == item.value) {
            Some(field) => ignore.push(*field),
            None => {
                let help = match nearest(&item.value, &fields) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("its fields are {}", fields.join(", ")),
                };
                table.report(
                    Problem::at(item.place, format!("`ignore` names {:?}, which is no field of it", item.value))
                        .help(help),
                );
            }
        }
    }
    let renamed_from = reference(&table, "renamed_from");
    if let (Some(found), false) = (&renamed_from, renamable) {
        let problem =
            Problem::at(found.place.clone(), "an auth scheme config cannot be renamed: its id is its identity");
        table.report(problem.help("declare a new one, move the templates to it, and remove this one"));
    }
    let lifecycle = Lifecycle {
        prevent_delete: table.flag("prevent_delete").map(|found| found.value),
        on_drift: table.choice("on_drift", &OnDrift::CHOICES).map(|found| OnDrift::from_choice(found.value)),
        ignore,
        renamed_from: renamed_from.map(|found| found.value),
        allow_replace: table.flag("allow_replace").is_some_and(|found| found.value),
    };
    table.finish();
    Arc::new(lifecycle)
}

/// A template that was renamed had another name.
pub(super) fn refuse_own_name(section: &Section<'_>, lifecycle: &Lifecycle, name: Option<&str>) {
    if name.is_some() && lifecycle.renamed_from.as_deref() == name {
        let place = section.section("lifecycle").and_then(|table| table.place_of("renamed_from"));
        let problem = Problem::at(place.unwrap_or_else(|| section.place()), "`renamed_from` names the template itself");
        section.report(problem.help("remove it, or write the name that the template had before"));
    }
}

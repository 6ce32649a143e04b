//! A plan that was saved to be applied later: it lets through what is still as it was when somebody looked at
//! it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::address::Address;
use super::auth_scheme_config;
use super::connection_template::{self, NAME, SYSTEM};
use super::manifest::{Declared, Target};
use super::plan::{Action, Change, Held, PROTECTION, Plan, Source, Step};
use super::source::Problem;

/// Where a saved plan says which templates it is about.
pub const TEMPLATES: &str = "saved_templates";

/// Where a saved plan says what was live of what it is about.
pub const MARKS: &str = "saved_live";

/// The changes that a saved plan would make, and those that were held then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedPlan {
    changes: BTreeMap<String, SavedChange>,
    /// The platform's ids of the templates that are changed, by address; nothing where the plan does not hold them.
    templates: Option<BTreeMap<String, String>>,
    /// What was live, by address; nothing where the platform was not asked.
    marks: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct SavedChange {
    address: String,
    action: String,
    held: Option<String>,
    source: Option<Source>,
    fields: Vec<SavedField>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct SavedField {
    path: String,
    before: Value,
    after: Value,
}

impl SavedPlan {
    /// Reads the plan's JSON. Nothing where it is none, or of another format.
    pub fn read(json: &Value) -> Option<Self> {
        if json.get("format_version")?.as_str()? != "1" {
            return None;
        }
        let changes = Vec::<SavedChange>::deserialize(json.get("changes")?).ok()?;
        let meant = changes.into_iter().filter(|change| change.action != "none");
        let by_address = |key: &str| json.get(key).and_then(|texts| BTreeMap::deserialize(texts).ok());
        let changes = meant.map(|change| (change.address.clone(), change)).collect();
        Some(Self { changes, templates: by_address(TEMPLATES), marks: by_address(MARKS) })
    }

    /// Whether it holds a change of the resource of this address.
    pub(super) fn is_about(&self, address: &str) -> bool {
        self.changes.contains_key(address)
    }

    /// What is saved beside the plan's own JSON, below [`TEMPLATES`]: which templates it is about. Another one of
    /// the same name and looks is not the one that somebody has looked at.
    pub fn templates(plan: &Plan) -> Value {
        let ids =
            plan.changes.iter().filter_map(|change| Some((change.address.to_string(), change.step.template_id()?)));
        ids.map(|(address, id)| (address, Value::from(id))).collect::<Map<_, _>>().into()
    }

    /// What is saved beside that, below [`MARKS`]: what was live, fields that the change is not about among it.
    pub fn marks(plan: &Plan) -> Value {
        let marks = plan.marks.iter().map(|(address, mark)| (address.to_string(), Value::from(mark.as_str())));
        marks.collect::<Map<_, _>>().into()
    }

    /// Leaves in a plan that was made just now only what the saved one has too. What differs from it, or is
    /// no longer to be done, has moved since, and becomes a problem, unless it was held anyway or is none of
    /// what the plan `includes`, by address and file.
    pub(super) fn restrict(&self, plan: &mut Plan, includes: impl Fn(&Address, &str) -> bool) {
        let mut open: BTreeMap<&str, (&SavedChange, Option<Moved>)> =
            self.changes.iter().map(|(it, saved)| (it.as_str(), (saved, None))).collect();
        plan.changes.retain(|change| {
            let address = change.address.to_string();
            let Some((saved, moved)) = open.get_mut(address.as_str()) else { return false };
            *moved = self.moved(saved, change, plan.marks.get(&change.address));
            let same = moved.is_none();
            if same {
                open.remove(address.as_str());
            }
            same
        });
        let is_meant = |address: &str, saved: &SavedChange| {
            let file = saved.source.as_ref().map_or("", |source| &source.file);
            Address::parse(address).is_some_and(|address| includes(&address, file))
        };
        let left: Vec<_> =
            open.into_iter().filter(|(address, (saved, _))| saved.held.is_none() && is_meant(address, saved)).collect();
        if left.is_empty() {
            return;
        }
        let in_sync: BTreeMap<String, &Declared> = plan.in_sync.iter().map(|it| (it.address.to_string(), it)).collect();
        let not_compared: BTreeSet<String> = plan.not_compared.iter().map(Address::to_string).collect();
        let problem = |(address, (saved, moved)): (&str, (&SavedChange, Option<Moved>))| {
            let is_delete = saved.action == Action::Delete.as_str();
            let moved = moved.unwrap_or_else(|| match in_sync.get(address) {
                Some(declared) if !is_delete && saved.is_declared_by(declared) => Moved::Done,
                None if not_compared.contains(address) || plan.has_errors() => Moved::Unknown,
                None if is_delete => Moved::Done,
                Some(_) | None => Moved::Files,
            });
            let message = format!(
                "{address} is not as it was when the plan was saved{}, so it is left alone",
                moved.words().map(|words| format!(" ({words})")).unwrap_or_default()
            );
            Problem::general(message).help("look at a new plan")
        };
        let problems: Vec<Problem> = left.into_iter().map(problem).collect();
        plan.problems.extend(problems);
    }

    /// What has moved since a change was saved; nothing where it is the same. `mark` is of what is live now.
    fn moved(&self, saved: &SavedChange, now: &Change, mark: Option<&String>) -> Option<Moved> {
        let is_it = match &self.templates {
            Some(ids) => ids.get(&saved.address).map(String::as_str) == now.step.template_id(),
            // Another one of the same name would be deleted as well.
            None if now.step.deletes_a_template() => return Some(Moved::Unnamed),
            None => true,
        };
        let is_as_it_was = is_it && self.marks.as_ref().is_none_or(|marks| marks.get(&saved.address) == mark);
        Some(match (is_as_it_was, &now.step) {
            (true, _) if saved.is(now) => return None,
            // What is only reported has neither an id nor a mark, and a plan of what was recorded has no marks.
            (_, Step::Nothing) | (true, _) if saved.starts_elsewhere(now) => Moved::Live,
            (_, Step::Nothing) | (true, _) => Moved::Files,
            // Under a new name: the file may have forgotten the old one, or somebody may have deleted it.
            (false, Step::CreateTemplate(_)) if saved.fields.iter().any(|field| field.path == NAME.name) => {
                Moved::Unknown
            }
            (false, _) => Moved::Live,
        })
    }

    /// Holds what was held when the plan was saved, but for deletes that were approved since: who looked at the
    /// plan was told that nothing would be done about it.
    pub(super) fn hold(&self, plan: &mut Plan) {
        let approved = plan.approval.is_some();
        for change in plan.changes.iter_mut().filter(|change| change.is_due()) {
            let was_held = self.changes.get(&change.address.to_string()).is_some_and(|saved| saved.held.is_some());
            if was_held && !(approved && change.action == Action::Delete) {
                change.held = Some(Held::because("it was held when the plan was saved: look at a new plan"));
            }
        }
    }
}

/// What has moved since a plan was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// What the files or the settings ask for.
    Files,
    /// What is live.
    Live,
    /// Nothing: it was done since.
    Done,
    /// The plan does not say which template it would delete.
    Unnamed,
    /// It cannot be told.
    Unknown,
}

impl Moved {
    fn words(self) -> Option<&'static str> {
        Some(match self {
            Moved::Files => "its file or a setting was edited since",
            Moved::Live => "it was changed on the platform since",
            Moved::Done => "it is as planned already",
            Moved::Unnamed => "the plan does not say which template it means: save it with `versync plan --out FILE`",
            Moved::Unknown => return None,
        })
    }
}

impl SavedChange {
    /// Whether it is the same change: what is done, and from which values to which.
    fn is(&self, change: &Change) -> bool {
        let fields = change.fields.iter().zip(&self.fields);
        self.action == change.action.as_str()
            && self.fields.len() == change.fields.len()
            && fields
                .into_iter()
                .all(|(now, saved)| now.path == saved.path && now.before == saved.before && now.after == saved.after)
    }
    /// Whether a field that both are about has another value to begin with.
    fn starts_elsewhere(&self, change: &Change) -> bool {
        let now = |path: &str| change.fields.iter().find(|field| field.path == path);
        self.fields.iter().any(|saved| now(&saved.path).is_some_and(|now| now.before != saved.before))
    }

    /// Whether this is declared as the change would have made it.
    fn is_declared_by(&self, declared: &Declared) -> bool {
        let is_so = |field: &SavedField| {
            let known = match &declared.target {
                _ if field.path == PROTECTION => return field.after == declared.lifecycle.prevents_delete(),
                Target::ConnectionTemplate { system, .. } if field.path == SYSTEM.name => {
                    return field.after == *system.value;
                }
                // The others are a part of its address.
                Target::ConnectionTemplate { .. } => connection_template::field_named(&field.path),
                Target::AuthSchemeConfig { .. } => auth_scheme_config::field_named(&field.path),
            };
            known.is_none_or(|known| match declared.fields.get(known.name) {
                Some(value) => known.is_secret() || known.shown(value.clone()) == field.after,
                None => known.default_value() == field.after,
            })
        };
        self.fields.iter().all(is_so)
    }
}

//! A plan that was saved to be applied later: it lets through what is still as it was when somebody looked at
//! it, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::address::Address;
use super::plan::{Action, Change, Held, Plan, Source};
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
        let mut open: BTreeMap<&str, &SavedChange> =
            self.changes.iter().map(|(it, saved)| (it.as_str(), saved)).collect();
        plan.changes.retain(|change| {
            let address = change.address.to_string();
            let is_meant = match &self.templates {
                Some(ids) => ids.get(&address).map(String::as_str) == change.step.template_id(),
                // Another one of the same name would be deleted as well.
                None => !change.step.deletes_a_template(),
            };
            let has_moved = |marks: &BTreeMap<String, String>| marks.get(&address) != plan.marks.get(&change.address);
            let is_meant = is_meant && !self.marks.as_ref().is_some_and(has_moved);
            let same = is_meant && open.get(address.as_str()).is_some_and(|saved| saved.is(change));
            if same {
                open.remove(address.as_str());
            }
            same
        });
        let is_meant = |address: &str, saved: &SavedChange| {
            let file = saved.source.as_ref().map_or("", |source| &source.file);
            Address::parse(address).is_some_and(|address| includes(&address, file))
        };
        let moved = open.into_iter().filter(|(address, saved)| saved.held.is_none() && is_meant(address, saved));
        plan.problems.extend(moved.map(|(address, _)| {
            let message = format!("{address} is not as it was when the plan was saved, so it is left alone");
            Problem::general(message).help("look at a new plan")
        }));
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
}

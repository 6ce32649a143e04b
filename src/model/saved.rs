//! A plan that was saved to be applied later: it lets through what is still as it was when somebody looked at
//! it, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::plan::{Change, Plan};
use super::source::Problem;

/// The changes that a saved plan would make, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedPlan {
    changes: BTreeMap<String, SavedChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct SavedChange {
    address: String,
    action: String,
    held: Option<String>,
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
        let due = changes.into_iter().filter(|change| change.action != "none" && change.held.is_none());
        Some(Self { changes: due.map(|change| (change.address.clone(), change)).collect() })
    }

    /// Leaves in a plan that was made just now only what the saved one has too. What differs from it, or is
    /// no longer to be done, has moved since, and becomes a problem.
    pub(super) fn restrict(&self, plan: &mut Plan) {
        let mut open = self.changes.clone();
        let moved = |address: &str| {
            let message = format!("{address} is not as it was when the plan was saved, so it is left alone");
            Problem::general(message).help("look at a new plan")
        };
        plan.changes.retain(|change| {
            let address = change.address.to_string();
            let saved = open.get(&address);
            let same = saved.is_some_and(|saved| saved.is(change));
            if same {
                open.remove(&address);
            }
            same
        });
        plan.problems.extend(open.keys().map(|address| moved(address)));
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

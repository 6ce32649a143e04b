//! What is live of what a plan is about, in a few letters: whoever applies a saved plan has to find it so.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::index::Index;
use crate::model::address::{Address, Identity};
use crate::model::auth_scheme_config::field_named;
use crate::model::connection_template;
use crate::model::plan::{Change, Step, hex};
use crate::model::schema::Fields;

/// The marks of everything live that these changes are about, by address.
pub(super) fn of(changes: &[Change], index: &Index<'_>) -> BTreeMap<Address, String> {
    changes.iter().filter_map(|change| Some((change.address.clone(), of_one(change, index)?))).collect()
}

fn of_one(change: &Change, index: &Index<'_>) -> Option<String> {
    let scope = match (&change.step, &change.identity) {
        (Step::ReplaceTemplate { old, .. } | Step::FinishReplacement { old, .. }, _) => &old.scope,
        (Step::DeleteTemplate { scope, .. }, _) | (_, Identity::ConnectionTemplate { scope, .. }) => scope,
        (_, Identity::AuthSchemeConfig { owner, id }) => {
            return Some(mark("", "", &index.config(owner, id)?.fields));
        }
    };
    let live = index.template(scope, change.step.template_id()?)?;
    Some(mark(&live.id, &live.name, &live.fields()))
}

/// Only of what may be shown: a secret could be guessed by its hash. A field at its default may be there or not.
fn mark(id: &str, name: &str, fields: &Fields) -> String {
    let shown = |(name, value): (&&'static str, &Value)| {
        let field = field_named(name).or_else(|| connection_template::field_named(name))?;
        (*value != field.default_value()).then(|| (*name, field.shown(value.clone())))
    };
    let shown: Vec<_> = fields.iter().filter_map(shown).collect();
    hex(&Sha256::digest(json!([id, name, shown]).to_string()))
}

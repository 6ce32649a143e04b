//! The order of keys: that of the schema.

use toml_edit::Key;

use crate::model::json::Json as Schema;

/// The schema of what is being written; nothing where the schema does not know it.
#[derive(Clone, Copy)]
pub(super) struct Order<'s>(Option<&'s Schema>);

impl<'s> Order<'s> {
    pub(super) fn of(schema: &'s Schema) -> Self {
        Self(Some(schema))
    }

    /// What stands under a key.
    pub(super) fn below(self, key: &str) -> Self {
        let known = self.0.and_then(|schema| schema.get("properties")?.get(key));
        Self(known.or_else(|| self.0?.get("additionalProperties")))
    }

    /// An item of a list.
    pub(super) fn item(self) -> Self {
        Self(self.0.and_then(|schema| schema.get("items")))
    }

    /// Where a dotted key belongs. Keys that are not known, and those that the user chooses, stay in the order in
    /// which they are written, behind the others.
    pub(super) fn of_path(self, path: &[&Key]) -> Vec<(usize, usize)> {
        let mut order = self;
        let mut places = Vec::with_capacity(path.len());
        for key in path {
            let known = order.0.and_then(|schema| schema.get("properties"));
            let rank = known.and_then(|keys| keys.names().position(|known| known == key.get()));
            let written = key.span().map_or(usize::MAX, |span| span.start);
            places.push((rank.unwrap_or(usize::MAX), written));
            order = order.below(key.get());
        }
        places
    }
}

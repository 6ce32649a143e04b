//! What the tests of this room have in common.

use std::sync::Arc;

use super::Tenant;
use crate::model::address::{Address, Identity};
use crate::model::plan::Source;
use crate::model::recorded::{RecordedResource, References};
use crate::model::schema::Fields;

pub(super) fn tenant() -> Tenant {
    Tenant { organisation: "o".to_owned(), base_url: "http://localhost".to_owned() }
}

/// A resource with nothing but what it refers to, and what it is.
pub(super) fn resource(text: &str, references: Arc<References>) -> (Identity, RecordedResource) {
    let resource = RecordedResource {
        address: Address::parse(text).unwrap(),
        template_id: None,
        fields: Fields::new(),
        references,
        source: Source::default(),
        prevent_delete: false,
        replaces: None,
    };
    (Identity::parse(text).unwrap(), resource)
}

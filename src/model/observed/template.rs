//! A connection template as the platform shows it.

use std::sync::Arc;

use serde_json::Value;

use super::Hash;
use crate::model::address::Owner;
use crate::model::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, SYSTEM};
use crate::model::schema::{Fields, sequence};

/// A connection template as the platform shows it.
#[derive(Debug, Clone)]
pub struct LiveTemplate {
    /// Its own id, the one that updates and deletes take.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its system.
    pub system: String,
    /// Whether it is dynamic.
    pub dynamic: bool,
    /// The ids of its auth scheme configs, in order.
    pub auth_scheme_configs: Vec<String>,
    /// The page in which it came.
    pub page: Option<Arc<Page>>,
}

impl LiveTemplate {
    /// The configs that it lists: each with its owner and id.
    pub fn listed(&self) -> impl Iterator<Item = (Owner, String)> {
        configs_of(&self.system, &self.auth_scheme_configs)
    }

    /// Its fields in the form in which they are compared.
    pub fn fields(&self) -> Fields {
        Fields::from([
            (SYSTEM.name, Value::String(self.system.clone())),
            (DYNAMIC.name, Value::Bool(self.dynamic)),
            (AUTH_SCHEME_CONFIGS.name, sequence(self.auth_scheme_configs.iter().cloned())),
        ])
    }
}

/// The configs of a system that a template lists: each with its owner and id.
pub fn configs_of(system: &str, ids: &[String]) -> impl Iterator<Item = (Owner, String)> {
    ids.iter().map(move |id| (Owner::system(system), id.clone()))
}

/// A page of a list of templates. Where that may be read again, it is known again if it comes in the same bytes.
#[derive(Debug)]
pub struct Page {
    /// The SHA-256 of its bytes, where it may be known again.
    pub hash: Option<Hash>,
    /// How many templates it has.
    pub count: usize,
    /// How many the platform said that the whole list has.
    pub total: Option<u64>,
    /// Where the list goes on.
    pub next: Option<String>,
}

impl Page {
    /// The page that begins at this place of a list, with its templates, where the list has all of them.
    pub fn at(list: &[LiveTemplate], place: usize) -> Option<(&Self, &[LiveTemplate])> {
        let page = list.get(place)?.page.as_ref()?;
        let templates = list.get(place..place.checked_add(page.count)?)?;
        let is_in_it = |template: &LiveTemplate| template.page.as_ref().is_some_and(|of| Arc::ptr_eq(of, page));
        templates.iter().all(is_in_it).then_some((page, templates))
    }

    /// Where the pages of a list have begun, but for the first, as far as the list has all of them.
    pub fn cursors(list: &[LiveTemplate]) -> Vec<String> {
        let mut place = 0;
        let next = || {
            let (page, templates) = Self::at(list, place)?;
            place += templates.len();
            page.next.clone().filter(|next| !next.is_empty())
        };
        std::iter::from_fn(next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_again_while_all_of_it_is_there() {
        let page = |count, next: &str| {
            let next = Some(next.to_owned());
            Some(Arc::new(Page { hash: None, count, total: None, next }))
        };
        let template = |page: &Option<Arc<Page>>| LiveTemplate {
            id: "id".to_owned(),
            name: "name".to_owned(),
            system: "system".to_owned(),
            dynamic: false,
            auth_scheme_configs: Vec::new(),
            page: page.clone(),
        };
        let (first, second) = (page(2, "b"), page(1, "c"));
        let mut list = vec![template(&first), template(&first), template(&second), template(&None)];
        let count = |list: &[LiveTemplate], place| Page::at(list, place).map(|(_, templates)| templates.len());
        assert_eq!([0, 1, 2, 3, 4].map(|place| count(&list, place)), [Some(2), None, Some(1), None, None]);
        assert_eq!(Page::cursors(&list), ["b", "c"]);
        list.remove(1);
        assert!(Page::cursors(&list).is_empty());
        assert_eq!([0, 1].map(|place| count(&list, place)), [None, Some(1)]);
    }
}

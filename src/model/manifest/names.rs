//! The names by which manifests call things.

use std::collections::BTreeSet;

use super::Given;
use crate::model::address::check_segment;
use crate::model::document::{Found, Section};
use crate::model::rule::Rule;
use crate::model::source::{Problem, is_unprintable};

const NAME_HELP: &str = "write what it is called, with nothing in it that cannot be seen";

/// The name of a resource: the table's key, unless a key inside it says otherwise.
pub(super) fn own_name(key: &str, section: &Section<'_>, inner: &'static str) -> Option<String> {
    let found = match section.text(inner) {
        Some(found) => found,
        None if section.has(inner) => return None,
        None => Found { value: key.to_owned(), place: section.place() },
    };
    let (verdict, help) = match inner {
        "id" => (check_segment(&found.value), "write an id such as my-oauth: it is a part of addresses"),
        _ => (check_name(&found.value), NAME_HELP),
    };
    match verdict {
        Ok(()) => Some(found.value),
        Err(why) => {
            let problem = Problem::at(found.place, format!("the {inner} {:?} {why}", found.value));
            section.report(problem.help(help));
            None
        }
    }
}

pub(super) fn reference(section: &Section<'_>, key: &'static str) -> Option<Found<String>> {
    section.text(key).filter(|found| usable_name(section, found))
}

pub(super) fn usable_name(section: &Section<'_>, found: &Found<String>) -> bool {
    let Err(why) = check_name(&found.value) else { return true };
    let problem = Problem::at(found.place.clone(), format!("the name {:?} {why}", found.value));
    section.report(problem.help(NAME_HELP));
    false
}

/// What is wrong with a name, said of it.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("is empty")
    } else if name.trim().is_empty() {
        Err("holds nothing but spaces")
    } else if name.chars().any(is_unprintable) {
        Err("holds a character that cannot be seen")
    } else {
        Ok(())
    }
}

pub(super) fn required_reference(section: &Section<'_>, key: &'static str, default: &Given) -> Option<Found<String>> {
    if section.has(key) {
        return reference(section, key);
    }
    if !default.is_written {
        let problem = Problem::at(section.place(), format!("{} is missing", section.path_of(key))).of(Rule::MissingKey);
        section.report(problem.help(format!("add {key} = \"…\" here or below [defaults]")));
    }
    default.value.clone()
}

pub(super) fn refuse_repeats(section: &Section<'_>, items: &[Found<String>]) {
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(&item.value) {
            let problem = Problem::at(item.place.clone(), format!("{:?} is listed twice", item.value));
            section.report(problem.of(Rule::DeclaredTwice).help("remove one of the two"));
        }
    }
}

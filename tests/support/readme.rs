//! What the README shows.

use std::fs;

pub(crate) fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The fenced blocks of one language.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    let readme = readme();
    let fenced = readme.split("\n```").filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    fenced.map(str::to_owned).collect()
}

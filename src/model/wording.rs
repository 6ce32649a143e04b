//! How numbers of things are said.

/// So many of many things are called by their names.
const NAMED: usize = 3;

/// A number of things in words: `1 file`, `2 files`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What is wrong, in words: `1 problem, 2 warnings`; nothing where nothing is.
pub fn complaints(errors: usize, warnings: usize) -> Option<String> {
    match (errors, warnings) {
        (0, 0) => None,
        (errors, 0) => Some(counted(errors, "problem")),
        (0, warnings) => Some(counted(warnings, "warning")),
        (errors, warnings) => Some(format!("{}, {}", counted(errors, "problem"), counted(warnings, "warning"))),
    }
}

/// Things by their names, as far as those are few: `a, b, c and 9 others`.
pub fn named(names: &[impl AsRef<str>]) -> String {
    let first: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let others = names.len().saturating_sub(NAMED);
    let others = if others > 0 { format!(" and {}", counted(others, "other")) } else { String::new() };
    format!("{}{others}", first.join(", "))
}

//! What kinds of values there are, and how one of the wrong kind is written right.

use toml::de::DeValue;

use super::mask::{is_secretive, is_short_number};
use super::syntax::is_word;

/// Settings that are a time with its unit.
const DURATIONS: [&str; 4] = ["debounce", "delete_grace", "interval", "timeout"];

/// Tables of tables, each of those under a name of the user's.
const COLLECTIONS: [&str; 2] = ["connection_templates", "auth_scheme_configs"];

pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// How a value of the wrong type is written right. `path` leads to the key; what a variable holds is not looked at.
pub(super) fn right_type(path: &str, value: Option<&DeValue<'_>>, expected: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_open = !is_secretive(key);
    match (expected, value) {
        ("true or false", Some(DeValue::String(_))) => "write true or false, without quotes".to_owned(),
        ("true or false", _) => "write true or false".to_owned(),
        ("a whole number", Some(DeValue::String(_))) => "write a whole number, without quotes".to_owned(),
        ("a whole number", _) => "write a whole number".to_owned(),
        ("a list of strings", Some(DeValue::String(text))) if is_open && is_word(text) => format!("write [\"{text}\"]"),
        ("a list of strings" | "a list", Some(DeValue::String(_))) => "write it as [\"…\"]".to_owned(),
        ("a list of strings" | "a list", None) => "write it in the file".to_owned(),
        ("a list of strings" | "a list", _) => "write a list: [\"…\"]".to_owned(),
        ("a list of tables", _) if !path.contains('.') => format!("write [[{path}]] for each of them"),
        ("a list of tables", _) => "write a list: [{ … }]".to_owned(),
        ("tables only", _) => "write each of them as { … }".to_owned(),
        ("strings and tables only", _) => "write each of them as \"…\" or { name = \"…\" }".to_owned(),
        ("a string", Some(DeValue::Array(_))) if key == "environment" => "use `environments` for several".to_owned(),
        ("a string", Some(DeValue::Integer(number))) if DURATIONS.contains(&key) => {
            format!("write it with its unit: \"{}ms\" or \"{}s\", for example", number.as_str(), number.as_str())
        }
        ("a string" | "strings only", Some(value)) => in_quotes(value, is_open),
        ("a table", Some(DeValue::Integer(number))) if key == "delete_limit" => {
            format!("write {{ count = {} }}", number.as_str())
        }
        ("a table", _) if COLLECTIONS.contains(&path) => format!("write [{path}.NAME] for each of them"),
        ("a table", _) => match path.split_once('.') {
            None => format!("write a table: [{path}]"),
            Some((outer, _)) if COLLECTIONS.contains(&outer) && path.matches('.').count() == 1 => {
                format!("write a table: [{outer}.NAME]")
            }
            Some(_) => format!("write a table: {key} = {{ … }}"),
        },
        _ => "write a text in quotes".to_owned(),
    }
}

fn in_quotes(value: &DeValue<'_>, is_open: bool) -> String {
    let written = match value {
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Integer(number) if is_short_number(number.as_str()) => number.as_str().to_owned(),
        DeValue::Float(number) if is_short_number(number.as_str()) => number.as_str().to_owned(),
        DeValue::Integer(_) | DeValue::Float(_) => return "write it in quotes".to_owned(),
        _ => return "write a text in quotes".to_owned(),
    };
    if is_open { format!("write it in quotes: \"{written}\"") } else { "write it in quotes".to_owned() }
}

//! Keys and values as TOML, each on one line whatever is in it.

use serde_json::Value;
use toml_writer::{ToTomlKey, ToTomlValue, TomlKeyBuilder, TomlStringBuilder};

/// A table's name or a key: bare where it can be.
pub(super) fn key(text: &str) -> String {
    let builder = TomlKeyBuilder::new(text);
    builder.as_unquoted().unwrap_or_else(|| builder.as_basic()).to_toml_key()
}

/// A text.
pub(in crate::model) fn quoted(text: &str) -> String {
    TomlStringBuilder::new(text).as_basic().to_toml_value()
}

/// A field's value. Empty members of a table are left out: they are the defaults.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let told = members.iter().filter(|(_, value)| *value != "" && *value != false);
            let told: Vec<String> =
                told.map(|(name, value)| format!("{} = {}", key(name), self::value(value))).collect();
            format!("{{ {} }}", told.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_has_to_be_is_quoted() {
        assert_eq!(key("a-b_1"), "a-b_1");
        assert_eq!(key(""), "\"\"");
        assert_eq!(key("it's \"both\""), r#""it's \"both\"""#);
        assert_eq!(quoted("two\nlines, '''both''' \"\"\"kinds\"\"\""), r#""two\nlines, '''both''' \"\"\"kinds\"\"\"""#);
    }

    proptest! {
        #[test]
        fn any_text_is_one_line_and_reads_back_as_it_was(text in r#"(\PC|['"\\\n\r\t\x00-\x1f\x7f]){0,12}"#) {
            let line = format!("{} = {}", key(&text), quoted(&text));
            prop_assert_eq!(line.lines().count(), 1, "{}", line);
            let read: toml::Table = toml::from_str(&line).unwrap();
            prop_assert_eq!(read.get(&text).and_then(toml::Value::as_str), Some(text.as_str()));
        }
    }
}

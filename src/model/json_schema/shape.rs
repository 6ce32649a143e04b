//! What a JSON Schema is put together from.

use serde_json::{Value, json};

use crate::model::json::{Json, ToJson, object};

/// The schema of one value. It is of draft 7, which the language servers for TOML know.
#[derive(Debug, Clone)]
pub struct Shape(Json);

/// A whole schema.
pub fn document(title: &str, shape: Shape) -> Json {
    object! {"$schema": "http://json-schema.org/draft-07/schema#", "title": title}.extended(shape.0)
}

/// Any text.
pub fn text(doc: &str) -> Shape {
    Shape::of("string").doc(doc)
}

/// A text that is neither empty nor nothing but spaces.
pub fn name(doc: &str) -> Shape {
    text(doc).pattern(r"\S")
}

/// True or false.
pub fn flag(doc: &str, default: bool) -> Shape {
    Shape::of("boolean").doc(doc).default(default)
}

/// A whole number within bounds.
pub fn number(doc: &str, least: u32, most: u32, default: u64) -> Shape {
    let shape = Shape::of("integer").doc(doc).with("minimum", least);
    let shape = if most == u32::MAX { shape } else { shape.with("maximum", most) };
    shape.default(default)
}

/// One of a few words.
pub fn choice(doc: &str, words: &[&str]) -> Shape {
    Shape::of("string").doc(doc).with("enum", words)
}

/// A list.
pub fn list(item: Shape) -> Shape {
    Shape::of("array").with("items", item.0)
}

/// A table with these keys and no others.
pub fn table<'a>(keys: impl IntoIterator<Item = (&'a str, Shape)>) -> Shape {
    let keys = keys.into_iter().map(|(key, shape)| (key.to_owned().into(), shape.0)).collect();
    Shape::of("object").with("properties", Json::Object(keys)).with("additionalProperties", false)
}

/// A table under whose keys, which the user chooses, values of one shape stand.
pub fn each(shape: Shape) -> Shape {
    Shape::of("object").with("additionalProperties", shape.0)
}

/// A reference to a secret.
pub fn secret(doc: &str) -> Shape {
    let filled = |doc: &str| text(doc).with("minLength", 1);
    let keys = [
        ("env", filled("The environment variable that holds it.")),
        ("file", filled("The file that holds it, readable by its owner only.")),
        ("credential", filled("The file of this name in $CREDENTIALS_DIRECTORY that holds it.")),
    ];
    table(keys).with("minProperties", 1).with("maxProperties", 1).title("Reference to a secret").doc(doc)
}

impl Shape {
    fn of(kind: &str) -> Self {
        Self(object! {"type": kind})
    }

    fn with(self, key: &'static str, value: impl ToJson) -> Self {
        Self(self.0.with(key, value))
    }

    /// With a line that says what it is.
    #[must_use]
    pub fn doc(self, doc: &str) -> Self {
        self.with("description", doc)
    }

    /// With what it is called.
    #[must_use]
    pub fn title(self, title: &str) -> Self {
        self.with("title", title)
    }

    /// With what it is where it is not written.
    #[must_use]
    pub fn default(self, value: impl ToJson) -> Self {
        self.with("default", value)
    }

    /// With an example.
    #[must_use]
    pub fn example(self, example: impl ToJson) -> Self {
        self.with("examples", [example])
    }

    /// With examples.
    #[must_use]
    pub fn examples(self, examples: impl IntoIterator<Item = Value>) -> Self {
        let examples: Vec<Value> = examples.into_iter().collect();
        if examples.is_empty() { self } else { self.with("examples", examples) }
    }

    /// With a line for each of its words, as the language server `taplo` shows them.
    #[must_use]
    pub fn words<'a>(self, docs: impl Iterator<Item = &'a str>) -> Self {
        let docs: Vec<&str> = docs.collect();
        self.with("x-taplo", json!({"docs": {"enumValues": docs}}))
    }

    /// Only what matches a regular expression.
    #[must_use]
    pub fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }

    /// A list that is not empty.
    #[must_use]
    pub fn at_least_one(self) -> Self {
        self.with("minItems", 1)
    }

    /// A list with nothing twice.
    #[must_use]
    pub fn unique(self) -> Self {
        self.with("uniqueItems", true)
    }

    /// A table, or a name in its place.
    #[must_use]
    pub fn or_name(self) -> Self {
        self.with("type", vec!["string", "object"]).pattern(r"\S")
    }

    /// A table in which these keys may not be left out.
    #[must_use]
    pub fn required<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.with("required", keys.into_iter().collect::<Vec<_>>())
    }

    /// With further conditions.
    #[must_use]
    pub fn rules(self, rules: impl IntoIterator<Item = Value>) -> Self {
        self.with("allOf", rules.into_iter().collect::<Vec<_>>())
    }
}

//! Reads the members of a JSON object one by one and collects everything that is wrong with them.

use serde_json::{Map, Value};

use super::answer::{FieldProblem, Refusal};
use super::mint;

/// Whether a field may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}
pub(super) use Need::{Optional, Required};

/// One JSON object being read. What is valid is copied into a clean object, what is not becomes a
/// problem that carries its path, and what nobody asks for is dropped, as a Go server drops it.
///
/// An optional field that is sent empty (`null`, `""`, `false`, `[]`) is kept as `null`: for a merge
/// that means "take it away", for a replacement [`clean`] removes it. That is why answers leave such
/// fields out.
pub(super) struct Form<'a> {
    sent: &'a Map<String, Value>,
    path: String,
    problems: &'a mut Vec<FieldProblem>,
    read: Map<String, Value>,
}

/// Reads a whole body with `read`; a refusal that lists every problem when there is one.
pub(super) fn body<T>(sent: &Value, read: impl FnOnce(&mut Form<'_>) -> T) -> Result<T, Refusal> {
    let Value::Object(sent) = sent else {
        return Err(Refusal::unreadable("the body must be a JSON object"));
    };
    let mut problems = Vec::new();
    let mut form = Form { sent, path: String::new(), problems: &mut problems, read: Map::new() };
    let value = read(&mut form);
    if problems.is_empty() { Ok(value) } else { Err(Refusal::invalid(problems)) }
}

/// Takes the nulls out, at every depth of objects and lists.
pub(super) fn clean(value: &mut Value) {
    match value {
        Value::Object(object) => clean_object(object),
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

/// [`clean`] for an object at hand.
pub(super) fn clean_object(object: &mut Map<String, Value>) {
    object.retain(|_, value| !value.is_null());
    object.values_mut().for_each(clean);
}

/// JSON Merge Patch (RFC 7396) on an object: absent is unchanged, null is taken away.
pub(super) fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(object) = slot {
                    merge(object, inner);
                }
            }
            value => {
                target.insert(name, value);
            }
        }
    }
}

impl<'a> Form<'a> {
    /// What was read so far; leaves nothing behind.
    pub(super) fn take(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.read)
    }

    /// The path of a member, as errors show it.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The path of the object itself.
    pub(super) fn here(&self) -> String {
        self.path.clone()
    }

    /// Lays a value into what was read, as it is.
    pub(super) fn lay(&mut self, name: &str, value: Value) {
        self.read.insert(name.to_owned(), value);
    }

    /// Notes a problem with a member.
    pub(super) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let field = self.at(name);
        self.problems.push(FieldProblem { field, message: message.into() });
    }

    /// Whether a member is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.sent.get(name).is_some_and(|value| !value.is_null())
    }

    /// Text. Required text is not blank.
    pub(super) fn text(&mut self, name: &str, need: Need) -> Option<String> {
        let text = match self.member(name, need)? {
            Value::String(text) => text.clone(),
            _ => return self.not(name, "text"),
        };
        if need == Required && text.trim().is_empty() {
            self.wrong(name, "must not be empty");
            return None;
        }
        self.keep(name, need, text.as_str().into(), text.is_empty());
        Some(text)
    }

    /// Text that has to be there and may be empty: `description`.
    pub(super) fn any_text(&mut self, name: &str) {
        match self.member(name, Required) {
            Some(Value::String(text)) => self.keep(name, Required, text.as_str().into(), false),
            Some(_) => {
                self.not::<()>(name, "text");
            }
            None => {}
        }
    }

    /// Text that is never shown again: handed out, not kept. `Some(Null)` when it is sent empty.
    pub(super) fn secret(&mut self, name: &str) -> Option<Value> {
        match self.sent.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.as_str().into()),
            Value::String(_) | Value::Null => Some(Value::Null),
            _ => self.not(name, "text"),
        }
    }

    /// An absolute URL. Placeholders in braces are let through.
    pub(super) fn url(&mut self, name: &str, need: Need) {
        let Some(text) = self.text(name, need).filter(|text| !text.is_empty()) else {
            return;
        };
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let placed = !rest.is_empty() && !rest.starts_with('/');
        if !named || !placed || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.wrong(name, "must be an absolute URL");
        }
    }

    /// A ULID, kept in its canonical spelling.
    pub(super) fn ulid(&mut self, name: &str, need: Need) -> Option<String> {
        let found = match self.member(name, need)? {
            Value::String(text) => mint::ulid(text),
            _ => None,
        };
        let Some(id) = found else {
            self.wrong(name, "must be a ULID");
            return None;
        };
        self.keep(name, need, id.as_str().into(), false);
        Some(id)
    }

    /// One word of a published list.
    pub(super) fn one_of(&mut self, name: &str, need: Need, words: &[&str]) -> Option<String> {
        let sent = self.member(name, need)?;
        match sent.as_str() {
            Some(word) if words.contains(&word) => {
                self.keep(name, need, word.into(), false);
                Some(word.to_owned())
            }
            _ => self.not(name, &format!("one of {}", words.join(", "))),
        }
    }

    /// A flag.
    pub(super) fn flag(&mut self, name: &str, need: Need) -> Option<bool> {
        let Value::Bool(flag) = self.member(name, need)? else {
            return self.not(name, "true or false");
        };
        self.keep(name, need, (*flag).into(), !flag);
        Some(*flag)
    }

    /// A list of texts, of the given words only when there are some. An empty required list is fine:
    /// the documents ask for the list, not for something in it.
    pub(super) fn texts(&mut self, name: &str, need: Need, words: &[&str]) -> Option<Vec<String>> {
        let items = self.items(name, need)?;
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(text) if words.is_empty() && !text.trim().is_empty() => {
                    texts.push(text.to_owned());
                }
                Some(text) if words.contains(&text) => texts.push(text.to_owned()),
                _ if words.is_empty() => {
                    self.wrong(&format!("{name}[{index}]"), "must be text and not empty");
                }
                _ => {
                    let message = format!("must be one of {}", words.join(", "));
                    self.wrong(&format!("{name}[{index}]"), message);
                }
            }
        }
        self.keep(name, need, texts.clone().into(), texts.is_empty());
        Some(texts)
    }

    /// A list of objects, each read by `each`.
    pub(super) fn objects(&mut self, name: &str, need: Need, mut each: impl FnMut(&mut Form<'_>)) {
        let Some(items) = self.items(name, need) else {
            return;
        };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let member = format!("{name}[{index}]");
            match item {
                Value::Object(sent) => {
                    read.push(Value::Object(self.inner(&member, sent, &mut each).1));
                }
                _ => self.wrong(&member, "must be an object"),
            }
        }
        let empty = read.is_empty();
        self.keep(name, need, read.into(), empty);
    }

    /// An object, read by `read`.
    pub(super) fn object<T>(&mut self, name: &str, need: Need, read: impl FnOnce(&mut Form<'_>) -> T) -> Option<T> {
        let Value::Object(sent) = self.member(name, need)? else {
            return self.not(name, "an object");
        };
        let (value, object) = self.inner(name, sent, read);
        self.keep(name, need, object.into(), false);
        Some(value)
    }

    fn inner<T>(
        &mut self,
        name: &str,
        sent: &Map<String, Value>,
        read: impl FnOnce(&mut Form<'_>) -> T,
    ) -> (T, Map<String, Value>) {
        let path = self.at(name);
        let mut form = Form { sent, path, problems: self.problems, read: Map::new() };
        let value = read(&mut form);
        (value, form.read)
    }

    fn items(&mut self, name: &str, need: Need) -> Option<&'a Vec<Value>> {
        match self.member(name, need)? {
            Value::Array(items) => Some(items),
            _ => self.not(name, "a list"),
        }
    }

    /// The member's value, unless it is absent or null, which is a problem only when it is required.
    fn member(&mut self, name: &str, need: Need) -> Option<&'a Value> {
        match self.sent.get(name) {
            Some(Value::Null) | None if need == Required => {
                self.wrong(name, "is required");
                None
            }
            Some(Value::Null) => {
                self.read.insert(name.to_owned(), Value::Null);
                None
            }
            found => found,
        }
    }

    fn keep(&mut self, name: &str, need: Need, value: Value, empty: bool) {
        let value = if empty && need == Optional { Value::Null } else { value };
        self.read.insert(name.to_owned(), value);
    }

    fn not<T>(&mut self, name: &str, what: &str) -> Option<T> {
        self.wrong(name, format!("must be {what}"));
        None
    }
}

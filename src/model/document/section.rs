//! One table of a text, read key by key.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask::holds_secrets;
use super::types::{kind_of, right_type};
use super::{Found, Overlay, Reader, SecretRef};
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, SourceFile, nearest};

/// A table of the text. Every key that is asked for becomes a known key; [`Section::finish`]
/// reports the others.
#[derive(Debug)]
pub struct Section<'a> {
    reader: &'a Reader,
    table: Option<&'a DeTable<'a>>,
    overlay: Option<&'a Overlay>,
    span: Range<usize>,
    name: String,
    /// Whether it is none of the tables that hold secrets, nor below one.
    is_open: bool,
    asked: RefCell<Vec<&'static str>>,
}

/// What stands under a key.
enum Entry<'a> {
    Written(&'a Spanned<DeValue<'a>>),
    Given(&'a Arc<SourceFile>),
}

/// One item of a list in which texts and tables may stand.
#[derive(Debug)]
pub enum Item<'a> {
    /// A string.
    Text(Found<String>),
    /// A table.
    Table(Section<'a>),
}

impl<'a> Section<'a> {
    /// The whole text.
    pub(super) fn top(reader: &'a Reader, table: &'a DeTable<'a>, overlay: Option<&'a Overlay>) -> Self {
        let (name, asked) = (String::new(), RefCell::default());
        Self { reader, table: Some(table), overlay, span: 0..0, name, is_open: true, asked }
    }

    /// Where the table's header or key stands.
    pub fn place(&self) -> Place {
        self.reader.place(self.span.clone())
    }

    /// Reports a problem.
    pub fn report(&self, problem: Problem) {
        self.reader.report(problem);
    }

    /// Whether the key is written at all, whatever its value.
    pub fn has(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// Where a key's value stands.
    pub fn place_of(&self, key: &'static str) -> Option<Place> {
        self.entry(key).map(|entry| self.place_of_entry(&entry))
    }

    /// A string.
    pub fn text(&self, key: &'static str) -> Option<Found<String>> {
        self.typed(key, "a string", |value| value.as_str().map(str::to_owned), |text| Some(text.to_owned()))
    }

    /// A string that is not empty.
    fn filled(&self, key: &'static str) -> Option<Found<String>> {
        let found = self.text(key)?;
        if found.value.is_empty() {
            let problem = Problem::at(found.place, format!("{} is empty", self.path_of(key)));
            self.report(problem.help(format!("write where the secret is: {key} = \"…\"")));
            return None;
        }
        Some(found)
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<Found<bool>> {
        self.typed(key, "true or false", |value| value.as_bool(), |text| text.parse().ok())
    }

    /// A whole number that fits.
    pub fn integer(&self, key: &'static str) -> Option<Found<i64>> {
        let written = |value: &DeValue<'_>| {
            let number = value.as_integer()?;
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
        };
        self.typed(key, "a whole number", written, |text| text.parse().ok())
    }

    /// One of a few words.
    pub fn choice(&self, key: &'static str, choices: &[&'static str]) -> Option<Found<&'static str>> {
        let found = self.text(key)?;
        if let Some(choice) = choices.iter().find(|choice| **choice == found.value) {
            return Some(found.map(|_| *choice));
        }
        let help = match nearest(&found.value, choices) {
            Some(near) => format!("did you mean {near:?}? It takes one of {}", choices.join(", ")),
            None => format!("it takes one of {}", choices.join(", ")),
        };
        self.report(
            Problem::at(found.place, format!("{:?} is not a value of {}", found.value, self.path_of(key))).help(help),
        );
        None
    }

    /// Whether a list is written with nothing in it.
    pub fn is_empty_list(&self, key: &'static str) -> bool {
        let Some(Entry::Written(value)) = self.entry(key) else { return false };
        value.get_ref().as_array().is_some_and(|items| items.is_empty())
    }

    /// A list of strings, each with its place.
    pub fn texts(&self, key: &'static str) -> Option<Found<Vec<Found<String>>>> {
        self.list(key, "a list of strings", "strings only", |item| self.text_item(item))
    }

    /// A list of strings and tables.
    pub fn items(&self, key: &'static str) -> Option<Found<Vec<Item<'a>>>> {
        self.list(key, "a list", "strings and tables only", |item| {
            self.text_item(item).map(Item::Text).or_else(|| self.table_item(key, item).map(Item::Table))
        })
    }

    /// A list of tables. Values from outside cannot make one up, and are refused unseen.
    pub fn tables(&self, key: &'static str) -> Option<Found<Vec<Section<'a>>>> {
        if let Some(file) = self.overlay.and_then(|overlay| overlay.source_of(key)) {
            file.hide(std::iter::once(0..file.text().len()).collect());
            let message =
                format!("{} takes a list of tables, which can only be written in the file", self.path_of(key));
            let help = format!("write [[{key}]] in versync.toml for each of them");
            self.report(Problem::at(Place::new(&file, 0..0), message).help(help));
            self.asked.borrow_mut().push(key);
            return None;
        }
        self.list(key, "a list of tables", "tables only", |item| self.table_item(key, item))
    }

    fn list<T>(
        &self,
        key: &'static str,
        expected: &str,
        of: &str,
        read: impl Fn(&'a Spanned<DeValue<'a>>) -> Option<T>,
    ) -> Option<Found<Vec<T>>> {
        let entry = self.entry(key)?;
        let written = match &entry {
            Entry::Written(value) => value.get_ref().as_array().map(|items| (value, items)),
            Entry::Given(_) => None,
        };
        let Some((value, items)) = written else {
            self.wrong_type(key, &entry, expected);
            return None;
        };
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            match read(item) {
                Some(item) => list.push(item),
                None => self.wrong_type(key, &Entry::Written(item), of),
            }
        }
        Some(Found { value: list, place: self.reader.place(value.span()) })
    }

    fn text_item(&self, item: &'a Spanned<DeValue<'a>>) -> Option<Found<String>> {
        let text = item.get_ref().as_str()?;
        Some(Found { value: text.to_owned(), place: self.reader.place(item.span()) })
    }

    fn table_item(&self, key: &str, item: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let table = item.get_ref().as_table()?;
        let name = self.name_of(key);
        Some(Section {
            reader: self.reader,
            table: Some(table),
            overlay: None,
            span: item.span(),
            name,
            is_open: self.is_open_below(key),
            asked: RefCell::default(),
        })
    }

    /// A table below this one.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let overlay = self.overlay.and_then(|overlay| overlay.tables.get(key));
        match (self.entry(key), overlay) {
            (Some(Entry::Written(value)), overlay) => {
                let (name, _) = self.table?.get_key_value(key)?;
                Some(Section { overlay, is_open: self.is_open_below(key), ..self.subsection(name, value)? })
            }
            (Some(entry @ Entry::Given(_)), _) => {
                // A variable is shown whole, and where a table is asked for it may hold a secret.
                self.hide(&entry);
                let message = format!("{} takes a table, not a text", self.path_of(key));
                let help = "set one variable for each key in it, named by both with `__` between them";
                self.report(Problem::at(self.place_of_entry(&entry), message).help(help));
                None
            }
            (None, overlay @ Some(_)) => Some(Section {
                reader: self.reader,
                table: None,
                overlay,
                span: self.span.clone(),
                name: self.name_of(key),
                is_open: self.is_open_below(key),
                asked: RefCell::default(),
            }),
            (None, None) => None,
        }
    }

    /// Every table below the table `key`, under the names that the user chose, as they are written.
    pub fn sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(outer) = self.section(key) else { return Vec::new() };
        let written = outer.table.into_iter().flatten();
        let mut inner: Vec<_> = written
            .filter_map(|(name, value)| Some((name.get_ref().to_string(), outer.subsection(name, value)?)))
            .collect();
        inner.sort_by_key(|(_, section)| section.span.start);
        inner
    }

    /// Keeps a key's value out of everything that is shown.
    pub fn conceal(&self, key: &'static str) {
        if let Some(entry) = self.entry(key) {
            self.hide(&entry);
        }
    }

    /// A reference to a secret. A literal is refused, and is not shown.
    pub fn secret(&self, key: &'static str) -> Option<Found<SecretRef>> {
        let written = self.entry(key);
        if let Some(entry) = &written {
            let is_table = matches!(entry, Entry::Written(value) if value.get_ref().is_table());
            if !is_table {
                self.hide(entry);
                let problem = Problem::at(
                    self.place_of_entry(entry),
                    format!("{} is written out as a literal", self.path_of(key)),
                );
                self.report(problem.of(Rule::LiteralSecret).help(
                    "refer to the secret instead: { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }",
                ));
                return None;
            }
        }
        let mut section = self.section(key)?;
        let place = match (section.overlay.and_then(Overlay::source), written) {
            (Some(file), _) => {
                // A reference from outside is another one, not an addition to the one in the text.
                section.table = None;
                Place::new(&file, 0..0)
            }
            (None, Some(entry)) => self.place_of_entry(&entry),
            (None, None) => section.place(),
        };
        let found = [
            section.filled("env").map(|found| found.map(SecretRef::Env)),
            section.filled("file").map(|found| found.map(SecretRef::File)),
            section.filled("credential").map(|found| found.map(SecretRef::Credential)),
        ];
        let clean = section.finish();
        // A value of another type was reported already.
        let tried = ["env", "file", "credential"].into_iter().filter(|key| section.has(key)).count();
        let mut given: Vec<_> = found.into_iter().flatten().collect();
        if clean && tried != 1 {
            let problem =
                Problem::at(place, format!("{} needs exactly one of env, file and credential", self.path_of(key)));
            self.report(problem.help("for example { env = \"NAME\" }"));
            return None;
        }
        given.pop().filter(|_| clean)
    }

    /// Reports every key that nobody asked for, with the nearest one that exists. True where there is none.
    pub fn finish(&self) -> bool {
        self.finish_with(|_| None)
    }

    /// The same, where there may be more to say of a key than which one is nearest.
    pub fn finish_with(&self, help: impl Fn(&str) -> Option<String>) -> bool {
        let known = self.asked.borrow();
        let written = self.table.into_iter().flatten();
        let mut unknown = Vec::new();
        for (key, value) in written.filter(|(key, _)| !known.contains(&&**key.get_ref())) {
            let name = key.get_ref().to_string();
            let near = nearest(&name, &known);
            // What a misspelled key holds may be a secret.
            if self.is_open {
                self.reader.hide_secrets(&name, near, value);
            } else {
                self.reader.hide_values(value);
            }
            unknown.push((name, self.reader.place(key.span()), near));
        }
        for (name, file) in self.overlay.map(Overlay::keys).unwrap_or_default() {
            if !known.contains(&name) {
                file.hide(std::iter::once(0..file.text().len()).collect());
                unknown.push((name.to_owned(), Place::new(&file, 0..0), nearest(name, &known)));
            }
        }
        for (name, place, near) in &unknown {
            let help = help(name).unwrap_or_else(|| match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", listed(&known)),
            });
            let message = if self.name.is_empty() {
                format!("unknown key `{name}`")
            } else {
                format!("unknown key `{name}` in `{}`", self.name)
            };
            self.report(Problem::at(place.clone(), message).of(Rule::UnknownKey).help(help));
        }
        unknown.is_empty()
    }

    /// The key with this section's name before it, as messages show it.
    pub fn path_of(&self, key: &str) -> String {
        format!("`{}`", self.name_of(key))
    }

    fn name_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn entry(&self, key: &'static str) -> Option<Entry<'a>> {
        if !self.asked.borrow().contains(&key) {
            self.asked.borrow_mut().push(key);
        }
        if let Some(given) = self.overlay.and_then(|overlay| overlay.values.get(key)) {
            return Some(Entry::Given(given));
        }
        self.table?.get(key).map(Entry::Written)
    }

    fn is_open_below(&self, key: &str) -> bool {
        self.is_open && !holds_secrets(key)
    }

    /// A table below this one, whose name says nothing of what is in it.
    fn subsection(
        &self,
        key: &'a Spanned<toml::de::DeString<'a>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Section<'a>> {
        let name = key.get_ref();
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(name, &Entry::Written(value), "a table");
            return None;
        };
        Some(Section {
            reader: self.reader,
            table: Some(table),
            overlay: None,
            span: key.span(),
            name: self.name_of(name),
            is_open: self.is_open,
            asked: RefCell::default(),
        })
    }

    fn typed<T>(
        &self,
        key: &'static str,
        expected: &str,
        written: impl FnOnce(&DeValue<'_>) -> Option<T>,
        given: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Found<T>> {
        let Some(entry) = self.entry(key) else {
            if let Some(file) = self.overlay.and_then(|overlay| overlay.tables.get(key)?.source()) {
                let message = format!("{} takes {expected}, not keys below it", self.path_of(key));
                let help = "leave out what is behind it in the variable's name";
                self.report(Problem::at(Place::new(&file, 0..0), message).help(help));
            }
            return None;
        };
        let taken = match &entry {
            Entry::Written(value) => written(value.get_ref()),
            Entry::Given(file) => given(file.text()),
        };
        if taken.is_none() {
            self.wrong_type(key, &entry, expected);
        }
        taken.map(|value| Found { value, place: self.place_of_entry(&entry) })
    }

    fn wrong_type(&self, key: &str, entry: &Entry<'_>, expected: &str) {
        let found = match entry {
            Entry::Written(value) => kind_of(value.get_ref()).to_owned(),
            Entry::Given(file) => format!("{:?}", file.text()),
        };
        let message = format!("{} takes {expected}, not {found}", self.path_of(key));
        let problem = Problem::at(self.place_of_entry(entry), message).of(Rule::WrongType);
        let written = match entry {
            Entry::Written(value) => Some(value.get_ref()),
            Entry::Given(_) => None,
        };
        self.report(problem.help(right_type(&self.name_of(key), written, expected)));
    }

    fn place_of_entry(&self, entry: &Entry<'_>) -> Place {
        match entry {
            Entry::Written(value) => self.reader.place(value.span()),
            Entry::Given(file) => Place::new(file, 0..file.text().len()),
        }
    }

    fn hide(&self, entry: &Entry<'_>) {
        match entry {
            Entry::Written(value) => self.reader.hide(value.span()),
            Entry::Given(file) => file.hide(std::iter::once(0..file.text().len()).collect()),
        }
    }
}

fn listed(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

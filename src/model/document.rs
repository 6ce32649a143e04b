//! A TOML text read with positions: typed access to its tables that collects every problem
//! instead of stopping at the first. Manifests and settings are both read through it.

mod overlay;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Place, Problem, SourceFile, nearest};

pub use overlay::Overlay;

/// Keys whose values are secret wherever they stand, also in a text that does not parse.
const SECRET_KEYS: [&str; 4] = ["client_secret", "consumer_secret", "token", "signing_key"];

/// Collects problems and secrets while a text is read.
#[derive(Debug)]
pub struct Reader {
    file: Arc<SourceFile>,
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Range<usize>>>,
}

impl Reader {
    /// Reads a whole text: `read` gets its top table. Returns what `read` made of it, or nothing
    /// where the text is not TOML, and every problem.
    pub fn read<T>(file: &Arc<SourceFile>, read: impl FnOnce(&Section<'_>) -> T) -> (Option<T>, Vec<Problem>) {
        Self::read_below(file, None, read)
    }

    /// The same, with values from outside in place of those of the text.
    pub fn read_below<T>(
        file: &Arc<SourceFile>,
        overlay: Option<&Overlay>,
        read: impl FnOnce(&Section<'_>) -> T,
    ) -> (Option<T>, Vec<Problem>) {
        let reader = Self { file: Arc::clone(file), problems: RefCell::default(), secrets: RefCell::default() };
        let (table, errors) = DeTable::parse_recoverable(file.text());
        if !errors.is_empty() {
            if SECRET_KEYS.iter().any(|key| file.text().contains(key)) {
                file.hide_values();
            }
            // Only message and span are used: the error's own text forms quote the source.
            let problems = errors.iter().map(|error| {
                let span = error.span().unwrap_or(0..0);
                Problem::at(Place::new(file, span), format!("not valid TOML: {}", error.message()))
            });
            return (None, problems.collect());
        }
        reader.note_secrets(table.get_ref());
        let top = Section {
            reader: &reader,
            table: Some(table.get_ref()),
            overlay,
            span: 0..0,
            name: String::new(),
            asked: RefCell::default(),
        };
        let value = read(&top);
        file.hide(reader.secrets.into_inner());
        (Some(value), reader.problems.into_inner())
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::new(&self.file, span)
    }

    fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    fn hide(&self, span: Range<usize>) {
        self.secrets.borrow_mut().push(span);
    }

    /// Hides everything in a value but the names of its keys.
    fn hide_values(&self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => table.values().for_each(|inner| self.hide_values(inner)),
            _ => self.hide(value.span()),
        }
    }

    /// Literals under a secret's name are hidden before anything else is said about the text.
    fn note_secrets(&self, table: &DeTable<'_>) {
        for (key, value) in table {
            if SECRET_KEYS.contains(&key.get_ref().as_ref()) && !value.get_ref().is_table() {
                self.hide(value.span());
            }
            self.note_secrets_in(value.get_ref());
        }
    }

    fn note_secrets_in(&self, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.note_secrets(table),
            DeValue::Array(items) => items.iter().for_each(|item| self.note_secrets_in(item.get_ref())),
            _ => {}
        }
    }
}

/// A value together with the place where it is written.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> Found<T> {
    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: change(self.value), place: self.place }
    }
}

/// A reference to a secret. The value itself is never written in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `{ env = "NAME" }`: an environment variable.
    Env(String),
    /// `{ file = "PATH" }`: a file's content.
    File(String),
    /// `{ credential = "NAME" }`: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "{{ env = {name:?} }}"),
            SecretRef::File(path) => write!(f, "{{ file = {path:?} }}"),
            SecretRef::Credential(name) => write!(f, "{{ credential = {name:?} }}"),
        }
    }
}

/// A table of the text. Every key that is asked for becomes a known key; [`Section::finish`]
/// reports the others.
#[derive(Debug)]
pub struct Section<'a> {
    reader: &'a Reader,
    table: Option<&'a DeTable<'a>>,
    overlay: Option<&'a Overlay>,
    span: Range<usize>,
    name: String,
    asked: RefCell<Vec<&'static str>>,
}

/// What stands under a key.
enum Entry<'a> {
    Written(&'a Spanned<DeValue<'a>>),
    Given(&'a Arc<SourceFile>),
}

impl<'a> Section<'a> {
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

    /// A list of strings, each with its place.
    pub fn texts(&self, key: &'static str) -> Option<Found<Vec<Found<String>>>> {
        let entry = self.entry(key)?;
        let Entry::Written(value) = entry else {
            self.wrong_type(key, &entry, "a list of strings");
            return None;
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, &entry, "a list of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Found { value: text.to_owned(), place: self.reader.place(item.span()) }),
                None => self.wrong_type(key, &Entry::Written(item), "strings only"),
            }
        }
        Some(Found { value: texts, place: self.reader.place(value.span()) })
    }

    /// A table below this one.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let overlay = self.overlay.and_then(|overlay| overlay.tables.get(key));
        match (self.entry(key), overlay) {
            (Some(Entry::Written(value)), overlay) => {
                let (name, _) = self.table?.get_key_value(key)?;
                Some(Section { overlay, ..self.subsection(name, value)? })
            }
            (Some(entry @ Entry::Given(_)), _) => {
                // A variable is shown whole, and where a table is asked for it may hold a secret.
                self.hide(&entry);
                self.wrong_type(key, &entry, "a table");
                None
            }
            (None, overlay @ Some(_)) => Some(Section {
                reader: self.reader,
                table: None,
                overlay,
                span: self.span.clone(),
                name: self.name_of(key),
                asked: RefCell::default(),
            }),
            (None, None) => None,
        }
    }

    /// Every table below the table `key`, under the names that the user chose, as they are written.
    pub fn sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(outer) = self.section(key) else { return Vec::new() };
        let mut inner: Vec<_> = outer
            .table
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.get_ref().to_string(), outer.subsection(name, value)?)))
            .collect();
        inner.sort_by_key(|(_, section)| section.span.start);
        inner
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
                self.report(problem.help(
                    "refer to the secret instead: { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }",
                ));
                return None;
            }
        }
        let mut section = self.section(key)?;
        if section.overlay.is_some() {
            // A reference from outside is another one, not an addition to the one in the text.
            section.table = None;
        }
        let place = written.map_or_else(|| section.place(), |entry| self.place_of_entry(&entry));
        let found = [
            section.text("env").map(|found| found.map(SecretRef::Env)),
            section.text("file").map(|found| found.map(SecretRef::File)),
            section.text("credential").map(|found| found.map(SecretRef::Credential)),
        ];
        let clean = section.finish();
        let mut given: Vec<_> = found.into_iter().flatten().collect();
        if clean && given.len() != 1 {
            let problem =
                Problem::at(place, format!("{} needs exactly one of env, file and credential", self.path_of(key)));
            self.report(problem.help("for example { env = \"NAME\" }"));
            return None;
        }
        given.pop().filter(|_| clean)
    }

    /// Reports every key that nobody asked for, with the nearest one that exists. True where there is none.
    pub fn finish(&self) -> bool {
        let known = self.asked.borrow();
        let written = self.table.into_iter().flatten().map(|(key, value)| {
            // What a misspelled key holds may be a secret.
            let hide = || self.reader.hide_values(value);
            (key.get_ref().to_string(), self.reader.place(key.span()), Some(hide))
        });
        let mut unknown = Vec::new();
        for (name, place, hide) in written.filter(|(name, ..)| !known.contains(&name.as_str())) {
            if let Some(hide) = hide {
                hide();
            }
            unknown.push((name, place));
        }
        for (name, file) in self.overlay.map(Overlay::keys).unwrap_or_default() {
            if !known.contains(&name) {
                file.hide(std::iter::once(0..file.text().len()).collect());
                unknown.push((name.to_owned(), Place::new(&file, 0..0)));
            }
        }
        for (name, place) in &unknown {
            let help = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", listed(&known)),
            };
            let message = if self.name.is_empty() {
                format!("unknown key `{name}`")
            } else {
                format!("unknown key `{name}` in `{}`", self.name)
            };
            self.report(Problem::at(place.clone(), message).help(help));
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
        let entry = self.entry(key)?;
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
            Entry::Written(value) => kind_of(value.get_ref()),
            Entry::Given(_) => "this",
        };
        let message = format!("{} takes {expected}, not {found}", self.path_of(key));
        self.report(Problem::at(self.place_of_entry(entry), message));
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

fn kind_of(value: &DeValue<'_>) -> &'static str {
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

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

//! A TOML text read with positions: typed access to its tables that collects every problem
//! instead of stopping at the first. Manifests and settings are both read through it.

mod locate;
mod mask;
mod overlay;
mod repeats;
mod section;
mod statements;
mod syntax;
mod types;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Place, Problem, SourceFile};
pub use locate::locate;
pub use mask::mask;
use mask::{is_plain_text, is_short_number, may_hold_secret};
pub use overlay::Overlay;
pub use section::{Item, Section};

/// Keys whose values are secret wherever they stand, also in a text that does not parse.
const SECRET_KEYS: [&str; 4] = ["client_secret", "consumer_secret", "token", "signing_key"];

/// The table of those who are told: their addresses are secrets, under whatever key they stand.
const RECEIVERS: &str = "notify";

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
            mask(file);
            return (None, syntax::problems(file));
        }
        reader.note_secrets(table.get_ref());
        let top = Section::top(&reader, table.get_ref(), overlay);
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

    /// Hides what may be a secret in the value of a key that is not known, and may mean the known one that is `near`.
    fn hide_secrets(&self, key: &str, near: Option<&str>, value: &Spanned<DeValue<'_>>) {
        if may_hold_secret(key) {
            return self.hide_values(value);
        }
        let is_shown = match value.get_ref() {
            DeValue::Table(table) => {
                return table.iter().for_each(|(key, inner)| self.hide_secrets(key.get_ref(), None, inner));
            }
            DeValue::Array(items) => return items.iter().for_each(|item| self.hide_secrets(key, near, item)),
            DeValue::Boolean(_) | DeValue::Datetime(_) => true,
            DeValue::Integer(_) | DeValue::Float(_) => is_short_number(&self.file.text()[value.span()]),
            DeValue::String(text) => near.is_some_and(|near| !may_hold_secret(near)) && is_plain_text(text),
        };
        if !is_shown {
            self.hide(value.span());
        }
    }

    /// Literals under a secret's name and addresses with a password are hidden before anything else is said
    /// about the text.
    fn note_secrets(&self, table: &DeTable<'_>) {
        for (key, value) in table {
            if SECRET_KEYS.contains(&key.get_ref().as_ref()) && !value.get_ref().is_table() {
                self.hide(value.span());
            }
            if key.get_ref() == RECEIVERS {
                self.hide_addresses(value);
            }
            self.note_secrets_in(value);
        }
    }

    /// Hides every text but the words that say what a receiver is told.
    fn hide_addresses(&self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                let others = table.iter().filter(|(key, _)| key.get_ref() != "on");
                others.for_each(|(_, inner)| self.hide_addresses(inner));
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.hide_addresses(item)),
            DeValue::String(_) => self.hide(value.span()),
            _ => {}
        }
    }

    fn note_secrets_in(&self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.note_secrets(table),
            DeValue::Array(items) => items.iter().for_each(|item| self.note_secrets_in(item)),
            DeValue::String(text) if holds_user(text) => self.hide(value.span()),
            _ => {}
        }
    }
}

/// Whether some address in a text names a user, and with it maybe a password: `https://user:password@host`.
pub fn holds_user(text: &str) -> bool {
    // Of all texts in a file hardly any holds one.
    if !text.contains('@') {
        return false;
    }
    let mut behind = text.split("://").skip(1);
    behind.any(|rest| {
        let authority = rest.split(|c: char| c.is_whitespace() || "/?#\\\"'".contains(c)).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

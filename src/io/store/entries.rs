//! What came of changes, written down as one.

use super::books::Entry;
use super::database::Database;
use super::error::StoreError;
use crate::model::plan::Bookkeeping;

impl Database {
    /// Keeps all of these, or none of them, as done by the command of this name. Returns the row of the history that
    /// each has.
    pub(super) fn keep(&self, entries: &[Entry], command: &str) -> Result<Vec<Option<i64>>, StoreError> {
        self.begin()?;
        self.end(entries.iter().map(|entry| self.keep_one(entry, command)).collect())
    }

    fn keep_one(&self, entry: &Entry, command: &str) -> Result<Option<i64>, StoreError> {
        entry.books.iter().try_for_each(|books| self.enter(books))?;
        entry.event.as_ref().map(|event| self.save_event(entry.row, event, command)).transpose()
    }

    fn enter(&self, books: &Bookkeeping) -> Result<(), StoreError> {
        match books {
            Bookkeeping::Record(identity, resource) => {
                self.save_resource(identity, resource)?;
                self.forget_intent(identity)
            }
            Bookkeeping::Forget(identity) => self.forget_resource(identity),
            Bookkeeping::Missed(identity) => self.miss_intent(identity),
            Bookkeeping::Abandon(identity) => self.forget_intent(identity),
            Bookkeeping::Void(approval) => self.void_approval(approval),
            Bookkeeping::LookedAtEverything => self.forget_set_aside(),
        }
    }
}

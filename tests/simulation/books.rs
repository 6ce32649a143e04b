//! A state that fails, and that loses on a power cut what was never forced to the disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use versync::io::store::{Books, Entry, StoreError};
use versync::model::address::Identity;
use versync::model::intent::Intent;
use versync::model::pass::Pass;
use versync::model::plan::Bookkeeping;
use versync::model::recorded::{Recorded, RecordedResource};

use super::universe::{Fate, Shared};

/// What is recorded.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) now: Recorded,
    /// Every state since the last one that is certainly on the disk, that one first.
    since_durable: Vec<Recorded>,
    /// Whether everything was lost once.
    pub(crate) was_lost: bool,
}

impl Records {
    /// The machine goes down: any number of the last changes that were not forced to the disk are gone.
    pub(crate) fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        if !self.since_durable.is_empty() {
            let kept = rng.usize(0..self.since_durable.len());
            self.now = self.since_durable[kept].clone();
        }
        self.since_durable = vec![self.now.clone()];
    }

    /// The file is damaged, and a new one is begun in its place.
    pub(crate) fn lose_everything(&mut self) {
        self.was_lost = true;
        self.now = Recorded { is_lost: true, ..Recorded::default() };
        self.since_durable = vec![self.now.clone()];
    }

    fn committed(&mut self, durably: bool) {
        if durably {
            self.since_durable.clear();
        }
        self.since_durable.push(self.now.clone());
    }
}

pub(crate) struct SimBooks {
    universe: Shared,
    /// Whether several changes are being made as one.
    together: bool,
}

impl SimBooks {
    pub(crate) fn new(universe: &Shared) -> Self {
        Self { universe: universe.clone(), together: false }
    }

    fn write(&self, what: &str, durably: bool, change: impl FnOnce(&mut Recorded)) -> Result<(), StoreError> {
        let universe = &mut *self.universe.borrow_mut();
        if universe.dead {
            return Err(failed());
        }
        let fate = universe.fate(format_args!("books: {what}"));
        match fate {
            Fate::FailsBefore | Fate::DoneLate => return Err(failed()),
            Fate::DiesBefore => {
                universe.die();
                return Err(failed());
            }
            Fate::Done | Fate::FailsAfter | Fate::DiesAfter => {}
        }
        change(&mut universe.records.now);
        if !self.together {
            universe.records.committed(durably);
        }
        match fate {
            Fate::Done => Ok(()),
            Fate::DiesAfter => {
                universe.die();
                Err(failed())
            }
            _ => Err(failed()),
        }
    }
}

impl SimBooks {
    fn keep_one(&self, entry: &Entry) -> Result<Option<i64>, StoreError> {
        entry.books.iter().try_for_each(|books| self.enter(books))?;
        let Some(event) = &entry.event else { return Ok(None) };
        let what = format!("note {} of {}", event.action.as_str(), event.address);
        self.write(&what, false, |_| {}).map(|()| Some(entry.row.unwrap_or_default()))
    }

    fn enter(&self, books: &Bookkeeping) -> Result<(), StoreError> {
        match books {
            Bookkeeping::Record(identity, resource) => self.write(&format!("save {identity}"), false, |records| {
                Arc::make_mut(&mut records.resources).insert(identity.clone(), RecordedResource::clone(resource));
                records.intents.remove(identity);
            }),
            Bookkeeping::Forget(identity) => self.write(&format!("forget {identity}"), false, |records| {
                Arc::make_mut(&mut records.resources).remove(identity);
            }),
            Bookkeeping::Missed(identity) => self.write(&format!("miss {identity}"), false, |records| {
                if let Some(intent) = records.intents.get_mut(identity) {
                    intent.missed = true;
                }
            }),
            Bookkeeping::Abandon(identity) => self.write(&format!("abandon {identity}"), false, |records| {
                records.intents.remove(identity);
            }),
            Bookkeeping::Void(approval) => self.write("void an approval", false, |records| {
                records.approvals.retain(|other| other != approval);
            }),
            Bookkeeping::LookedAtEverything => {
                self.write("looked at everything", false, |records| records.is_lost = false)
            }
        }
    }
}

fn failed() -> StoreError {
    StoreError::Directory { path: PathBuf::from("books"), source: io::Error::other("the disk is full") }
}

impl Books for SimBooks {
    fn recorded(&self) -> Result<Recorded, StoreError> {
        let universe = &mut *self.universe.borrow_mut();
        match universe.fate("books: read") {
            Fate::Done => Ok(universe.records.now.clone()),
            Fate::DiesBefore | Fate::DiesAfter => {
                universe.die();
                Err(failed())
            }
            _ => Err(failed()),
        }
    }

    fn intend(&mut self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError> {
        self.write(&format!("intend {} creates", intents.len()), true, |records| {
            let intents = intents.iter().map(|(identity, intent)| ((*identity).clone(), intent.clone()));
            records.intents.extend(intents);
        })
    }

    fn remember(&mut self, _pass: Pass) -> Result<(), StoreError> {
        self.write("remember the pass", true, |_| {})
    }

    fn use_approval(&mut self, hash: &str) -> Result<(), StoreError> {
        self.write("use an approval", true, |records| records.approvals.retain(|approval| approval.hash != hash))
    }

    async fn keep(&mut self, entries: Arc<[Entry]>) -> Result<Vec<Option<i64>>, StoreError> {
        let before = self.universe.borrow().records.now.clone();
        self.together = true;
        let rows: Result<Vec<_>, _> = entries.iter().map(|entry| self.keep_one(entry)).collect();
        self.together = false;
        let ended = rows.and_then(|rows| self.write("commit", false, |_| {}).map(|()| rows));
        let universe = &mut *self.universe.borrow_mut();
        if ended.is_err() && !universe.records.since_durable.last().is_some_and(|last| *last == universe.records.now) {
            // Not even the commit went through.
            universe.records.now = before;
        }
        ended
    }
}

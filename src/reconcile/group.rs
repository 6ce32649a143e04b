//! What was made and is not recorded yet: to record many as one costs little more than to record one.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::model::observed::Remark;
use crate::model::plan::{Bookkeeping, Change};

/// How long a change that was made may wait for others. What a crash loses in that time is found out on the platform,
/// that of a create by its intent.
const PATIENCE: Duration = Duration::from_millis(10);

/// A change that was made on the platform, and is to be recorded.
#[derive(Default)]
pub(super) struct Made {
    /// What the platform remarks on it.
    pub(super) remarks: Vec<Remark>,
    /// What is to be recorded.
    pub(super) books: Vec<Bookkeeping>,
    /// Its row in the history, where the first half of it has one already.
    pub(super) row: Option<i64>,
}

impl Made {
    pub(super) fn of(books: Vec<Bookkeeping>) -> Self {
        Self { books, ..Self::default() }
    }
}

/// Changes that were made, and are recorded as one.
#[derive(Default)]
pub(super) struct Group<'c> {
    pub(super) made: Vec<(&'c Change, Made)>,
    due: Option<Instant>,
}

impl<'c> Group<'c> {
    pub(super) fn add(&mut self, change: &'c Change, made: Made) {
        self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.made.push((change, made));
    }

    /// Whether its first member has waited long enough.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Waits until it is due; where it is, until the requests that were begun before are on their way.
    pub(super) async fn until_due(&self) {
        match self.due {
            Some(_) if self.is_due() => yield_now().await,
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

//! What was made and is not recorded yet: to record many as one costs little more than to record one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::execute::{Left, Made};
use crate::io::store::{Books, Entry, StoreError};
use crate::model::observed::Remark;
use crate::model::plan::{Bookkeeping, Change};

/// How long a change that was made may wait for others. What a crash loses in that time is found out on the platform,
/// that of a create by its intent.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long it may wait for the disk before nothing more is begun: what is made must not run ahead of what is recorded.
const LONG: Duration = Duration::from_millis(100);

/// What follows once something is recorded.
pub(super) enum Sequel<'c> {
    /// A change has come to its end, with what the platform remarks on it.
    Concluded(&'c Change, Vec<Remark>),
    /// Its next part may be sent.
    GoesOn(&'c Change, Left),
    /// Nothing: this was never done.
    Struck,
}

/// What is recorded as one.
#[derive(Default)]
pub(super) struct Group<'c> {
    entries: Vec<Entry>,
    sequels: Vec<Sequel<'c>>,
    /// When its first member came.
    since: Option<Instant>,
    due: Option<Instant>,
}

/// What came of recording it: what follows for each member, and the row of the history that it has.
pub(super) type Results<'c> = Vec<(Sequel<'c>, Result<Option<i64>, StoreError>)>;

impl<'c> Group<'c> {
    /// Puts a part of a change that was made to the rest. Where another part waits for that, it is due at once.
    pub(super) fn add(&mut self, change: &'c Change, made: Made) {
        match made.left {
            Some(left) => self.push(made.entry, Sequel::GoesOn(change, left), Duration::ZERO),
            None => self.push(made.entry, Sequel::Concluded(change, made.remarks), PATIENCE),
        }
    }

    /// Puts a create to the rest that was written down and certainly not executed.
    pub(super) fn strike(&mut self, change: &Change) {
        let books = vec![Bookkeeping::Abandon(change.identity.clone())];
        self.push(Entry::of(books), Sequel::Struck, PATIENCE);
    }

    fn push(&mut self, entry: Entry, sequel: Sequel<'c>, patience: Duration) {
        let now = Instant::now();
        let due = now + patience;
        self.since.get_or_insert(now);
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        self.entries.push(entry);
        self.sequels.push(sequel);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether some member has waited long enough.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Whether it should have been recorded long ago.
    pub(super) fn waits_long(&self) -> bool {
        self.since.is_some_and(|since| since + LONG <= Instant::now())
    }

    /// Waits until it is due.
    pub(super) async fn until_due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Records all of it as one; where that goes wrong, each for itself. Gives back the store, which nobody else
    /// has meanwhile.
    pub(super) async fn record<S: Books>(self, store: &mut S) -> (&mut S, Results<'c>) {
        let entries: Arc<[Entry]> = self.entries.into();
        let results = match store.keep(Arc::clone(&entries)).await {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(_) => {
                let mut results = Vec::with_capacity(entries.len());
                for entry in entries.iter() {
                    let kept = store.keep(Arc::from([entry.clone()])).await;
                    results.push(kept.map(|rows| rows.into_iter().next().flatten()));
                }
                results
            }
        };
        (store, self.sequels.into_iter().zip(results).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a group is to be recorded, and whether nothing more may be begun before it is.
    fn state(group: &Group<'_>) -> (bool, bool) {
        (group.is_due(), group.waits_long())
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_first_is_waited_for_and_a_slow_disk_is_not_run_ahead_of() {
        let mut group = Group::default();
        assert_eq!(state(&group), (false, false));
        group.push(Entry::default(), Sequel::Struck, PATIENCE);
        tokio::time::advance(PATIENCE / 2).await;
        group.push(Entry::default(), Sequel::Struck, PATIENCE);
        assert_eq!(state(&group), (false, false));
        tokio::time::advance(PATIENCE / 2).await;
        assert_eq!(state(&group), (true, false));
        tokio::time::advance(LONG).await;
        assert_eq!(state(&group), (true, true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_part_waits_for_is_due_at_once() {
        let mut group = Group::default();
        group.push(Entry::default(), Sequel::Struck, PATIENCE);
        group.push(Entry::default(), Sequel::Struck, Duration::ZERO);
        assert_eq!(state(&group), (true, false));
    }
}

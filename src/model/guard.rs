//! What keeps deletes from happening by accident. Only deletes are held; everything else goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Identity;
use super::plan::{Action, Change, Plan};
use super::schedule::Instant;

/// How many deletes one pass may do: `sync.delete_limit`. A pass that would do more than either holds
/// all of its deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteLimit {
    /// At most so many.
    pub count: u64,
    /// At most so many of a hundred recorded resources.
    pub percent: u64,
}

impl Default for DeleteLimit {
    fn default() -> Self {
        Self { count: 10, percent: 30 }
    }
}

/// What the guard has to know about the pass.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Whether some file, reference or answer is in error.
    pub errors: bool,
    /// Whether the folder holds no manifest at all.
    pub folder_is_empty: bool,
    /// How many resources are recorded.
    pub recorded: usize,
}

/// Holds the deletes that may not happen now, each with the reason and the way out.
pub fn hold_deletes(changes: &mut [Change], limit: DeleteLimit, circumstances: Circumstances) {
    let reason = if circumstances.folder_is_empty {
        Some("the folder holds no manifest at all: an empty folder deletes nothing".to_owned())
    } else if circumstances.errors {
        Some("deletes wait while a file or an answer is in error".to_owned())
    } else {
        exceeded(changes, limit, circumstances.recorded)
    };
    let Some(reason) = reason else { return };
    for change in changes.iter_mut().filter(|change| is_delete(change)) {
        change.held = Some(reason.clone());
    }
}

fn exceeded(changes: &[Change], limit: DeleteLimit, recorded: usize) -> Option<String> {
    let deletes = changes.iter().filter(|change| is_delete(change)).count() as u64;
    let too_many = deletes > limit.count || deletes * 100 > limit.percent * recorded as u64;
    too_many.then(|| {
        format!(
            "{deletes} deletes of {recorded} resources are more than sync.delete_limit allows (count = {}, percent = {}): \
             if they are meant, raise it for one pass",
            limit.count, limit.percent
        )
    })
}

fn is_delete(change: &Change) -> bool {
    change.action == Action::Delete && change.held.is_none()
}

/// How long each resource has been gone from the files: `sync.delete_grace`. A folder that is being
/// rewritten misses files for a moment; only what stays away is deleted.
#[derive(Debug)]
pub struct Grace {
    period: Duration,
    missing_since: BTreeMap<Identity, Instant>,
}

impl Grace {
    /// Nothing is missing yet.
    pub fn new(period: Duration) -> Self {
        Self { period, missing_since: BTreeMap::new() }
    }

    /// Holds the deletes of what has not been missing for long enough. Returns how long it takes until
    /// the first of them is due.
    pub fn hold(&mut self, plan: &mut Plan, now: Instant) -> Option<Duration> {
        let deletes: Vec<&mut Change> =
            plan.changes.iter_mut().filter(|change| change.action == Action::Delete).collect();
        self.missing_since.retain(|identity, _| deletes.iter().any(|change| change.identity == *identity));
        let mut soonest = None;
        for change in deletes {
            let since = *self.missing_since.entry(change.identity.clone()).or_insert(now);
            let left = (since + self.period).saturating_sub(now);
            if change.held.is_none() && !left.is_zero() {
                change.held =
                    Some(format!("it has to be gone from the files for {:?} (sync.delete_grace)", self.period));
                soonest = Some(soonest.map_or(left, |earlier: Duration| earlier.min(left)));
            }
        }
        soonest
    }
}

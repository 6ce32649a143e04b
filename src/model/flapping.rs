//! Changes that do not last. Somebody, or the platform itself, undoes them after every pass; doing them
//! again at once for ever helps nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::address::Identity;
use super::backoff::Backoff;
use super::plan::{Change, Held, Plan, change_hash};
use super::schedule::Instant;

/// The same change applied in so many passes running is flapping.
const PASSES: u32 = 3;

/// How long a flapping change rests before it is tried again.
const REST: Backoff = Backoff { first: Duration::from_secs(60), ceiling: Duration::from_secs(3600) };

/// The changes that were applied lately, by resource.
#[derive(Debug, Default)]
pub struct Flapping {
    seen: BTreeMap<Identity, Seen>,
}

#[derive(Debug)]
struct Seen {
    /// What the change was.
    hash: String,
    /// In how many passes running it was applied.
    applied: u32,
    /// Until when it rests.
    rests_until: Instant,
}

impl Flapping {
    /// Holds the changes that rest. Returns how long it takes until the first of them is tried again.
    pub fn hold(&mut self, plan: &mut Plan, now: Instant) -> Option<Duration> {
        let due: BTreeSet<&Identity> =
            plan.changes.iter().filter(|change| change.is_due()).map(|change| &change.identity).collect();
        // What a pass finds as declared has lasted, where it has looked.
        self.seen.retain(|identity, _| due.contains(identity) || plan.unlooked.contains(identity));
        let mut soonest = None;
        for change in plan.changes.iter_mut().filter(|change| change.is_due()) {
            let Some(seen) = self.seen.get(&change.identity).filter(|seen| seen.hash == change_hash(change)) else {
                continue;
            };
            let left = seen.rests_until.saturating_sub(now);
            if !left.is_zero() {
                let reason = format!(
                    "flapping: it was applied in {} passes running and did not last; it rests for up to {:?}",
                    seen.applied,
                    REST.wait(seen.applied + 1 - PASSES, 1.0)
                );
                change.held = Some(Held::because(reason));
                soonest = Some(soonest.map_or(left, |earlier: Duration| earlier.min(left)));
            }
        }
        soonest
    }

    /// Takes in what was applied. `spread`, between 0 and 1, spreads the times of rest.
    pub fn note<'a>(&mut self, applied: impl IntoIterator<Item = &'a Change>, now: Instant, spread: f64) {
        for change in applied {
            let hash = change_hash(change);
            let before = self.seen.remove(&change.identity).filter(|seen| seen.hash == hash);
            let applied = before.map_or(1, |seen| seen.applied.saturating_add(1));
            let rests_until = if applied < PASSES { now } else { now + REST.wait(applied + 1 - PASSES, spread) };
            self.seen.insert(change.identity.clone(), Seen { hash, applied, rests_until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Address;
    use crate::model::plan::{Action, Cause, FieldChange, Step};

    const SECOND: Duration = Duration::from_secs(1);

    fn plan(value: bool) -> Plan {
        let text = "connection_template.p/e/t";
        let field = FieldChange {
            path: "dynamic",
            before: (!value).into(),
            after: value.into(),
            cause: Cause::Drift,
            sensitive: false,
            kept: false,
            first: false,
        };
        let change = Change {
            address: Address::parse(text).unwrap(),
            identity: Identity::parse(text).unwrap(),
            action: Action::Update,
            causes: BTreeSet::from([Cause::Drift]),
            source: None,
            held: None,
            fields: vec![field],
            step: Step::Nothing,
        };
        Plan { changes: vec![change], ..Plan::default() }
    }

    /// One pass: whether the change went through, and how long it rests otherwise.
    fn pass(flapping: &mut Flapping, mut plan: Plan, now: Instant) -> Option<Duration> {
        let rests = flapping.hold(&mut plan, now);
        flapping.note(plan.changes.iter().filter(|change| change.is_due()), now, 1.0);
        rests
    }

    #[test]
    fn the_same_change_in_three_passes_running_rests_longer_and_longer() {
        let mut flapping = Flapping::default();
        for second in 0..3 {
            assert_eq!(pass(&mut flapping, plan(true), SECOND * second), None);
        }
        assert_eq!(pass(&mut flapping, plan(true), SECOND * 3), Some(SECOND * 59));
        assert_eq!(pass(&mut flapping, plan(true), SECOND * 62), None, "it is tried again");
        assert_eq!(pass(&mut flapping, plan(true), SECOND * 63), Some(SECOND * 119));
    }

    #[test]
    fn what_nobody_has_looked_at_has_not_lasted() {
        let mut flapping = Flapping::default();
        for second in 0..3 {
            assert_eq!(pass(&mut flapping, plan(true), SECOND * (2 * second)), None);
            // An edit elsewhere is planned meanwhile.
            let mut elsewhere = Plan::default();
            elsewhere.unlooked.insert(&Identity::parse("connection_template.p/e/other").unwrap());
            assert_eq!(pass(&mut flapping, elsewhere, SECOND * (2 * second + 1)), None);
        }
        assert_eq!(pass(&mut flapping, plan(true), SECOND * 6), Some(SECOND * 58));
    }

    #[test]
    fn another_change_and_one_that_lasted_are_no_flapping() {
        let mut flapping = Flapping::default();
        for second in 0..8 {
            assert_eq!(pass(&mut flapping, plan(second % 2 == 0), SECOND * second), None);
        }
        for second in 8..20 {
            let plan = if second % 3 == 0 { Plan::default() } else { plan(true) };
            assert_eq!(pass(&mut flapping, plan, SECOND * second), None);
        }
    }
}

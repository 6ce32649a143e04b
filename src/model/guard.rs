//! What keeps deletes from happening by accident. Only deletes are held; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::address::Identity;
use super::approval::Approval;
use super::flapping::Flapping;
use super::plan::{Action, Bookkeeping, Change, Held, Plan, Step};
use super::schedule::Instant;
use super::wording::counted;

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

const IN_ERROR: &str = "deletes wait while a file or an answer is in error";

/// Holds the deletes that may not happen now, each with the reason and the way out.
pub fn hold_deletes(changes: &mut [Change], limit: DeleteLimit, circumstances: Circumstances) {
    // What is in error comes first: nobody can approve deletes that follow from an answer that is missing.
    let held = if circumstances.errors {
        // A replacement deletes as well. It is not counted against the limit, since its file asks for it by name.
        let replacements = changes.iter_mut().filter(|change| change.action == Action::Replace && change.is_due());
        replacements.for_each(|change| change.held = Some(Held::for_now(IN_ERROR)));
        Some(Held::for_now(IN_ERROR))
    } else if circumstances.folder_is_empty {
        Some(Held::until_approved(
            "the folder holds no manifest at all: an empty folder deletes nothing, unless `versync approve` lets it, once",
        ))
    } else {
        exceeded(changes, limit, circumstances.recorded).map(Held::until_approved)
    };
    let Some(held) = held else { return };
    for change in changes.iter_mut().filter(|change| is_delete(change)) {
        change.held = Some(held.clone());
    }
}

/// Lets the deletes through that somebody has approved: those that are held now, all of them and no others.
pub fn let_through(plan: &mut Plan, approvals: &[Approval]) {
    let Some(approval) = approvals.iter().find(|approval| approval.covers(plan)) else { return };
    for change in plan.changes.iter_mut().filter(|change| change.awaits_approval()) {
        change.held = None;
    }
    plan.approval = Some(approval.hash.clone());
}

/// Holds everything but adoption while it is not known what was recorded.
pub fn only_adopt(changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|change| change.is_due() && change.action != Action::Adopt) {
        change.held = Some(Held::for_now(
            "the state was damaged and set aside: what exists as declared is adopted first, and after one full look \
             the next pass goes on",
        ));
    }
}

/// Voids every word that this plan, which leaves nothing out, would not use: the same deletes may come up again
/// some day without anybody's meaning them.
pub fn void_outdated(plan: &mut Plan, approvals: &[Approval]) {
    let outdated = approvals.iter().filter(|it| plan.approval.as_ref() != Some(&it.hash));
    plan.bookkeeping.extend(outdated.cloned().map(Bookkeeping::Void));
}

fn exceeded(changes: &[Change], limit: DeleteLimit, recorded: usize) -> Option<String> {
    let count = changes.iter().filter(|change| is_delete(change)).count();
    let deletes = count as u64;
    let too_many = deletes > limit.count || deletes * 100 > limit.percent * recorded as u64;
    too_many.then(|| {
        let (are, they_are, them) = if count == 1 { ("is", "it is", "it") } else { ("are", "they are", "them") };
        format!(
            "{} of {} {are} more than sync.delete_limit allows (count = {}, percent = {}): \
             if {they_are} meant, `versync approve` lets {them} through, once",
            counted(count, "delete"),
            counted(recorded, "resource"),
            limit.count,
            limit.percent
        )
    })
}

fn is_delete(change: &Change) -> bool {
    change.action == Action::Delete && change.held.is_none()
}

/// What the daemon remembers from pass to pass to keep changes from being made too soon or too often.
#[derive(Debug)]
pub struct Guards {
    /// `sync.delete_grace`
    pub grace: Grace,
    /// Changes that do not last.
    pub flapping: Flapping,
}

impl Guards {
    /// Holds what may not happen now. Returns how long it takes until the first of it may.
    pub fn hold(&mut self, plan: &mut Plan, now: Instant) -> Option<Duration> {
        let (deletes, flapping) = (self.grace.hold(plan, now), self.flapping.hold(plan, now));
        let held = |change: &Change| matches!(change.step, Step::DeleteTemplate { .. }) && change.held.is_some();
        if plan.changes.iter().any(held) {
            // A template that stays for now may list them.
            for change in plan.changes.iter_mut().filter(|change| change.is_due()) {
                if matches!(change.step, Step::DeleteConfig { .. }) {
                    change.held =
                        Some(Held::for_now("it waits until the held deletes of connection templates are done"));
                }
            }
        }
        deletes.into_iter().chain(flapping).min()
    }
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

    /// Counts anew: nobody has looked, and what was missing may have been there.
    pub fn begin_anew(&mut self) {
        self.missing_since.clear();
    }

    /// Holds the deletes of what has not been missing for long enough. Returns how long it takes until the first
    /// of them is due, or could be were it not held anyway: somebody has to look then, since what comes back
    /// unseen has not been missing all that time. An approval counts once, so what it lets through goes together,
    /// when the last of it is due.
    pub fn hold(&mut self, plan: &mut Plan, now: Instant) -> Option<Duration> {
        if plan.has_errors() {
            // A file that cannot be read may declare what seems to be gone.
            self.begin_anew();
            return None;
        }
        let together = plan.approval.is_some();
        let mut deletes: Vec<(Duration, &mut Change)> = Vec::new();
        for change in plan.changes.iter_mut().filter(|change| change.action == Action::Delete) {
            let since = *self.missing_since.entry(change.identity.clone()).or_insert(now);
            deletes.push(((since + self.period).saturating_sub(now), change));
        }
        let missing: BTreeSet<&Identity> = deletes.iter().map(|(_, change)| &change.identity).collect();
        self.missing_since.retain(|identity, _| missing.contains(identity));
        let due = deletes.iter().filter(|(_, change)| change.held.is_none());
        let longest = due.map(|(left, _)| *left).max().unwrap_or_default();
        let mut soonest: Option<Duration> = None;
        for (left, change) in deletes {
            let left = if together && change.held.is_none() { longest } else { left };
            if left.is_zero() {
                continue;
            }
            if change.held.is_none() {
                let reason = format!("it has to be gone from the files for {:?} (sync.delete_grace)", self.period);
                change.held = Some(Held::for_now(reason));
            }
            soonest = Some(soonest.map_or(left, |earlier| earlier.min(left)));
        }
        soonest
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::address::{Address, Owner, Scope};

    const SECOND: Duration = Duration::from_secs(1);

    /// Deletes of these configs, held where there are more than two of them.
    fn plan(ids: &[&str]) -> Plan {
        let delete = |id: &&str| {
            let text = format!("auth_scheme_config.system/stripe/{id}");
            Change {
                address: Address::parse(&text).unwrap(),
                identity: Identity::parse(&text).unwrap(),
                action: Action::Delete,
                causes: BTreeSet::new(),
                source: None,
                held: None,
                fields: Vec::new(),
                step: Step::Nothing,
            }
        };
        let mut plan = Plan { changes: ids.iter().map(delete).collect(), ..Plan::default() };
        let circumstances = Circumstances { errors: false, folder_is_empty: false, recorded: 10 };
        hold_deletes(&mut plan.changes, DeleteLimit { count: 2, percent: 100 }, circumstances);
        plan
    }

    fn approval(hash: String) -> Approval {
        Approval { hash, held_hash: None, approved_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn an_approval_lets_through_what_it_was_given_for_and_nothing_else() {
        let three = ["a", "b", "c"];
        for hash in [plan(&three).hash(), plan(&three).held_hash().unwrap()] {
            let mut approved = plan(&three);
            let_through(&mut approved, &[approval(hash.clone())]);
            assert_eq!((approved.summary().delete, approved.approval.as_ref()), (3, Some(&hash)));
            assert_eq!(approved.hash(), plan(&three).hash(), "the same changes, held or not");
            for others in [&["a", "b", "c", "d"][..], &["a", "b", "d"], &["a", "b"]] {
                let mut plan = plan(others);
                let held = plan.summary().held;
                let_through(&mut plan, &[approval(hash.clone())]);
                assert_eq!((plan.summary().held, plan.approval), (held, None), "{others:?}");
            }
        }
    }

    #[test]
    fn one_delete_is_said_as_one() {
        let mut plan = unheld(&["a"]);
        let circumstances = Circumstances { errors: false, folder_is_empty: false, recorded: 2 };
        hold_deletes(&mut plan.changes, DeleteLimit::default(), circumstances);
        assert_eq!(
            plan.changes[0].held.as_ref().map(|held| held.reason.as_str()),
            Some(
                "1 delete of 2 resources is more than sync.delete_limit allows (count = 10, percent = 30): \
                 if it is meant, `versync approve` lets it through, once"
            )
        );
    }

    #[test]
    fn no_approval_lifts_what_waits_for_an_answer() {
        let mut plan = plan(&[]);
        plan.changes = self::plan(&["a"]).changes;
        let circumstances = Circumstances { errors: true, folder_is_empty: true, recorded: 10 };
        hold_deletes(&mut plan.changes, DeleteLimit::default(), circumstances);
        assert_eq!(plan.held_hash(), None);
        let hash = plan.hash();
        let_through(&mut plan, &[approval(hash)]);
        assert_eq!(plan.summary().held, 1);
    }

    #[test]
    fn approved_deletes_wait_for_the_youngest_of_them() {
        let mut grace = Grace::new(SECOND * 10);
        assert_eq!(grace.hold(&mut plan(&["a", "b"]), SECOND), Some(SECOND * 10));
        let look = grace.hold(&mut plan(&["a", "b", "c"]), SECOND * 8);
        assert_eq!(look, Some(SECOND * 3), "the limit holds them all, but it is looked whether they stay away");
        let approved = || Plan { approval: Some(String::new()), ..unheld(&["a", "b", "c"]) };
        assert_eq!(grace.hold(&mut approved(), SECOND * 12), Some(SECOND * 6));
        let mut waiting = approved();
        grace.hold(&mut waiting, SECOND * 12);
        assert_eq!(waiting.summary().held, 3);
        assert_eq!(grace.hold(&mut approved(), SECOND * 18), None);
        let mut not_approved = unheld(&["a", "b", "c", "d"]);
        grace.hold(&mut not_approved, SECOND * 18);
        assert_eq!((not_approved.summary().delete, not_approved.summary().held), (3, 1));
    }

    #[test]
    fn what_nobody_has_looked_for_has_not_been_missing() {
        let mut grace = Grace::new(SECOND * 10);
        grace.hold(&mut unheld(&["a"]), SECOND);
        grace.begin_anew();
        assert_eq!(grace.hold(&mut unheld(&["a"]), SECOND * 12), Some(SECOND * 10));
    }

    #[test]
    fn a_config_s_delete_waits_for_that_of_a_template_which_may_list_it() {
        let mut guards = Guards { grace: Grace::new(SECOND * 10), flapping: Flapping::default() };
        guards.hold(&mut unheld(&["a"]), SECOND);
        let with_template = || {
            let mut plan = unheld(&["a", "b"]);
            let owner = Owner::system("01J0SYSTEM0000000000000000");
            plan.changes[0].step = Step::DeleteConfig { owner, id: "a".to_owned() };
            let scope = Scope { project: String::new(), environment: String::new() };
            plan.changes[1].step = Step::DeleteTemplate { scope, id: String::new() };
            plan
        };
        let mut early = with_template();
        assert_eq!(guards.hold(&mut early, SECOND * 12), Some(SECOND * 10), "the template is gone since now");
        assert_eq!(early.summary().held, 2);
        let mut late = with_template();
        assert_eq!(guards.hold(&mut late, SECOND * 22), None);
        assert_eq!(late.summary().held, 0);
    }

    fn unheld(ids: &[&str]) -> Plan {
        let mut plan = plan(ids);
        plan.changes.iter_mut().for_each(|change| change.held = None);
        plan
    }
}

//! When to make a pass. Pure: it is told what happened and what time it is, and says how long to wait.

use std::time::Duration;

use super::backoff::Backoff;

/// The longest that a retry waits, however long the interval is.
const RETRY_CEILING: Duration = Duration::from_secs(60);

/// How long before a pass its files are read: about as long as it takes to look at thousands of them.
const AHEAD: Duration = Duration::from_millis(10);

/// A point in time: what has passed since the daemon started.
pub type Instant = Duration;

/// Why a pass may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something in the folder may have changed.
    FilesChanged,
    /// Somebody asked for a pass.
    Requested,
}

/// Why a pass is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Files have changed, and nothing else is due.
    Files,
    /// It is time to compare everything, or somebody has asked for it.
    Everything,
}

/// How a pass went, as far as the schedule cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassEnd {
    /// All that could be done was done.
    Settled,
    /// Something failed that may go better soon.
    Failed,
    /// All that could be done was done, and there is more to do after this time.
    Again(Duration),
}

/// The daemon's timetable.
#[derive(Debug)]
pub struct Schedule {
    debounce: Duration,
    interval: Duration,
    /// The first and the last file event that no pass has seen.
    dirty: Option<(Instant, Instant)>,
    /// Whether the files were read since.
    has_read: bool,
    /// When the next pass is due whatever happens.
    next: Instant,
    /// Why the last pass was made.
    reason: Reason,
    failures: u32,
}

impl Schedule {
    /// A timetable on which the first pass is due at once.
    pub fn new(debounce: Duration, interval: Duration) -> Self {
        let (dirty, has_read, next) = (None, false, Duration::ZERO);
        Self { debounce, interval, dirty, has_read, next, reason: Reason::Everything, failures: 0 }
    }

    /// Takes an event in.
    pub fn note(&mut self, event: Event, now: Instant) {
        match event {
            Event::FilesChanged => {
                let first = self.dirty.map_or(now, |(first, _)| first);
                self.dirty = Some((first, now));
                self.has_read = false;
            }
            Event::Requested => self.next = now,
        }
    }

    /// When the next pass is due: after the quiet time behind the last file event, but never more than
    /// ten of them behind the first; or at the next tick.
    pub fn due(&self) -> Instant {
        match self.dirty {
            Some((first, last)) => (last + self.debounce).min(first + self.debounce * 10).min(self.next),
            None => self.next,
        }
    }

    /// When the files may be read ahead for the next pass; nothing where that is not about files alone, or where they have
    /// been read since they changed.
    pub fn reads_ahead(&self) -> Option<Instant> {
        self.dirty.filter(|_| !self.has_read && self.due() < self.next).map(|_| self.due().saturating_sub(AHEAD))
    }

    /// The files have been read ahead.
    pub fn note_read(&mut self) {
        self.has_read = true;
    }

    /// A pass begins, so all that was noted before is seen by it.
    pub fn begin(&mut self, now: Instant) -> Reason {
        self.dirty = None;
        self.reason = if self.next <= now { Reason::Everything } else { Reason::Files };
        self.reason
    }

    /// A pass ended. `spread`, between 0 and 1, moves the next one by up to 10 % to either side. Edits do not
    /// postpone the comparison of everything.
    pub fn finish(&mut self, end: PassEnd, now: Instant, spread: f64) {
        self.failures = if end == PassEnd::Failed { self.failures.saturating_add(1) } else { 0 };
        let interval = self.interval.mul_f64(0.9 + spread.clamp(0.0, 1.0) / 5.0);
        let regular = match self.reason {
            Reason::Files => self.next.saturating_sub(now),
            Reason::Everything => interval,
        };
        let wait = match end {
            PassEnd::Settled => regular,
            PassEnd::Again(sooner) => regular.min(sooner),
            PassEnd::Failed => {
                let ceiling = self.interval.min(RETRY_CEILING);
                Backoff { first: Duration::from_secs(1).min(ceiling), ceiling }.wait(self.failures, spread)
            }
        };
        self.next = now + wait;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn settled() -> Schedule {
        let mut schedule = Schedule::new(MS(250), MS(300_000));
        assert_eq!(schedule.due(), MS(0));
        schedule.begin(MS(0));
        schedule.finish(PassEnd::Settled, MS(0), 0.5);
        schedule
    }

    #[test]
    fn a_settled_schedule_waits_for_the_interval_with_a_tenth_of_spread() {
        for (spread, expected) in [(0.0, 270_000), (0.5, 300_000), (1.0, 330_000)] {
            let mut schedule = settled();
            schedule.finish(PassEnd::Settled, MS(0), spread);
            assert_eq!(schedule.due().as_millis(), expected);
        }
    }

    #[test]
    fn quiet_is_counted_from_the_last_event_up_to_ten_debounces_behind_the_first() {
        let mut schedule = settled();
        for at in (1000..10_000).step_by(100) {
            schedule.note(Event::FilesChanged, MS(at));
            assert_eq!(schedule.due(), MS((at + 250).min(3500)), "event at {at}");
        }
        assert_eq!(schedule.begin(MS(3500)), Reason::Files);
        schedule.finish(PassEnd::Settled, MS(3600), 0.5);
        assert_eq!(schedule.due(), MS(300_000), "edits do not postpone the comparison of everything");
        assert_eq!(schedule.begin(MS(300_000)), Reason::Everything);
    }

    #[test]
    fn files_are_read_once_shortly_before_a_pass_that_is_about_them() {
        let mut schedule = settled();
        assert_eq!(schedule.reads_ahead(), None);
        schedule.note(Event::FilesChanged, MS(1000));
        assert_eq!(schedule.reads_ahead(), Some(MS(1240)));
        schedule.note_read();
        assert_eq!(schedule.reads_ahead(), None);
        schedule.note(Event::FilesChanged, MS(1245));
        assert_eq!(schedule.reads_ahead(), Some(MS(1485)), "not as they were read");
        schedule.note(Event::Requested, MS(1300));
        assert_eq!(schedule.reads_ahead(), None, "everything is compared");
    }

    #[test]
    fn a_request_is_due_at_once() {
        let mut schedule = settled();
        schedule.note(Event::Requested, MS(5000));
        assert_eq!(schedule.due(), MS(5000));
    }

    #[test]
    fn failures_are_retried_soon_and_less_and_less_often() {
        let mut schedule = settled();
        let mut waits = Vec::new();
        for _ in 0..8 {
            schedule.finish(PassEnd::Failed, MS(0), 1.0);
            waits.push(schedule.due().as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        schedule.finish(PassEnd::Settled, MS(0), 0.5);
        assert_eq!(schedule.due(), MS(300_000));
    }

    /// What may happen, and after how many milliseconds.
    #[derive(Debug, Clone)]
    enum Step {
        Files(u64),
        Asked(u64),
        Passed(u64, PassEnd, f64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let end = prop_oneof![
            Just(PassEnd::Settled),
            Just(PassEnd::Failed),
            (0..600_000_u64).prop_map(|wait| PassEnd::Again(MS(wait)))
        ];
        prop_oneof![
            3 => (0..5000_u64).prop_map(Step::Files),
            1 => (0..5000_u64).prop_map(Step::Asked),
            2 => (0..5000_u64, end, 0.0..1.0).prop_map(|(after, end, spread)| Step::Passed(after, end, spread)),
        ]
    }

    proptest! {
        /// Whatever happens, whoever waits for a pass does not wait for ever, and nothing is forgotten.
        #[test]
        fn a_pass_is_always_due_within_bounds(
            steps in prop::collection::vec(step(), 1..40),
            debounce in 1..2000_u64,
            interval in 1..600_000_u64,
        ) {
            let (debounce, interval) = (MS(debounce), MS(interval));
            let mut schedule = Schedule::new(debounce, interval);
            let (mut now, mut unseen) = (MS(0), None);
            for step in steps {
                match step {
                    Step::Files(after) => {
                        now += MS(after);
                        unseen.get_or_insert(now);
                        schedule.note(Event::FilesChanged, now);
                    }
                    Step::Asked(after) => {
                        now += MS(after);
                        schedule.note(Event::Requested, now);
                        prop_assert!(schedule.due() <= now);
                    }
                    Step::Passed(after, end, spread) => {
                        now += MS(after);
                        unseen = None;
                        schedule.begin(now);
                        schedule.finish(end, now, spread);
                        let longest = if end == PassEnd::Failed { interval.min(RETRY_CEILING) } else { interval };
                        prop_assert!(schedule.due() >= now, "no pass is due before it can begin");
                        prop_assert!(schedule.due() <= now + longest.mul_f64(1.1));
                    }
                }
                if let Some(first) = unseen {
                    prop_assert!(schedule.due() <= first + debounce * 10, "writes postpone it for ever");
                }
            }
        }
    }
}

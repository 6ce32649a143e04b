//! What depends on when something happens: what is recorded together, and since when something is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use versync::model::flapping::Flapping;
use versync::model::guard::{Grace, Guards};
use versync::reconcile::{Look, Memory, Report, Stop, Target, reconcile};

use super::folder::{File, SimFolder};
use super::universe::{Fate, Faults};
use super::{Simulation, in_virtual_time, permissive, template};

/// Makes two hundred templates, so many at once, and tells in how many transactions they were recorded and how many
/// moments of 10 ms that took.
fn makes_two_hundred(concurrency: usize) -> (usize, usize) {
    in_virtual_time(async {
        let mut simulation = permissive();
        simulation.concurrency = concurrency;
        let templates = (0..100).map(|n| (format!("t{n}"), template("stripe", &["production", "staging"])));
        let file = File { templates: templates.collect(), configs: BTreeMap::new(), is_broken: false };
        simulation.universe.borrow_mut().files.all.insert("a.toml".to_owned(), file);
        let began = tokio::time::Instant::now();
        let report = simulation.pass().await.unwrap();
        let moments = usize::try_from(began.elapsed().as_millis()).unwrap() / 10;
        let story = simulation.universe.borrow().story(usize::MAX);
        let count = |what: &str| story.matches(what).count();
        assert_eq!((report.applied(), count("books: save"), count("books: intend")), (200, 200, 1));
        (count("books: commit"), moments)
    })
}

#[test]
fn what_is_made_in_one_moment_is_recorded_as_one() {
    // Answers come within 40 moments: of a hundred that are under way, several in each.
    let (transactions, _) = makes_two_hundred(100);
    assert!(transactions <= 100, "{transactions} transactions");
}

#[test]
fn what_is_made_within_moments_is_recorded_as_one() {
    let (transactions, moments) = makes_two_hundred(10);
    assert!(transactions <= moments, "{transactions} transactions in {moments} moments");
}

/// A daemon that deletes nothing before it is gone for long enough.
struct Patient {
    simulation: Simulation,
    guards: Guards,
    memory: Memory,
}

const GRACE: Duration = Duration::from_secs(100);

impl Patient {
    /// It has made what `a.toml` declares.
    async fn new() -> Self {
        let guards = Guards { grace: Grace::new(GRACE), flapping: Flapping::default() };
        let mut patient = Self { simulation: permissive(), guards, memory: Memory::default() };
        patient.simulation.universe.borrow_mut().files.all.insert("b.toml".to_owned(), File::default());
        patient.bring();
        assert_eq!(patient.pass(Duration::ZERO).await.applied(), 1);
        patient
    }

    fn bring(&self) {
        let templates = BTreeMap::from([("t".to_owned(), template("stripe", &["production"]))]);
        let file = File { templates, configs: BTreeMap::new(), is_broken: false };
        self.simulation.universe.borrow_mut().files.all.insert("a.toml".to_owned(), file);
    }

    fn remove(&self) {
        self.simulation.universe.borrow_mut().files.all.remove("a.toml");
    }

    async fn read_ahead(&mut self) {
        let folder = SimFolder(self.simulation.universe.clone());
        self.memory.read_ahead(&folder, &self.simulation.hands()).await;
    }

    async fn pass(&mut self, now: Duration) -> Report {
        let _death = self.simulation.universe.borrow_mut().live();
        let target = Target {
            manifests: &SimFolder(self.simulation.universe.clone()),
            policy: &self.simulation.policy,
            memory: &mut self.memory,
            look: Look::Whole,
            guards: Some((&mut self.guards, now)),
            drift_log: None,
        };
        reconcile(target, &mut self.simulation.hands(), &Stop::never()).await.unwrap()
    }

    /// Whether each change is held at this time.
    async fn holds(&mut self, now: Duration) -> Vec<bool> {
        self.pass(now).await.plan.changes.iter().map(|it| it.held.is_some()).collect()
    }
}

const GONE: Duration = Duration::from_secs(1000);

#[test]
fn what_is_gone_has_been_gone_since_the_files_that_count_were_read() {
    in_virtual_time(async {
        let mut daemon = Patient::new().await;
        daemon.remove();
        // What was read first was half of a commit, which shows once the platform has answered.
        let number = daemon.simulation.universe.borrow().operations;
        daemon.simulation.universe.borrow_mut().faults = Faults::At { number, fate: Fate::FailsAfter, lasts: false };
        assert_eq!(daemon.holds(GONE).await, [true]);
        assert_eq!(daemon.holds(GONE + GRACE).await, [true], "the files that count were read later than that");
        assert_eq!(daemon.holds(GONE + GRACE + GRACE).await, [false]);
    });
}

#[test]
fn what_was_there_when_files_were_read_has_not_been_gone_although_no_pass_went_by_that() {
    in_virtual_time(async {
        let mut daemon = Patient::new().await;
        daemon.remove();
        assert_eq!(daemon.holds(GONE).await, [true]);
        daemon.bring();
        daemon.read_ahead().await;
        daemon.remove();
        assert_eq!(daemon.holds(GONE + GRACE).await, [true]);
        assert_eq!(daemon.holds(GONE + GRACE + GRACE).await, [false]);
    });
}

//! What depends on when something happens: what is recorded together, and since when something is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use versync::model::flapping::Flapping;
use versync::model::guard::{Grace, Guards};
use versync::reconcile::{Look, Memory, Report, Stop, Target, reconcile};

use super::folder::{File, SimFolder};
use super::universe::{Fate, Faults};
use super::{permissive, template};

/// Makes two hundred templates, so many at once, and tells in how many transactions they were recorded and how many
/// moments of 10 ms that took.
fn makes_two_hundred(concurrency: usize) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
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

#[test]
fn what_is_gone_has_been_gone_since_the_files_that_count_were_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let simulation = permissive();
        let templates = BTreeMap::from([("t".to_owned(), template("stripe", &["production"]))]);
        let file = File { templates, configs: BTreeMap::new(), is_broken: false };
        simulation.universe.borrow_mut().files.all.insert("a.toml".to_owned(), file);
        simulation.universe.borrow_mut().files.all.insert("b.toml".to_owned(), File::default());
        let grace = Duration::from_secs(100);
        let mut guards = Guards { grace: Grace::new(grace), flapping: Flapping::default() };
        let mut memory = Memory::default();
        let mut pass = async |now| {
            let _death = simulation.universe.borrow_mut().live();
            let target = Target {
                manifests: &SimFolder(simulation.universe.clone()),
                policy: &simulation.policy,
                memory: &mut memory,
                look: Look::Whole,
                guards: Some((&mut guards, now)),
                drift_log: None,
            };
            reconcile(target, &mut simulation.hands(), &Stop::never()).await.unwrap()
        };
        assert_eq!(pass(Duration::ZERO).await.applied(), 1);
        simulation.universe.borrow_mut().files.all.remove("a.toml");
        // What was read first was half of a commit, which shows once the platform has answered.
        let number = simulation.universe.borrow().operations;
        simulation.universe.borrow_mut().faults = Faults::At { number, fate: Fate::FailsAfter, lasts: false };
        let gone = Duration::from_secs(1000);
        let is_held = |report: &Report| report.plan.changes.iter().map(|it| it.held.is_some()).collect::<Vec<_>>();
        assert_eq!(is_held(&pass(gone).await), [true]);
        assert_eq!(is_held(&pass(gone + grace).await), [true], "the files that count were read later than that");
        assert_eq!(is_held(&pass(gone + grace + grace).await), [false]);
    });
}

//! The real pass and the real loop over a simulated platform, state, folder and clock. Chance decides what
//! people do and what fails; one seed makes one story, and the same one every time.
//!
//! What is promised, whatever happens: at most one object for each identity; nothing is deleted that nobody asked
//! to delete, or too soon, or while a file is broken; nothing of other people's is touched; and once the faults
//! end, two passes make the world as declared, and a third one writes nothing.
//!
//! CI tells 2,000 stories. The hundred thousand of the ignored test take six minutes on two cores in a release build.

mod books;
mod folder;
mod moments;
mod platform;
mod story;
mod universe;

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use versync::daemon::{self, Moment, Parts};
use versync::io::secrets::DigestKey;
use versync::model::address::{Identity, Scope};
use versync::model::flapping::Flapping;
use versync::model::guard::{DeleteLimit, Grace, Guards};
use versync::model::observed::LiveTemplate;
use versync::model::plan::{Action, Plan};
use versync::model::planner::{Adopt, Policy};
use versync::model::schedule::Schedule;
use versync::reconcile::{Look, Memory, Report, Stop, Target, Writing, reconcile};

use books::SimBooks;
use folder::{Config, File, SimFolder, SimHints, Template};
use platform::{ENVIRONMENTS, SYSTEMS, SimApi};
use universe::{Fate, Faults, Shared, Universe};

/// How many stories CI tells. `cargo test -- --ignored simulation` tells a hundred thousand.
const SEEDS: std::ops::Range<u64> = 0..2000;
const MANY_SEEDS: std::ops::Range<u64> = 0..100_000;

/// Tells only the story of this seed.
const REPLAY: &str = "VERSYNC_SEED";

struct Simulation {
    universe: Shared,
    policy: Policy,
    key: DigestKey,
    concurrency: usize,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        // What the loop spreads its waits with.
        fastrand::seed(seed);
        let mut universe = Universe::new(seed);
        let rng = &mut universe.rng;
        let policy = Policy {
            adopt: if rng.bool() { Adopt::Always } else { Adopt::Matching },
            prune: rng.u32(0..4) > 0,
            delete_limit: DeleteLimit { count: rng.u64(1..5), percent: 100 },
            ..Policy::default()
        };
        universe.grace = Duration::from_millis(if universe.rng.bool() { 2500 } else { 20_000 });
        universe.prune = policy.prune;
        universe.takes_over = policy.adopt == Adopt::Always;
        universe.limit = usize::try_from(policy.delete_limit.count).unwrap();
        let concurrency = universe.rng.usize(1..5);
        Self { universe: universe.shared(), policy, key: DigestKey::random().unwrap(), concurrency }
    }

    fn hands(&self) -> Writing<SimApi, fn(&Plan) -> bool, SimBooks> {
        Writing {
            api: SimApi(self.universe.clone()),
            store: SimBooks::new(&self.universe),
            digest_key: self.key.clone(),
            consent: |_| true,
            concurrency: self.concurrency,
            progress: None,
        }
    }

    /// A process lives for a while: until it is killed from outside, or by a fault.
    async fn live(&self, length: Duration) {
        let folder = SimFolder(self.universe.clone());
        let (_requests, requests) = mpsc::channel(1);
        let (grace, hint, death) = {
            let universe = &mut *self.universe.borrow_mut();
            (universe.grace, universe.files.hint.clone(), universe.live())
        };
        let parts = Parts {
            manifests: &folder,
            hints: SimHints(hint),
            policy: &self.policy,
            hands: self.hands(),
            writes: true,
            schedule: Schedule::new(Duration::from_millis(250), Duration::from_secs(20)),
            guards: Guards { grace: Grace::new(grace), flapping: Flapping::default() },
            drift_log: None,
            requests,
            pulse: None,
            on_moment: |_: Moment<'_>| {},
        };
        tokio::select! {
            biased;
            () = death.notified() => {}
            () = daemon::run(parts, pending()) => {}
            () = story::goes_on(&self.universe) => {}
            () = sleep(length) => {}
        }
        let universe = &mut *self.universe.borrow_mut();
        universe.dead = true;
        universe.note("the process is gone");
        if universe.rng.u32(0..4) == 0 {
            universe.note("the power fails");
            let Universe { records, rng, .. } = universe;
            records.lose_power(rng);
        } else if universe.rng.u32(0..8) == 0 {
            universe.note("the state is damaged, and set aside");
            universe.records.lose_everything();
        }
    }

    /// One pass of a process that begins and ends with it.
    async fn pass(&self) -> Option<Report> {
        let death = self.universe.borrow_mut().live();
        let folder = SimFolder(self.universe.clone());
        let target = Target {
            manifests: &folder,
            policy: &self.policy,
            memory: &mut Memory::default(),
            look: Look::Whole,
            guards: None,
            drift_log: None,
        };
        let (mut hands, stop) = (self.hands(), Stop::never());
        tokio::select! {
            biased;
            () = death.notified() => None,
            report = reconcile(target, &mut hands, &stop) => report.ok(),
        }
    }

    /// Once nothing fails any more: two passes, and then one that writes nothing.
    async fn converge(&self) -> Option<Report> {
        {
            let universe = &mut *self.universe.borrow_mut();
            universe.faults = Faults::None;
            universe.grace = Duration::ZERO;
            universe.clean_up();
        }
        // What was on its way has arrived by then.
        sleep(Duration::from_secs(1)).await;
        platform::arrive(&mut self.universe.borrow_mut());
        self.universe.borrow_mut().clean_up();
        let first = self.pass().await;
        // What waits for a create whose answer was lost waits longer where its file could not be followed before.
        let more = if first.is_some_and(|report| report.plan.has_errors()) { 2 } else { 1 };
        let mut last = None;
        for _ in 0..more {
            last = self.pass().await;
        }
        if last.is_some_and(|report| report.plan.frees_a_name()) {
            self.pass().await;
        }
        let writes = self.universe.borrow().platform.writes;
        let Some(report) = self.pass().await else {
            self.universe.borrow_mut().violation("no pass could be made");
            return None;
        };
        let universe = &mut *self.universe.borrow_mut();
        if universe.platform.writes != writes || report.plan.has_work() {
            let due: Vec<_> = report.plan.changes.iter().filter(|change| change.is_due()).collect();
            universe.violation(format_args!("a third pass found something to do: {due:#?}"));
        }
        check_world(universe, &report.plan);
        Some(report)
    }
}

/// What a plan says is as declared has to be so, by another way of looking.
fn check_world(universe: &mut Universe, plan: &Plan) {
    let mut wrong = Vec::new();
    let addressed =
        |name: &str| plan.changes.iter().any(|change| change.address.to_string().ends_with(&format!("/{name}")));
    let blamed = |name: &str| plan.problems.iter().any(|problem| problem.message.contains(name));
    let is_in_error = |file: &str| plan.problems.iter().any(|problem| problem.file_name() == Some(file));
    let declared = universe.files.all.iter().filter(|(file, _)| !is_in_error(file));
    for (name, template) in declared.flat_map(|(_, file)| &file.templates) {
        for environment in &template.environments {
            let (_, id) = ENVIRONMENTS.iter().find(|(known, _)| known == environment).unwrap();
            let (_, system) = SYSTEMS.iter().find(|(known, _)| *known == template.system).unwrap();
            let mut live = universe.platform.named(id, name);
            // But for one that somebody has given this name, and that could not be given back its own.
            let identity = Identity::ConnectionTemplate { scope: platform::scope(id), name: name.clone() };
            let known = universe.records.now.resources.get(&identity).and_then(|record| record.template_id.as_ref());
            live.retain(|live| Some(&live.id) == known || !universe.platform.renamed.contains_key(&live.id));
            if live.is_empty() {
                live = universe.platform.named(id, name);
            }
            let as_declared = live.len() == 1
                && live[0].system == *system
                && template.dynamic.is_none_or(|dynamic| live[0].dynamic == dynamic)
                && template.configs.as_ref().is_none_or(|configs| live[0].auth_scheme_configs == *configs);
            if !as_declared && !addressed(name) {
                wrong.push(format!("{environment}/{name} is declared {template:?} and is {live:?}"));
            }
        }
    }
    let held = |action| plan.changes.iter().any(|change| change.action == action && change.held.is_some());
    if !held(Action::Replace) && !held(Action::Create) {
        let mut seen = std::collections::BTreeSet::new();
        // One that somebody has given this name keeps it where nothing can be done about it.
        let is_stuck = |before: &String| {
            let files = universe.files.all.iter().filter(|(_, file)| file.templates.contains_key(before));
            addressed(before) || files.map(|(file, _)| file).any(|file| is_in_error(file))
        };
        let recorded =
            |id: &str| universe.records.now.resources.values().any(|it| it.template_id.as_deref() == Some(id));
        let is_ours = |live: &LiveTemplate| recorded(&live.id) || universe.platform.made.contains(&live.id);
        for (scope, live) in &universe.platform.templates {
            // Of what somebody has made by himself, twice, nothing follows.
            let is_it = |(place, other): &&(Scope, LiveTemplate)| place == scope && other.name == live.name;
            if !universe.platform.templates.iter().filter(is_it).any(|(_, other)| is_ours(other)) {
                continue;
            }
            let before = universe.platform.renamed.get(&live.id);
            let is_excused = before.is_some_and(|before| is_stuck(before) || !recorded(&live.id));
            let is_twin = !is_excused && !seen.insert((scope.clone(), live.name.clone()));
            // A replacement that was cut off is brought to its end while a file speaks for it. After that both are
            // orphans; once the state was lost, the old one is nobody's.
            let both_go = universe.prune && !universe.records.was_lost;
            let is_known = both_go || is_declared(universe, &scope.environment, &live.name);
            // Deletes may be held, those of both among them.
            if is_twin && is_known && !blamed(&live.name) && !addressed(&live.name) {
                wrong.push(format!("{} is there twice", live.name));
            }
        }
    }
    wrong.into_iter().for_each(|what| universe.violation(what));
}

fn is_declared(universe: &Universe, environment: &str, name: &str) -> bool {
    let named = ENVIRONMENTS.iter().find(|(_, id)| *id == environment).map(|(name, _)| name);
    let templates = universe.files.all.values().filter_map(|file| file.templates.get(name));
    templates.into_iter().any(|template| named.is_some_and(|named| template.environments.contains(named)))
}

fn in_virtual_time<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(story)
}

/// Tells a story.
fn tell(seed: u64, story: impl AsyncFnOnce(&Simulation)) -> Result<(), String> {
    let simulation = in_virtual_time(async {
        let simulation = Simulation::new(seed);
        story(&simulation).await;
        simulation
    });
    let universe = simulation.universe.borrow();
    if universe.broken.is_empty() {
        return Ok(());
    }
    // Whoever replays a seed wants to see all of it.
    let length = if std::env::var_os(REPLAY).is_some() { usize::MAX } else { 100 };
    Err(format!("{}\n\n{}\n", universe.story(length), universe.broken.join("\n")))
}

async fn lives(simulation: &Simulation) {
    let count = {
        let universe = &mut *simulation.universe.borrow_mut();
        (0..6).for_each(|_| universe.happen());
        universe.rng.u32(1..5)
    };
    for _ in 0..count {
        let length = {
            let universe = &mut *simulation.universe.borrow_mut();
            let share = [0, 10, 60, 200][universe.rng.usize(0..4)];
            universe.faults = Faults::PerMille(share);
            (0..universe.rng.u32(0..3)).for_each(|_| universe.happen());
            Duration::from_millis(universe.rng.u64(500..60_000))
        };
        simulation.live(length).await;
    }
    simulation.converge().await;
}

fn tell_all(seeds: std::ops::Range<u64>) {
    if let Some(seed) = std::env::var(REPLAY).ok().and_then(|seed| seed.parse().ok()) {
        tell(seed, lives).unwrap_or_else(|story| panic!("{story}"));
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let worker = |first: u64| {
        let mut mine = (seeds.start + first..seeds.end).step_by(usize::try_from(threads).unwrap());
        mine.find_map(|seed| {
            let told = std::panic::catch_unwind(|| tell(seed, lives));
            let told = told.unwrap_or_else(|_| panic!("this happened in the story of {REPLAY}={seed}"));
            told.err().map(|story| (seed, story))
        })
    };
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || worker(first))).collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap()).min_by_key(|(seed, _)| *seed)
    });
    if let Some((seed, story)) = failed {
        panic!("{story}\nreplay: {REPLAY}={seed} cargo test simulation::whatever_happens");
    }
}

fn template(system: &'static str, environments: &[&'static str]) -> Template {
    Template {
        environments: environments.iter().copied().collect(),
        system,
        dynamic: Some(true),
        configs: None,
        protected: false,
        replace: true,
        renamed_from: None,
    }
}

/// The world before, applied, and then files that ask for one change of every sort.
async fn every_sort_of_change(simulation: &Simulation) {
    let config = |description: &str| Config { system: "stripe", key: None, description: description.to_owned() };
    let before = File {
        templates: BTreeMap::from([
            ("changed".to_owned(), template("stripe", &["staging"])),
            ("deleted".to_owned(), template("stripe", &["production", "staging"])),
            ("old-name".to_owned(), template("stripe", &["staging"])),
            ("of-another-system".to_owned(), template("shopify", &["staging"])),
            ("elsewhere".to_owned(), template("shopify", &["staging"])),
        ]),
        configs: BTreeMap::from([("changed".to_owned(), config("one")), ("deleted".to_owned(), config("one"))]),
        is_broken: false,
    };
    let lists = Some(vec!["changed".to_owned(), "new".to_owned()]);
    let renamed = Template { renamed_from: Some("old-name".to_owned()), ..template("stripe", &["staging"]) };
    let after = File {
        templates: BTreeMap::from([
            ("changed".to_owned(), Template { configs: lists.clone(), ..template("stripe", &["staging"]) }),
            ("new-name".to_owned(), renamed),
            ("of-another-system".to_owned(), template("stripe", &["staging"])),
            ("elsewhere".to_owned(), template("shopify", &["production"])),
            ("new".to_owned(), Template { configs: lists, ..template("stripe", &["production"]) }),
        ]),
        configs: BTreeMap::from([("changed".to_owned(), config("two")), ("new".to_owned(), config("one"))]),
        is_broken: false,
    };
    {
        let universe = &mut *simulation.universe.borrow_mut();
        (universe.prune, universe.limit, universe.grace) = (true, 100, Duration::ZERO);
        universe.files.all.insert("a.toml".to_owned(), before);
    }
    simulation.pass().await;
    let universe = &mut *simulation.universe.borrow_mut();
    assert_eq!(universe.platform.templates.len(), 6);
    universe.files.all.insert("a.toml".to_owned(), after);
    universe.operations = 0;
}

/// A simulation whose policy lets every change through.
fn permissive() -> Simulation {
    let mut simulation = Simulation::new(0);
    simulation.policy.prune = true;
    simulation.policy.adopt = Adopt::Matching;
    simulation.policy.delete_limit = DeleteLimit { count: 100, percent: 100 };
    simulation
}

#[test]
fn whichever_operation_fails_once_or_for_good_nothing_is_lost_or_doubled() {
    let operations = in_virtual_time(async {
        let simulation = permissive();
        every_sort_of_change(&simulation).await;
        let report = simulation.pass().await.unwrap();
        assert_eq!(report.plan.summary().replace, 2, "{:#?}", report.plan.summary());
        assert!(!report.has_failures());
        simulation.universe.borrow().operations
    });
    assert!(operations > 50, "{operations} operations");
    for number in 0..operations {
        for (fate, lasts) in Fate::BAD.into_iter().flat_map(|fate| [(fate, false), (fate, true)]) {
            let dies = matches!(fate, Fate::DiesBefore | Fate::DiesAfter);
            for loses_power in [false, true].into_iter().filter(|loses_power| dies || !loses_power) {
                in_virtual_time(async {
                    let simulation = permissive();
                    every_sort_of_change(&simulation).await;
                    simulation.universe.borrow_mut().faults = Faults::At { number, fate, lasts };
                    simulation.pass().await;
                    if loses_power {
                        let universe = &mut *simulation.universe.borrow_mut();
                        universe.records.lose_power(&mut universe.rng);
                    }
                    simulation.pass().await;
                    // Somebody edits what may be half made.
                    simulation.universe.borrow_mut().files.all.values_mut().for_each(|file| {
                        file.configs.values_mut().for_each(|config| config.description = "edited".to_owned());
                        file.templates.values_mut().for_each(|template| template.dynamic = Some(false));
                    });
                    let report = simulation.converge().await.unwrap();
                    let universe = simulation.universe.borrow();
                    let what = format!("{fate:?} at {number}, lasts: {lasts}, loses power: {loses_power}");
                    assert!(universe.broken.is_empty(), "{}\n{what}: {:#?}", universe.story(200), universe.broken);
                    assert_eq!(universe.platform.templates.len(), 5, "{}\n{what}", universe.story(200));
                    let left = &report.plan.changes;
                    assert!(left.is_empty(), "{}\n{what}: {left:#?}", universe.story(200));
                });
            }
        }
    }
}

#[test]
fn whatever_happens_the_promises_are_kept() {
    tell_all(SEEDS);
}

#[test]
#[ignore = "takes minutes"]
fn whatever_happens_in_a_hundred_thousand_stories() {
    tell_all(MANY_SEEDS);
}

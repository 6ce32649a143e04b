//! Executing a plan. Nothing is decided here: every step says what to send and what to remember.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Fuse, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::select;

use super::execute::{Executor, Left, Made, Part};
use super::group::{Group, Results, Sequel};
use super::order::{Phase, in_turn};
use super::{Progress, Stop};
use crate::io::store::{Books, Entry, StoreError};
use crate::io::versori::{ApiError, ErrorKind, Write};
use crate::model::address::{Address, Identity, Owner};
use crate::model::intent::Intent;
use crate::model::observed::Remark;
use crate::model::plan::{Action, Change, Plan, Step};

/// What came of one change.
#[derive(Debug)]
pub struct Outcome {
    /// Of which resource.
    pub address: Address,
    /// Done, with what the platform remarks on it; or why not.
    pub result: Result<Vec<Remark>, Failure>,
}

impl Outcome {
    /// What the platform remarks on what was sent.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.result.iter().flatten()
    }
}

/// Why a change was not made, or not remembered.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The platform refused it, or was not there.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It was made, but could not be recorded.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// It was not tried.
    #[error("not tried: {0}")]
    NotTried(String),
    /// It was not tried, since versync was told to stop.
    #[error("not tried: versync was told to stop")]
    Stopped,
}

impl Failure {
    /// Whether nothing is wrong but that versync was told to stop.
    pub fn is_stop(&self) -> bool {
        matches!(self, Failure::Stopped)
    }

    /// Whether the platform has certainly not done what was to be done.
    fn excludes_execution(&self) -> bool {
        match self {
            Failure::NotTried(_) | Failure::Stopped => true,
            Failure::Store(_) => false,
            Failure::Api(error) => error.kind.is_refusal(),
        }
    }
}

/// Applies a plan: configs before the templates that list them, deletes the other way round, and what
/// does not depend on each other side by side. Successes are recorded in a [`Group`], and before anything that
/// depends on them is begun; a create that is not recorded yet is known by its intent.
pub(super) async fn apply<A: Write, S: Books>(
    plan: &Plan,
    api: &A,
    store: &mut S,
    concurrency: usize,
    stop: &Stop,
    progress: Option<&dyn Progress>,
) -> Vec<Outcome> {
    let applier = Applier {
        plan,
        executor: Executor { api, revision: plan.revision.as_deref() },
        stop,
        progress,
        halted: RefCell::default(),
        unserved: Cell::default(),
        intended: RefCell::default(),
        failed: RefCell::default(),
    };
    let mut approval = plan.approval.as_deref();
    let entry = Entry::of(plan.bookkeeping.clone());
    if !entry.books.is_empty()
        && let Err(error) = store.keep(Arc::from([entry])).await
    {
        applier.halt(error.to_string());
    }
    if let Some(progress) = progress {
        progress.applies(plan.changes.iter().filter(|change| change.is_due()).count());
    }
    let mut outcomes = Vec::new();
    for phase in Phase::ALL {
        let due = plan.changes.iter().filter(|change| change.is_due() && Phase::of(&change.step) == Some(phase));
        let due: Vec<_> = due.collect();
        if phase.deletes() && !due.is_empty() {
            applier.use_up(approval.take(), store);
        }
        for turn in in_turn(due, plan) {
            applier.intend(&turn, store);
            outcomes.extend(applier.carry_out(turn, concurrency.max(1), store).await);
        }
    }
    progress.inspect(|progress| progress.ends());
    outcomes.sort_by(|a, b| a.address.cmp(&b.address));
    outcomes
}

/// After so many changes in a row that the platform could not serve, the rest of the pass is not tried.
const CIRCUIT: u32 = 5;

struct Applier<'a, A> {
    plan: &'a Plan,
    executor: Executor<'a, A>,
    stop: &'a Stop,
    progress: Option<&'a dyn Progress>,
    /// Why nothing more may be tried.
    halted: RefCell<Option<String>>,
    /// How many requests in a row the platform could not serve.
    unserved: Cell<u32>,
    /// Creates that were written down in this pass.
    intended: RefCell<BTreeSet<&'a Identity>>,
    /// What could not be done: what depends on it has to wait.
    failed: RefCell<BTreeSet<Identity>>,
}

impl<'a, A: Write> Applier<'a, A> {
    /// Makes so many changes at once, which do not depend on each other. What was made is recorded while others are on
    /// their way, and all of it before this returns.
    async fn carry_out<S: Books>(&self, changes: Vec<&Change>, at_once: usize, store: &mut S) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut waiting: VecDeque<_> = changes.into_iter().map(Part::first).collect();
        let mut under_way = FuturesUnordered::new();
        let mut group = Group::default();
        // The store is with one of these two.
        let (mut idle, mut recording) = (Some(store), pin!(Fuse::terminated()));
        loop {
            let free = if group.waits_long() { 0 } else { at_once.saturating_sub(under_way.len()) };
            under_way.extend(waiting.drain(..free.min(waiting.len())).map(|part| self.make(part)));
            let is_last = under_way.is_empty();
            if (is_last || group.is_due())
                && !group.is_empty()
                && let Some(store) = idle.take()
            {
                recording.set(mem::take(&mut group).record(store).fuse());
            }
            if is_last && idle.is_some() {
                return outcomes;
            }
            let concluded = select! {
                biased;
                (store, recorded) = &mut recording => {
                    idle = Some(store);
                    self.take_note(recorded, &mut waiting)
                }
                Some(answered) = async { (&mut under_way).ready_chunks(at_once).next().await } => {
                    self.take_in(answered, &mut group)
                }
                () = group.until_due(), if idle.is_some() => Vec::new(),
            };
            self.progress.inspect(|progress| concluded.iter().for_each(|outcome| progress.applied(outcome)));
            outcomes.extend(concluded);
        }
    }

    /// Puts what was made to the rest that is to be recorded. What could not be made needs no record.
    fn take_in<'c>(&self, answered: Vec<(&'c Change, Result<Made, Failure>)>, group: &mut Group<'c>) -> Vec<Outcome> {
        let failed = answered.into_iter().filter_map(|(change, result)| match result {
            Ok(made) => {
                self.unserved.set(0);
                group.add(change, made);
                None
            }
            Err(failure) => {
                if failure.excludes_execution() && self.intended.borrow().contains(&change.identity) {
                    group.strike(change);
                }
                Some(self.conclude(change, Err(failure)))
            }
        });
        failed.collect()
    }

    /// Goes on after something was recorded, or could not be: what has further parts waits before what is not begun.
    fn take_note<'c>(&self, recorded: Results<'c>, waiting: &mut VecDeque<Part<'c>>) -> Vec<Outcome> {
        let concluded = recorded.into_iter().filter_map(|(sequel, result)| match (sequel, result) {
            (Sequel::Concluded(change, remarks), result) => {
                Some(self.conclude(change, result.map(|_| remarks).map_err(Failure::from)))
            }
            (Sequel::GoesOn(change, left), Ok(row)) => {
                waiting.push_front(Part { change, left, row });
                None
            }
            (Sequel::GoesOn(change, _), Err(error)) => Some(self.conclude(change, Err(error.into()))),
            (Sequel::Struck, Ok(_)) => None,
            (Sequel::Struck, Err(error)) => {
                self.halt(error.to_string());
                None
            }
        });
        concluded.collect()
    }

    /// Makes a part of a change on the platform. Whether a change may be made now shows before its first.
    async fn make<'c>(&self, part: Part<'c>) -> (&'c Change, Result<Made, Failure>) {
        let change = part.change;
        let obstacle = if matches!(part.left, Left::All) { self.obstacle(change) } else { None };
        let result = match obstacle {
            Some(failure) => Err(failure),
            None => self.executor.execute(part).await,
        };
        (change, result)
    }

    /// Draws from what came of a change what follows for others.
    fn conclude(&self, change: &Change, result: Result<Vec<Remark>, Failure>) -> Outcome {
        if let Err(failure) = &result {
            self.failed.borrow_mut().insert(change.identity.clone());
            match failure {
                // What cannot be remembered must not be made.
                Failure::Store(error) => self.halt(error.to_string()),
                Failure::Api(error) if matches!(error.kind, ErrorKind::Unauthorised | ErrorKind::Forbidden) => {
                    self.halt(error.to_string());
                }
                Failure::Api(error) if error.kind.is_transient() => {
                    self.unserved.set(self.unserved.get() + 1);
                    if self.unserved.get() >= CIRCUIT {
                        // The next pass begins with reading: whether the platform is back is found out so.
                        self.halt(error.to_string());
                    }
                }
                Failure::Api(_) | Failure::NotTried(_) | Failure::Stopped => {}
            }
        }
        Outcome { address: change.address.clone(), result }
    }

    /// Why a change may not be tried now.
    fn obstacle(&self, change: &Change) -> Option<Failure> {
        if self.stop.is_asked() {
            return Some(Failure::Stopped);
        }
        self.halted_by().or_else(|| self.waits_for(change)).map(Failure::NotTried)
    }

    fn halted_by(&self) -> Option<String> {
        self.halted.borrow().as_ref().map(|why| format!("nothing more is written after this: {why}"))
    }

    /// What a change has to wait for that could not be applied.
    fn waits_for(&self, change: &Change) -> Option<String> {
        let is_template = |identity: &Identity| matches!(identity, Identity::ConnectionTemplate { .. });
        let others = self.plan.turns.get(&change.identity);
        if others.is_some_and(|others| others.iter().any(|other| self.failed.borrow().contains(other))) {
            return Some("another template, which could not be changed, still has its name".to_owned());
        }
        if matches!(change.step, Step::DeleteConfig { .. }) && self.failed.borrow().iter().any(is_template) {
            return Some("a connection template could not be changed, and may still list it".to_owned());
        }
        let (Step::CreateTemplate(step) | Step::UpdateTemplate { step, .. } | Step::ReplaceTemplate { step, .. }) =
            &change.step
        else {
            return None;
        };
        let failed = self.failed.borrow();
        let waits_for = step.auth_scheme_configs.iter().find(|id| {
            let owner = Owner::system(step.system.clone());
            failed.contains(&Identity::AuthSchemeConfig { owner, id: (*id).clone() })
        })?;
        Some(format!("it lists the auth scheme config {waits_for:?}, which could not be applied"))
    }

    /// Writes down what is about to be made, before any of it is sent: after a crash or a lost answer the next
    /// pass knows by it what is ours. What cannot be written down is not made.
    fn intend(&self, due: &[&'a Change], store: &mut impl Books) {
        let makes = |change: &&&Change| self.obstacle(change).is_none();
        let intents: Vec<(&Identity, Intent)> = due
            .iter()
            .filter(makes)
            .filter_map(|change| match &change.step {
                Step::CreateTemplate(step) | Step::ReplaceTemplate { step, .. } => {
                    Some((&change.identity, Intent::of_template(step)))
                }
                Step::PutConfig(step) if change.action == Action::Create => {
                    Some((&change.identity, Intent::of_config(step)))
                }
                _ => None,
            })
            .collect();
        if intents.is_empty() {
            return;
        }
        if let Err(error) = store.intend(&intents) {
            return self.halt(error.to_string());
        }
        self.intended.borrow_mut().extend(intents.iter().map(|(identity, _)| *identity));
    }

    /// Deletes that were approved may be sent once the approval counts no more.
    fn use_up(&self, approval: Option<&str>, store: &mut impl Books) {
        let Some(hash) = approval.filter(|_| !self.is_ending()) else { return };
        if let Err(error) = store.use_approval(hash) {
            self.halt(format!("the approval of the deletes cannot be used up: {error}"));
        }
    }

    /// Whether nothing more is begun anyway.
    fn is_ending(&self) -> bool {
        self.stop.is_asked() || self.halted.borrow().is_some()
    }

    fn halt(&self, why: String) {
        self.halted.borrow_mut().get_or_insert(why);
    }
}

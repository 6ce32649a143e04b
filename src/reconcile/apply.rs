//! Executing a plan. Nothing is decided here: every step says what to send and what to remember.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::mem;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::select;

use super::group::{Group, Made};
use super::order::{Phase, in_turn};
use super::{Progress, Stop};
use crate::io::store::{Books, StoreError};
use crate::io::versori::{ApiError, ErrorKind, Write};
use crate::model::address::{Address, Identity, Owner};
use crate::model::connection_template::AUTH_SCHEME_CONFIGS;
use crate::model::intent::Intent;
use crate::model::observed::Remark;
use crate::model::plan::{Action, Bookkeeping, Change, Plan, Step, TemplateStep};
use crate::model::recorded::RecordedResource;

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
        api,
        store: RefCell::new(store),
        stop,
        halted: RefCell::default(),
        unserved: Cell::default(),
        intended: RefCell::default(),
        failed: RefCell::default(),
    };
    let mut approval = plan.approval.as_deref();
    if let Err(error) = applier.keep_books(&plan.bookkeeping) {
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
            applier.use_up(approval.take());
        }
        for turn in in_turn(due, plan) {
            applier.intend(&turn);
            let done = applier.carry_out(turn, concurrency.max(1), progress).await;
            outcomes.extend(done);
        }
    }
    progress.inspect(|progress| progress.ends());
    outcomes.sort_by(|a, b| a.address.cmp(&b.address));
    outcomes
}

/// After so many changes in a row that the platform could not serve, the rest of the pass is not tried.
const CIRCUIT: u32 = 5;

fn enter<S: Books>(store: &mut S, entry: &Bookkeeping) -> Result<(), StoreError> {
    match entry {
        Bookkeeping::Record(identity, record) => store.save(identity, record),
        Bookkeeping::Forget(identity) => store.forget(identity),
        Bookkeeping::Missed(identity) => store.miss(identity),
        Bookkeeping::Abandon(identity) => store.abandon(identity),
        Bookkeeping::Void(approval) => store.void(approval),
        Bookkeeping::LookedAtEverything => store.looked_at_everything(),
    }
}

struct Applier<'a, A, S> {
    plan: &'a Plan,
    api: &'a A,
    /// Borrowed for single calls only, never across an await.
    store: RefCell<&'a mut S>,
    stop: &'a Stop,
    /// Why nothing more may be tried.
    halted: RefCell<Option<String>>,
    /// How many requests in a row the platform could not serve.
    unserved: Cell<u32>,
    /// Creates that were written down in this pass.
    intended: RefCell<BTreeSet<Identity>>,
    /// What could not be done: what depends on it has to wait.
    failed: RefCell<BTreeSet<Identity>>,
}

impl<A: Write, S: Books> Applier<'_, A, S> {
    /// Makes so many changes at once, which do not depend on each other. The disk is not waited for while others could
    /// be on their way.
    async fn carry_out(&self, changes: Vec<&Change>, at_once: usize, progress: Option<&dyn Progress>) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(changes.len());
        let (mut waiting, mut under_way) = (changes.into_iter(), FuturesUnordered::new());
        let make = async |change| (change, self.make(change).await);
        let mut group = Group::default();
        loop {
            under_way.extend(waiting.by_ref().take(at_once - under_way.len()).map(&make));
            let is_last = under_way.is_empty();
            let is_due = is_last || group.is_due();
            let mut concluded = Vec::new();
            if !is_last {
                let mut answers = (&mut under_way).ready_chunks(at_once);
                select! {
                    biased;
                    answered = answers.next() => {
                        concluded = self.take_in(answered.unwrap_or_default(), &mut group);
                    }
                    () = group.until_due() => {}
                }
            }
            if is_due {
                concluded.extend(self.record(mem::take(&mut group).made));
            }
            progress.inspect(|progress| concluded.iter().for_each(|outcome| progress.applied(outcome)));
            outcomes.extend(concluded);
            if is_last {
                return outcomes;
            }
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
            Err(failure) => Some(self.conclude(change, Err(failure))),
        });
        failed.collect()
    }

    /// Makes a change on the platform, if it may be made now.
    async fn make(&self, change: &Change) -> Result<Made, Failure> {
        match self.obstacle(change) {
            Some(failure) => Err(failure),
            None => self.execute(change).await,
        }
    }

    /// Records what came of changes that were made: as one; where that goes wrong, each for itself.
    fn record(&self, made: Vec<(&Change, Made)>) -> Vec<Outcome> {
        let together: Vec<_> = made.iter().map(|(change, made)| (*change, made)).collect();
        let are_kept = self.keep(&together).is_ok();
        let one = |(change, made): (&Change, Made)| {
            let kept = if are_kept { Ok(()) } else { self.keep(&[(change, &made)]).map(drop) };
            self.conclude(change, kept.map(|()| made.remarks).map_err(Failure::from))
        };
        made.into_iter().map(one).collect()
    }

    /// Draws from what came of a change what follows for others.
    fn conclude(&self, change: &Change, result: Result<Vec<Remark>, Failure>) -> Outcome {
        if let Err(failure) = &result {
            self.failed.borrow_mut().insert(change.identity.clone());
            self.strike(change, failure);
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

    async fn execute(&self, change: &Change) -> Result<Made, Failure> {
        let save = |record: &RecordedResource| Bookkeeping::Record(change.identity.clone(), Box::new(record.clone()));
        let forget = |identity: Option<&Identity>| identity.cloned().map(Bookkeeping::Forget);
        let books = match &change.step {
            Step::Nothing => Vec::new(),
            Step::Record { record, renamed_from } => {
                forget(renamed_from.as_ref()).into_iter().chain([save(record)]).collect()
            }
            Step::CreateTemplate(step) => {
                let (record, row) = self.create(change, step).await?;
                return Ok(Made { row, ..Made::of(vec![save(&record)]) });
            }
            Step::UpdateTemplate { id, renamed_from, step } => {
                self.api.update_template(id, step).await?;
                forget(renamed_from.as_ref()).into_iter().chain([save(&step.record)]).collect()
            }
            Step::ReplaceTemplate { old, step } => {
                // Until the old one is gone, nothing is replaced.
                let created = Change { action: Action::Create, ..change.clone() };
                let (record, row) = self.create(&created, step).await?;
                let row = self.keep(&[(&created, &Made { row, ..Made::of(vec![save(&record)]) })])?;
                self.api.delete_template(&old.scope, &old.id).await?;
                let done = save(&RecordedResource { replaces: None, ..record });
                let books = std::iter::once(done).chain(forget(old.identity.as_ref())).collect();
                return Ok(Made { row, ..Made::of(books) });
            }
            Step::FinishReplacement { old, record } => {
                self.api.delete_template(&old.scope, &old.id).await?;
                std::iter::once(save(record)).chain(forget(old.identity.as_ref())).collect()
            }
            Step::DeleteTemplate { scope, id } => {
                self.api.delete_template(scope, id).await?;
                forget(Some(&change.identity)).into_iter().collect()
            }
            Step::PutConfig(step) => {
                let remarks = self.api.put_config(step).await?;
                return Ok(Made { remarks, ..Made::of(vec![save(&step.record)]) });
            }
            Step::DeleteConfig { owner, id } => {
                self.api.delete_config(owner, id).await?;
                forget(Some(&change.identity)).into_iter().collect()
            }
        };
        Ok(Made::of(books))
    }

    /// Two requests: what the first one made is recorded before the second is sent. Returns what is left to record,
    /// and in which row of the history the first is.
    async fn create(&self, change: &Change, step: &TemplateStep) -> Result<(RecordedResource, Option<i64>), Failure> {
        let made = self.api.create_template(step).await?;
        let mut record = RecordedResource { template_id: Some(made.id.clone()), ..step.record.clone() };
        if made.auth_scheme_configs == step.auth_scheme_configs {
            return Ok((record, None));
        }
        let list = record.fields.remove(AUTH_SCHEME_CONFIGS.name);
        let mut without_list = change.clone();
        without_list.fields.retain(|field| field.path != AUTH_SCHEME_CONFIGS.name);
        let first = Bookkeeping::Record(change.identity.clone(), Box::new(record.clone()));
        let row = self.keep(&[(&without_list, &Made::of(vec![first]))])?;
        self.api.update_template(&made.id, step).await?;
        record.fields.extend(list.map(|list| (AUTH_SCHEME_CONFIGS.name, list)));
        Ok((record, row))
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

    /// Records what came of changes that were made, together with their entries in the history: all of it, or
    /// nothing. Returns the last entry's row.
    fn keep(&self, made: &[(&Change, &Made)]) -> Result<Option<i64>, StoreError> {
        let made: Vec<_> = made.iter().filter(|(_, made)| !made.books.is_empty()).collect();
        if made.is_empty() {
            return Ok(None);
        }
        self.store.borrow_mut().together(|store| {
            let mut row = None;
            for (change, made) in made {
                made.books.iter().try_for_each(|entry| enter(store, entry))?;
                row = Some(store.note(made.row, change, self.plan.revision.as_deref())?);
            }
            Ok(row)
        })
    }

    /// Writes down what is about to be made, before any of it is sent: after a crash or a lost answer the next
    /// pass knows by it what is ours. What cannot be written down is not made.
    fn intend(&self, due: &[&Change]) {
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
        if let Err(error) = self.store.borrow_mut().intend(&intents) {
            return self.halt(error.to_string());
        }
        self.intended.borrow_mut().extend(intents.iter().map(|(identity, _)| (*identity).clone()));
    }

    /// A create that was certainly not executed is struck. Of any other, a later pass finds out what came of it.
    fn strike(&self, change: &Change, failure: &Failure) {
        let executed = match failure {
            Failure::NotTried(_) | Failure::Stopped => false,
            Failure::Store(_) => true,
            Failure::Api(error) => !error.kind.is_refusal(),
        };
        if !executed && self.intended.borrow().contains(&change.identity) {
            let struck = self.store.borrow_mut().abandon(&change.identity);
            struck.unwrap_or_else(|error| self.halt(error.to_string()));
        }
    }

    /// Deletes that were approved may be sent once the approval counts no more.
    fn use_up(&self, approval: Option<&str>) {
        let Some(hash) = approval.filter(|_| !self.is_ending()) else { return };
        if let Err(error) = self.store.borrow_mut().use_approval(hash) {
            self.halt(format!("the approval of the deletes cannot be used up: {error}"));
        }
    }

    /// Whether nothing more is begun anyway.
    fn is_ending(&self) -> bool {
        self.stop.is_asked() || self.halted.borrow().is_some()
    }

    fn keep_books(&self, books: &[Bookkeeping]) -> Result<(), StoreError> {
        if books.is_empty() {
            return Ok(());
        }
        self.store.borrow_mut().together(|store| books.iter().try_for_each(|entry| enter(store, entry)))
    }

    fn halt(&self, why: String) {
        self.halted.borrow_mut().get_or_insert(why);
    }
}

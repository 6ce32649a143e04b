//! One pass: read → observe → plan → apply → report. Every command and the daemon call this one function.

mod ahead;
mod apply;
mod execute;
mod group;
mod hands;
mod look;
mod order;
mod progress;
mod record;
mod report;
mod sharing;

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use futures_util::future::join;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::io::aside;
use crate::io::drift_log::DriftLog;
use crate::io::folder::Manifests;
use crate::io::store::StoreError;
use crate::io::versori::Names;
use crate::model::address::Address;
use crate::model::blame;
use crate::model::desired::Desired;
use crate::model::guard::Guards;
use crate::model::ledger::Ledger;
use crate::model::parses::Parses;
use crate::model::part::Calm;
use crate::model::plan::Bookkeeping;
use crate::model::planner::Policy;
use crate::model::schedule::Instant;
use crate::model::seen::Seen;
use crate::model::source::Problem;

pub use apply::{Failure, Outcome};
pub use hands::{DryRun, Hands, Writing};
pub use look::{Look, Sight, look};
pub use progress::{Progress, Told};
pub use record::pass_note;
pub use report::{PassError, Report};

use ahead::Ahead;
use look::{Found, Ground, Rest};
use sharing::Sharing;

/// What one pass is about, and what is kept from one pass to the next.
#[derive(Debug)]
pub struct Target<'a, F> {
    /// Where the manifests are.
    pub manifests: &'a F,
    /// How differences are treated.
    pub policy: &'a Policy,
    /// What earlier passes have found out.
    pub memory: &'a mut Memory,
    /// How the live platform is looked at.
    pub look: Look,
    /// What keeps changes from being made too soon or too often, with the time it is now. Only the daemon
    /// waits.
    pub guards: Option<(&'a mut Guards, Instant)>,
    /// Where drift is written down before anything is done about it.
    pub drift_log: Option<&'a mut DriftLog>,
}

/// What is kept from one pass to the next, for as long as the process lives.
#[derive(Debug, Default)]
pub struct Memory {
    /// What names mean.
    pub names: Names,
    /// What files say.
    pub parses: Parses,
    /// What was live.
    pub seen: Option<Seen>,
    /// Whether a pass has read the files and what is recorded before.
    has_stood: bool,
    /// That nothing was left to do.
    calm: Option<Calm>,
    /// What the next pass begins with, if files are all that it is about.
    ahead: Option<Ground>,
    /// Whether files were read by which no pass has gone.
    has_read_in_vain: bool,
    /// When all of it was looked at last.
    checked_at: Option<Timestamp>,
    /// Why passes cannot be kept, where that was said.
    unkept: Ledger<(), String>,
    /// Whether no other pass follows.
    is_for_one: bool,
}

impl Memory {
    /// For a pass that no other follows: nothing has to be found out for one.
    pub fn for_one_pass() -> Self {
        Self { is_for_one: true, ..Self::default() }
    }

    /// Parses the files as they are now, for whoever waits for something else before the first pass. That reads them once
    /// more, and parses what has changed until then.
    pub async fn prepare<F: Manifests>(&mut self, manifests: &F) {
        // Why they cannot be read is for the pass to tell.
        let Ok(files) = manifests.read_ahead().await else { return };
        let mut parses = mem::take(&mut self.parses);
        let parse = aside(move || {
            let desired = Desired::assemble_known(&files, &mut parses);
            parses.remember(&desired);
            parses
        });
        self.parses = parse.await;
    }

    /// Reads the files shortly before a pass of [`Look::WhereNeeded`], which begins with the platform then. It counts if
    /// they are the same at that time. Why they cannot be read is for the pass to tell.
    pub async fn read_ahead<H: Hands, F: Manifests>(&mut self, manifests: &F, hands: &H) {
        self.forget_ahead();
        self.ahead = look::stand(manifests, Rest::Ignored, self, Look::WhereNeeded, hands).await.ok();
    }

    /// What a pass stands on that looks so, if that was read ahead.
    fn take_ahead(&mut self, look: Look) -> Option<Ground> {
        if look != Look::WhereNeeded {
            self.forget_ahead();
        }
        self.ahead.take()
    }

    fn forget_ahead(&mut self) {
        if self.ahead.take().is_some() {
            // What was edited until then is known to no pass, so the next one compares more than an edit.
            self.calm = None;
            self.has_read_in_vain = true;
        }
    }

    /// Lets go of what no later pass goes by. For whoever makes one.
    pub fn let_go(&mut self) {
        self.seen.iter_mut().for_each(Seen::let_go);
    }

    /// Says that a pass could not be kept, once for as long as that stays so.
    fn say_unkept(&mut self, why: Option<&StoreError>) {
        let changes = self.unkept.update(why.map(|error| ((), error.to_string())).into_iter().collect());
        for ((), error) in changes.begun {
            tracing::warn!("how passes go cannot be kept for `versync status`: {error}");
        }
        if !changes.ended.is_empty() {
            tracing::info!("how passes go can be kept again");
        }
    }
}

/// Tells a pass to begin nothing new and to come to its end.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Option<watch::Receiver<bool>>,
}

impl Stop {
    /// Nobody will ask.
    pub fn never() -> Self {
        Self { asked: None }
    }

    /// Asked once the value turns true.
    pub fn when(asked: watch::Receiver<bool>) -> Self {
        Self { asked: Some(asked) }
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| *asked.borrow())
    }
}

/// Makes one pass, and keeps how it went.
///
/// # Errors
///
/// Where no plan could be made. Whatever concerns single files or resources is in the report.
pub async fn reconcile<H: Hands, F: Manifests>(
    target: Target<'_, F>,
    hands: &mut H,
    stop: &Stop,
) -> Result<Report, PassError> {
    let began_at = Timestamp::now();
    let targets = target.policy.targets.clone();
    let Target { manifests, policy, memory, look, guards, drift_log } = target;
    let target = Target { manifests, policy, memory: &mut *memory, look, guards, drift_log };
    let result = attempt(target, hands, stop, began_at).await;
    if result.as_ref().is_ok_and(|report| report.plan.refused) {
        return result;
    }
    let kept = hands.remember(pass_note(result.as_ref(), targets, began_at, Timestamp::now()));
    memory.say_unkept(kept.as_ref().err());
    result
}

async fn attempt<H: Hands, F: Manifests>(
    mut target: Target<'_, F>,
    hands: &mut H,
    stop: &Stop,
    began_at: Timestamp,
) -> Result<Report, PassError> {
    let began = tokio::time::Instant::now();
    let (ground, found) = survey(&mut target, hands).await?;
    // What is gone was there until the files were read, for all that is known.
    let read_after = ground.read_at.saturating_duration_since(began);
    let Ground { desired, secrets, recorded, .. } = ground;
    let Found { observed, only, mut plan } = found;
    let Memory { seen, calm, checked_at, is_for_one, has_read_in_vain, .. } = target.memory;
    if only.is_none() {
        *checked_at = Some(Timestamp::now());
    }
    let checked_at = checked_at.unwrap_or(began_at);
    let mut guards = target.guards;
    if mem::take(has_read_in_vain)
        && let Some((guards, _)) = &mut guards
    {
        // What is gone now may have been there then.
        guards.grace.begin_anew();
    }
    let mut again_in = guards.as_mut().and_then(|(guards, now)| guards.hold(&mut plan, *now + read_after));
    if plan.bookkeeping.contains(&Bookkeeping::LookedAtEverything) {
        again_in = Some(Duration::ZERO);
    }
    let mut drift_log = target.drift_log.filter(|_| !plan.refused);
    if let Some(log) = &mut drift_log {
        log.found(&plan);
    }
    // Where something is applied, it is noted in the one copy that is kept.
    let unchanged = plan.is_empty().then_some(recorded);
    if target.look != Look::Never {
        let tried = plan.changes.iter().filter(|it| it.is_due()).map(|it| &it.identity);
        *seen = Some(Seen::after(observed, plan.unlooked.clone(), tried));
    }
    let outcomes = hands.carry_out(&plan, stop).await;
    let blamed = blamed(&desired, outcomes.as_deref().unwrap_or_default());
    let mut report = Report { began_at, checked_at, plan, outcomes, blamed, again_in };
    if target.look != Look::Never && !*is_for_one && report.has_done_all() {
        let recorded = unchanged.or_else(|| hands.recorded().ok());
        *calm = recorded.and_then(|recorded| Calm::after(&report.plan, target.policy, &desired, secrets, &recorded));
    }
    if report.plan.frees_a_name() && report.applied() > 0 {
        report.again_in = Some(Duration::ZERO);
    }
    if let Some(log) = drift_log {
        log.came_of(&report.plan, &report.mended(), target.policy.is_unlimited());
    }
    if let Some((guards, now)) = guards {
        guards.flapping.note(report.applied_changes(), now, fastrand::f64());
    }
    Ok(report)
}

/// Reads the files, and what is live. Whether the files were at rest shows while the platform answers; where they were
/// not, nothing counts that was found out, and all of it is done once more with files that are.
async fn survey<H: Hands, F: Manifests>(target: &mut Target<'_, F>, hands: &H) -> Result<(Ground, Found), PassError> {
    let (manifests, look) = (target.manifests, target.look);
    let ground = match target.memory.take_ahead(look) {
        Some(ground) => ground,
        None => look::stand(manifests, Rest::Unknown, target.memory, look, hands).await?,
    };
    // The look goes first: where all answers are there already, the plan leaves no moment to begin it.
    let (was_at_rest, found) = join(manifests.was_at_rest(), find(target, &ground, hands)).await;
    if was_at_rest {
        return Ok((ground, found?));
    }
    target.memory.has_read_in_vain = true;
    let ground = look::stand(manifests, Rest::Awaited, target.memory, look, hands).await?;
    let found = find(target, &ground, hands).await?;
    Ok((ground, found))
}

async fn find<H: Hands, F>(target: &mut Target<'_, F>, ground: &Ground, hands: &H) -> Result<Found, PassError> {
    let told = Told::of(hands);
    let api = Ahead { api: Sharing { api: &told, recorded: &ground.recorded }, answers: &ground.answers };
    // Boxed, since the daemon's loop would carry all of it.
    let found = Box::pin(look::find(&api, target.look, ground, target.policy, target.memory)).await;
    found.map_err(|error| PassError::Api { error, problems: ground.desired.problems.clone() })
}

/// What the platform refuses, at the lines that declare it.
fn blamed(desired: &Desired, outcomes: &[Outcome]) -> BTreeMap<Address, Vec<Problem>> {
    let one = |outcome: &Outcome| {
        let Err(Failure::Api(error)) = &outcome.result else { return None };
        let problems = blame::problems(desired.find(&outcome.address)?, &error.fields);
        (!problems.is_empty()).then(|| (outcome.address.clone(), problems))
    };
    outcomes.iter().filter_map(one).collect()
}

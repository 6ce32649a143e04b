//! The daemon: the only long-lived `select!`. Something happens → a pass. A pass never learns why it
//! was made, only how far it has to look.

use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::io::drift_log::DriftLog;
use crate::io::folder::Manifests;
use crate::io::versori::Read;
use crate::io::watch::Hints;
use crate::model::guard::Guards;
use crate::model::planner::Policy;
use crate::model::schedule::{Event, PassEnd, Reason, Schedule};
use crate::reconcile::{Hands, Look, Memory, PassError, Report, Stop, Target, reconcile};
use crate::report::voice::Voice;

/// How long a pass may take to come to its end after the daemon was told to stop. What is under way
/// then is dropped: the next start finds out what came of it.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// How long nothing happens after a pass before the daemon rests, and how often that is said.
const REST: Duration = Duration::from_millis(1500);
const RESTS: u8 = 2;

/// All that the daemon works with.
#[derive(Debug)]
pub struct Parts<'a, F, W, H, M> {
    /// Where the manifests are.
    pub manifests: &'a F,
    /// Tells that they may have changed. Armed before the first pass, so that nothing happens unseen.
    pub hints: W,
    /// How differences are treated.
    pub policy: &'a Policy,
    /// Reads and, unless it is a dry run, writes.
    pub hands: H,
    /// Whether the hands write; for what is said about drift.
    pub writes: bool,
    /// When to make passes.
    pub schedule: Schedule,
    /// What keeps changes from being made too soon or too often.
    pub guards: Guards,
    /// The audit trail of drift, where one is kept.
    pub drift_log: Option<DriftLog>,
    /// Requests for a pass at once.
    pub requests: mpsc::Receiver<()>,
    /// How often the loop has to show that it goes round, where somebody looks on.
    pub pulse: Option<Duration>,
    /// Told of every [`Moment`].
    pub on_moment: M,
}

/// A moment in the daemon's life that somebody outside may want to know of.
#[derive(Debug)]
pub enum Moment<'a> {
    /// The folder is watched, and the first pass begins.
    Began,
    /// The loop goes round.
    Alive,
    /// A pass begins.
    Begins,
    /// A pass was made.
    Passed(&'a Report),
    /// No plan could be made.
    Failed(&'a PassError),
    /// After a pass: the next one is due after this time, unless something happens before.
    Waits(Duration),
    /// It has waited for a while, and uses nothing that it does not keep. Said twice after a pass.
    Rests,
}

/// What the loop wakes for.
enum Wake {
    FilesChanged,
    Requested,
    Due,
    /// Soon, for the sake of files alone, which may be read until then.
    AlmostDue,
    Pulse,
    Rest,
    Shutdown,
}

/// Runs until `shutdown` is ready. An API that is down and files that are broken do not end it.
pub async fn run<F: Manifests, W: Hints, H: Hands<Api: Read>, M: FnMut(Moment<'_>)>(
    mut parts: Parts<'_, F, W, H, M>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, asked) = watch::channel(false);
    let asked = Stop::when(asked);
    let mut memory = Memory::default();
    let mut voice = Voice::default();
    let began = Instant::now();
    let (mut rests_at, mut rests) = (None, 0);
    tokio::pin!(shutdown);
    (parts.on_moment)(Moment::Began);
    loop {
        (parts.on_moment)(Moment::Alive);
        let due = began + parts.schedule.due();
        let reads_ahead = parts.schedule.reads_ahead().map(|at| tokio::time::sleep_until(began + at));
        let pulse = parts.pulse.map(tokio::time::sleep);
        let wake = tokio::select! {
            biased;
            () = &mut shutdown => Wake::Shutdown,
            Some(()) = parts.requests.recv() => Wake::Requested,
            () = parts.hints.changed() => Wake::FilesChanged,
            () = tokio::time::sleep_until(due) => Wake::Due,
            Some(()) = OptionFuture::from(reads_ahead) => Wake::AlmostDue,
            Some(()) = OptionFuture::from(pulse) => Wake::Pulse,
            Some(()) = OptionFuture::from(rests_at.map(tokio::time::sleep_until)) => Wake::Rest,
        };
        match wake {
            Wake::Shutdown => return,
            Wake::Pulse => {}
            Wake::Rest => {
                (parts.on_moment)(Moment::Rests);
                rests += 1;
                rests_at = (rests < RESTS).then(|| Instant::now() + REST);
            }
            Wake::FilesChanged => parts.schedule.note(Event::FilesChanged, began.elapsed()),
            Wake::Requested => parts.schedule.note(Event::Requested, began.elapsed()),
            Wake::AlmostDue => {
                parts.hints.rearm();
                parts.schedule.note_read();
                tokio::select! {
                    () = memory.read_ahead(parts.manifests, &parts.hands) => {}
                    () = &mut shutdown => return,
                }
            }
            Wake::Due => {
                parts.hints.rearm();
                let only_files = parts.schedule.begin(began.elapsed()) == Reason::Files;
                let look = if only_files { Look::WhereNeeded } else { Look::Whole };
                (parts.on_moment)(Moment::Begins);
                let now = began.elapsed();
                let pass = pass(&mut parts, &mut memory, &mut voice, (look, now), &asked);
                let Some(end) = finish_or_stop(pass, shutdown.as_mut(), &stop).await else { return };
                parts.schedule.finish(end, began.elapsed(), fastrand::f64());
                let wait = parts.schedule.due().saturating_sub(began.elapsed());
                (parts.on_moment)(Moment::Waits(wait));
                (rests_at, rests) = (Some(Instant::now() + REST), 0);
            }
        }
    }
}

/// Waits for a pass to end. Told to shut down, lets it begin nothing new and bring what is under way to
/// its end, for a while; then gives nothing back.
async fn finish_or_stop(
    pass: impl Future<Output = PassEnd>,
    shutdown: impl Future<Output = ()>,
    stop: &watch::Sender<bool>,
) -> Option<PassEnd> {
    tokio::pin!(pass);
    tokio::select! {
        biased;
        end = &mut pass => return Some(end),
        () = shutdown => {}
    }
    let _ = stop.send(true);
    if tokio::time::timeout(LAST_WORDS, pass).await.is_err() {
        tracing::warn!("stopped in the middle of a pass; what came of it is found out at the next start");
    }
    None
}

/// One pass, and what is said about it.
async fn pass<F: Manifests, W: Hints, H: Hands, M: FnMut(Moment<'_>)>(
    parts: &mut Parts<'_, F, W, H, M>,
    memory: &mut Memory,
    voice: &mut Voice,
    (look, now): (Look, Duration),
    stop: &Stop,
) -> PassEnd {
    let target = Target {
        manifests: parts.manifests,
        policy: parts.policy,
        memory,
        look,
        guards: Some((&mut parts.guards, now)),
        drift_log: parts.drift_log.as_mut(),
    };
    let result = reconcile(target, &mut parts.hands, stop).await;
    memory.let_go();
    match result {
        Ok(report) => {
            tracing::debug!(
                revision = report.plan.revision,
                "pass ended: {} unchanged, {} different, {} applied, {} problems",
                report.plan.in_sync.len(),
                report.plan.changes.len(),
                report.applied(),
                report.plan.problems.len()
            );
            voice.report(&report, parts.writes);
            (parts.on_moment)(Moment::Passed(&report));
            end_of(&report)
        }
        Err(error) => {
            parts.guards.grace.begin_anew();
            voice.pass_failed(&error);
            (parts.on_moment)(Moment::Failed(&error));
            PassEnd::Failed
        }
    }
}

fn end_of(report: &Report) -> PassEnd {
    if report.failures().next().is_some() || report.plan.has_unread() {
        PassEnd::Failed
    } else {
        report.again_in.map_or(PassEnd::Settled, PassEnd::Again)
    }
}

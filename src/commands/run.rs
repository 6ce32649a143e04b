//! `versync run`: the daemon.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::bell::Bell;
use super::context::{Changed, Context, Speaker};
use super::error::CommandError;
use super::fault::Fault;
use super::page::{Page, Serve};
use super::{Exit, Terminal, sandbox};
use crate::args::{Global, Run as Args};
use crate::daemon::{self, Moment, Parts};
use crate::io::drift_log::DriftLog;
use crate::io::logs;
use crate::io::manifests::check_folder;
use crate::io::memory;
use crate::io::signals::{Signal, Signals};
use crate::io::store::refuse_second_writer;
use crate::io::systemd;
use crate::io::watch::Watch;
use crate::model::flapping::Flapping;
use crate::model::guard::{Grace, Guards};
use crate::model::plan::{Change, Plan, change_hash};
use crate::model::schedule::Schedule;
use crate::reconcile::{Hands, Report};
use crate::report::problems::Look;
use crate::report::{line, text};
use crate::settings::{DEFAULT_INTERVAL, Mode};

/// How often the sandbox is compared: whoever tries versync out does not want to wait for minutes.
const SANDBOX_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn run(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen().map_err(|source| CommandError::Io { what: "listening to signals", source })?;
    let fault = Fault::from_environment()?;
    let mut context = Context::new(global, terminal, Speaker::Daemon)?;
    fault.warn();
    // A folder that is not there at the start is a mistake in the settings; later it is an incident.
    check_folder(&context.settings.manifests)?;
    if let Some(sandbox) = &context.sandbox {
        sandbox::introduce(sandbox, &mut io::stdout().lock()).map_err(CommandError::output)?;
    }
    let mut bell = Bell::default();
    // Neither a world that is only played with nor what would be done is anybody's concern.
    let tells = context.sandbox.is_none() && !args.dry_run;
    if tells {
        Bell::check(&context.settings)?;
        bell.change(&context.settings);
    }
    if writes(&context, args)
        && let Some(state) = context.state()
    {
        // Said before the address of the other one's page is in the way.
        refuse_second_writer(state)?;
    }
    let mut page = match Page::open(&context) {
        // It runs beside the daemon of the same settings, most often.
        Err(error) if args.dry_run => {
            tracing::warn!("no status page is served: {error}");
            Page::none()
        }
        page => page?,
    };
    loop {
        let stay = Stay { context: &context, global, signals: &mut signals, fault, page: &mut page };
        match stay_on(stay, args, terminal, &mut bell).await? {
            End::Stopped => break,
            End::Changed(settings, serve) => {
                page.serve(serve, &context)?;
                context.change(*settings);
            }
        }
        if tells {
            bell.change(&context.settings);
        }
    }
    bell.close().await;
    Ok(Exit::Done)
}

fn writes(context: &Context, args: &Args) -> bool {
    !args.dry_run && context.settings.sync.mode == Mode::Enforce
}

/// Why the loop ended.
enum End {
    /// Somebody stopped it.
    Stopped,
    /// The settings have changed, and with them perhaps where the status page is served.
    Changed(Box<Changed>, Serve),
}

/// Runs the loop that the settings and flags ask for.
async fn stay_on(stay: Stay<'_>, args: &Args, terminal: &Terminal, bell: &mut Bell) -> Result<End, CommandError> {
    let context = stay.context;
    let writes = writes(context, args);
    let screen = Screen { look: terminal.out, writes, last: RefCell::default(), changes: RefCell::default() };
    if !writes {
        let on_report = |report: &Report| {
            if args.dry_run {
                screen.show(&report.plan);
            }
        };
        // Whoever only tries out what would happen does not write into the trail of those who do it.
        let drift_log = if args.dry_run { None } else { context.drift_log("run", false)? };
        return Ok(stay.until_it_ends(context.dry_run()?, false, drift_log, bell, on_report).await);
    }
    let shows = context.sandbox.is_some() || logs::is_text(context.settings.log.format);
    let consent = |plan: &Plan| {
        if shows {
            screen.show(plan);
        }
        true
    };
    let hands = context.writing("run", consent).await?;
    let drift_log = context.drift_log("run", true)?;
    let mut suggested = None;
    let on_report = |report: &Report| {
        if report.failures().next().is_none() {
            screen.forget();
        }
        let suggestion = context.sandbox.as_ref().and_then(sandbox::suggest_drift);
        if suggestion != suggested {
            print(suggestion.as_deref().unwrap_or_default());
            suggested = suggestion;
        }
    };
    Ok(stay.until_it_ends(hands, true, drift_log, bell, on_report).await)
}

/// What both kinds of daemon have in common.
struct Stay<'a> {
    context: &'a Context,
    global: &'a Global,
    signals: &'a mut Signals,
    fault: Fault,
    page: &'a mut Page,
}

impl Stay<'_> {
    async fn until_it_ends<H: Hands>(
        self,
        hands: H,
        writes: bool,
        drift_log: Option<DriftLog>,
        bell: &mut Bell,
        mut on_report: impl FnMut(&Report),
    ) -> End {
        let settings = &self.context.settings;
        let usual = if self.context.sandbox.is_some() { SANDBOX_INTERVAL } else { DEFAULT_INTERVAL };
        let interval = settings.sync.interval.unwrap_or(usual);
        let policy = self.context.policy(Vec::new());
        let (manifests, only_looks) = (settings.manifests.display(), if writes { "" } else { ", and writes nothing" });
        tracing::info!(
            %manifests, ?interval, writes,
            "versync is running: it watches {manifests} and compares every {interval:?}{only_looks}"
        );
        let folder = self.context.folder();
        let (request, requests) = mpsc::channel(1);
        let Stay { context, global, signals, fault, page } = self;
        let parts = Parts {
            manifests: &folder,
            hints: Watch::start(&folder),
            policy: &policy,
            hands,
            writes,
            schedule: Schedule::new(settings.sync.debounce, interval),
            guards: Guards { grace: Grace::new(settings.sync.delete_grace), flapping: Flapping::default() },
            drift_log,
            requests,
            pulse: systemd::pulse().into_iter().chain(page.pulse()).min(),
            on_moment: |moment: Moment<'_>| {
                self.context.logs.say_trouble();
                tell_systemd(&moment);
                page.note(&moment, writes);
                match moment {
                    Moment::Passed(report) => {
                        on_report(report);
                        bell.passed(report, writes);
                    }
                    Moment::Failed(error) => bell.failed(error),
                    Moment::Rests => memory::give_back(),
                    Moment::Began | Moment::Begins | Moment::Alive | Moment::Waits(_) => {}
                }
            },
        };
        let mut end = End::Stopped;
        daemon::run(parts, async { end = attend(context, global, (signals, fault), &request).await }).await;
        if matches!(end, End::Stopped) {
            tracing::info!("versync has stopped");
        }
        end
    }
}

/// Attends to signals until the loop has to end.
async fn attend(
    context: &Context,
    global: &Global,
    (signals, fault): (&mut Signals, Fault),
    request: &mpsc::Sender<()>,
) -> End {
    while signals.next().await == Signal::Reload {
        systemd::reloading();
        fault.strike();
        match changed(context, global) {
            Ok(None) => {}
            Ok(Some((settings, serve))) => {
                tracing::info!("the settings have changed, and count from now on");
                return End::Changed(Box::new(settings), serve);
            }
            Err(error) => tracing::error!(
                "the settings cannot be used, so the ones from before still count: {}",
                error.in_one_line()
            ),
        }
        systemd::ready();
        // A request that waits already asks for the same.
        let _ = request.try_send(());
    }
    systemd::stopping();
    End::Stopped
}

/// The settings as they are now, and where they want the status page: it is listened there before anything changes.
fn changed(context: &Context, global: &Global) -> Result<Option<(Changed, Serve)>, CommandError> {
    let Some(changed) = context.changed(global)? else { return Ok(None) };
    let serve = Serve::instead(context.settings.http.listen, changed.settings.http.listen)?;
    Ok(Some((changed, serve)))
}

fn tell_systemd(moment: &Moment<'_>) {
    match moment {
        Moment::Began => systemd::ready(),
        Moment::Alive => systemd::alive(),
        Moment::Begins | Moment::Waits(_) | Moment::Rests => {}
        Moment::Passed(report) => systemd::status(&line::passed(report, Timestamp::now())),
        Moment::Failed(error) => systemd::status(&line::failed(error, Timestamp::now())),
    }
}

/// Where the daemon shows plans: each one once, however often it is tried.
struct Screen {
    look: Look,
    /// Whether what it shows is carried out.
    writes: bool,
    /// The hash of the plan that was shown last.
    last: RefCell<String>,
    /// Those of its changes, so that one that is still there is not shown again beside a new one.
    changes: RefCell<BTreeSet<String>>,
}

impl Screen {
    fn show(&self, plan: &Plan) {
        let hash = plan.hash();
        if self.last.replace(hash.clone()) != hash {
            let now: BTreeSet<String> = plan.changes.iter().map(change_hash).collect();
            let before = self.changes.replace(now);
            let is_news = |change: &Change| !before.contains(&change_hash(change));
            let mut out = io::stdout().lock();
            // A daemon whose output nobody reads goes on.
            let _ = text::write_news(plan, is_news, self.writes, self.look, &mut out).and_then(|()| writeln!(out));
        }
    }

    /// What was shown is done: the same change made once more is news.
    fn forget(&self) {
        self.last.take();
        self.changes.take();
    }
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

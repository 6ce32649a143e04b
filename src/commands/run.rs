//! `versync run`: the daemon.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::context::{Changed, Context};
use super::error::CommandError;
use super::fault::Fault;
use super::{Exit, Terminal, sandbox};
use crate::args::{Global, Run as Args};
use crate::daemon::{self, Moment, Parts};
use crate::io::logs;
use crate::io::manifests::read_folder;
use crate::io::signals::{Signal, Signals};
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
    let mut context = Context::new(global, terminal, None)?;
    fault.warn();
    // A folder that is not there at the start is a mistake in the settings; later it is an incident.
    read_folder(&context.settings.manifests)?;
    if let Some(sandbox) = &context.sandbox {
        sandbox::introduce(sandbox, &mut io::stdout().lock()).map_err(CommandError::output)?;
    }
    loop {
        let stay = Stay { context: &context, global, signals: &mut signals, fault };
        match stay_on(stay, args, terminal).await? {
            End::Stopped => return Ok(Exit::Done),
            End::Changed(settings) => context.change(*settings),
        }
    }
}

/// Why the loop ended.
enum End {
    /// Somebody stopped it.
    Stopped,
    /// The settings have changed.
    Changed(Box<Changed>),
}

/// Runs the loop that the settings and flags ask for.
async fn stay_on(stay: Stay<'_>, args: &Args, terminal: &Terminal) -> Result<End, CommandError> {
    let context = stay.context;
    let screen = Screen { look: terminal.out, last: RefCell::default(), changes: RefCell::default() };
    if args.dry_run || context.settings.sync.mode == Mode::Observe {
        let on_report = |report: &Report| {
            if args.dry_run {
                screen.show(&report.plan);
            }
        };
        return Ok(stay.until_it_ends(context.dry_run()?, false, on_report).await);
    }
    let shows = context.sandbox.is_some() || logs::is_text(context.settings.log.format);
    let consent = |plan: &Plan| {
        if shows {
            screen.show(plan);
        }
        true
    };
    let hands = context.writing("run", consent)?;
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
    Ok(stay.until_it_ends(hands, true, on_report).await)
}

/// What both kinds of daemon have in common.
struct Stay<'a> {
    context: &'a Context,
    global: &'a Global,
    signals: &'a mut Signals,
    fault: Fault,
}

impl Stay<'_> {
    async fn until_it_ends<H: Hands>(self, hands: H, writes: bool, mut on_report: impl FnMut(&Report)) -> End {
        let settings = &self.context.settings;
        let usual = if self.context.sandbox.is_some() { SANDBOX_INTERVAL } else { DEFAULT_INTERVAL };
        let interval = settings.sync.interval.unwrap_or(usual);
        let policy = self.context.policy(Vec::new());
        if settings.http.listen.is_some() {
            tracing::warn!("http.listen is set, but this version serves no status");
        }
        tracing::info!(manifests = %settings.manifests.display(), ?interval, writes, "versync is running");
        let folder = self.context.folder();
        let (request, requests) = mpsc::channel(1);
        let parts = Parts {
            manifests: &folder,
            hints: Watch::start(&settings.manifests),
            policy: &policy,
            hands,
            writes,
            schedule: Schedule::new(settings.sync.debounce, interval),
            guards: Guards { grace: Grace::new(settings.sync.delete_grace), flapping: Flapping::default() },
            requests,
            pulse: systemd::pulse(),
            on_moment: |moment: Moment<'_>| {
                tell_systemd(&moment);
                if let Moment::Passed(report) = moment {
                    on_report(report);
                }
            },
        };
        let mut end = End::Stopped;
        daemon::run(parts, async { end = self.attend(&request).await }).await;
        if matches!(end, End::Stopped) {
            tracing::info!("versync has stopped");
        }
        end
    }

    /// Attends to signals until the loop has to end.
    async fn attend(self, request: &mpsc::Sender<()>) -> End {
        while self.signals.next().await == Signal::Reload {
            systemd::reloading();
            self.fault.strike();
            match self.context.changed(self.global) {
                Ok(None) => {}
                Ok(Some(settings)) => {
                    tracing::info!("the settings have changed, and count from now on");
                    return End::Changed(Box::new(settings));
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
}

fn tell_systemd(moment: &Moment<'_>) {
    match moment {
        Moment::Began => systemd::ready(),
        Moment::Alive => systemd::alive(),
        Moment::Passed(report) => systemd::status(&line::passed(report, Timestamp::now())),
        Moment::Failed(error) => systemd::status(&line::failed(error, Timestamp::now())),
    }
}

/// Where the daemon shows plans: each one once, however often it is tried.
struct Screen {
    look: Look,
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
            let _ = text::write_news(plan, is_news, self.look, &mut out).and_then(|()| writeln!(out));
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

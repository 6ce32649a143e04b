//! Who is told of what the daemon finds. Telling never keeps a pass waiting.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::error::CommandError;
use crate::io::webhook::{self, Webhook};
use crate::model::notice::{Notice, Results, Told};
use crate::reconcile::{PassError, Report};
use crate::report::notice::body;
use crate::settings::{Notify, Settings};

/// How long the daemon's end may be put off for notices that are still to be sent. What is lost then is told
/// again after the next start, if it lasts.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The receivers that the settings name.
#[derive(Debug, Default)]
pub(super) struct Bell {
    host: String,
    receivers: Vec<Receiver>,
}

#[derive(Debug)]
struct Receiver {
    settings: Notify,
    told: Told,
    webhook: Webhook,
}

impl Bell {
    /// Whether the receivers that the settings name can be told: their addresses can be read and used.
    pub(super) fn check(settings: &Settings) -> Result<(), CommandError> {
        let check = |notify: &Notify| webhook::check(&notify.url, &settings.base).map_err(CommandError::Notify);
        settings.notify.iter().try_for_each(check)
    }

    /// Tells those whom the settings name from now on. Whoever stays keeps in mind what was told.
    pub(super) fn change(&mut self, settings: &Settings) {
        self.host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut before = std::mem::take(&mut self.receivers);
        for notify in &settings.notify {
            let known = before.iter().position(|receiver| receiver.settings == *notify);
            let receiver = known.map(|at| before.swap_remove(at));
            self.receivers.push(receiver.unwrap_or_else(|| Receiver::new(notify, &settings.base)));
        }
    }

    /// A pass was made.
    pub(super) fn passed(&mut self, report: &Report, writes: bool) {
        let failures = report.failures().filter(|(_, failure)| !failure.is_stop());
        let results = Results {
            mended: report.mended(),
            failed: failures.map(|(outcome, failure)| (&outcome.address, failure.to_string())).collect(),
            writes,
        };
        self.tell(|told| told.passed(&report.plan, &results));
    }

    /// A pass could not be made.
    pub(super) fn failed(&mut self, error: &PassError) {
        let why = error.to_string();
        self.tell(|told| told.failed(&why));
    }

    /// Sends what is still to be sent, for a short while.
    pub(super) async fn close(mut self) {
        self.receivers.iter_mut().for_each(|receiver| receiver.webhook.close());
        let finished = futures_util::future::join_all(self.receivers.iter_mut().map(|it| it.webhook.finished()));
        let _ = tokio::time::timeout(LAST_WORDS, finished).await;
    }

    fn tell(&mut self, what: impl Fn(&mut Told) -> Vec<Notice>) {
        for receiver in &mut self.receivers {
            for notice in what(&mut receiver.told) {
                receiver.webhook.send(body(&notice, &self.host, Timestamp::now()));
            }
        }
    }
}

impl Receiver {
    fn new(settings: &Notify, base: &Path) -> Self {
        Self {
            settings: settings.clone(),
            told: Told::new(settings.on.clone()),
            webhook: Webhook::start(settings.url.clone(), base.to_owned()),
        }
    }
}

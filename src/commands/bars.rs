//! How far a pass has got, on a terminal, once it takes a while. Nothing of it stays on the screen.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Terminal;
use crate::reconcile::{Outcome, Progress};
use crate::report::escape;

/// What is done sooner is not worth showing.
const PATIENCE: Duration = Duration::from_millis(500);

const TICK: Duration = Duration::from_millis(100);

/// One bar at a time, on stderr.
#[derive(Debug, Default)]
pub(super) struct Bars {
    bar: RefCell<Option<Bar>>,
    failed: Cell<usize>,
}

/// A bar, and the thread that shows it when its time has come.
#[derive(Debug)]
struct Bar {
    drawn: ProgressBar,
    done: Option<Sender<()>>,
    waits: Option<JoinHandle<()>>,
}

impl Bars {
    /// Where there is a terminal that understands them.
    pub(super) fn on_stderr(terminal: &Terminal) -> Option<Rc<dyn Progress>> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        (terminal.err.terminal && !is_dumb).then(|| Rc::new(Self::default()) as Rc<dyn Progress>)
    }

    fn with(&self, what: &'static str, count: u64, change: impl FnOnce(&ProgressBar)) {
        let mut bar = self.bar.borrow_mut();
        change(&bar.get_or_insert_with(|| Bar::new(what, count)).drawn);
    }
}

impl Progress for Bars {
    fn asks(&self) {
        self.with("reading", 0, |bar| bar.inc_length(1));
    }

    fn answered(&self) {
        self.with("reading", 0, |bar| bar.inc(1));
    }

    fn applies(&self, count: usize) {
        self.failed.set(0);
        self.with("applying", count as u64, |_| {});
    }

    fn applied(&self, outcome: &Outcome) {
        if let Err(failure) = &outcome.result {
            self.failed.set(self.failed.get() + 1);
            let (count, address, failure) = (self.failed.get(), outcome.address.to_string(), failure.to_string());
            let text = format!("{count} failed, last {}: {}", escape(&address), escape(&failure));
            self.with("applying", 0, |bar| bar.set_message(text));
        }
        self.with("applying", 0, |bar| bar.inc(1));
    }

    fn ends(&self) {
        self.bar.take();
    }
}

impl Bar {
    fn new(what: &'static str, count: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::hidden());
        // The template is ours, so it is sound; a plain bar does as well.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {pos} of {len} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(Cow::Borrowed(what));
        let (done, is_done) = mpsc::channel();
        let shown = bar.clone();
        let waits = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Self { drawn: bar, done: Some(done), waits: waits.ok() }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.done.take();
        // It may be about to show the bar: only then it can be taken away for good.
        let _ = self.waits.take().map(JoinHandle::join);
        self.drawn.finish_and_clear();
    }
}

//! Between the loop and the server: what happens becomes a board.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::{Posted, Published};
use crate::daemon::Moment;
use crate::io::store::{Journal, StoreError};
use crate::io::versori::Meter;
use crate::model::history::Event;
use crate::model::status::Entries;
use crate::reconcile::Report;
use crate::report::board::Board;

/// How many changes the page shows.
const HISTORY: usize = 100;

/// Keeps the board and the metrics, and hands them over.
#[derive(Debug)]
pub struct Publisher {
    /// Where the history is kept; nothing where this process alone knows it.
    state: Option<PathBuf>,
    metrics: Arc<Metrics>,
    began: Option<(Timestamp, Instant)>,
    /// The board after the last pass, until it is known when the next one is due.
    next: Option<Board>,
    board: watch::Sender<Arc<Posted>>,
    alive: watch::Sender<Instant>,
}

impl Publisher {
    /// A publisher whose first board shows what earlier processes left in the state directory.
    pub fn new(state: Option<PathBuf>, meter: &Meter) -> Self {
        let (left, history) = state.as_ref().map_or_else(Default::default, |state| {
            left_in(state).unwrap_or_else(|error| {
                tracing::warn!("the status page cannot show what earlier passes left: {error}");
                (None, Vec::new())
            })
        });
        let board = Board::new(Timestamp::now(), state.is_some(), left, history);
        Self {
            state,
            metrics: Arc::new(Metrics::new(meter)),
            began: None,
            next: None,
            board: watch::Sender::new(Arc::new(Posted::new(board))),
            alive: watch::Sender::new(Instant::now()),
        }
    }

    /// What a server may look at.
    pub fn published(&self) -> Published {
        Published { board: self.board.subscribe(), alive: self.alive.subscribe(), metrics: Arc::clone(&self.metrics) }
    }

    /// Takes in what the loop tells. `writes` is whether the loop may write now.
    pub fn note(&mut self, moment: &Moment<'_>, writes: bool) {
        match moment {
            Moment::Began => {
                let now = &self.board.borrow().clone().board;
                self.next = Some(Board { writes, ..now.clone() });
                self.publish(None);
            }
            Moment::Alive => drop(self.alive.send_replace(Instant::now())),
            Moment::Begins => self.began = Some((Timestamp::now(), Instant::now())),
            Moment::Passed(report) => {
                let before = Arc::clone(&self.board.borrow());
                let (_, began) = self.began();
                let mut board = before.board.passed(report, Timestamp::now());
                board.writes = writes;
                self.add_history(&mut board, report);
                self.metrics.passed(report, &board, began.elapsed());
                self.next = Some(board);
            }
            Moment::Failed(error) => {
                let before = Arc::clone(&self.board.borrow());
                let (began_at, began) = self.began();
                let board = before.board.failed(error, began_at, Timestamp::now());
                self.metrics.failed(&board, began.elapsed());
                self.next = Some(board);
            }
            Moment::Waits(wait) => self.publish(Some(SignedDuration::try_from(*wait).unwrap_or(SignedDuration::MAX))),
            Moment::Rests => {}
        }
    }

    /// Hands the next board over; the next pass is due after `wait`.
    fn publish(&mut self, wait: Option<SignedDuration>) {
        let Some(mut board) = self.next.take() else { return };
        board.next_pass_at = wait.and_then(|wait| Timestamp::now().checked_add(wait).ok());
        self.board.send_if_modified(|posted| {
            let is_news = !board.says_the_same(&posted.board);
            board.generation = posted.board.generation + u64::from(is_news);
            *posted = Arc::new(Posted::new(board));
            true
        });
    }

    fn began(&self) -> (Timestamp, Instant) {
        self.began.unwrap_or_else(|| (Timestamp::now(), Instant::now()))
    }

    /// The history that the state keeps, where there may be something new in it. Without one, what this process did.
    fn add_history(&self, board: &mut Board, report: &Report) {
        match &self.state {
            Some(_) if board.writes && report.applied() == 0 => {}
            Some(state) => match Journal::open(state).and_then(|journal| history_of(journal.as_ref())) {
                Ok(history) => board.history = history,
                Err(error) => tracing::debug!("the history cannot be read for the status page: {error}"),
            },
            None => {
                let now = Timestamp::now();
                let revision = report.plan.revision.as_deref();
                let new = report.applied_changes().map(|change| Event::of(change, revision, "run", now));
                board.history = new.chain(board.history.drain(..)).take(HISTORY).collect();
            }
        }
    }
}

fn left_in(state: &std::path::Path) -> Result<(Option<Entries>, Vec<Event>), StoreError> {
    let journal = Journal::open(state)?;
    let left = journal.as_ref().map(|journal| {
        Ok(Entries { completed: journal.last_made()?, failed: journal.last_failed()?, approvals: Vec::new() })
    });
    Ok((left.transpose()?, history_of(journal.as_ref())?))
}

fn history_of(journal: Option<&Journal>) -> Result<Vec<Event>, StoreError> {
    journal.map_or_else(|| Ok(Vec::new()), |journal| journal.history(Some(HISTORY)))
}

//! What a running daemon shows over HTTP: `/healthz`, `/readyz`, `/metrics`, `/status`, and the status page with
//! its events. It only shows: there is nothing that a request could change.
//!
//! The [`Publisher`] stands beside the loop, makes a [`Board`] of every pass and hands it over as a value. The
//! [`Server`] has a thread of its own and reads the newest one, so no client can slow or stop a pass.
//!
//! ```text
//! daemon ── Moment ──> Publisher ── Published ──> Server ── routes ──> page, status, events, metrics
//! ```

mod assets;
mod events;
mod guard;
pub mod metrics;
mod publisher;
mod routes;
mod server;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::report::board::Board;
use crate::report::json;
use metrics::Metrics;

pub use publisher::Publisher;
pub use server::{ListenError, Listener, Server};

/// A loop that has not gone round for so long hangs; systemd's watchdog thinks so too.
const HANGS: Duration = Duration::from_secs(600);

/// What the server may look at.
#[derive(Debug, Clone)]
pub struct Published {
    /// The newest board.
    board: watch::Receiver<Arc<Posted>>,
    /// When the loop last went round.
    alive: watch::Receiver<Instant>,
    metrics: Arc<Metrics>,
}

impl Published {
    /// Whether the loop goes round.
    fn is_alive(&self) -> bool {
        self.alive.borrow().elapsed() < HANGS
    }
}

/// A board, and its JSON once somebody has asked for it.
#[derive(Debug)]
struct Posted {
    board: Board,
    json: OnceLock<Bytes>,
}

impl Posted {
    fn new(board: Board) -> Self {
        Self { board, json: OnceLock::new() }
    }

    fn json(&self) -> Bytes {
        self.json.get_or_init(|| json::board(&self.board).to_string().into()).clone()
    }
}

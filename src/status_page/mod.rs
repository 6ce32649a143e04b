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

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::report::board::Board;
use crate::report::json;
use metrics::Metrics;

pub use publisher::Publisher;
pub use server::{ListenError, Listener, Server};

/// What the server may look at.
#[derive(Debug, Clone)]
pub struct Published {
    /// The newest board.
    board: watch::Receiver<Arc<Posted>>,
    /// When the loop last went round.
    alive: watch::Receiver<Instant>,
    metrics: Arc<Metrics>,
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

//! Signals as values of a stream.

use std::io;

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals as Stream;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: make a pass at once.
    Pass,
    /// SIGTERM or SIGINT: stop.
    Stop,
}

/// The signals that the daemon listens to. From here on they do not end the process.
pub struct Signals {
    stream: Stream,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signals")
    }
}

impl Signals {
    /// Starts to listen. Needs a running tokio reactor.
    ///
    /// # Errors
    ///
    /// Where the system does not let a handler be set.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { stream: Stream::new([SIGHUP, SIGINT, SIGTERM])? })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        match self.stream.next().await {
            Some(SIGHUP) => Signal::Pass,
            Some(_) => Signal::Stop,
            // The stream ends only when its handle is closed, and nobody does that.
            None => std::future::pending().await,
        }
    }
}

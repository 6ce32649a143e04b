//! Signals as values of a stream.

use std::io;

use futures_util::StreamExt;
use rustix::process::{Pid, Signal as Number, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals as Stream;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read the settings again, and make a pass at once.
    Reload,
    /// SIGTERM or SIGINT: stop.
    Stop,
}

/// Asks another versync for a pass at once, by SIGHUP. The process must be known to be one that listens:
/// any other would end.
///
/// # Errors
///
/// Where there is no such process, or where it is somebody else's.
pub fn request_pass(pid: i32) -> io::Result<()> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, Number::HUP)?)
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
            Some(SIGHUP) => Signal::Reload,
            Some(_) => Signal::Stop,
            // The stream ends only when its handle is closed, and nobody does that.
            None => std::future::pending().await,
        }
    }
}

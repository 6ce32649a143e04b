//! Adapters to the world outside. They read and write; what it means is decided in [`crate::model`].

pub mod drift_log;
pub mod folder;
pub mod logs;
pub mod manifests;
pub mod memory;
mod regular;
pub mod replace;
pub mod revision;
pub mod secrets;
pub mod signals;
pub mod snapshot;
pub mod store;
pub mod systemd;
pub mod versori;
pub mod watch;
pub mod webhook;

/// Does something that takes a while beside the thread that talks to the platform. It is begun at once, and goes on to
/// its end even if nobody waits for that.
pub(crate) fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
    let task = tokio::task::spawn_blocking(work);
    async {
        match task.await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// The innermost error, which says what really happened; the outer ones name the URL.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

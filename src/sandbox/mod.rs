//! The platform's stand-in: the Versori endpoints that versync uses, over an in-memory world.
//!
//! It is part of the product (`--sandbox`, `versync sandbox`) and what the tests run against. It is as
//! strict as the published documents are, so that what works here has a good chance of working there,
//! and it has the platform's awkward sides too: secrets that are never shown, credentials that leak
//! when an update forgets them, a POST that makes two of a kind. Where the documents are silent, the
//! item that had to choose says so.
//!
//! ```text
//! Sandbox (a thread) ── http ──┬── platform ──┐
//!                              └── connect ───┴── world ── templates, configs ── schemes ── form
//!                                                   └── seed, world_file           └── wire
//! ```

mod answer;
mod configs;
mod connect;
mod faults;
mod form;
mod http;
mod mint;
mod platform;
mod schemes;
mod seed;
mod templates;
#[cfg(test)]
mod tests;
mod wire;
mod world;
mod world_file;

use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::sync::watch;

pub use answer::{FieldProblem, Refusal};
pub use configs::Owner;
pub use faults::Faults;
pub use seed::ids;
pub use templates::Template;
pub use world::{Entry, World};

use http::{Answered, Shared};

/// How long requests under way may take once the sandbox stops.
const GRACE: Duration = Duration::from_secs(1);

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken, or is not one of this host's.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("the sandbox cannot start its server")]
    Start(#[source] io::Error),
    /// A world file cannot be read.
    #[error("the world file cannot be read")]
    Unreadable(#[source] io::Error),
    /// A world file is wrong. Never repeats the file's text, which may hold secrets.
    #[error("line {line}, column {column}: {message}")]
    World {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

/// A request that the sandbox has answered.
#[derive(Clone, PartialEq)]
pub struct Seen {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as it was sent, with the query: `/api/v2/o/…?env_id=…`.
    pub path: String,
    /// The status that was answered.
    pub status: u16,
    /// The body, if it was JSON. Holds secrets when the client sent some.
    pub body: Option<serde_json::Value>,
}

impl std::fmt::Debug for Seen {
    /// Leaves out the body, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.path, self.status)
    }
}

/// A running stand-in. Lives on a thread of its own, so it can be used from synchronous code and from
/// within any runtime. Dropping it stops it: requests under way are finished, for at most a second.
pub struct Sandbox {
    address: SocketAddr,
    shared: Shared,
    // Both are there until drop.
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a server on an address; port 0 picks a free port. Once this returns, the address accepts
    /// connections.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on, or the system gives no thread.
    pub fn start(listen: SocketAddr, world: World) -> Result<Sandbox, SandboxError> {
        let at = |source| SandboxError::Listen { address: listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(at)?;
        listener.set_nonblocking(true).map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SandboxError::Start)?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(at)?
        };
        let shared = Shared::new(world);
        let (stop, stopped) = watch::channel(());
        let server = serve(listener, shared.clone(), stopped);
        let thread = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                runtime.block_on(server);
                // Answers that are still far away are not waited for.
                runtime.shutdown_background();
            })
            .map_err(SandboxError::Start)?;
        Ok(Sandbox { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// What a client has to be given as its base URL; `/v2/…` and `/connect/v1/…` go below it.
    pub fn base_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// The address that it really listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at the world, or changes it behind the clients' backs. The server waits meanwhile, so
    /// `look` must not make requests to it.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world())
    }

    /// Makes requests go wrong from now on; with nothing, no longer.
    pub fn set_faults(&self, faults: Option<Faults>) {
        *self.shared.faults() = faults;
    }

    /// Has every request told from now on, once it is answered. `tell` keeps the server waiting.
    pub fn on_answer(&self, tell: impl Fn(&Seen) + Send + 'static) {
        *self.shared.listener() = Some(Box::new(tell));
    }

    /// How long every answer takes from now on, beside the work that it costs: the network that is not there.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency() = latency;
    }

    /// The requests answered so far, oldest first; the newest 100 000 of them.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.answered().iter().map(Answered::seen).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Letting go of the sender is the signal.
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sandbox's thread has panicked");
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, shared: Shared, stopped: watch::Receiver<()>) {
    // Without it, small answers wait for the client's delayed acknowledgements.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let closed = |mut stopped: watch::Receiver<()>| async move { while stopped.changed().await.is_ok() {} };
    let server = axum::serve(listener, http::router(shared)).with_graceful_shutdown(closed(stopped.clone()));
    let deadline = async {
        closed(stopped).await;
        tokio::time::sleep(GRACE).await;
    };
    // A client that neither finishes its request nor goes away must not keep us.
    tokio::select! {
        result = server.into_future() => if let Err(error) = result {
            tracing::error!("the sandbox's server has failed: {error}");
        },
        () = deadline => {}
    }
}

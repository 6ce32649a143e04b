//! The server: a thread with a loop of its own, where nobody waits for anybody. What a client may take, in time
//! and in places, is limited.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::{Published, routes};

/// How many connections may be open at once. Others wait to be accepted.
const CONNECTIONS: usize = 64;

/// How long a client may take to say what it wants.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);

/// How much it may say.
const HEADERS_SIZE: usize = 16 * 1024;

/// How long one request may take in all, with a client that reads slowly.
const REQUEST: Duration = Duration::from_secs(30);

/// How long events are sent on one connection. The page then makes another; a client that never reads is gone.
const EVENTS: Duration = Duration::from_secs(3600);

/// After an accept that failed, for lack of file descriptors for example, so long nothing is accepted.
const BREATH: Duration = Duration::from_millis(200);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// An address that is listened on, although nobody is served yet.
#[derive(Debug)]
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens; port 0 picks a free port.
    ///
    /// # Errors
    ///
    /// Where the address is taken, or is not one of this machine's.
    pub fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let bind = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind().map_err(|source| ListenError { address, source })
    }
}

/// A running server. Dropping it ends it at once, with every connection.
#[derive(Debug)]
pub struct Server {
    /// Letting go of it is the signal.
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what is published, from a thread of its own.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread or no event queue.
    pub fn start(Listener { listener, address }: Listener, published: Published) -> Result<Self, ListenError> {
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let listener = {
                let _context = runtime.enter();
                TcpListener::from_std(listener)?
            };
            let (stop, mut stopped) = watch::channel(());
            let serve = async move {
                tokio::select! {
                    () = serve(listener, routes::router(published, address)) => {}
                    _ = stopped.changed() => {}
                }
            };
            let thread = thread::Builder::new().name("status-page".to_owned()).spawn(move || {
                runtime.block_on(serve);
                runtime.shutdown_background();
            })?;
            Ok(Self { stop: Some(stop), thread: Some(thread) })
        };
        let server = start().map_err(|source| ListenError { address, source })?;
        tracing::info!(%address, "the status page is at http://{address}/");
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the status page's thread has panicked");
        }
    }
}

/// Tells that the request of a connection may last: it is one for events.
#[derive(Debug, Clone, Default)]
pub(super) struct Lasting(Arc<AtomicBool>);

impl Lasting {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    attend(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!("the status page could not accept a connection: {error}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection, one request, and no more time than that may take.
async fn attend(stream: TcpStream, router: Router) {
    // Small answers would wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let lasting = Lasting::default();
    let service = TowerToHyperService::new(router.layer(Extension(lasting.clone())));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADERS_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = within(connection, &lasting).await {
        tracing::trace!("a connection to the status page broke: {error}");
    }
}

async fn within<E>(connection: impl Future<Output = Result<(), E>>, lasting: &Lasting) -> Result<(), E> {
    tokio::pin!(connection);
    tokio::select! {
        result = &mut connection => return result,
        () = tokio::time::sleep(REQUEST) => {}
    }
    if !lasting.is_set() {
        return Ok(());
    }
    tokio::select! {
        result = connection => result,
        () = tokio::time::sleep(EVENTS) => Ok(()),
    }
}

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use axum::Router;
use tokio::sync::oneshot;

/// Serves on a free port from a thread of its own, until what is given back beside the base URL is dropped.
/// `make` is called within the server's runtime.
pub(super) fn serve(make: impl FnOnce() -> Router + Send + 'static) -> (String, oneshot::Sender<()>) {
    serve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), make)
}

/// The same at an address.
pub(super) fn serve_at(
    address: SocketAddr,
    make: impl FnOnce() -> Router + Send + 'static,
) -> (String, oneshot::Sender<()>) {
    let (ready, bound) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            let server = axum::serve(listener, make()).into_future();
            tokio::select! {
                result = server => result.unwrap(),
                _ = stopped => {}
            }
        });
    });
    (format!("http://{}/api", bound.recv().unwrap()), stop)
}

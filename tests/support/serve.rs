use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use axum::Router;
use tokio::sync::oneshot;

/// Serves on a free port from a thread of its own, until what is given back beside the base URL is dropped.
/// `make` is called within the server's runtime.
pub(super) fn serve(make: impl FnOnce() -> Router + Send + 'static) -> (String, oneshot::Sender<()>) {
    let (ready, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let listener = tokio::net::TcpListener::bind(anywhere).await.unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            let server = axum::serve(listener, make()).into_future();
            tokio::select! {
                result = server => result.unwrap(),
                _ = stopped => {}
            }
        });
    });
    (format!("http://{}/api", address.recv().unwrap()), stop)
}

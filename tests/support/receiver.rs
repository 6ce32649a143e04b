use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::sync::oneshot;

use super::eventually;
use super::serve::serve_at;

/// What a [`Receiver`] does with a notice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Leads to a path of its own.
    Redirect(&'static str),
    /// Never answers.
    Silence,
}

/// Whom notices are sent to.
pub(crate) struct Receiver {
    /// Where it listens, with a path that nobody else knows.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
    /// Dropped with the receiver, which ends it.
    _stop: oneshot::Sender<()>,
}

impl Receiver {
    /// The part of its address that is the secret.
    pub(crate) const SECRET: &'static str = "T0-canary-9b1e";

    /// Takes everything.
    pub(crate) fn start() -> Self {
        Self::replying(|_| Reply::Status(200))
    }

    /// `reply` is asked with how many requests came before.
    pub(crate) fn replying(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), reply)
    }

    /// The same at an address.
    pub(crate) fn at(address: SocketAddr, reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        let (base_url, stop) = serve_at(address, move || {
            Router::new().fallback(move |uri: Uri, body: Bytes| {
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                async move {
                    let before = {
                        let mut log = log.lock().unwrap();
                        log.push((uri.to_string(), serde_json::from_slice(&body).unwrap()));
                        log.len() - 1
                    };
                    match reply(before) {
                        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
                        Reply::Redirect(path) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, path)]).into_response(),
                        Reply::Silence => std::future::pending().await,
                    }
                }
            })
        });
        Self { url: format!("{base_url}/{}?key={}", Self::SECRET, Self::SECRET), seen, _stop: stop }
    }

    /// Every notice so far, delivered or not.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().iter().map(|(_, notice)| notice.clone()).collect()
    }

    /// The path and query of every request so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }

    /// What every notice so far is about.
    pub(crate) fn events(&self) -> Vec<String> {
        self.seen().iter().map(|notice| notice["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until so many notices have come.
    pub(crate) fn await_notices(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} notices"), || self.seen().len() >= count);
        self.seen()
    }
}

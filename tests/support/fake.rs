use axum::Router;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use tokio::sync::oneshot;

use super::serve::serve;

/// A server that answers as the sandbox never would.
pub(crate) struct Fake {
    pub(crate) base_url: String,
    /// Dropped with the server, which ends it.
    _stop: oneshot::Sender<()>,
}

impl Fake {
    /// Answers each path with the status and body that `answer` gives.
    pub(crate) fn start(answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        Self::start_asking(move |path, _| answer(path))
    }

    /// The same, where it also matters who is asking: the `Authorization` header.
    pub(crate) fn start_asking(answer: impl Fn(&str, &str) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        let (base_url, stop) = serve(|| {
            Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
                let who = headers.get(AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
                let (status, body) = answer(uri.path(), who);
                async move { (StatusCode::from_u16(status).unwrap(), body).into_response() }
            })
        });
        Self { base_url, _stop: stop }
    }
}

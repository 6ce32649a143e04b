use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::oneshot;

use super::serve::serve;

/// What goes wrong with a request on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is refused and not executed.
    Before(u16),
    /// It is refused for what it says of this member, with these words.
    Refused(&'static str, &'static str),
    /// It is executed, and another answer comes in place of its own.
    After(u16),
    /// It is executed, and no answer comes at all.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Faults = Arc<dyn Fn(&str, &str, usize) -> Option<Fault> + Send + Sync>;

/// A proxy before a sandbox that loses requests and answers.
pub(crate) struct Flaky {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<Asked>>>,
    /// Dropped with the proxy, which ends it.
    _stop: oneshot::Sender<()>,
}

impl Flaky {
    /// `faults` is asked with method, path and how often the two came before.
    pub(crate) fn before(
        sandbox: SocketAddr,
        faults: impl Fn(&str, &str, usize) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (faults, log): (Faults, _) = (Arc::new(faults), Arc::clone(&seen));
        let (base_url, stop) = serve(move || {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let (client, faults, log) = (client.clone(), Arc::clone(&faults), Arc::clone(&log));
                async move {
                    let line = format!("{method} {}", uri.path());
                    let before = {
                        let mut log = log.lock().unwrap();
                        log.push(Asked { line: line.clone(), headers: headers.clone(), body: body.clone() });
                        log.iter().filter(|seen| seen.line == line).count() - 1
                    };
                    let fault = faults(method.as_str(), uri.path(), before);
                    if let Some(Fault::Before(status)) = fault {
                        return broken(status);
                    }
                    if let Some(Fault::Refused(field, message)) = fault {
                        let body = json!({"code": "invalid_request", "message": "invalid", "fields": [{"field": field, "message": message}]});
                        return (StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
                    }
                    let answer = forward(&client, sandbox, method, &uri, &headers, body).await;
                    match fault {
                        Some(Fault::After(status)) => broken(status),
                        Some(Fault::Silence) => std::future::pending().await,
                        _ => answer,
                    }
                }
            })
        });
        Self { base_url, seen, _stop: stop }
    }

    /// How many requests of this method went to paths that end so.
    pub(crate) fn count(&self, method: &str, end: &str) -> usize {
        self.asked(method, end).len()
    }

    /// Those requests, in the order in which they came.
    pub(crate) fn asked(&self, method: &str, end: &str) -> Vec<Asked> {
        let is_it = |asked: &&Asked| asked.line.starts_with(&format!("{method} ")) && asked.line.ends_with(end);
        self.seen.lock().unwrap().iter().filter(is_it).cloned().collect()
    }
}

fn broken(status: u16) -> Response {
    (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "0")], "<html>oops</html>").into_response()
}

async fn forward(
    client: &reqwest::Client,
    sandbox: SocketAddr,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let url = format!("http://{sandbox}{}", uri.path_and_query().unwrap());
    let mut request = client.request(method, url).body(body);
    for name in [AUTHORIZATION, CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.bytes().await.unwrap()).into_response()
}

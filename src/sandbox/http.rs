//! Between HTTP and the world: who may come in, what is written down, and how requests are taken apart
//! so that every refusal has the platform's error body.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Query, Refusal};
use super::faults::{Fault, Faults};
use super::world::World;
use super::{Seen, connect, platform};

/// The largest body that is accepted.
const BODY_LIMIT: usize = 1024 * 1024;
/// How much of a body that is too large is still read, so that the client, which may write everything
/// before it listens, gets to see the refusal and not a broken connection.
const READ_LIMIT: usize = 16 * BODY_LIMIT;
/// How many requests are remembered.
const SEEN_LIMIT: usize = 100_000;

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

/// What the server's tasks and the [`super::Sandbox`] share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    answered: Mutex<VecDeque<Answered>>,
    faults: Mutex<Option<Faults>>,
    latency: Mutex<Duration>,
    listener: Mutex<Option<Listener>>,
}

/// A request that was answered, as few would ever look at it.
pub(super) struct Answered {
    method: Method,
    path: String,
    status: u16,
    body: Option<Box<[u8]>>,
}

impl Answered {
    pub(super) fn seen(&self) -> Seen {
        let body = self.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        Seen { method: self.method.to_string(), path: self.path.clone(), status: self.status, body }
    }
}

/// Who is told of every request.
type Listener = Box<dyn Fn(&Seen) + Send>;

impl Shared {
    pub(super) fn new(world: World) -> Shared {
        Shared(Arc::new(Inner {
            world: Mutex::new(world),
            answered: Mutex::new(VecDeque::new()),
            faults: Mutex::new(None),
            latency: Mutex::new(Duration::ZERO),
            listener: Mutex::new(None),
        }))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // A test that panics while it looks at the world must not take the server down with it.
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Option<Faults>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn latency(&self) -> MutexGuard<'_, Duration> {
        self.0.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.0.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answered(&self) -> MutexGuard<'_, VecDeque<Answered>> {
        self.0.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole application.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .merge(platform::routes())
        .merge(connect::routes())
        .fallback(|| async { Refusal::absent("endpoint") })
        .method_not_allowed_fallback(|| async {
            let message = "this endpoint does not know that method";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(middleware::from_fn_with_state(shared.clone(), watch))
        .with_state(shared)
}

/// A JSON answer.
pub(super) fn answer(status: StatusCode, body: Result<impl Serialize, Refusal>) -> Answer {
    body.map(|body| (status, Json(body)).into_response())
}

/// 204, the answer to a DELETE on the platform API.
pub(super) fn no_content(done: Result<(), Refusal>) -> Answer {
    done.map(|()| StatusCode::NO_CONTENT.into_response())
}

/// Path parameters, with a refusal that has a body when they cannot be read.
pub(super) struct At<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(values)| At(values)).map_err(|_| Refusal::unreadable("the path is not valid"))
    }
}

/// Query parameters. Unknown ones are ignored.
pub(super) struct Asked(pub(super) Query);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked, Refusal> {
        let query = axum::extract::Query::<Query>::from_request_parts(parts, state).await;
        query.map(|query| Asked(query.0)).map_err(|_| Refusal::unreadable("the query is not valid"))
    }
}

/// A JSON body.
pub(super) struct Body(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Body, Refusal> {
        let unreadable = |_| Refusal::unreadable("the body cannot be read");
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        let malformed = |_| Refusal::unreadable("the body is not JSON");
        serde_json::from_slice(&bytes).map(Body).map_err(malformed)
    }
}

/// Every request passes here: it is let in or not, and written down with what came of it.
async fn watch(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let latency = *shared.latency();
    if !latency.is_zero() {
        // A thread sleeps to the tenth of a millisecond; the runtime's timer would add one or two to each answer.
        _ = tokio::task::spawn_blocking(move || thread::sleep(latency)).await;
    }
    let method = request.method().clone();
    let uri = request.uri();
    let path = uri.path_and_query().map_or(uri.path(), |path| path.as_str()).to_owned();
    let (parts, body) = request.into_parts();
    let (response, body) = match to_bytes(body, READ_LIMIT).await {
        Ok(bytes) if bytes.len() <= BODY_LIMIT => {
            // What the server has read is one with all that it has read together with it.
            let body = (!bytes.is_empty()).then(|| Box::from(&*bytes));
            let response = if admits(shared.world().token(), &parts.headers) {
                let fault = shared.faults().as_mut().and_then(Faults::next);
                run(fault, Request::from_parts(parts, bytes.into()), next).await
            } else {
                unauthenticated().into_response()
            };
            (response, body)
        }
        // Also when the client went away while it wrote: then nobody reads the answer.
        _ => (too_large().into_response(), None),
    };
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, "the sandbox answers {status} to {method} {path}");
    let request = Answered { method, path, status, body };
    if let Some(tell) = &*shared.listener() {
        tell(&request.seen());
    }
    let mut answered = shared.answered();
    if answered.len() == SEEN_LIMIT {
        answered.pop_front();
    }
    answered.push_back(request);
    response
}

/// Executes a request, as far as the fault lets it.
async fn run(fault: Option<Fault>, request: Request, next: Next) -> Response {
    match fault {
        None => next.run(request).await,
        Some(fault) => match fault.instead() {
            Some(answer) => answer,
            None => fault.spoil(next.run(request).await).await,
        },
    }
}

/// Whether a request may come in: the one place that decides. The platform takes an API key as
/// `Bearer` and a token signed with one of the organisation's keys as `JWT`; this world knows one
/// token, and takes it as either.
fn admits(token: &str, headers: &HeaderMap) -> bool {
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, credentials)) = sent.and_then(|sent| sent.split_once(' ')) else {
        return false;
    };
    let known = ["bearer", "jwt"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known && credentials.trim() == token
}

fn unauthenticated() -> Refusal {
    let message = "send the token as \"Authorization: Bearer <token>\" or \"JWT <token>\"";
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "the body is larger than 1 MiB")
}

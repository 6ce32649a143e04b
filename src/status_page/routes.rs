//! What is served where.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use tokio::sync::Semaphore;

use super::server::Lasting;
use super::{Published, assets, events, guard, metrics};

/// How many pages may be open at once.
const PAGES: usize = 32;

#[derive(Clone)]
struct Shared {
    published: Published,
    pages: Arc<Semaphore>,
}

/// Everything that is served at `address`. What is not here is not found, and there is nothing but GET and HEAD.
pub(super) fn router(published: Published, address: SocketAddr) -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/page.css", get(assets::style))
        .route("/page.js", get(assets::script))
        .route("/sections.js", get(assets::sections))
        .route("/elements.js", get(assets::elements))
        .route("/icon.svg", get(assets::icon))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(prometheus))
        .route("/status", get(status))
        .route("/events", get(stream))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .with_state(Shared { published, pages: Arc::new(Semaphore::new(PAGES)) })
        .layer(middleware::from_fn_with_state(address, guard::guard))
}

async fn health(State(Shared { published, .. }): State<Shared>) -> Response {
    if published.is_alive() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the loop has not gone round for ten minutes\n").into_response()
    }
}

async fn readiness(State(Shared { published, .. }): State<Shared>) -> Response {
    let posted = published.board.borrow().clone();
    let board = &posted.board;
    match (&board.failing, board.last_made().filter(|_| board.is_ready)) {
        (_, Some(pass)) => {
            let checked_at = pass.checked_at.unwrap_or(pass.ended_at);
            format!("ready: everything was last looked at {checked_at:.0}\n").into_response()
        }
        (Some(failing), None) => {
            let why = format!("not ready: the first pass cannot be made: {}\n", failing.error);
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
        (None, None) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the first pass has not ended yet\n").into_response()
        }
    }
}

async fn prometheus(State(Shared { published, .. }): State<Shared>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], published.metrics.text()).into_response()
}

async fn status(State(Shared { published, .. }): State<Shared>) -> Response {
    let posted = published.board.borrow().clone();
    ([(CONTENT_TYPE, "application/json")], posted.json()).into_response()
}

async fn stream(State(shared): State<Shared>, Extension(lasting): Extension<Lasting>) -> Response {
    match shared.pages.try_acquire_owned() {
        Ok(place) => {
            lasting.set();
            events::events(shared.published, place)
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")], "too many pages are open\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::*;
    use crate::io::versori::Meter;
    use crate::report::board::Board;
    use crate::status_page::Posted;
    use crate::status_page::metrics::Metrics;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_go_round_is_not_healthy() {
        let (alive, seen) = watch::channel(Instant::now());
        let board = Board::new(Timestamp::now(), false, None, Vec::new());
        let (_board, board) = watch::channel(Arc::new(Posted::new(board)));
        let published = Published { board, alive: seen, metrics: Arc::new(Metrics::new(&Meter::default())) };
        let shared = || Shared { published: published.clone(), pages: Arc::new(Semaphore::new(1)) };
        assert_eq!(health(State(shared())).await.status(), 200);
        tokio::time::advance(Duration::from_secs(601)).await;
        assert_eq!(health(State(shared())).await.status(), 503);
        alive.send_replace(Instant::now());
        assert_eq!(health(State(shared())).await.status(), 200);
    }
}

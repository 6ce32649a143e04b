//! Server-sent events: one for every pass, and a sign of life in between.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Posted;
use crate::report::json;

/// A page that hears nothing for longer than two of these knows that the connection is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// After this time a page that has lost its connection tries again.
const RETRY: Duration = Duration::from_secs(2);

/// The events, for as long as the connection lasts. `place` is kept until then.
pub(super) fn events(board: watch::Receiver<Arc<Posted>>, place: OwnedSemaphorePermit) -> Response {
    let events = stream::unfold((board, place, true), |(mut board, place, first)| async move {
        let is_news = first || {
            match tokio::time::timeout(SIGN_OF_LIFE, board.changed()).await {
                Ok(Ok(())) => true,
                // The daemon has gone.
                Ok(Err(_)) => return None,
                Err(_) => false,
            }
        };
        let event = if is_news {
            let pulse = json::pulse(&board.borrow_and_update().board);
            Event::default().event("pass").data(pulse.to_string()).retry(RETRY)
        } else {
            Event::default().event("alive").data("")
        };
        Some((Ok::<_, Infallible>(event), (board, place, false)))
    });
    Sse::new(events).into_response()
}

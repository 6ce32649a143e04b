//! Server-sent events: one for every pass, and a sign of life in between.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::Published;
use crate::report::json;

/// A page that hears nothing for longer than two of these knows that the connection is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// After this time a page that has lost its connection tries again.
const RETRY: Duration = Duration::from_secs(2);

/// The events, for as long as the connection lasts. `place` is kept until then.
pub(super) fn events(published: Published, place: OwnedSemaphorePermit) -> Response {
    let events = stream::unfold((published, place, true), |(mut published, place, first)| async move {
        let is_news = first || {
            match tokio::time::timeout(SIGN_OF_LIFE, published.board.changed()).await {
                Ok(Ok(())) => true,
                // The daemon has gone.
                Ok(Err(_)) => return None,
                Err(_) => false,
            }
        };
        let event = if is_news {
            let pulse = json::pulse(&published.board.borrow_and_update().board);
            Event::default().event("pass").data(pulse.to_string()).retry(RETRY)
        } else {
            Event::default().event("alive").data(json!({"healthy": published.is_alive()}).to_string())
        };
        Some((Ok::<_, Infallible>(event), (published, place, false)))
    });
    // A proxy in between must not gather them up.
    ([("x-accel-buffering", "no")], Sse::new(events)).into_response()
}

//! The page itself. It needs nothing from anywhere else.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

pub(super) async fn page() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page.html")).into_response()
}

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css")).into_response()
}

pub(super) async fn script() -> Response {
    module(include_str!("page.js"))
}

pub(super) async fn sections() -> Response {
    module(include_str!("sections.js"))
}

pub(super) async fn elements() -> Response {
    module(include_str!("elements.js"))
}

pub(super) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], include_str!("icon.svg")).into_response()
}

fn module(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}

//! What the platform says when it refuses, and how it cuts a long list into pages.

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// The page size when the client does not ask for one; the published default.
const DEFAULT_PAGE: usize = 20;
/// The largest page size. The platform publishes none; this keeps clients from relying on "all of it".
const LARGEST_PAGE: usize = 100;

/// One field of a request that is wrong. `field` is the path in the body (or the name of the path or
/// query parameter), in the platform's published form: `oauth2.scopes[0].name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where.
    pub field: String,
    /// What is wrong. Never repeats the value, which may be a secret.
    pub message: String,
}

/// A request that the platform does not carry out: any answer outside 2xx.
///
/// On the wire it is the platform's error body, `{code, message, fields?}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The machine-readable reason. The platform publishes no list of codes: these are our own.
    pub code: &'static str,
    /// The reason in words.
    pub message: String,
    /// The fields at fault; empty unless the status is 400.
    pub fields: Vec<FieldProblem>,
}

impl Refusal {
    /// 400 for a request that cannot be read at all.
    pub(super) fn unreadable(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 400 that names the fields at fault.
    pub(super) fn invalid(fields: Vec<FieldProblem>) -> Refusal {
        let message = "the request is not valid";
        Refusal { fields, ..Refusal::new(StatusCode::BAD_REQUEST, "validation_failed", message) }
    }

    /// 400 that names one field.
    pub(super) fn field(field: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal::invalid(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// 404 for a thing that does not exist.
    pub(super) fn absent(what: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", format!("no such {what}"))
    }

    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status: status.as_u16(), code, message: message.into(), fields: Vec::new() }
    }

    fn body(&self) -> Value {
        let mut body = json!({"code": self.code, "message": self.message});
        if !self.fields.is_empty() {
            let fields = self.fields.iter();
            body["fields"] = fields.map(|f| json!({"field": f.field, "message": f.message})).collect();
        }
        body
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body())).into_response()
    }
}

/// The query string of a list.
pub(super) type Query = HashMap<String, String>;

/// A page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    total_count: usize,
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Cuts one page out of a list of ids and shows only what is on it.
///
/// `ids` are in ascending order, and a cursor names the last id that was shown and the list it belongs
/// to. So a page never repeats or skips anything when things come and go between two requests, and a
/// cursor of another list is refused like any unknown one.
pub(super) fn page<'a, T>(
    list: &str,
    query: &Query,
    ids: impl Iterator<Item = &'a str>,
    show: impl FnMut(&str) -> Option<T>,
) -> Result<Page<T>, Refusal> {
    if query.contains_key("before") {
        return Err(Refusal::field("before", "the sandbox pages forwards only: use after"));
    }
    let size = match query.get("first") {
        None => DEFAULT_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=LARGEST_PAGE).contains(size))
            .ok_or_else(|| Refusal::field("first", format!("must be a number from 1 to {LARGEST_PAGE}")))?,
    };
    let ids: Vec<&str> = ids.collect();
    let start = match query.get("after") {
        None => 0,
        Some(cursor) => {
            let passed =
                last_shown(list, cursor).ok_or_else(|| Refusal::field("after", "is not a cursor of this list"))?;
            ids.partition_point(|id| *id <= passed.as_str())
        }
    };
    let end = ids.len().min(start + size);
    let shown = &ids[start..end];
    let next = shown.last().filter(|_| end < ids.len()).map(|last| cursor(list, last));
    Ok(Page { total_count: ids.len(), items: shown.iter().copied().filter_map(show).collect(), next })
}

/// Hexadecimal, so that it survives a query string as it is and nobody is tempted to read it.
fn cursor(list: &str, id: &str) -> String {
    let plain = format!("{list} {id}");
    plain.bytes().fold(String::with_capacity(plain.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn last_shown(list: &str, cursor: &str) -> Option<String> {
    if !cursor.len().is_multiple_of(2) {
        return None;
    }
    let bytes = cursor.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    });
    let plain = String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()?;
    // An id has no space in it; what a search is for may have.
    let (of, id) = plain.rsplit_once(' ')?;
    (of == list).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &[(&str, &str)], ids: &[&str]) -> Result<Value, Refusal> {
        let query = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let page = page("letters", &query, ids.iter().copied(), |id| Some(json!(id)))?;
        Ok(serde_json::to_value(page).unwrap())
    }

    #[test]
    fn pages_cover_the_list_once() {
        let first = ask(&[("first", "2")], &["a", "b", "c"]).unwrap();
        assert_eq!(first["items"], json!(["a", "b"]));
        assert_eq!(first["totalCount"], 3);
        let next = first["next"].as_str().unwrap();
        let second = ask(&[("first", "2"), ("after", next)], &["a", "b", "c"]).unwrap();
        assert_eq!(second, json!({"totalCount": 3, "items": ["c"]}));
    }

    #[test]
    fn a_cursor_outlives_the_item_it_names() {
        let first = ask(&[("first", "2")], &["a", "b", "c"]).unwrap();
        let next = first["next"].as_str().unwrap();
        let second = ask(&[("after", next)], &["a", "c", "d"]).unwrap();
        assert_eq!(second["items"], json!(["c", "d"]));
    }

    #[test]
    fn a_full_last_page_has_no_next() {
        assert_eq!(ask(&[("first", "2")], &["a", "b"]).unwrap().get("next"), None);
        assert_eq!(ask(&[], &[]).unwrap(), json!({"totalCount": 0, "items": []}));
    }

    #[test]
    fn nonsense_is_refused_with_the_parameter_at_fault() {
        for (name, value) in [
            ("first", "0"),
            ("first", "101"),
            ("first", "x"),
            ("first", "-1"),
            ("after", "zz"),
            ("after", "abc"),
            ("after", "é"),
            ("after", "+a+b"),
            ("after", ""),
            ("after", &cursor("numbers", "a")),
            ("before", "x"),
        ] {
            let refusal = ask(&[(name, value)], &["a"]).unwrap_err();
            assert_eq!((refusal.status, refusal.fields[0].field.as_str()), (400, name), "{value}");
        }
    }
}

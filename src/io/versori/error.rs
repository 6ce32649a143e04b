//! What can go wrong with a request.

use std::fmt;
use std::time::Duration;

use super::wire::ErrorBody;
use crate::model::blame::Refused;

/// Something that went wrong with a request. Holds no query, no header and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What sort of thing went wrong.
    pub kind: ErrorKind,
    pub(super) request: String,
    pub(super) message: String,
    /// The fields of the request that are refused, where the platform names them.
    pub fields: Box<[Refused]>,
    /// How long the platform asks to wait.
    pub(super) retry_after: Option<Duration>,
}

/// What sort of thing went wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection, so the request never arrived.
    Unconnected,
    /// The connection broke, so it is not known whether the request arrived.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// 401: the token is wrong.
    Unauthorised,
    /// 403: the token may not do this.
    Forbidden,
    /// 404.
    NotFound,
    /// 429: refused for now, and not executed.
    TooMany,
    /// 408 or 5xx: it may go better soon.
    Busy,
    /// Any other status that is no success: the request itself is refused.
    Refused,
    /// A success whose body is not what the platform documents.
    Malformed,
    /// The client cannot be built at all.
    Setup,
}

impl ErrorKind {
    /// Whether the request was certainly not executed: it never arrived, or was refused.
    pub fn is_refusal(self) -> bool {
        match self {
            ErrorKind::Unconnected
            | ErrorKind::Unauthorised
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::TooMany
            | ErrorKind::Refused
            | ErrorKind::Setup => true,
            ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Busy | ErrorKind::Malformed => false,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::Unconnected
                | ErrorKind::Unreachable
                | ErrorKind::TimedOut
                | ErrorKind::TooMany
                | ErrorKind::Busy
        )
    }
}

impl ApiError {
    /// An error of a request, which is told by its method and path.
    pub fn new(kind: ErrorKind, request: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, request: request.into(), message: message.into(), fields: Box::default(), retry_after: None }
    }

    /// What the user can do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self.kind {
            ErrorKind::Unauthorised => Some(
                "put a valid token or key where the reference points, and check api.token_scheme, or the key's id and subject",
            ),
            ErrorKind::Forbidden => Some("give the token's owner the right to do this, and check api.organisation"),
            ErrorKind::Unconnected | ErrorKind::Unreachable | ErrorKind::TimedOut => {
                Some("check api.base_url and the network")
            }
            ErrorKind::NotFound
            | ErrorKind::TooMany
            | ErrorKind::Busy
            | ErrorKind::Refused
            | ErrorKind::Malformed
            | ErrorKind::Setup => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.request.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{} ({})", self.message, self.request)
    }
}

impl std::error::Error for ApiError {}

/// What an error's body says: its message with those of its fields, and those fields. Proxies may answer with
/// anything, so a body of another shape says nothing.
pub(super) fn said(body: &[u8]) -> (String, Vec<Refused>) {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let fields: Vec<Refused> =
        body.fields.into_iter().map(|field| Refused { field: field.field, message: field.message }).collect();
    let told = fields.iter().map(|refused| format!("{}: {}", refused.field, refused.message));
    let parts: Vec<String> =
        body.message.into_iter().chain(told).chain(body.details).filter(|part| !part.is_empty()).collect();
    (if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) }, fields)
}

//! What went wrong with a request, in words that hold no secret.

use std::fmt;

use reqwest::StatusCode;

use super::{Answer, CONNECT_TIMEOUT, Client};
use crate::io::root_cause;
use crate::io::versori::error::{ApiError, ErrorKind, said};
use crate::io::versori::request::Request;
use crate::io::versori::token::CredentialError;
use crate::model::blame::Refused;

impl Client {
    /// The error of an answer that is not as documented.
    pub(in crate::io::versori) fn malformed(&self, request: &Request, why: impl fmt::Display) -> ApiError {
        self.error(ErrorKind::Malformed, request, format!("the answer cannot be used: {why}"))
    }

    pub(super) fn transport_error(&self, request: &Request, error: &reqwest::Error) -> ApiError {
        let url = &self.connection.base_url;
        let host = url.host_str().unwrap_or("the platform");
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let (kind, message) = match (error.is_connect(), error.is_timeout()) {
            (true, true) => (ErrorKind::Unconnected, format!("{host} cannot be reached within {CONNECT_TIMEOUT:?}")),
            (true, false) => (ErrorKind::Unconnected, format!("{host} cannot be reached: {}", root_cause(error))),
            (false, true) => {
                (ErrorKind::TimedOut, format!("{host} gave no answer within {:?}", self.connection.timeout))
            }
            (false, false) => {
                (ErrorKind::Unreachable, format!("the connection to {host} broke: {}", root_cause(error)))
            }
        };
        self.error(kind, request, message)
    }

    /// The error of a token that was refused when there is no other, for the given reason.
    pub(super) fn refused_for_good(&self, request: &Request, why: &CredentialError) -> ApiError {
        let origin = self.connection.credentials.origin();
        let message =
            format!("the platform does not accept the token from {origin}: 401; and there is no other: {why}");
        self.error(ErrorKind::Unauthorised, request, message)
    }

    pub(super) fn status_error(&self, request: &Request, answer: &Answer) -> ApiError {
        let kind = match answer.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorised,
            StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::TooMany,
            StatusCode::REQUEST_TIMEOUT => ErrorKind::Busy,
            status if status.is_server_error() => ErrorKind::Busy,
            _ => ErrorKind::Refused,
        };
        let (said, fields) = said(&answer.body);
        let origin = self.connection.credentials.origin();
        let message = match kind {
            ErrorKind::Unauthorised => format!("the platform does not accept the token from {origin}: 401{said}"),
            ErrorKind::Forbidden => format!("the token from {origin} may not do this: 403{said}"),
            _ => format!("the platform answered {}{said}", answer.status.as_u16()),
        };
        let redact = |text: String| self.connection.credentials.redact(&text);
        let clean = |refused: Refused| Refused { field: redact(refused.field), message: redact(refused.message) };
        let fields = fields.into_iter().map(clean).collect();
        ApiError { retry_after: answer.retry_after, fields, ..self.error(kind, request, message) }
    }

    pub(super) fn error(&self, kind: ErrorKind, request: &Request, message: impl Into<String>) -> ApiError {
        // A server that repeats the token in its error must not make us print it.
        let message = self.connection.credentials.redact(&message.into());
        ApiError::new(kind, request.describe(), message)
    }
}

//! Counts what is asked of the platform: of which endpoint, how, and what came of it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::error::ErrorKind;
use super::request::Request;

/// The counters of a client. Clones count together, so whoever shows them holds one.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// Requests that were sent, with every repetition.
    pub requests: Family<Sent, Counter>,
    /// Repetitions alone.
    pub retries: Family<Endpoint, Counter>,
}

/// A request that was sent, without any id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Sent {
    /// The path, with a word in braces in the place of each id.
    pub endpoint: String,
    /// `GET`, `PUT`, …
    pub method: String,
    /// The status of the answer; `unreachable`, `timeout` or `broken` where none came.
    pub status: String,
}

/// What requests were sent to, without any id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Endpoint {
    /// The path, with a word in braces in the place of each id.
    pub endpoint: String,
    /// `GET`, `PUT`, …
    pub method: String,
}

impl Meter {
    /// A request was answered.
    pub(super) fn answered(&self, request: &Request, status: u16) {
        self.count(request, status.to_string());
    }

    /// A request was not answered, or not to the end. One that was never sent does not count.
    pub(super) fn unanswered(&self, request: &Request, why: ErrorKind) {
        let status = match why {
            ErrorKind::Unconnected => "unreachable",
            ErrorKind::TimedOut => "timeout",
            ErrorKind::Unreachable | ErrorKind::Malformed => "broken",
            _ => return,
        };
        self.count(request, status.to_owned());
    }

    /// A request is about to be sent again.
    pub(super) fn repeated(&self, request: &Request) {
        let endpoint = Endpoint { endpoint: request.route(), method: request.method.to_string() };
        self.retries.get_or_create(&endpoint).inc();
    }

    fn count(&self, request: &Request, status: String) {
        let sent = Sent { endpoint: request.route(), method: request.method.to_string(), status };
        self.requests.get_or_create(&sent).inc();
    }
}

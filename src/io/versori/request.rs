//! A request as a value: what to send, without how.

use reqwest::Method;
use serde_json::Value;

/// The size of page to ask for. The platform's default is 20.
const PAGE_SIZE: &str = "100";

/// One request to the platform, below the organisation. Its body may hold secrets, so it has no text form
/// but [`Request::describe`].
#[derive(Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The API that it goes to: the path before `/o/{organisation}`.
    pub(super) api: &'static [&'static str],
    /// The segments of the path behind the organisation, not yet encoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    repeatable: bool,
}

impl Request {
    pub(super) fn new<const N: usize>(method: Method, api: &'static [&'static str], path: [&str; N]) -> Self {
        let repeatable = method != Method::POST;
        Self { method, api, path: path.map(str::to_owned).into(), query: Vec::new(), body: None, repeatable }
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Says that sending it twice does more than sending it once.
    pub(super) fn once_only(mut self, once: bool) -> Self {
        self.repeatable &= !once;
        self
    }

    /// Whether it may be sent again where it is not known whether it has arrived.
    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Asks for the page that `after` points at, or for the first one.
    pub(super) fn page(mut self, after: Option<&str>) -> Self {
        self.query.push(("first", PAGE_SIZE.to_owned()));
        self.query.extend(after.map(|after| ("after", after.to_owned())));
        self
    }

    /// Where it goes, without any id: `/v2/o/{organisation}/projects/{project}`. Behind the organisation, what
    /// there is and the id of one of it take turns.
    pub(super) fn route(&self) -> String {
        let mut route = format!("/{}/o/{{organisation}}", self.api.join("/"));
        for pair in self.path.chunks(2) {
            let collection = &pair[0];
            route.extend(["/", collection]);
            if pair.len() > 1 {
                route.extend(["/{", collection.trim_end_matches('s'), "}"]);
            }
        }
        route
    }

    /// The request as errors name it: never with its query, its body or the host.
    pub(super) fn describe(&self) -> String {
        format!("{} /{}/o/…/{}", self.method, self.api.join("/"), self.path.join("/"))
    }
}

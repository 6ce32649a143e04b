//! Where requests go.

use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use url::Url;

use super::error::ErrorKind;
use super::request::Request;
use crate::model::address::check_segment;

/// Makes the URLs of requests.
#[derive(Debug)]
pub(super) struct Urls {
    base: Url,
    organisation: String,
    /// Where the last POST went: most creates of a pass go to one place.
    last: Mutex<Option<Place>>,
}

#[derive(Debug)]
struct Place {
    api: &'static [&'static str],
    path: Vec<String>,
    url: Url,
}

impl Place {
    fn is_of(&self, request: &Request) -> bool {
        self.api == request.api && self.path == request.path && request.query.is_empty()
    }
}

impl Urls {
    /// Those of an organisation.
    pub(super) fn below(base: Url, organisation: String) -> Self {
        Self { base, organisation, last: Mutex::default() }
    }

    /// The URL of a request; or why it is not sent.
    pub(super) fn of(&self, request: &Request) -> Result<Url, (ErrorKind, String)> {
        if request.method != Method::POST {
            return self.make(request);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = last.as_ref().filter(|place| place.is_of(request)) {
            return Ok(place.url.clone());
        }
        let url = self.make(request)?;
        *last = Some(Place { api: request.api, path: request.path.clone(), url: url.clone() });
        Ok(url)
    }

    fn make(&self, request: &Request) -> Result<Url, (ErrorKind, String)> {
        let mut url = self.base.clone();
        let segments = request.api.iter().copied().chain(["o", &self.organisation]);
        let all: Vec<&str> = segments.chain(request.path.iter().map(String::as_str)).collect();
        if let Some((bad, why)) = all.iter().find_map(|segment| Some((segment, check_segment(segment).err()?))) {
            return Err((ErrorKind::Refused, format!("not sent: the id {bad:?} {why}")));
        }
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(all);
            }
            Err(()) => return Err((ErrorKind::Setup, "api.base_url cannot have a path".to_owned())),
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }
}

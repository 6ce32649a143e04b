//! `[api]`.

use std::time::Duration;

use url::Url;

use super::{duration, number};
use crate::io::versori::client::is_loopback;
use crate::io::versori::{Credential, TokenScheme};
use crate::model::address::is_ulid;
use crate::model::document::{Found, Section};
use crate::model::source::Problem;

/// The production platform.
pub const DEFAULT_BASE_URL: &str = "https://platform.versori.com/api";

/// `[api]`: where the platform is and how to talk to it.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where the two APIs are.
    pub base_url: Url,
    /// The organisation's ULID.
    pub organisation: Option<String>,
    /// Who is asking: `token` with `token_scheme`.
    pub credential: Option<Credential>,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How many requests may be begun in a second; 0 for no limit.
    pub requests_per_second: u32,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Api {
    pub(super) fn read(section: Option<&Section<'_>>) -> Self {
        let default = || Url::parse(DEFAULT_BASE_URL).ok();
        let api = Self {
            base_url: section
                .and_then(|section| base_url(section, &section.text("base_url")?))
                .or_else(default)
                .unwrap_or_else(|| unreachable!("the default is a URL")),
            organisation: section.and_then(organisation),
            credential: section.and_then(credential),
            concurrency: section.and_then(|section| number(section, "concurrency", 1, 1024)).unwrap_or(16) as usize,
            requests_per_second: section
                .and_then(|section| number(section, "requests_per_second", 0, 100_000))
                .unwrap_or(0),
            timeout: section.and_then(|section| duration(section, "timeout")).unwrap_or(Duration::from_secs(30)),
        };
        if let Some((section, place)) = section.and_then(|section| Some((section, section.place_of("signing_key")?))) {
            let problem = Problem::at(place, "tokens cannot be made from a signing key by this version");
            section.report(problem.help("give a token with api.token"));
        }
        section.map(Section::finish);
        api
    }
}

fn base_url(section: &Section<'_>, found: &Found<String>) -> Option<Url> {
    let refuse = |message: String, help: &str| {
        section.report(Problem::at(found.place.clone(), message).help(help));
        None
    };
    let url = match Url::parse(&found.value) {
        Ok(url) if url.has_host() => url,
        _ => return refuse("`api.base_url` is not a URL".to_owned(), "for example https://platform.versori.com/api"),
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return refuse(
            "`api.base_url` takes no user, password, query or fragment".to_owned(),
            "the token belongs into api.token, as a reference",
        );
    }
    match url.scheme() {
        "https" => Some(url),
        "http" if is_loopback(&url) => Some(url),
        "http" => {
            refuse("the token would cross the network unencrypted".to_owned(), "use https; http only to this machine")
        }
        other => refuse(format!("`api.base_url` cannot use {other}"), "use https"),
    }
}

fn credential(section: &Section<'_>) -> Option<Credential> {
    let token = section.secret("token").map(|found| found.value);
    let scheme = match section.choice("token_scheme", &["bearer", "jwt"]) {
        Some(Found { value: "jwt", .. }) => TokenScheme::Jwt,
        _ => TokenScheme::Bearer,
    };
    token.map(|reference| Credential::Token { reference, scheme })
}

fn organisation(section: &Section<'_>) -> Option<String> {
    let found = section.text("organisation")?;
    if is_ulid(&found.value) {
        return Some(found.value);
    }
    let problem = Problem::at(found.place, format!("organisation {:?} is not a ULID", found.value));
    section.report(problem.help("it is the organisation's id: 26 characters, as in the platform's address bar"));
    None
}

//! `[api]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::{duration, number};
use crate::io::versori::{Credential, SigningKey, TokenScheme};
use crate::model::address::{is_loopback, is_ulid, ulid_flaw};
use crate::model::document::{Found, Section};
use crate::model::source::{Place, Problem};

/// The production platform.
pub const DEFAULT_BASE_URL: &str = "https://platform.versori.com/api";

/// `[api]`: where the platform is and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where the two APIs are.
    pub base_url: Url,
    /// The organisation's ULID.
    pub organisation: Option<String>,
    /// Who is asking: `token` with `token_scheme`, or `signing_key`.
    pub credential: Option<Credential>,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How many requests may be begun in a second; 0 for no limit.
    pub requests_per_second: u32,
    /// How long one request may take.
    pub timeout: Duration,
    /// A PEM file with authorities that are trusted beside those of the system.
    pub ca_certificate: Option<PathBuf>,
}

impl Api {
    pub(super) fn read(section: Option<&Section<'_>>, base: &Path) -> Self {
        let default = || Url::parse(DEFAULT_BASE_URL).ok();
        let api = Self {
            base_url: section
                .and_then(|section| base_url(section, &section.text("base_url")?))
                .or_else(default)
                .unwrap_or_else(|| unreachable!("the default is a URL")),
            organisation: section.and_then(organisation),
            credential: section.and_then(credential),
            concurrency: section.map_or(16, |section| number(section, "concurrency", 1..=1024, 16_u32)) as usize,
            requests_per_second: section.map_or(0, |section| number(section, "requests_per_second", 0..=100_000, 0)),
            timeout: section.and_then(|section| duration(section, "timeout")).unwrap_or(Duration::from_secs(30)),
            ca_certificate: section
                .and_then(|section| section.text("ca_certificate"))
                .map(|found| base.join(found.value)),
        };
        section.map(Section::finish);
        api
    }
}

fn base_url(section: &Section<'_>, found: &Found<String>) -> Option<Url> {
    let refuse = |message: String, help: &str| {
        section.report(Problem::at(found.place.clone(), message).help(help));
        None
    };
    if found.value.contains('@') {
        // What is no URL may still hold a password.
        section.conceal("base_url");
    }
    // An empty segment would be one of every path.
    let url = match Url::parse(found.value.trim_end_matches('/')) {
        Ok(url) if url.has_host() => url,
        _ => return refuse("`api.base_url` is not a URL".to_owned(), "for example https://platform.versori.com/api"),
    };
    if url.query().is_some() {
        // Whoever writes one writes secrets.
        section.conceal("base_url");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return refuse(
            "`api.base_url` takes no user, password, query or fragment".to_owned(),
            "the token belongs in api.token, as a reference",
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

/// The one of the two ways to say who is asking that is given.
fn credential(section: &Section<'_>) -> Option<Credential> {
    let token = section.secret("token").map(|found| found.value);
    let scheme = match section.choice("token_scheme", &["bearer", "jwt"]) {
        Some(Found { value: "jwt", .. }) => TokenScheme::Jwt,
        _ => TokenScheme::Bearer,
    };
    let token = token.map(|reference| Credential::Token { reference, scheme });
    let Some(found) = signing_key(section) else { return token };
    if token.is_some() {
        let problem = Problem::at(found.place, "`api.signing_key` and `api.token` are both given");
        section.report(problem.help("keep one of them: tokens are made with the key, or one is given"));
        return token;
    }
    found.value.map(Credential::SigningKey)
}

/// What a signing key needs.
const KEYS: [&str; 3] = ["id", "subject", "key"];

/// The table `signing_key` with its place, if it is there; without a value where something is wrong with it.
fn signing_key(api: &Section<'_>) -> Option<Found<Option<SigningKey>>> {
    let section = api.section("signing_key")?;
    let (id, subject, key) = (section.text("id"), section.text("subject"), section.secret("key"));
    let places = [place_of(id.as_ref()), place_of(subject.as_ref()), place_of(key.as_ref())];
    // A table that variables alone make up stands nowhere in the file.
    let place = api.place_of("signing_key").or_else(|| places.into_iter().flatten().next());
    let place = place.unwrap_or_else(|| section.place());
    if section.finish() {
        KEYS.into_iter().filter(|key| !is_given(&section, key)).for_each(|key| {
            let problem = Problem::at(place.clone(), format!("{} is missing", section.path_of(key)));
            section.report(problem.help("write { id = \"01J…\", subject = \"…\", key = { file = \"PATH\" } }"));
        });
    }
    let id = id.and_then(|id| ulid(&section, "signing key", id, "it is the key's id on the platform: 26 characters"));
    let subject = subject.and_then(|subject| not_empty(&section, subject));
    let value = match (id, subject, key) {
        (Some(id), Some(subject), Some(key)) => Some(SigningKey { id, subject, key: key.value }),
        _ => None,
    };
    Some(Found { value, place })
}

fn organisation(section: &Section<'_>) -> Option<String> {
    let found = section.text("organisation")?;
    ulid(section, "organisation", found, "it is the organisation's id: 26 characters, as in the platform's address bar")
}

fn ulid(section: &Section<'_>, what: &str, found: Found<String>, help: &str) -> Option<String> {
    if is_ulid(&found.value) {
        return Some(found.value);
    }
    let problem =
        Problem::at(found.place, format!("{what} {:?} is not a ULID: {}", found.value, ulid_flaw(&found.value)));
    section.report(problem.help(help));
    None
}

fn not_empty(section: &Section<'_>, found: Found<String>) -> Option<String> {
    if !found.value.trim().is_empty() {
        return Some(found.value);
    }
    section.report(Problem::at(found.place, "the subject is empty").help("tokens are made in its name"));
    None
}

/// Whether a key is there, whatever its value; also where variables alone make it up.
fn is_given(section: &Section<'_>, key: &'static str) -> bool {
    section.has(key) || section.section(key).is_some()
}

fn place_of<T>(found: Option<&Found<T>>) -> Option<Place> {
    found.map(|found| found.place.clone())
}

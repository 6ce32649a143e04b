//! Settings are within their bounds or refused, whatever the file and the variables hold; reasons can be
//! printed, and hold no secret. Lines `VERSYNC_…=…` that the input begins with are the variables.

#![no_main]

use std::path::{Path, PathBuf};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use versync::model::address::{is_loopback, is_ulid};
use versync::model::source::SourceFile;
use versync::settings::Settings;
use versync_fuzz::{SECRET, assert_hidden, literal_secrets, rendered};

fuzz_target!(|text: &str| {
    let (variables, toml) = take_apart(text);
    let secrets = literal_secrets(toml) + variables.iter().map(secrets_in_variable).sum::<usize>();
    match Settings::parse(&SourceFile::new("versync.toml", toml), &variables, PathBuf::from("base")) {
        Ok(settings) => {
            check(&settings);
            assert_hidden(text, secrets, &format!("{settings:?}"));
        }
        Err(error) => {
            assert!(!error.problems.is_empty(), "refused for no reason");
            assert_hidden(text, secrets, &rendered(&error.problems));
        }
    }
});

fn take_apart(text: &str) -> (Vec<(String, String)>, &str) {
    let (mut variables, mut rest) = (Vec::new(), text);
    while let Some((line, after)) = rest.split_once('\n')
        && line.starts_with("VERSYNC_")
        && let Some((name, value)) = line.split_once('=')
    {
        variables.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    (variables, rest)
}

fn secrets_in_variable((name, value): &(String, String)) -> usize {
    let is_literal = ["VERSYNC_API__TOKEN", "VERSYNC_API__SIGNING_KEY"].contains(&name.as_str());
    if is_literal && !value.trim().starts_with('{') { value.matches(SECRET).count() } else { 0 }
}

fn check(settings: &Settings) {
    let year = Duration::from_secs(365 * 24 * 3600);
    let (api, sync) = (&settings.api, &settings.sync);
    assert!(api.base_url.scheme() == "https" || is_loopback(&api.base_url), "the token would be sent unencrypted");
    assert!(api.base_url.username().is_empty() && api.base_url.password().is_none() && api.base_url.query().is_none());
    assert!(api.organisation.as_deref().is_none_or(is_ulid));
    assert!((1..=1024).contains(&api.concurrency));
    assert!(api.timeout > Duration::ZERO && api.timeout <= year);
    assert!(sync.interval.is_none_or(|interval| interval > Duration::ZERO && interval <= year));
    assert!(sync.debounce <= year && sync.delete_grace <= year);
    assert!(sync.delete_limit.percent <= 100);
    assert!(settings.log.keep >= 1);
    for path in [&settings.manifests, &settings.state] {
        assert!(path.is_absolute() || (path.starts_with("base") && path != Path::new("base")), "{path:?}");
    }
}

//! `versync.toml` and the environment → [`Settings`].

mod api;
mod json_schema;
mod log;
mod notify;

use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::document::{Found, Overlay, Reader, Section};
use crate::model::guard::DeleteLimit;
use crate::model::manifest::OnDrift;
use crate::model::planner::Adopt;
use crate::model::source::{Problem, SourceFile, sort_problems};

pub use api::{Api, DEFAULT_BASE_URL};
pub use json_schema::json_schema;
pub use log::{Log, LogFormat};
pub use notify::Notify;

/// How often everything is compared with the live API where the settings do not say.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

/// A longer duration is a mistake, and could not be added to a time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

const DURATION_HELP: &str = "write it as 250ms, 30s, 5m or 1h";

const REMOTE_HELP: &str = "listen on 127.0.0.1 or [::1], behind a proxy that asks who comes; or set \
                           `http.allow_remote = true`: everybody there sees the status page";

/// Every variable that sets something begins with this; a path of keys follows, joined by `__`.
const VARIABLE_PREFIX: &str = "VERSYNC_";

/// The variable that names the settings file; it is no setting itself.
const CONFIG_VARIABLE: &str = "VERSYNC_CONFIG";

/// All settings, checked and with defaults filled in. Paths are absolute or relative to the working
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder that relative paths in secret references start from.
    pub base: PathBuf,
    /// The watched folder.
    pub manifests: PathBuf,
    /// Where the recorded state is kept.
    pub state: PathBuf,
    /// `[api]`
    pub api: Api,
    /// `[sync]`
    pub sync: Sync,
    /// `[log]`
    pub log: Log,
    /// `[http]`
    pub http: Http,
    /// `[[notify]]`
    pub notify: Vec<Notify>,
}

/// `[sync]`: what to do about differences, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Whether the daemon writes at all.
    pub mode: Mode,
    /// How often everything is compared with the live API, if it is set; else [`DEFAULT_INTERVAL`].
    pub interval: Option<Duration>,
    /// How long the folder must be quiet before a pass.
    pub debounce: Duration,
    /// What to do about drift.
    pub on_drift: OnDrift,
    /// What to do about objects that versync did not make.
    pub adopt: Adopt,
    /// Whether what is no longer declared is deleted.
    pub prune: bool,
    /// How many deletes one pass may do.
    pub delete_limit: DeleteLimit,
    /// How long a resource has to be gone from the files before the daemon deletes it.
    pub delete_grace: Duration,
}

/// `sync.mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Differences are put right.
    #[default]
    Enforce,
    /// Differences are only reported.
    Observe,
}

/// `[http]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Http {
    /// Where the daemon's own server listens. Not a loopback address only where `allow_remote` is set.
    pub listen: Option<SocketAddr>,
}

/// The settings cannot be used; every reason at once.
#[derive(Debug)]
pub struct SettingsError {
    /// The reasons.
    pub problems: Vec<Problem>,
}

impl Settings {
    /// Reads the settings file (the given one; else the one that `$VERSYNC_CONFIG` names; else
    /// `./versync.toml`; else `/etc/versync/versync.toml`; else none) and lays the environment over it.
    ///
    /// # Errors
    ///
    /// Every problem of the file and of the variables. A file that was named must exist.
    pub fn load(
        named: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut read = Vec::new();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => read.push((name, value)),
                Err(_) if is_setting(&name) => {
                    let problem = Problem::general(format!("the variable {name} is not UTF-8 text"));
                    return Err(SettingsError { problems: vec![problem] });
                }
                Err(_) => {}
            }
        }
        let variables = read;
        let from_variable = || {
            let found = variables.iter().find(|(name, _)| name == CONFIG_VARIABLE);
            found.map(|(_, value)| PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty())
        };
        let path = match named.map(Path::to_owned).or_else(from_variable) {
            Some(path) => Some(path),
            None => {
                ["versync.toml", "/etc/versync/versync.toml"].map(PathBuf::from).into_iter().find(|path| path.exists())
            }
        };
        let file = match &path {
            Some(path) => match std::fs::read_to_string(path) {
                Ok(text) => SourceFile::new(path.to_string_lossy(), text),
                Err(error) => {
                    let problem = Problem::in_file(path.to_string_lossy(), format!("cannot be read: {error}"));
                    return Err(SettingsError { problems: vec![problem.help("name another one with --config FILE")] });
                }
            },
            None => SourceFile::new("versync.toml", ""),
        };
        let base = path.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
        Self::parse(&file, &variables, base)
    }

    /// Makes settings of the text of a settings file, with the variables laid over it. Relative paths start from
    /// `base`.
    ///
    /// # Errors
    ///
    /// Every problem of the text and of the variables.
    pub fn parse(file: &Arc<SourceFile>, variables: &[(String, String)], base: PathBuf) -> Result<Self, SettingsError> {
        // systemd gives one path for each StateDirectory=, with a colon between them.
        let state_directory = variables.iter().find(|(name, _)| name == "STATE_DIRECTORY");
        let state_directory = state_directory.and_then(|(_, value)| value.split(':').next());
        let state_directory = state_directory.filter(|path| !path.is_empty()).map(PathBuf::from);
        let (settings, mut problems) = Reader::read_below(file, Some(&overlay(variables)), |top| {
            let manifests = path(top, "manifests").unwrap_or_else(|| "manifests".to_owned());
            let state = path(top, "state").map(|path| base.join(path));
            let settings = Self {
                manifests: base.join(manifests),
                state: state.or(state_directory).unwrap_or_else(|| base.join(".versync")),
                api: Api::read(top.section("api").as_ref(), &base),
                sync: Sync::read(top.section("sync").as_ref()),
                log: Log::read(top.section("log").as_ref(), &base),
                http: Http::read(top.section("http").as_ref()),
                notify: Notify::read_all(top),
                base,
            };
            top.finish();
            settings
        });
        problems.extend(misspelt(variables));
        sort_problems(&mut problems);
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(SettingsError { problems }),
        }
    }
}

impl Sync {
    fn read(section: Option<&Section<'_>>) -> Self {
        let choice = |key, choices: &[&'static str]| {
            section.and_then(|section| section.choice(key, choices)).map(|found| found.value)
        };
        let sync = Self {
            mode: if choice("mode", &["enforce", "observe"]) == Some("observe") {
                Mode::Observe
            } else {
                Mode::Enforce
            },
            interval: section.and_then(|section| duration(section, "interval")),
            debounce: section.and_then(|section| pause(section, "debounce")).unwrap_or(Duration::from_millis(250)),
            on_drift: choice("on_drift", &OnDrift::CHOICES).map_or_else(OnDrift::default, OnDrift::from_choice),
            adopt: match choice("adopt", &["matching", "always", "never"]) {
                Some("always") => Adopt::Always,
                Some("never") => Adopt::Never,
                _ => Adopt::Matching,
            },
            prune: section.and_then(|section| section.flag("prune")).is_some_and(|found| found.value),
            delete_limit: section.and_then(|section| section.section("delete_limit")).map_or_else(
                DeleteLimit::default,
                |limit| {
                    let DeleteLimit { count, percent } = DeleteLimit::default();
                    let read = DeleteLimit {
                        count: number(&limit, "count", 0..=u32::MAX, count),
                        percent: number(&limit, "percent", 0..=100, percent),
                    };
                    limit.finish();
                    read
                },
            ),
            delete_grace: section.and_then(|section| pause(section, "delete_grace")).unwrap_or(Duration::from_secs(30)),
        };
        section.map(Section::finish);
        sync
    }
}

impl Http {
    fn read(section: Option<&Section<'_>>) -> Self {
        let Some(section) = section else { return Self::default() };
        let allow_remote = section.flag("allow_remote").is_some_and(|found| found.value);
        let is_for_all = |address: SocketAddr| !address.ip().is_loopback();
        let listen = section.text("listen").and_then(|found| match found.value.parse() {
            Ok(address) if is_for_all(address) && !allow_remote => {
                let problem = Problem::at(found.place, format!("{address} can be reached from other machines"));
                section.report(problem.help(REMOTE_HELP));
                None
            }
            Ok(address) => Some(address),
            Err(_) => {
                let problem = Problem::at(found.place, format!("{:?} is not an address with a port", found.value));
                section.report(problem.help("for example 127.0.0.1:9464"));
                None
            }
        });
        section.finish();
        Self { listen }
    }
}

/// A duration such as `250ms`, `30s`, `5m` or `1h`; more than nothing.
fn duration(section: &Section<'_>, key: &'static str) -> Option<Duration> {
    let found = pause_at(section, key)?;
    if found.value.is_zero() {
        let problem = Problem::at(found.place, format!("{} has to be more than nothing", section.path_of(key)));
        section.report(problem.help(DURATION_HELP));
        return None;
    }
    Some(found.value)
}

/// A duration that may be nothing: a time to wait.
fn pause(section: &Section<'_>, key: &'static str) -> Option<Duration> {
    pause_at(section, key).map(|found| found.value)
}

fn pause_at(section: &Section<'_>, key: &'static str) -> Option<Found<Duration>> {
    let found = section.text(key)?;
    let parsed =
        found.value.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    let why = match parsed {
        Some(duration) if duration <= LONGEST => return Some(found.map(|_| duration)),
        Some(_) => "longer than a year",
        None => "not a duration",
    };
    section.report(Problem::at(found.place, format!("{:?} is {why}", found.value)).help(DURATION_HELP));
    None
}

/// A number within bounds, or the default.
fn number<T: From<u32> + Display>(
    section: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<u32>,
    default: T,
) -> T {
    let Some(found) = section.integer(key) else { return default };
    match u32::try_from(found.value) {
        Ok(number) if range.contains(&number) => number.into(),
        _ => {
            let (least, most) = range.into_inner();
            let message = format!("{} takes a number from {least} to {most}", section.path_of(key));
            let help = format!("write a number, for example {key} = {default}");
            section.report(Problem::at(found.place, message).help(help));
            default
        }
    }
}

/// A path, which cannot be empty: that would be the folder of the settings file itself.
fn path(section: &Section<'_>, key: &'static str) -> Option<String> {
    let found = section.text(key)?;
    if found.value.is_empty() {
        let problem = Problem::at(found.place, format!("{} is empty", section.path_of(key)));
        section.report(problem.help(format!("write the path of a folder, or leave {key} out")));
        return None;
    }
    Some(found.value)
}

/// Whether a variable sets something. Variables such as `VERSYNC_TOKEN` are the user's own, for secret
/// references to point at.
fn is_setting(name: &str) -> bool {
    let own = ["MANIFESTS", "STATE", "API", "SYNC", "LOG", "HTTP", "NOTIFY"];
    name.strip_prefix(VARIABLE_PREFIX).is_some_and(|path| path.contains("__") || own.contains(&path))
}

/// Variables that would set something if their names were written right: who means to set `sync.mode` must not find
/// out by what is done.
fn misspelt(variables: &[(String, String)]) -> impl Iterator<Item = Problem> {
    let meant = |(name, _): &(String, String)| {
        let path = name.strip_prefix(VARIABLE_PREFIX).filter(|_| !is_setting(name) && name != CONFIG_VARIABLE)?;
        let in_section = path.split_once('_').filter(|(section, _)| ["API", "SYNC", "LOG", "HTTP"].contains(section));
        let meant = match in_section {
            Some((section, key)) => format!("{VARIABLE_PREFIX}{section}__{key}"),
            None => {
                // No more than a letter or two beside it: a `VERSYNC_STAGE` may be somebody's own.
                let near = |name: &&str| {
                    path.starts_with(*name) || !similar::get_close_matches(path, &[*name], 1, 0.85).is_empty()
                };
                format!("{VARIABLE_PREFIX}{}", ["CONFIG", "MANIFESTS", "STATE"].into_iter().find(near)?)
            }
        };
        let problem = Problem::general(format!("the variable {name} sets nothing"));
        Some(problem.help(format!("did you mean {meant}?")))
    };
    variables.iter().filter_map(meant)
}

/// `VERSYNC_API__BASE_URL` → `api.base_url`.
fn overlay(variables: &[(String, String)]) -> Overlay {
    let mut overlay = Overlay::default();
    for (name, value) in variables.iter().filter(|(name, _)| is_setting(name)) {
        let path: Vec<String> = name[VARIABLE_PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        overlay.set(&path, &format!("${name}"), value);
    }
    overlay
}

//! `[log]`.

use std::path::{Path, PathBuf};

use super::{number, path};
use crate::model::document::Section;

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe messages that are written.
    pub level: tracing::Level,
    /// How messages look.
    pub format: LogFormat,
    /// Where rotated files go.
    pub directory: Option<PathBuf>,
    /// How many of them are kept, today's among them.
    pub keep: usize,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// To the journal where stderr leads there, text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// To the journal, each message with its fields.
    Journald,
}

impl Log {
    pub(super) fn read(section: Option<&Section<'_>>, base: &Path) -> Self {
        let choice = |key, choices: &[&'static str]| {
            section.and_then(|section| section.choice(key, choices)).map(|found| found.value)
        };
        let log = Self {
            level: match choice("level", &["error", "warn", "info", "debug", "trace"]) {
                Some("error") => tracing::Level::ERROR,
                Some("warn") => tracing::Level::WARN,
                Some("debug") => tracing::Level::DEBUG,
                Some("trace") => tracing::Level::TRACE,
                _ => tracing::Level::INFO,
            },
            format: match choice("format", &["auto", "text", "json", "journald"]) {
                Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some("journald") => LogFormat::Journald,
                _ => LogFormat::Auto,
            },
            directory: section.and_then(|section| path(section, "directory")).map(|path| base.join(path)),
            keep: section.map_or(14, |section| number(section, "keep", 1..=10_000, 14_u32)) as usize,
        };
        section.map(Section::finish);
        log
    }
}

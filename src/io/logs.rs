//! Where log messages go: stderr for the user, and rotated files for the record.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::report::voice::DRIFT;
use crate::settings::{Log, LogFormat};

/// The logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory cannot be used.
    #[error("log files cannot be written to {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The appender refuses.
    #[error("log files cannot be written to {}: {source}", .path.display())]
    Appender {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: InitError,
    },
}

/// Keeps the log files' writers alive; what they still hold is written when it is dropped.
#[derive(Debug, Default)]
pub struct LogGuard {
    #[allow(dead_code, reason = "held for what dropping it does")]
    workers: Vec<WorkerGuard>,
}

/// Starts to log, with colours on stderr if `color`. Messages of other crates are kept out below
/// `warn`: they are about transport.
///
/// # Errors
///
/// Where the log directory cannot be used.
pub fn start(log: &Log, level: Level, color: bool) -> Result<LogGuard, LogError> {
    let mut guard = LogGuard::default();
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![stderr(log.format, level, color)];
    if let Some(directory) = &log.directory {
        std::fs::create_dir_all(directory).map_err(|source| LogError::Directory { path: directory.clone(), source })?;
        let (daily, worker) = lossless(appender(directory, Rotation::DAILY, "versync", "jsonl", Some(log.keep))?);
        guard.workers.push(worker);
        layers.push(json(daily).with_filter(ours(level)).boxed());
        // The audit trail of drift is one file that is never rotated away.
        let (drift, worker) = lossless(appender(directory, Rotation::NEVER, "drift", "jsonl", None)?);
        guard.workers.push(worker);
        layers.push(json(drift).with_filter(filter_fn(|metadata| metadata.target() == DRIFT)).boxed());
    }
    // A second start, as in tests within one process, keeps the first one's layers.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(guard)
}

/// Whether messages for people are wanted on stderr, by the setting and by what stderr is.
pub fn is_text(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text | LogFormat::Journald => true,
        LogFormat::Json => false,
    }
}

fn stderr(format: LogFormat, level: Level, color: bool) -> Box<dyn Layer<Registry> + Send + Sync> {
    if !is_text(format) {
        return json(io::stderr).with_filter(ours(level)).boxed();
    }
    let text = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(color).with_target(false);
    // The journal has its own clock.
    if format == LogFormat::Journald {
        return text.without_time().with_filter(ours(level)).boxed();
    }
    text.with_filter(ours(level)).boxed()
}

fn json<W>(writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer).boxed()
}

fn ours(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN.min(level.into()))
        .with_target("versync", level)
        .with_target("notify", LevelFilter::ERROR)
}

fn lossless(appender: RollingFileAppender) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(false).finish(appender)
}

fn appender(
    directory: &Path,
    rotation: Rotation,
    prefix: &str,
    suffix: &str,
    keep: Option<usize>,
) -> Result<RollingFileAppender, LogError> {
    let mut builder = RollingFileAppender::builder().rotation(rotation).filename_prefix(prefix).filename_suffix(suffix);
    if let Some(keep) = keep {
        builder = builder.max_log_files(keep);
    }
    builder.build(directory).map_err(|source| LogError::Appender { path: directory.to_owned(), source })
}

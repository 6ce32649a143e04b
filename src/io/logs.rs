//! Where log messages go: stderr or the journal for the operator, and rotated files for the record.
//!
//! Every message of versync's own is complete in its words. The fields beside them say the same once more, for
//! programs to filter by: the journal and JSON carry them, text does not.

mod daily;
mod journal;
mod text;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::rolling::InitError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use super::root_cause;
use crate::settings::{Log, LogFormat};
use daily::{Daily, Folder};
use text::{Stamp, Text};

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

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
    #[error("log files cannot be written to {}: {}", .path.display(), root_cause(.source))]
    Appender {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: InitError,
    },
}

/// The logs of a process that has started to log.
#[derive(Debug)]
pub struct Logs {
    daily: Daily,
    stderr_level: reload::Handle<Targets, Registry>,
    file_level: reload::Handle<Targets, Registry>,
}

/// Log files that are open and wait for [`Logs::change`].
#[derive(Debug)]
pub struct Prepared {
    folder: Option<Folder>,
    level: Level,
}

/// Where messages for the operator go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outlet {
    Text,
    Json,
    Journal,
}

/// Starts to log, with colours on stderr if `color`. Messages of other crates are kept out below
/// `warn`: they are about transport.
///
/// # Errors
///
/// Where the log directory cannot be used.
pub fn start(log: &Log, level: Level, color: bool) -> Result<Logs, LogError> {
    let folder = open(log)?;
    let (stderr_filter, stderr_level) = reload::Layer::new(ours(level));
    let (file_filter, file_level) = reload::Layer::new(of_files(folder.as_ref(), level));
    let (stderr, unreachable) = outlet_layer(outlet(log.format), color);
    let daily = Daily::new(folder);
    let layers = vec![stderr.with_filter(stderr_filter).boxed(), json(daily.clone()).with_filter(file_filter).boxed()];
    // A second start, as in tests within one process, keeps the first one's layers.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    if let Some(error) = unreachable {
        tracing::warn!("the journal cannot be reached, so its messages go to stderr: {error}");
    }
    Ok(Logs { daily, stderr_level, file_level })
}

impl Logs {
    /// Opens what other settings ask for, so that whatever is wrong with them is known before they count.
    ///
    /// # Errors
    ///
    /// Where the log directory cannot be used.
    pub fn prepare(log: &Log, level: Level) -> Result<Prepared, LogError> {
        Ok(Prepared { folder: open(log)?, level })
    }

    /// Logs as the settings ask that were prepared. How messages for the operator look stays as it was.
    pub fn change(&self, Prepared { folder, level }: Prepared) {
        let files = of_files(folder.as_ref(), level);
        self.daily.change(folder);
        // They fail only where this process logs through the layers of an earlier start.
        let _ = self.stderr_level.reload(ours(level)).and_then(|()| self.file_level.reload(files));
    }

    /// Says what has gone wrong with the log files since it was last asked, once for as long as it lasts.
    pub fn say_trouble(&self) {
        match self.daily.take_news() {
            Some(Ok(())) => tracing::info!("log files can be written again"),
            Some(Err(error)) => tracing::error!("log files cannot be written, so messages are missing there: {error}"),
            None => {}
        }
    }
}

/// Whether messages for people are wanted on stderr, by the setting and by what stderr is.
pub fn is_text(format: LogFormat) -> bool {
    outlet(format) == Outlet::Text
}

fn outlet(format: LogFormat) -> Outlet {
    match format {
        LogFormat::Auto if io::stderr().is_terminal() => Outlet::Text,
        LogFormat::Auto if journal::is_stderr() => Outlet::Journal,
        LogFormat::Auto | LogFormat::Json => Outlet::Json,
        LogFormat::Text => Outlet::Text,
        LogFormat::Journald => Outlet::Journal,
    }
}

/// The layer that writes there, and why it is another one where the journal cannot be reached.
fn outlet_layer(outlet: Outlet, color: bool) -> (Boxed, Option<io::Error>) {
    let text = |stamp, color| {
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(color).event_format(Text(stamp)).boxed()
    };
    match outlet {
        Outlet::Text => (text(Stamp::Clock, color), None),
        Outlet::Json => (json(io::stderr), None),
        Outlet::Journal => match journal::layer() {
            Ok(layer) => (layer.boxed(), None),
            // Whoever reads stderr for the journal finds the priority at the beginning of the line.
            Err(error) => (text(Stamp::Priority, false), Some(error)),
        },
    }
}

fn json<W>(writer: W) -> Boxed
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

/// What goes to the files: nothing where there are none.
fn of_files(folder: Option<&Folder>, level: Level) -> Targets {
    folder.map_or_else(Targets::new, |_| ours(level))
}

fn open(log: &Log) -> Result<Option<Folder>, LogError> {
    let open = |directory: &PathBuf| {
        make(directory)?;
        Folder::open(directory, log.keep).map_err(|source| LogError::Appender { path: directory.clone(), source })
    };
    log.directory.as_ref().map(open).transpose()
}

/// Makes the log directory where it is not there.
pub(super) fn make(directory: &Path) -> Result<(), LogError> {
    std::fs::create_dir_all(directory).map_err(|source| LogError::Directory { path: directory.to_owned(), source })
}

/// Gives a file in the log directory to whom the directory belongs to: root, who applies by hand, must not lock the
/// service out. What is not plainly a file that root has just made is left alone.
pub(super) fn hand_over(file: &Path) {
    use rustix::fs::{Mode, OFlags, fchown, fstat, open, stat};
    let Some(Ok(owner)) = file.parent().map(stat) else { return };
    let Ok(opened) = open(file, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK, Mode::empty()) else { return };
    let is_new = fstat(&opened).is_ok_and(|stat| stat.st_uid == 0 && stat.st_nlink == 1);
    if is_new && owner.st_uid != 0 && rustix::process::geteuid().is_root() {
        let (user, group) =
            (rustix::process::Uid::from_raw(owner.st_uid), rustix::process::Gid::from_raw(owner.st_gid));
        // Where it fails, the service says so when it starts.
        let _ = fchown(opened, Some(user), Some(group));
    }
}

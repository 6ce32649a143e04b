//! Watching the manifests folder. An event is only a hint that something may have changed: what has
//! is found out by reading the folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// The folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {}: {source}", .path.display())]
pub struct WatchError {
    path: PathBuf,
    source: notify::Error,
}

impl WatchError {
    /// What the user can do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self.source.kind {
            notify::ErrorKind::MaxFilesWatch => Some("raise fs.inotify.max_user_watches with sysctl"),
            _ => None,
        }
    }
}

/// What tells that something may have changed. A trait, so that a simulation can stand in for the system.
pub trait Hints {
    /// Makes sure that what is there now is what is watched. To be called before the folder is read, so that
    /// nothing happens unseen between.
    ///
    /// # Errors
    ///
    /// Where the system refuses. A folder that is not there is no error: the way to it is watched.
    fn rearm(&mut self) -> Result<(), WatchError>;

    /// Waits until something may have changed.
    fn changed(&mut self) -> impl Future<Output = ()>;
}

/// A watch of one folder.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    /// The folder that the root, which may be a link, led to when it was last armed, with its inode.
    armed: Option<(PathBuf, u64)>,
    /// The folders that are watched for what happens to the way to the root.
    way: BTreeSet<PathBuf>,
    watcher: RecommendedWatcher,
    filter: Arc<Mutex<Filter>>,
    hints: mpsc::Receiver<()>,
}

impl Watch {
    /// Starts to watch `root` and everything below it, and the way to it: a root that is removed and made
    /// again, or that lies behind a link that is swapped, shows its change only there.
    ///
    /// # Errors
    ///
    /// Where the system refuses, for example because its limit of watches is used up.
    pub fn start(root: &Path) -> Result<Self, WatchError> {
        // One hint is as good as many.
        let (sender, hints) = mpsc::channel(1);
        let filter = Arc::new(Mutex::new(Filter::default()));
        let sieve = Arc::clone(&filter);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let lets_through = |event: &Event| lock(&sieve).lets_through(event);
            if event.as_ref().map_or(true, lets_through) {
                let _ = sender.try_send(());
            }
        })
        .map_err(|source| WatchError { path: root.to_owned(), source })?;
        let mut watch = Self { root: root.to_owned(), armed: None, way: BTreeSet::new(), watcher, filter, hints };
        watch.rearm()?;
        Ok(watch)
    }

    fn watch_the_way(&mut self, way: BTreeSet<PathBuf>) -> Result<(), WatchError> {
        for left in self.way.difference(&way) {
            let _ = self.watcher.unwatch(left);
        }
        self.way.retain(|folder| way.contains(folder));
        for folder in way {
            if !self.way.contains(&folder) {
                let watched = self.watcher.watch(&folder, RecursiveMode::NonRecursive);
                watched.map_err(|source| WatchError { path: folder.clone(), source })?;
                self.way.insert(folder);
            }
        }
        Ok(())
    }
}

impl Hints for Watch {
    fn rearm(&mut self) -> Result<(), WatchError> {
        let target = std::fs::canonicalize(&self.root).ok();
        let turns = turns_on_the_way(&self.root);
        let way: BTreeSet<PathBuf> = turns.iter().filter_map(|turn| turn.parent().map(Path::to_owned)).collect();
        *lock(&self.filter) = Filter { target: target.clone(), turns };
        self.watch_the_way(way)?;
        let Some(target) = target else {
            self.armed = None;
            return Ok(());
        };
        let Ok(about) = std::fs::metadata(&target) else { return Ok(()) };
        let now = (target, std::os::unix::fs::MetadataExt::ino(&about));
        if self.armed.as_ref() == Some(&now) {
            return Ok(());
        }
        if let Some((old, _)) = self.armed.take() {
            // Of a folder that is gone, the watch is gone as well.
            let _ = self.watcher.unwatch(&old);
        }
        let armed = self.watcher.watch(&now.0, RecursiveMode::Recursive);
        armed.map_err(|source| WatchError { path: self.root.clone(), source })?;
        self.armed = Some(now);
        Ok(())
    }

    async fn changed(&mut self) {
        if self.hints.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// A filter is whole at any time, so a thread that panicked with it has spoilt nothing.
fn lock(filter: &Mutex<Filter>) -> MutexGuard<'_, Filter> {
    filter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The places where the way to the root can change: the root itself, and every link that leads to it, as
/// the watcher will report them.
fn turns_on_the_way(root: &Path) -> BTreeSet<PathBuf> {
    let Ok(absolute) = std::path::absolute(root) else { return BTreeSet::new() };
    let as_reported = |path: &Path| Some(std::fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    let turns = absolute.ancestors().enumerate().filter(|(up, path)| *up == 0 || path.is_symlink());
    turns.filter_map(|(_, path)| as_reported(path)).collect()
}

/// Which events can mean that a manifest changed.
#[derive(Debug, Default)]
struct Filter {
    /// Where the root leads to.
    target: Option<PathBuf>,
    turns: BTreeSet<PathBuf>,
}

impl Filter {
    fn lets_through(&self, event: &Event) -> bool {
        // An overflow names no paths, so it has to be looked at before them.
        if event.need_rescan() {
            return true;
        }
        // Reading a file is an event as well: without this the daemon would wake itself.
        if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
            return false;
        }
        event.paths.is_empty() || event.paths.iter().any(|path| self.concerns(path))
    }

    fn concerns(&self, path: &Path) -> bool {
        if self.turns.contains(path) {
            return true;
        }
        let hidden = |part: &std::ffi::OsStr| part.as_encoded_bytes().starts_with(b".");
        match self.target.as_ref().map(|target| path.strip_prefix(target)) {
            Some(Ok(below)) => !below.iter().any(hidden),
            // Beside the way, or of a folder that is watched no more.
            Some(Err(_)) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, Flag};

    fn filter() -> Filter {
        Filter {
            target: Some(PathBuf::from("/work/v1/manifests")),
            turns: ["/work/current", "/work/v1/manifests"].map(PathBuf::from).into(),
        }
    }

    fn lets_through(kind: EventKind, path: &str) -> bool {
        filter().lets_through(&Event::new(kind).add_path(PathBuf::from(path)))
    }

    #[test]
    fn an_overflow_without_paths_is_let_through() {
        assert!(filter().lets_through(&Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    }

    #[test]
    fn reading_is_no_change() {
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(!lets_through(open, "/work/v1/manifests/a.toml"));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(lets_through(written, "/work/v1/manifests/a.toml"));
    }

    #[test]
    fn what_lies_beside_the_way_and_what_is_hidden_is_no_change() {
        let create = EventKind::Create(CreateKind::Any);
        assert!(lets_through(create, "/work/current"));
        assert!(lets_through(create, "/work/v1/manifests"));
        assert!(lets_through(create, "/work/v1/manifests/deep/a.toml"));
        assert!(!lets_through(create, "/work/versync.db"));
        assert!(!lets_through(create, "/work/v1/other"));
        assert!(!lets_through(create, "/work/v1/manifests/.a.toml.swp"));
        assert!(!lets_through(create, "/work/v1/manifests/.git/refs/heads/main"));
    }
}

//! Watching the manifests folder. An event is only a hint that something may have changed: what has
//! is found out by reading the folder.

use std::path::{Path, PathBuf};

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

/// A watch of one folder.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    /// The folder that the root, which may be a link, led to when it was last armed, with its inode.
    armed: Option<(PathBuf, u64)>,
    watcher: RecommendedWatcher,
    hints: mpsc::Receiver<()>,
}

impl Watch {
    /// Starts to watch `root` and everything below it. The folder above is watched as well, since a root
    /// that is a link, or that is removed and made again, shows its change only there.
    ///
    /// # Errors
    ///
    /// Where the system refuses, for example because its limit of watches is used up.
    pub fn start(root: &Path) -> Result<Self, WatchError> {
        let failed = |source| WatchError { path: root.to_owned(), source };
        // One hint is as good as many.
        let (sender, hints) = mpsc::channel(1);
        let filter = Filter::new(root);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, |event| filter.lets_through(event)) {
                let _ = sender.try_send(());
            }
        })
        .map_err(failed)?;
        let mut watch = Self { root: root.to_owned(), armed: None, watcher, hints };
        watch.rearm()?;
        if let Some(parent) = parent_of(root) {
            watch.watcher.watch(&parent, RecursiveMode::NonRecursive).map_err(failed)?;
        }
        Ok(watch)
    }

    /// Makes sure that the folder that is there now is the one that is watched. To be called before the
    /// folder is read, so that nothing happens unseen between.
    ///
    /// # Errors
    ///
    /// As [`Self::start`]. A folder that is not there is no error: the one above is watched.
    pub fn rearm(&mut self) -> Result<(), WatchError> {
        let Ok(target) = std::fs::canonicalize(&self.root) else {
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

    /// Waits until something may have changed.
    pub async fn changed(&mut self) {
        if self.hints.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Which events can mean that a manifest changed.
struct Filter {
    root: PathBuf,
    parent: Option<PathBuf>,
}

impl Filter {
    fn new(root: &Path) -> Self {
        let parent = parent_of(root);
        let name = root.file_name().map(PathBuf::from);
        let root = match (&parent, name) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => root.to_owned(),
        };
        Self { root, parent }
    }

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
        let beside = self.parent.as_ref().is_some_and(|parent| path.parent() == Some(parent));
        if beside {
            return path == self.root;
        }
        let hidden = |part: &std::ffi::OsStr| part.as_encoded_bytes().starts_with(b".");
        match path.strip_prefix(&self.root) {
            Ok(below) => !below.iter().any(hidden),
            // Reported by another name than the root's, as below a link: a hidden folder above the root is
            // nobody's business, so only the file counts.
            Err(_) => !path.file_name().is_some_and(hidden),
        }
    }
}

/// The folder above, as the watcher will report it.
fn parent_of(root: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(root).ok()?;
    std::fs::canonicalize(absolute.parent()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, Flag};

    fn filter() -> Filter {
        Filter { root: PathBuf::from("/work/manifests"), parent: Some(PathBuf::from("/work")) }
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
        assert!(!lets_through(open, "/work/manifests/a.toml"));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(lets_through(written, "/work/manifests/a.toml"));
    }

    #[test]
    fn what_lies_beside_the_folder_and_what_is_hidden_is_no_change() {
        let create = EventKind::Create(CreateKind::Any);
        assert!(lets_through(create, "/work/manifests"));
        assert!(lets_through(create, "/work/manifests/deep/a.toml"));
        assert!(!lets_through(create, "/work/versync.db"));
        assert!(!lets_through(create, "/work/manifests/.a.toml.swp"));
        assert!(!lets_through(create, "/work/manifests/.git/refs/heads/main"));
    }
}

//! Watching the manifests folder. An event is only a hint that something may have changed: what has
//! is found out by reading the folder.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::folder::Folder;
use super::snapshot::{AsRead, State};

/// How often the files are looked at whatever the system says: events get lost, and some file systems send none.
const USUAL_LOOK: Duration = Duration::from_secs(60);

/// The same where the system cannot watch them.
const BLIND_LOOK: Duration = Duration::from_secs(2);

/// What tells that something may have changed. A trait, so that a simulation can stand in for the system.
pub trait Hints {
    /// Makes sure that what is there now is what is watched. To be called before the folder is read, so that
    /// nothing happens unseen between. A folder that is not there is no trouble: the way to it is watched.
    fn rearm(&mut self);

    /// Waits until something may have changed.
    fn changed(&mut self) -> impl Future<Output = ()>;
}

/// Makes the system's watcher.
type Make<W> = Box<dyn Fn() -> notify::Result<W>>;

/// A watch of one folder. Where the system cannot watch it, because its limit is used up, for example, it is
/// looked at again and again instead.
pub struct Watch<W = RecommendedWatcher> {
    root: PathBuf,
    /// The folder that the root, which may be a link, led to when it was last armed, with its inode.
    armed: Option<(PathBuf, u64)>,
    /// The folders that are watched for what happens to the way to the root.
    way: BTreeSet<PathBuf>,
    make: Make<W>,
    watcher: Option<W>,
    filter: Arc<Mutex<Filter>>,
    hints: mpsc::Receiver<()>,
    /// Whether the system could not watch it when it was last asked to.
    is_blind: bool,
    /// What the next look is compared with.
    before: Before,
    as_read: AsRead,
    /// When the next look is due.
    next_look: Instant,
    /// How often to look, usually and where the system is blind.
    looks: (Duration, Duration),
}

impl<W> fmt::Debug for Watch<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("root", &self.root).field("is_blind", &self.is_blind).finish_non_exhaustive()
    }
}

impl Watch {
    /// Starts to watch `root` and everything below it, and the way to it: a root that is removed and made
    /// again, or that lies behind a link that is swapped, shows its change only there.
    pub fn start(folder: &Folder) -> Self {
        let mut watch = Self::start_with(folder.root(), (USUAL_LOOK, BLIND_LOOK), notify::recommended_watcher);
        watch.as_read = folder.as_read();
        watch
    }
}

/// What a look at the files is compared with.
enum Before {
    /// The state in which they were read last.
    AsRead,
    /// What an earlier look has shown; nothing where there was no folder.
    Looked(Option<Arc<State>>),
}

/// What the system's watcher calls.
type Handler = Box<dyn Fn(notify::Result<Event>) + Send>;

impl<W: Watcher> Watch<W> {
    fn start_with(
        root: &Path,
        looks: (Duration, Duration),
        make: impl Fn(Handler) -> notify::Result<W> + 'static,
    ) -> Self {
        // One hint is as good as many.
        let (sender, hints) = mpsc::channel(1);
        let filter = Arc::new(Mutex::new(Filter::default()));
        let sieve = Arc::clone(&filter);
        let make = move || {
            let (sieve, sender) = (Arc::clone(&sieve), sender.clone());
            make(Box::new(move |event| {
                let lets_through = |event: &Event| lock(&sieve).lets_through(event);
                if event.as_ref().map_or(true, lets_through) {
                    let _ = sender.try_send(());
                }
            }))
        };
        let mut watch = Self {
            root: root.to_owned(),
            armed: None,
            way: BTreeSet::new(),
            make: Box::new(make),
            watcher: None,
            filter,
            hints,
            is_blind: false,
            before: Before::AsRead,
            as_read: AsRead::default(),
            next_look: Instant::now(),
            looks,
        };
        watch.rearm();
        watch.before = Before::Looked(watch.look());
        watch
    }

    fn look(&self) -> Option<Arc<State>> {
        State::of(&self.root).ok().map(Arc::new)
    }

    fn arm(&mut self) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            None => self.watcher.insert((self.make)()?),
        };
        let target = std::fs::canonicalize(&self.root).ok();
        let turns = turns_on_the_way(&self.root);
        let way: BTreeSet<PathBuf> = turns.iter().filter_map(|turn| turn.parent().map(Path::to_owned)).collect();
        *lock(&self.filter) = Filter { target: target.clone(), turns };
        watch_the_way(watcher, &mut self.way, way)?;
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
            let _ = watcher.unwatch(&old);
        }
        watcher.watch(&now.0, RecursiveMode::Recursive)?;
        self.armed = Some(now);
        Ok(())
    }

    fn look_later(&mut self) {
        self.next_look = Instant::now() + if self.is_blind { self.looks.1 } else { self.looks.0 };
    }
}

impl<W: Watcher> Hints for Watch<W> {
    fn rearm(&mut self) {
        match self.arm() {
            Err(error) if !self.is_blind => {
                let root = self.root.display();
                let (often, help) = (self.looks.1, help(&error));
                tracing::warn!(
                    "cannot watch {root}, so its files are looked at every {often:?} instead: {error}{help}"
                );
                self.is_blind = true;
            }
            Ok(()) if self.is_blind => {
                tracing::info!("{} is watched again", self.root.display());
                self.is_blind = false;
            }
            Ok(()) | Err(_) => {}
        }
        self.before = Before::AsRead;
        self.look_later();
    }

    async fn changed(&mut self) {
        loop {
            tokio::select! {
                biased;
                Some(()) = self.hints.recv() => return,
                () = tokio::time::sleep_until(self.next_look) => {}
            }
            self.look_later();
            let now = self.look();
            let is_same = match &self.before {
                Before::AsRead => now == self.as_read.state(),
                Before::Looked(before) => now == *before,
            };
            if !is_same {
                self.before = Before::Looked(now);
                return;
            }
        }
    }
}

/// What the user can do about it.
fn help(error: &notify::Error) -> &'static str {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => " (raise fs.inotify.max_user_watches with sysctl)",
        _ => "",
    }
}

fn watch_the_way(
    watcher: &mut impl Watcher,
    known: &mut BTreeSet<PathBuf>,
    way: BTreeSet<PathBuf>,
) -> notify::Result<()> {
    for left in known.difference(&way) {
        let _ = watcher.unwatch(left);
    }
    known.retain(|folder| way.contains(folder));
    for folder in way {
        if !known.contains(&folder) {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            known.insert(folder);
        }
    }
    Ok(())
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

    const LOOKS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(2));

    /// Whether a change is seen within so long, in virtual time.
    fn sees<W: Watcher>(watch: &mut Watch<W>, within: Duration) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            watch.look_later();
            tokio::time::timeout(within, watch.changed()).await.is_ok()
        })
    }

    /// Without a runtime, time stands.
    fn in_runtime<T>(work: impl FnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let _entered = runtime.enter();
        work()
    }

    #[test]
    fn a_change_without_an_event_is_seen_within_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        // Arms whatever it is told to, and never says a word.
        let mut watch = in_runtime(|| Watch::start_with(folder.path(), LOOKS, |_| Ok(notify::NullWatcher)));
        assert!(!sees(&mut watch, Duration::from_secs(600)));
        std::fs::write(folder.path().join("a.toml"), "").unwrap();
        assert!(!sees(&mut watch, Duration::from_secs(59)));
        assert!(sees(&mut watch, Duration::from_secs(61)));
        assert!(!sees(&mut watch, Duration::from_secs(600)), "once");
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(sees(&mut watch, Duration::from_secs(61)), "a root that is gone");
    }

    #[test]
    fn where_the_limit_of_watches_is_used_up_the_files_are_looked_at_often() {
        let folder = tempfile::tempdir().unwrap();
        let used_up = std::rc::Rc::new(std::cell::Cell::new(true));
        let is_used_up = used_up.clone();
        let limit = || Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        let make = move |_| if is_used_up.get() { limit() } else { Ok(notify::NullWatcher) };
        let mut watch = in_runtime(|| Watch::start_with(folder.path(), LOOKS, make));
        std::fs::write(folder.path().join("a.toml"), "").unwrap();
        assert!(sees(&mut watch, Duration::from_secs(3)));
        used_up.set(false);
        in_runtime(|| watch.rearm());
        std::fs::write(folder.path().join("b.toml"), "").unwrap();
        assert!(!sees(&mut watch, Duration::from_secs(3)), "the system watches again");
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

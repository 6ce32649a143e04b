//! Daily files. The appender begins a new one at midnight, UTC; which old ones go is decided here, since the
//! appender would take whatever begins and ends as ours do, and one too many when it starts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;

use super::hand_over;

const PREFIX: &str = "versync";
const SUFFIX: &str = "jsonl";

/// Writes to the files of a folder, or nowhere. What is written is in the file at once, and no message waits in
/// a queue that a crash would empty.
#[derive(Debug, Clone)]
pub(super) struct Daily(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    folder: Option<Folder>,
    /// What went wrong when something was last written.
    trouble: Option<String>,
    /// What was last told of it.
    told: Option<String>,
}

/// A folder of daily files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: usize,
    day: Date,
    file: RollingFileAppender,
    /// Whether the last line is not whole.
    torn: bool,
}

impl Daily {
    pub(super) fn new(folder: Option<Folder>) -> Self {
        Self(Arc::new(Mutex::new(State { folder, trouble: None, told: None })))
    }

    pub(super) fn change(&self, folder: Option<Folder>) {
        self.state().folder = folder;
    }

    /// Whether writing fails or goes well, where that has changed since this was last asked.
    pub(super) fn take_news(&self) -> Option<Result<(), String>> {
        let mut state = self.state();
        if state.trouble.is_some() == state.told.is_some() {
            return None;
        }
        let trouble = state.trouble.clone();
        state.told.clone_from(&trouble);
        Some(trouble.map_or(Ok(()), Err))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Daily {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A line that cannot be written is lost, and told by [`Daily::take_news`]: whoever logs is not to be bothered.
impl Write for Daily {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        let result = state.folder.as_mut().map_or(Ok(()), |folder| folder.write(line, today()));
        state.trouble = result.err().map(|error| error.to_string());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Folder {
    /// Opens the file of today, and removes old ones.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened.
    pub(super) fn open(path: &Path, keep: usize) -> Result<Self, InitError> {
        let builder = RollingFileAppender::builder().rotation(Rotation::DAILY);
        let file = builder.filename_prefix(PREFIX).filename_suffix(SUFFIX).build(path)?;
        let folder = Self { path: path.to_owned(), keep, day: today(), file, torn: false };
        hand_over(&path.join(format!("{PREFIX}.{}.{SUFFIX}", folder.day)));
        folder.prune();
        Ok(folder)
    }

    fn write(&mut self, line: &[u8], today: Date) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        if today != self.day {
            self.day = today;
            self.prune();
        }
        Ok(())
    }

    /// Removes all but the newest files. What is not named exactly as ours are is left alone, and what cannot be
    /// removed stays.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_symlink());
        let mut ours: Vec<(Date, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter(is_file)
            .filter_map(|entry| Some((day_of(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        ours.sort();
        ours.iter().rev().skip(self.keep).for_each(|(_, path)| drop(fs::remove_file(path)));
    }
}

/// The day of a file that is named as ours are.
fn day_of(name: &str) -> Option<Date> {
    let day = name.strip_prefix(PREFIX)?.strip_prefix('.')?.strip_suffix(SUFFIX)?.strip_suffix('.')?;
    day.parse::<Date>().ok().filter(|date| date.to_string() == day)
}

fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use tempfile::TempDir;

    use super::*;

    fn names(folder: &TempDir) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn as_many_files_are_kept_as_were_asked_for_when_it_starts_and_when_a_day_begins() {
        let folder = TempDir::new().unwrap();
        let others = ["versync.2020-01-01.jsonl.gz", "versync-2020-01-01.jsonl", "versync.x.jsonl", "drift.jsonl"];
        for name in others {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let name = |days: i64| format!("versync.{}.jsonl", today().checked_sub(days.days()).unwrap());
        for days in 1..6 {
            fs::write(folder.path().join(name(days)), "").unwrap();
        }
        let ours = || names(&folder).into_iter().filter(|name| day_of(name).is_some()).collect::<Vec<_>>();
        let mut daily = Folder::open(folder.path(), 3).unwrap();
        assert_eq!(ours(), [name(2), name(1), name(0)]);
        // Started again on the same day, as many stay.
        drop(Folder::open(folder.path(), 3).unwrap());
        assert_eq!(ours().len(), 3);
        // The appender has begun the file of tomorrow.
        fs::write(folder.path().join(name(-1)), "").unwrap();
        daily.write(b"x\n", today().tomorrow().unwrap()).unwrap();
        assert_eq!(ours(), [name(1), name(0), name(-1)]);
        assert!(others.iter().all(|other| names(&folder).contains(&(*other).to_owned())));
    }
}

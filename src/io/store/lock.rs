//! The lock of the one writer: a file beside the database, which says who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::error::StoreError;
use crate::model::status::Writer;

const LOCK: &str = "lock";

/// Whoever asks who holds the lock takes it for a moment, shared. A writer that comes just then tries
/// again so often, with such pauses.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The process that writes the state now, if there is one.
///
/// # Errors
///
/// Where the lock file is there and cannot be used.
pub fn writer(directory: &Path) -> Result<Option<Writer>, StoreError> {
    Ok(held(directory)?.map(|lock| read_note(&note(lock), &directory.join(LOCK))))
}

/// The lock, where another process holds it.
fn held(directory: &Path) -> Result<Option<File>, StoreError> {
    let path = directory.join(LOCK);
    let failed = |source| StoreError::Directory { path: path.clone(), source };
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(lock)),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Takes the lock, and notes that `versync <command>` holds it.
pub(super) fn take(directory: &Path, command: &str) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    let failed = |source| StoreError::Directory { path: path.clone(), source };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    if !take_soon(&lock).map_err(failed)? {
        return Err(locked(directory, lock));
    }
    let note = format!("`versync {command}` (process {})\n", std::process::id());
    lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(note.as_bytes())).map_err(failed)?;
    Ok(lock)
}

fn take_soon(lock: &File) -> io::Result<bool> {
    for attempt in 1..=ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
    Ok(false)
}

/// Refuses a state that another process writes, before anything else is begun.
///
/// # Errors
///
/// Where there is one.
pub fn refuse_second_writer(directory: &Path) -> Result<(), StoreError> {
    // A lock that cannot be looked at is the matter of whoever takes it.
    match held(directory) {
        Ok(Some(lock)) => Err(locked(directory, lock)),
        _ => Ok(()),
    }
}

fn locked(directory: &Path, lock: File) -> StoreError {
    let note = note(lock);
    let holder = if note.is_empty() { "another process".to_owned() } else { note };
    StoreError::Locked { path: directory.to_owned(), holder }
}

fn note(lock: File) -> String {
    let mut note = String::new();
    let _ = lock.take(200).read_to_string(&mut note);
    note.trim().to_owned()
}

/// The note may be that of a writer that has gone, where the next one has not written its own yet. A
/// process that does not have the lock file open is none of ours, and must not be signalled.
fn read_note(note: &str, path: &Path) -> Writer {
    let command = note.strip_prefix("`versync ").and_then(|rest| rest.split_once('`')).map(|(command, _)| command);
    let pid = note.rsplit_once("(process ").and_then(|(_, rest)| rest.strip_suffix(')')?.parse().ok());
    Writer {
        command: command.unwrap_or("another process").to_owned(),
        pid: pid.filter(|pid| has_open(*pid, path).unwrap_or(false)),
    }
}

fn has_open(pid: i32, path: &Path) -> io::Result<bool> {
    let path = fs::canonicalize(path)?;
    let mut open = fs::read_dir(format!("/proc/{pid}/fd"))?.filter_map(Result::ok);
    Ok(open.any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_the_lock_is_known_for_as_long_as_it_is_held() {
        let folder = tempfile::TempDir::new().unwrap();
        assert_eq!(writer(folder.path()).unwrap(), None, "no state yet");
        let lock = take(folder.path(), "run").unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(writer(folder.path()).unwrap(), Some(Writer { command: "run".to_owned(), pid: Some(me) }));
        drop(lock);
        assert_eq!(writer(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_process_that_does_not_have_the_lock_open_is_not_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let stale = read_note("`versync run` (process 1)", &folder.path().join(LOCK));
        assert_eq!(stale, Writer { command: "run".to_owned(), pid: None });
        assert_eq!(read_note("", folder.path()).pid, None);
    }
}

//! `drift.jsonl`, the audit trail of drift. An entry is on the disk before anything is done about the drift, so
//! that no crash loses it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::logs::{LogError, hand_over, make};
use crate::model::address::Address;
use crate::model::drift::{Circumstances, Entry, Trail};
use crate::model::plan::Plan;

const NAME: &str = "drift.jsonl";

/// Writes the trail. The file is opened for each entry, so that it may be moved away at any time.
#[derive(Debug)]
pub struct DriftLog {
    path: PathBuf,
    command: &'static str,
    writes: bool,
    trail: Trail,
    /// What could not be written yet.
    pending: Vec<u8>,
    /// Whether writing failed last time, and was said to.
    failing: bool,
}

impl DriftLog {
    /// Goes on with the trail in a log directory, for the command of this name; `writes` is whether it does
    /// something about drift.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read and written.
    pub fn open(directory: &Path, command: &'static str, writes: bool) -> Result<Self, LogError> {
        make(directory)?;
        let path = directory.join(NAME);
        let unusable = |source| LogError::Directory { path: path.clone(), source };
        append(&path).map_err(unusable)?;
        hand_over(&path);
        let (trail, is_whole) = read(&path).map_err(unusable)?;
        // Whoever was cut off in the middle of a line must not spoil the next one.
        let pending = if is_whole { Vec::new() } else { vec![b'\n'] };
        Ok(Self { path, command, writes, trail, pending, failing: false })
    }

    /// Writes what is new in a plan. To be called before it is carried out.
    pub fn found(&mut self, plan: &Plan) {
        let entries = self.trail.found(plan, circumstances(self.command, self.writes));
        self.write(&entries);
    }

    /// Writes what has ended, by what was `applied`; of a plan that is about `everything`, also what it no longer
    /// finds.
    pub fn came_of(&mut self, plan: &Plan, applied: &BTreeSet<&Address>, everything: bool) {
        let entries = self.trail.came_of(plan, applied, everything, circumstances(self.command, self.writes));
        self.write(&entries);
    }

    /// What cannot be written now is kept for the next time.
    fn write(&mut self, entries: &[Entry]) {
        for entry in entries {
            // An entry holds nothing that JSON cannot.
            if serde_json::to_writer(&mut self.pending, entry).is_ok() {
                self.pending.push(b'\n');
            }
        }
        if self.pending.iter().all(|byte| *byte == b'\n') {
            return;
        }
        match (self.write_pending(), self.failing) {
            (Err(error), false) => {
                let path = self.path.display();
                tracing::error!("drift cannot be written to {path}, and is kept until it can: {error}");
                self.failing = true;
            }
            (Ok(()), true) => {
                tracing::info!("drift can be written to {} again", self.path.display());
                self.failing = false;
            }
            _ => {}
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let mut file = append(&self.path)?;
        while !self.pending.is_empty() {
            match file.write(&self.pending) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        match file.sync_data() {
            // What is no file on a disk cannot be synchronised with one.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }
}

fn circumstances(command: &str, writes: bool) -> Circumstances<'_> {
    Circumstances { command, writes, now: Timestamp::now() }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// The trail that a file holds, and whether its last line is whole. What is not an entry is passed over.
fn read(path: &Path) -> io::Result<(Trail, bool)> {
    let mut trail = Trail::default();
    let mut is_whole = true;
    if !path.is_file() {
        return Ok((trail, is_whole));
    }
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        is_whole = line.ends_with(b"\n");
        if let Ok(entry) = serde_json::from_slice(&line) {
            trail.remember(entry);
        }
        line.clear();
    }
    Ok((trail, is_whole))
}

//! What the simulated parts share: one source of chance, one plan of faults, one trace, and the promises that
//! are checked whenever something is done to the platform.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use versync::io::versori::ErrorKind;

use super::books::Records;
use super::folder::Files;
use super::platform::Live;

/// What becomes of one operation at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It fails, and nothing was done.
    FailsBefore,
    /// It fails, and everything was done.
    FailsAfter,
    /// It fails, and is done a moment later.
    DoneLate,
    /// The process dies before it.
    DiesBefore,
    /// The process dies once it is done, before it learns so.
    DiesAfter,
}

impl Fate {
    pub(crate) const BAD: [Fate; 5] =
        [Fate::FailsBefore, Fate::FailsAfter, Fate::DoneLate, Fate::DiesBefore, Fate::DiesAfter];
}

/// Which operations go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Faults {
    None,
    /// So many of a thousand fail; one in ten of those takes the process with it.
    PerMille(u32),
    /// The operation with this number, counted from 0, and every later one where it lasts.
    At {
        number: usize,
        fate: Fate,
        lasts: bool,
    },
}

/// Everything that survives the death of the process, and what makes it die.
pub(crate) struct Universe {
    pub(crate) rng: fastrand::Rng,
    pub(crate) faults: Faults,
    /// How many operations there were since the faults were set.
    pub(crate) operations: usize,
    pub(crate) platform: Live,
    pub(crate) records: Records,
    pub(crate) files: Files,
    /// `sync.prune`, `sync.delete_grace` and the count of `sync.delete_limit`, which deletes are held against.
    pub(crate) prune: bool,
    /// Whether `sync.adopt` is `always`.
    pub(crate) takes_over: bool,
    pub(crate) grace: Duration,
    pub(crate) limit: usize,
    pub(crate) dead: bool,
    death: Rc<Notify>,
    trace: Vec<String>,
    pub(crate) broken: Vec<String>,
    began: Instant,
}

pub(crate) type Shared = Rc<RefCell<Universe>>;

impl Universe {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            faults: Faults::None,
            operations: 0,
            platform: Live::default(),
            records: Records::default(),
            files: Files::default(),
            prune: true,
            takes_over: false,
            grace: Duration::ZERO,
            limit: 100,
            dead: false,
            death: Rc::new(Notify::new()),
            trace: Vec::new(),
            broken: Vec::new(),
            began: Instant::now(),
        }
    }

    pub(crate) fn shared(self) -> Shared {
        Rc::new(RefCell::new(self))
    }

    /// What happens to the next operation.
    pub(crate) fn fate(&mut self, what: impl fmt::Display) -> Fate {
        let number = self.operations;
        self.operations += 1;
        let fate = match self.faults {
            Faults::PerMille(share) if self.rng.u32(0..1000) < share => match self.rng.u32(0..20) {
                0 => Fate::DiesBefore,
                1 => Fate::DiesAfter,
                2..10 => Fate::FailsBefore,
                10..16 => Fate::FailsAfter,
                _ => Fate::DoneLate,
            },
            Faults::At { number: at, fate, lasts } if number == at || (lasts && number > at) => fate,
            Faults::None | Faults::PerMille(_) | Faults::At { .. } => Fate::Done,
        };
        let mark = if fate == Fate::Done { String::new() } else { format!(" -> {fate:?}") };
        self.note(format_args!("#{number} {what}{mark}"));
        fate
    }

    /// An error of a request that was not executed, or of which that cannot be known.
    pub(crate) fn error_kind(&mut self, executed: bool) -> ErrorKind {
        const UNKNOWN: [ErrorKind; 4] =
            [ErrorKind::TimedOut, ErrorKind::Unreachable, ErrorKind::Busy, ErrorKind::Malformed];
        const CERTAIN: [ErrorKind; 4] =
            [ErrorKind::Unconnected, ErrorKind::TooMany, ErrorKind::Refused, ErrorKind::Forbidden];
        let known = !executed && self.rng.bool();
        let kinds = if known { CERTAIN } else { UNKNOWN };
        kinds[self.rng.usize(0..kinds.len())]
    }

    /// A process starts. Gives what is notified when it dies.
    pub(crate) fn live(&mut self) -> Rc<Notify> {
        self.note("a process starts");
        self.dead = false;
        self.death = Rc::new(Notify::new());
        self.death.clone()
    }

    pub(crate) fn die(&mut self) {
        self.note("the process dies");
        self.dead = true;
        self.death.notify_one();
    }

    pub(crate) fn note(&mut self, what: impl fmt::Display) {
        let at = self.began.elapsed();
        self.trace.push(format!("{:>9.3} s  {what}", at.as_secs_f64()));
    }

    /// A promise that was not kept.
    pub(crate) fn violation(&mut self, what: impl fmt::Display) {
        self.note(format_args!("BROKEN PROMISE: {what}"));
        self.broken.push(what.to_string());
    }

    /// The last steps, for whoever has to find out why.
    pub(crate) fn story(&self, length: usize) -> String {
        let skipped = self.trace.len().saturating_sub(length);
        self.trace[skipped..].join("\n")
    }
}

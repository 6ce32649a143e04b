//! A fault that somebody asks for, to see what the service manager makes of a daemon that hangs. It is no setting
//! and not in the help: it takes a variable that nothing else is called by, with an exact value, and the daemon
//! says at its start that it is there. Nothing on the disk or from the network reaches it.

use super::error::CommandError;
use crate::model::source::Problem;

/// The variable that asks for it.
const VARIABLE: &str = "VERSYNC_FAULT";

/// Its one value.
const HANG: &str = "hang-on-reload";

/// What is to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The loop stands still for good at the first SIGHUP. After a restart it goes round again, until the next.
    HangOnReload,
}

impl Fault {
    /// The one that the environment asks for.
    ///
    /// # Errors
    ///
    /// Where it asks for something that is not known: whoever rehearses a fault should not believe that it is there.
    pub(super) fn from_environment() -> Result<Self, CommandError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::None),
            Some(value) if value == HANG => Ok(Self::HangOnReload),
            Some(_) => {
                let problem = Problem::general(format!("the variable {VARIABLE} asks for no fault that there is"));
                Err(CommandError::Problems(vec![problem.help(format!("unset it; or {HANG}, for a rehearsal"))]))
            }
        }
    }

    /// Says that it is there.
    pub(super) fn warn(self) {
        if self == Self::HangOnReload {
            tracing::warn!("{VARIABLE} is set: for a rehearsal, the loop will hang at the next reload");
        }
    }

    /// Does it, if there is one: never comes back.
    pub(super) fn strike(self) {
        if self == Self::HangOnReload {
            // The thread, and with it the whole loop, as an endless computation would.
            loop {
                std::thread::park();
            }
        }
    }
}

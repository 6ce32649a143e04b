//! Opening files that nobody else may have read or put there.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::io::regular;

/// Whom a file has to be closed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClosedTo {
    /// Everybody but its owner, who is this user or root. To root it is open whoever owns it, as is everything:
    /// an administrator may look on at a service that runs as another user.
    AllButOwner,
    /// Everybody but its owner and its group, whom systemd has chosen.
    Strangers,
}

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It is not there, or cannot be opened.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It may not be used.
    #[error(transparent)]
    Flaw(#[from] Flaw),
}

/// What is wrong with a file, said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("is a link")]
    Link,
    #[error("is not a regular file")]
    NotRegular,
    #[error("belongs to another user")]
    Foreign,
    #[error("can be read by others")]
    Exposed,
}

/// Opens a file for reading. Links are not followed, and a pipe is not waited for.
///
/// # Errors
///
/// Where it cannot be opened, and where it is no regular file that is closed to these.
pub(super) fn open(path: &Path, to: ClosedTo) -> Result<File, Refusal> {
    let refused = |error| if path.is_symlink() { Flaw::Link.into() } else { Refusal::Io(error) };
    let (file, about) = regular::open(path).map_err(refused)?;
    check(&about, to)?;
    Ok(file)
}

fn check(about: &Metadata, to: ClosedTo) -> Result<(), Flaw> {
    if !about.is_file() {
        return Err(Flaw::NotRegular);
    }
    check_access(about.uid(), about.mode(), rustix::process::geteuid().as_raw(), to)
}

fn check_access(owner: u32, mode: u32, me: u32, to: ClosedTo) -> Result<(), Flaw> {
    let (foreign, others) = match to {
        ClosedTo::AllButOwner => (![me, 0].contains(&owner) && me != 0, 0o077),
        ClosedTo::Strangers => (false, 0o007),
    };
    match (foreign, mode & others) {
        (true, _) => Err(Flaw::Foreign),
        (false, 0) => Ok(()),
        (false, _) => Err(Flaw::Exposed),
    }
}

#[cfg(test)]
mod tests {
    use super::ClosedTo::{AllButOwner, Strangers};
    use super::*;

    #[test]
    fn a_file_is_its_owner_s_alone_and_a_credential_also_its_group_s() {
        let cases = [
            (1000, 0o600, AllButOwner, Ok(())),
            (1000, 0o400, AllButOwner, Ok(())),
            (0, 0o400, AllButOwner, Ok(())),
            (1001, 0o600, AllButOwner, Err(Flaw::Foreign)),
            (1000, 0o640, AllButOwner, Err(Flaw::Exposed)),
            (1000, 0o602, AllButOwner, Err(Flaw::Exposed)),
            (0, 0o440, Strangers, Ok(())),
            (1001, 0o400, Strangers, Ok(())),
            (0, 0o444, Strangers, Err(Flaw::Exposed)),
        ];
        for (owner, mode, to, verdict) in cases {
            assert_eq!(check_access(owner, 0o100_000 | mode, 1000, to), verdict, "{owner} {mode:o} {to:?}");
        }
        assert_eq!(check_access(1001, 0o600, 0, AllButOwner), Ok(()));
        assert_eq!(check_access(1001, 0o640, 0, AllButOwner), Err(Flaw::Exposed));
    }
}

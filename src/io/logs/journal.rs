//! The journal, spoken to in its own protocol: each message with its fields.

use std::io;

use tracing::Level;
use tracing_journald::{Layer, Priority, PriorityMappings};

/// What the names of fields begin with: `address` becomes `VERSYNC_ADDRESS=`.
const PREFIX: &str = "VERSYNC";

/// Writes to the journal. A message that is too long for a datagram goes by another way, and where the journal
/// is slow it is waited for.
///
/// # Errors
///
/// Where no journal listens on this machine.
pub(super) fn layer() -> io::Result<Layer> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    let layer = Layer::new()?.with_field_prefix(Some(PREFIX.to_owned())).with_syslog_identifier("versync".to_owned());
    Ok(layer.with_priority_mappings(priorities))
}

/// The same priorities as numbers, for those who read them at the beginning of a line.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Whether what is written to stderr lands in the journal: systemd names the device and inode of what it has
/// connected to the journal, which need not be this process's stderr any more.
pub(super) fn is_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

//! `versync status`: how things stand, beside a running daemon and without any network.

use std::io;

use super::context::state;
use super::error::CommandError;
use super::{Exit, Terminal, write_json};
use crate::args::{Global, Status as Args};
use crate::io::store::{Journal, StoreError, writer};
use crate::model::status::{Entries, Status};
use crate::report;

pub(super) fn status(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let (directory, journal) = state(global, "status")?;
    let status = Status { writer: writer(&directory)?, journal: journal.as_ref().map(entries).transpose()? };
    if args.json {
        write_json(&report::json::status(&status))?;
    } else {
        report::status::write(&status, terminal.out, &mut io::stdout().lock()).map_err(CommandError::output)?;
    }
    Ok(Exit::Done)
}

fn entries(journal: &Journal) -> Result<Entries, StoreError> {
    Ok(Entries { completed: journal.last_made()?, failed: journal.last_failed()?, approvals: journal.approvals()? })
}

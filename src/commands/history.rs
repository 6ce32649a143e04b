//! `versync history`: who changed what.

use std::io;

use super::context::state;
use super::error::CommandError;
use super::{Exit, Terminal, write_json};
use crate::args::{Global, History as Args};
use crate::report;

pub(super) fn history(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let limit = (args.count > 0).then_some(args.count);
    let events = match state(global, "history")?.1 {
        Some(journal) => journal.history(limit)?,
        None => Vec::new(),
    };
    if args.json {
        write_json(&report::json::history(&events))?;
    } else {
        report::history::write(&events, terminal.out, &mut io::stdout().lock()).map_err(CommandError::output)?;
    }
    Ok(Exit::Done)
}

//! `versync approve`: lets held deletes through, once.

use std::io::{self, Write};

use jiff::Timestamp;

use super::Exit;
use super::context::state;
use super::error::CommandError;
use crate::args::{Approve as Args, Global};
use crate::io::signals;
use crate::io::store;
use crate::model::approval::{Approval, ApprovalError, approve as choose};
use crate::model::pass::{Found, Pass};
use crate::model::status::Writer;
use crate::report::escape;

pub(super) fn approve(global: &Global, args: &Args) -> Result<Exit, CommandError> {
    let (directory, journal) = state(global, "approve")?;
    let (last, known) = match journal {
        Some(journal) => {
            (journal.last_made()?.and_then(|Pass { result, .. }| result.ok()), Some(journal.held_plans()?))
        }
        None => (None, None),
    };
    let given = args.plan_hash.as_deref();
    let approval = choose(given, last.as_ref(), known.as_deref().unwrap_or_default(), Timestamp::now())?;
    if known.is_none() {
        return Err(ApprovalError::NothingHeld.into());
    }
    store::approve(&directory, &approval)?;
    let next = match store::writer(&directory)? {
        Some(Writer { command, pid: Some(pid) }) if command == "run" => match signals::request_pass(pid) {
            Ok(()) => format!(
                "The daemon (process {pid}) makes a pass now. What has not been gone for sync.delete_grace yet waits for that first."
            ),
            Err(error) => {
                format!("The daemon (process {pid}) could not be woken ({error}): it counts for its next pass.")
            }
        },
        Some(_) => "It counts for the next pass of what is running.".to_owned(),
        None => "No daemon that writes is running: it counts for the next `versync apply` or `versync run`.".to_owned(),
    };
    write(&approval, last.as_ref(), &next, &mut io::stdout().lock()).map_err(CommandError::output)?;
    Ok(Exit::Done)
}

fn write(approval: &Approval, last: Option<&Found>, next: &str, out: &mut dyn Write) -> io::Result<()> {
    let held = last.filter(|found| found.held_hash.is_some() && found.held_hash == approval.held_hash);
    match held {
        Some(found) => {
            writeln!(out, "Approved, once, to delete:")?;
            for note in found.held.iter().filter(|note| note.approvable) {
                writeln!(out, "  {}", escape(&note.address))?;
            }
        }
        None => writeln!(
            out,
            "Approved for the next pass, if it holds exactly the deletes of plan {}. No pass has held them yet.",
            approval.hash
        )?,
    }
    writeln!(out, "{next}")
}

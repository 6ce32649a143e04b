//! `versync apply`: one pass.

use std::io::{self, BufRead, IsTerminal, Write};
use std::mem::ManuallyDrop;

use futures_util::future::join;

use super::context::{Context, Speaker};
use super::error::CommandError;
use super::{Exit, Terminal, saved, write_json};
use crate::args::{Apply as Args, Global};
use crate::model::json::{Json, object};
use crate::model::observed::Remark;
use crate::model::plan::Plan;
use crate::model::planner::Policy;
use crate::reconcile::{Look, Memory, Report, Stop, Target, reconcile};
use crate::report::{json, text};

pub(super) async fn apply(global: &Global, mut args: Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    if !args.yes && !io::stdin().is_terminal() {
        return Err(CommandError::NobodyToAsk);
    }
    let context = Context::new(global, terminal, Speaker::Hand)?;
    let saved = saved::take(&mut args.targets, context.tenant())?;
    let policy = Policy { saved, ..context.policy(args.targets) };
    let mut shown = Ok(());
    let consent = |plan: &Plan| {
        shown = match (args.json, args.yes) {
            (false, _) => text::write_plan(plan, terminal.out, &mut io::stdout().lock()),
            // Nobody can agree to what they do not see, and stdout is for the JSON.
            (true, false) => text::write_plan(plan, terminal.err, &mut io::stderr().lock()),
            (true, true) => Ok(()),
        };
        args.yes || (shown.is_ok() && ask())
    };
    let folder = context.folder();
    // The process ends with it: what all of it takes is given back at once then.
    let mut memory = ManuallyDrop::new(Memory::for_one_pass());
    let (hands, ()) = join(context.writing("apply", consent), memory.prepare(&folder)).await;
    let mut hands = hands?;
    let mut drift_log = context.drift_log("apply", true)?;
    let target = Target {
        manifests: &folder,
        policy: &policy,
        memory: &mut memory,
        look: Look::Whole,
        guards: None,
        drift_log: drift_log.as_mut(),
    };
    let report = reconcile(target, &mut hands, &Stop::never()).await?;
    context.logs.say_trouble();
    if report.plan.refused {
        return Err(CommandError::Problems(report.plan.problems));
    }
    if report.outcomes.is_none() {
        shown.map_err(CommandError::output)?;
        return Err(CommandError::Declined);
    }
    let written = if args.json {
        write_json(&report_as_json(&report))
    } else {
        shown.and_then(|()| write_text(&report, terminal, &mut io::stdout().lock())).map_err(CommandError::output)
    };
    if let Err(error) = written {
        // What was applied is applied: the exit code tells of that, and not of the reader that went away.
        error.complain(terminal.err);
    }
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    if report.has_failures() {
        Exit::Partial
    } else if report.plan.holds_deletes() {
        Exit::Held
    } else {
        Exit::Done
    }
}

fn write_text(report: &Report, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    // A plan with something to do was shown before it was carried out.
    if !report.plan.has_work() {
        return text::write_plan(&report.plan, terminal.out, out);
    }
    text::write_outcomes(report, terminal.out, out)
}

/// The plan with an entry for what came of each change.
fn report_as_json(report: &Report) -> Json {
    let outcomes = report.outcomes.iter().flatten().map(|outcome| {
        object! {
            "address": outcome.address.to_string(),
            "applied": outcome.result.is_ok(),
            "error": outcome.result.as_ref().err().map(ToString::to_string),
            "problems": report.blamed.get(&outcome.address).into_iter().flatten().map(json::problem).collect::<Vec<_>>(),
            "messages": outcome.remarks().map(remark_as_json).collect::<Vec<_>>(),
        }
    });
    json::plan(&report.plan).with("outcomes", outcomes.collect::<Json>())
}

fn remark_as_json(remark: &Remark) -> Json {
    object! {"severity": remark.severity, "text": remark.text, "detail": remark.detail}
}

fn ask() -> bool {
    let mut err = io::stderr().lock();
    let asked = write!(err, "\nApply these changes? Only `yes` or `y` applies them: ").and_then(|()| err.flush());
    let mut answer = String::new();
    asked.is_ok() && io::stdin().lock().read_line(&mut answer).is_ok() && ["yes", "y"].contains(&answer.trim())
}

//! `versync plan`: the dry run, once.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::Path;

use super::context::{Context, Speaker};
use super::error::CommandError;
use super::{Exit, Terminal, saved, write_json};
use crate::args::{Global, Plan as Args};
use crate::model::plan::Plan;
use crate::model::planner::Policy;
use crate::reconcile::{Look, Memory, Stop, Target, reconcile};
use crate::report::{escape, json, text};

pub(super) async fn plan(global: &Global, args: Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let open = if args.no_refresh { Context::offline } else { Context::new };
    let context = open(global, terminal, Speaker::Onlooker)?;
    let policy = Policy { lists_unmanaged: global.verbose > 0, ..context.policy(args.targets) };
    // The process ends with it: what all of it takes is given back at once then.
    let mut memory = ManuallyDrop::new(Memory::for_one_pass());
    let target = Target {
        manifests: &context.folder(),
        policy: &policy,
        memory: &mut memory,
        look: if args.no_refresh { Look::Never } else { Look::Whole },
        guards: None,
        drift_log: None,
    };
    let report = if args.no_refresh {
        reconcile(target, &mut context.unasked(), &Stop::never()).await?
    } else {
        reconcile(target, &mut context.dry_run()?, &Stop::never()).await?
    };
    let report = ManuallyDrop::new(report);
    if args.json {
        write_json(&json::plan(&report.plan))?;
    } else {
        let mut out = io::stdout().lock();
        text::write_plan(&report.plan, terminal.out, &mut out).map_err(CommandError::output)?;
        if args.no_refresh {
            writeln!(out, "The platform was not asked: the files were compared with what was recorded.")
                .map_err(CommandError::output)?;
        }
    }
    if let Some(path) = &args.out {
        saved::write(&report.plan, !args.no_refresh, context.tenant(), path, &context.settings.manifests)?;
        if !global.quiet {
            let _ = writeln!(io::stderr(), "Saved: versync apply {}", in_a_shell(path));
        }
    }
    Ok(exit(&report.plan, args.detailed_exitcode))
}

/// A path as a shell takes it for one word.
fn in_a_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if text.chars().all(is_plain) {
        return escape(&text).into_owned();
    }
    format!("'{}'", escape(&text).replace('\'', r"'\''"))
}

fn exit(plan: &Plan, detailed: bool) -> Exit {
    if plan.has_errors() {
        Exit::Error
    } else if detailed && plan.is_pending() {
        Exit::Pending
    } else {
        Exit::Done
    }
}

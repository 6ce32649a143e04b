//! `versync explain`: everything that is known of one resource.

use std::io;

use super::context::{Context, Speaker};
use super::error::CommandError;
use super::{Exit, Terminal, write_json};
use crate::args::{Explain as Args, Global};
use crate::io::store::Journal;
use crate::io::versori::observe_elsewhere;
use crate::model::explain::{Explanation, explain as explained, want};
use crate::model::source::{Problem, Severity};
use crate::reconcile::{Hands, Look, Memory, Told, look};
use crate::report::explain::{self as report, Explained};
use crate::settings::Mode;

/// So many of the last changes are shown.
const CHANGES: usize = 3;

pub(super) async fn explain(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let refresh = !args.no_refresh;
    let open = if refresh { Context::new } else { Context::offline };
    let context = open(global, terminal, Speaker::Onlooker)?;
    let resource = if refresh {
        find(&args.address, &context, Look::Whole, &context.dry_run()?).await?
    } else {
        find(&args.address, &context, Look::Never, &context.unasked()).await?
    };
    let journal = context.state().map(Journal::open).transpose()?.flatten();
    let mut explained = Explained {
        refreshed: refresh,
        enforces: context.settings.sync.mode == Mode::Enforce,
        delete_grace: context.settings.sync.delete_grace,
        history: Vec::new(),
        last_pass: None,
        resource,
    };
    if let Some(journal) = journal {
        explained.history = journal.history(None)?;
        explained.history.retain(|event| is_about(&explained.resource, &event.address));
        explained.history.truncate(CHANGES);
        explained.last_pass = journal.last_made()?;
    }
    if args.json {
        write_json(&report::json(&explained))?;
    } else {
        report::write(&explained, terminal.out, &mut io::stdout().lock()).map_err(CommandError::output)?;
    }
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    Ok(if explained.resource.problems.iter().any(is_error) { Exit::Error } else { Exit::Done })
}

async fn find<H: Hands>(address: &str, context: &Context, how: Look, hands: &H) -> Result<Explanation, CommandError> {
    let policy = context.policy(Vec::new());
    let mut sight = look(&context.folder(), &mut Memory::default(), how, hands, |wanted| want(address, wanted)).await?;
    let mut again = true;
    loop {
        let found = explained(address, &sight.files, &sight.desired, &sight.recorded, &sight.observed, &policy);
        let (resource, plan) =
            found.map_err(|error| CommandError::Problems(vec![Problem::general(error.message).help(error.help)]))?;
        if !(again && plan.needs_every_template()) {
            return Ok(resource);
        }
        observe_elsewhere(&Told::of(hands), &mut sight.observed).await;
        again = false;
    }
}

/// Whether a change was one of this resource, under the name that it has or had.
fn is_about(resource: &Explanation, address: &str) -> bool {
    resource.address.to_string() == address
        || resource.recorded.as_ref().is_some_and(|record| record.address.to_string() == address)
}

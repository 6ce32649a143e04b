//! The commands. Each is thin: settings in, one pass or the loop, a report out, an exit code.

mod apply;
mod approve;
mod bars;
mod bell;
mod context;
mod error;
mod explain;
mod fault;
mod fmt;
mod history;
mod import;
mod init;
mod new_files;
mod page;
mod plan;
mod run;
mod sandbox;
mod saved;
mod schema;
mod shell;
mod status;
mod validate;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Builder;

use crate::args::{Args, Color, Command, Global};
use crate::model::json::Json;
use crate::report::problems::Look;

use error::CommandError;

/// How a command ended. The numbers are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, or in sync.
    Done = 0,
    /// An error: nothing was done, or some file or request is in error.
    Error = 1,
    /// With `--detailed-exitcode`: changes are pending.
    Pending = 2,
    /// Something failed or could not be read; the rest went through.
    Partial = 3,
    /// Everything else is done, but deletes are held.
    Held = 4,
}

/// Where a command writes, and how.
struct Terminal {
    out: Look,
    err: Look,
}

/// How long a thread that has written or read something waits for more. Its memory is given back with it.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Runs a command to its end. Whatever goes wrong is said on stderr, in one place.
pub fn execute(args: Args) -> ExitCode {
    let terminal = Terminal {
        out: look(args.global.color, columns_of(io::stdout()), io::stdout().is_terminal()),
        err: look(args.global.color, columns_of(io::stderr()), io::stderr().is_terminal()),
    };
    let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(KEEP_ALIVE).build();
    let result = match runtime {
        Ok(runtime) => {
            // Boxed, since the runtime would be compiled with two copies of every command.
            let result = runtime.block_on(dispatch(&args.global, args.command, &terminal).boxed_local());
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CommandError::Io { what: "starting", source: error }),
    };
    let exit = result.unwrap_or_else(|error| {
        error.complain(terminal.err);
        Exit::Error
    });
    let _ = io::stdout().flush();
    ExitCode::from(exit as u8)
}

async fn dispatch(global: &Global, command: Command, terminal: &Terminal) -> Result<Exit, CommandError> {
    match command {
        Command::Run(args) => run::run(global, &args, terminal).await,
        Command::Plan(args) => plan::plan(global, args, terminal).await,
        Command::Apply(args) => apply::apply(global, args, terminal).await,
        Command::Validate(args) => validate::validate(global, &args, terminal),
        Command::Fmt(args) => fmt::fmt(global, &args, terminal),
        Command::Init(args) => init::init(global, args, terminal).await,
        Command::Import(args) => import::import(global, args, terminal).await,
        Command::Status(args) => status::status(global, &args, terminal),
        Command::Explain(args) => explain::explain(global, &args, terminal).await,
        Command::History(args) => history::history(global, &args, terminal),
        Command::Approve(args) => approve::approve(global, &args),
        Command::Schema(args) => schema::schema(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Sandbox(args) => sandbox::sandbox(global, &args).await,
    }
}

fn look(color: Color, width: Option<usize>, terminal: bool) -> Look {
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            terminal && !dumb && !refused
        }
    };
    Look { color, terminal, width }
}

/// How many columns a terminal has; nothing where it is none, or does not know. Some know them and no rows.
fn columns_of(stream: impl AsFd) -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(stream).ok()?.ws_col;
    (columns > 0).then_some(usize::from(columns))
}

/// Writes one JSON value.
fn write_json(value: &Json) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from).and_then(|()| writeln!(out));
    written.map_err(CommandError::output)
}

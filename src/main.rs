//! Arguments → command → exit code.

use std::process::ExitCode;

use clap::Parser;
use versync::args::Args;

/// A pass makes and drops many small values: with the system's allocator, that is a third of its time.
/// Without huge pages: a daemon would hold them for the little that it keeps between passes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Args::try_parse() {
        Ok(args) => versync::commands::execute(args),
        Err(error) => {
            // Help and the version are asked for; a wrong flag is an error like any other, and never "changes pending".
            let failed = error.use_stderr();
            let _ = error.print();
            ExitCode::from(u8::from(failed))
        }
    }
}

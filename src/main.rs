//! Arguments → command → exit code.

use std::process::ExitCode;

use clap::Parser;
use versync::args::Args;

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

//! Arguments → command → exit code.

use std::process::ExitCode;

use clap::Parser;
use versync::args::Args;

fn main() -> ExitCode {
    versync::commands::execute(Args::parse())
}

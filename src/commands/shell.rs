//! `versync completions` and `versync man`: what belongs to a command line, made from its definition.

use std::fs;
use std::io::{self, Write};

use clap::CommandFactory;

use super::Exit;
use super::error::CommandError;
use crate::args::{Args, Completions, Man};

pub(super) fn completions(args: &Completions) -> Result<Exit, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "versync", &mut text);
    print(&text)
}

/// The page of the whole command and that of each of its commands: printed in this order, or each in a file.
pub(super) fn man(args: &Man) -> Result<Exit, CommandError> {
    if let Some(folder) = &args.out {
        let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Args::command(), folder));
        let failed = |source| CommandError::Io { what: "writing the manual pages", source };
        return written.map(|()| Exit::Done).map_err(failed);
    }
    let mut text = Vec::new();
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    for page in std::iter::once(&command).chain(command.get_subcommands()) {
        clap_mangen::Man::new(page.clone()).render(&mut text).map_err(CommandError::output)?;
    }
    print(&text)
}

fn print(text: &[u8]) -> Result<Exit, CommandError> {
    io::stdout().lock().write_all(text).map_err(CommandError::output)?;
    Ok(Exit::Done)
}

//! `versync completions` and `versync man`: what belongs to a command line, made from its definition.

use std::io::{self, Write};

use clap::CommandFactory;

use super::Exit;
use super::error::CommandError;
use crate::args::{Args, Completions};

pub(super) fn completions(args: &Completions) -> Result<Exit, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "versync", &mut text);
    print(&text)
}

/// The page of the whole command, then that of each of its commands.
pub(super) fn man() -> Result<Exit, CommandError> {
    let mut text = Vec::new();
    let mut command = Args::command();
    command.build();
    let pages = std::iter::once(&command).chain(command.get_subcommands().filter(|it| it.get_name() != "help"));
    for page in pages {
        clap_mangen::Man::new(page.clone()).render(&mut text).map_err(CommandError::output)?;
    }
    print(&text)
}

fn print(text: &[u8]) -> Result<Exit, CommandError> {
    io::stdout().lock().write_all(text).map_err(CommandError::output)?;
    Ok(Exit::Done)
}

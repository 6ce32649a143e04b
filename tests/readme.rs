//! The README's table of commands, and help, tell of every command and flag that there is.

use std::collections::BTreeSet;
use std::fs;

use clap::{CommandFactory, Parser};
use versync::args::Args;

use crate::support::Site;

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The rows of the table of commands: `(versync …, what it does)`.
fn command_rows() -> Vec<(String, String)> {
    let readme = readme();
    let table = readme.split_once("## Commands").unwrap().1.split_once("\n\n| exit code").unwrap().0.to_owned();
    let rows = table.lines().filter(|line| line.starts_with("| `versync "));
    // A | within a cell is escaped.
    let row = |line: &str| {
        let line = line.replace("\\|", "\u{1}");
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.replace('\u{1}', "|"));
        (cells.next().unwrap(), cells.collect::<String>())
    };
    rows.map(row).collect()
}

/// Every `--flag` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter_map(|word| word.strip_prefix("--")).filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

/// The commands of a row, each without its arguments.
fn commands(cell: &str) -> Vec<&str> {
    cell.split("`versync ").skip(1).map(|rest| rest.split([' ', '`']).next().unwrap()).collect()
}

fn long_flags(command: &clap::Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned).collect()
}

#[test]
fn its_table_names_every_command_with_every_flag_and_no_others() {
    let cli = Args::command();
    let rows = command_rows();
    let told: BTreeSet<&str> = rows.iter().flat_map(|(cell, _)| commands(cell)).collect();
    let known: BTreeSet<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(told, known);
    for (cell, what) in &rows {
        let commands: Vec<_> = commands(cell).iter().map(|name| cli.find_subcommand(name).unwrap()).collect();
        let known: BTreeSet<String> = commands.iter().flat_map(|command| long_flags(command)).collect();
        let told = flags(&format!("{cell} {what}"));
        let missing: Vec<_> = known.difference(&told).collect();
        assert!(missing.is_empty(), "{cell} does not tell of {missing:?}");
        // What it does may name the flags of another command.
        let unknown: Vec<_> = flags(cell).into_iter().filter(|flag| !known.contains(flag)).collect();
        assert!(unknown.is_empty(), "{cell} has no {unknown:?}");
    }
    let readme = readme();
    let everywhere = readme.split_once("\nEverywhere: ").unwrap().1.split_once("\n\n").unwrap().0;
    for arg in cli.get_arguments().filter(|arg| arg.get_long() != Some("help")) {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let spelled = long.into_iter().chain(arg.get_short().map(|short| format!("`-{short}`")));
        assert!(spelled.clone().any(|flag| everywhere.contains(&flag)), "{:?}", spelled.collect::<Vec<_>>());
    }
}

#[test]
fn help_is_short_or_long_and_every_example_in_it_is_a_command() {
    let site = Site::new();
    let names: Vec<String> = Args::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        let (short, long) = (site.versync(&[&name, "--help"]), site.versync(&["help", &name]));
        assert_eq!((short.code, long.code), (Some(0), Some(0)), "{name}");
        assert!(!short.out.contains("Examples:"), "{}", short.out);
        let examples = long.out.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{name} has no examples")).1;
        let mut count = 0;
        let examples = examples.replace("\\\n", "");
        for line in examples.lines().filter_map(|line| line.trim_start().strip_prefix("versync ")) {
            let words = line.split(" > ").next().unwrap().split_whitespace();
            let parsed = Args::try_parse_from(std::iter::once("versync").chain(words));
            assert!(parsed.is_ok(), "{name}: {line}: {}", parsed.unwrap_err());
            assert!(line.split_whitespace().any(|word| word == name), "{name}: {line}");
            count += 1;
        }
        assert!(count > 0, "{name}");
    }
    let help = site.versync(&["--help"]).out;
    assert!(help.contains("`versync help COMMAND` says more"), "{help}");
}

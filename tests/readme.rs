//! What the README shows is what happens.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use clap::{CommandFactory, Parser};
use versync::args::Args;

use crate::support::readme::{blocks, readme};
use crate::support::{Site, versync};

/// Runs the tour line by line in one shell, against a sandbox on a free port, and compares what it prints.
#[test]
fn the_tour_prints_what_it_says() {
    let site = Site::new();
    let tour = blocks("console").remove(0);
    let tour = tour.replace("http://127.0.0.1:7357/api", &site.sandbox.base_url());
    let mut script = String::new();
    let mut expected = String::new();
    for line in tour.lines() {
        match line.strip_prefix("$ ") {
            Some(command) if command.starts_with("versync sandbox") => {}
            Some(command) => {
                script.push_str(command);
                script.push('\n');
            }
            None => {
                expected.push_str(line);
                expected.push('\n');
            }
        }
    }
    let folder = tempfile::TempDir::new().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_versync")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-euc", &script]).current_dir(&folder).env_clear().env("PATH", path);
    let output = shell.env("VERSYNC_SOURCE", env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_plan_it_shows_is_the_quickstart_s() {
    let shown = blocks("text").remove(0);
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
    let folder = tempfile::TempDir::new().unwrap();
    let mut plan = versync(folder.path(), &["--sandbox", "--manifests", quickstart, "plan"]);
    let printed = String::from_utf8(plan.output().unwrap().stdout).unwrap();
    for part in shown.split('…') {
        assert!(printed.contains(part.trim()), "{part} is not in {printed}");
    }
}

/// The settings block gives every default, so it reads as a settings file; so does the manifest.
#[test]
fn the_settings_and_the_manifest_it_shows_are_sound() {
    let site = Site::new();
    let blocks = blocks("toml");
    let (manifest, settings) = (&blocks[1], format!("{}\n{}", blocks[2], blocks[3]));
    site.file("shop.toml", manifest);
    assert_eq!(site.versync(&["validate"]).out, "1 file, 3 resources: no problems.\n");
    fs::write(
        site.path("versync.toml"),
        settings.replace("# organisation = \"01J…\"", "organisation = \"01J0ACME000000000000000000\""),
    )
    .unwrap();
    assert!(site.versync(&["plan"]).err.contains("api.token is not set"), "everything else is accepted");
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

//! The README's table of commands is made of help, and help tells of every command and flag that there is.

use std::collections::BTreeSet;
use std::fs;

use clap::{ArgAction, CommandFactory, Parser};
use versync::args::Args;

use crate::support::Site;

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// What stands around the table of commands.
const MARKS: (&str, &str) =
    ("<!-- made of --help: VERSYNC_README=README.md cargo test readme:: -->\n", "\n<!-- up to here -->");

/// So many values are named in place of what they are called.
const MOST_VALUES: usize = 3;

/// The table of commands, as help tells of them.
fn table() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let row =
        |command: &clap::Command| format!("| `versync {}` | {} |\n", cell(&usage(command)), cell(&sentences(command)));
    Args::command()
        .get_subcommands()
        .map(row)
        .fold("\n| command | what it does |\n| --- | --- |\n".to_owned(), |all, row| all + &row)
}

/// `plan [--json] [--out FILE] [TARGET…]`
fn usage(command: &clap::Command) -> String {
    let mut words = vec![command.get_name().to_owned()];
    let mut told = BTreeSet::new();
    for arg in command.get_arguments() {
        let group = command.get_groups().find(|group| {
            // Every command is a group as well, of what can be given together.
            !(*group).clone().is_multiple() && group.get_args().any(|id| id == arg.get_id())
        });
        let beside = group.map_or_else(
            || vec![arg],
            |group| command.get_arguments().filter(|arg| group.get_args().any(|id| id == arg.get_id())).collect(),
        );
        if told.insert(beside[0].get_id()) {
            let word = beside.iter().map(|arg| spelled(arg)).collect::<Vec<_>>().join("|");
            words.push(if arg.is_required_set() { word } else { format!("[{word}]") });
            let repeats = arg.get_long().is_some() && matches!(arg.get_action(), ArgAction::Append);
            words.last_mut().unwrap().push_str(if repeats { "…" } else { "" });
        }
    }
    words.join(" ")
}

/// `--out FILE`, `-n N` or `TARGET…`
fn spelled(arg: &clap::Arg) -> String {
    let flag = arg.get_long().map(|long| format!("--{long}"));
    let flag = flag.or_else(|| arg.get_short().map(|short| format!("-{short}")));
    if !arg.get_action().takes_values() {
        return flag.unwrap();
    }
    let values = arg.get_possible_values();
    let value = if (1..=MOST_VALUES).contains(&values.len()) {
        values.iter().map(|value| value.get_name()).collect::<Vec<_>>().join("|")
    } else {
        arg.get_value_names().unwrap()[0].to_string()
    };
    let many = matches!(arg.get_action(), ArgAction::Append) && flag.is_none();
    format!("{}{value}{}", flag.map(|flag| flag + " ").unwrap_or_default(), if many { "…" } else { "" })
}

/// What help says of a command in whole sentences. What it names in `docs` is a link.
fn sentences(command: &clap::Command) -> String {
    let help = command.get_long_about().or(command.get_about()).unwrap().to_string();
    let paragraphs: Vec<&str> = help.split("\n\n").map(|text| text.trim_end_matches('.')).collect();
    let linked = |word: &str| match word.strip_prefix("docs/").and_then(|name| name.split_once('#')) {
        Some((_, anchor)) => {
            let heading = anchor.replace('-', " ");
            format!("[{}{}]({word})", heading[..1].to_uppercase(), &heading[1..])
        }
        None => word.to_owned(),
    };
    paragraphs.join(". ").split(' ').map(linked).collect::<Vec<_>>().join(" ")
}

#[test]
fn its_table_of_commands_is_what_help_says() {
    let (readme, table) = (readme(), table());
    let (before, rest) = readme.split_once(MARKS.0).unwrap();
    let (shown, behind) = rest.split_once(MARKS.1).unwrap();
    if let Some(path) = std::env::var_os("VERSYNC_README") {
        return fs::write(path, [before, MARKS.0, &table, MARKS.1, behind].concat()).unwrap();
    }
    assert!(
        shown == table,
        "the README's table of commands is not what help says; look at it, and make it anew with \
         VERSYNC_README=README.md cargo test readme::\n{table}"
    );
}

#[test]
fn it_tells_of_every_flag_that_every_command_takes() {
    let readme = readme();
    let everywhere = readme.split_once("\nEverywhere: ").unwrap().1.split_once("\n\n").unwrap().0;
    for arg in Args::command().get_arguments().filter(|arg| arg.get_long() != Some("help")) {
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

//! `examples/ci`: what they call exists.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use versync::args::{Args, Command};

use crate::support::{Ran, Site, versync};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ci");

fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Every `versync …` that a file runs, without what the shell makes of its output.
fn commands(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.starts_with("name:"));
    let run = lines.filter_map(|line| {
        let line = line.trim_start_matches("- ");
        let line = line.strip_prefix("run: ").or_else(|| line.strip_prefix("entry: ")).unwrap_or(line);
        line.starts_with("versync ").then(|| line.split(['>', '|', ';', '&']).next().unwrap_or(line).trim().to_owned())
    });
    run.collect()
}

#[test]
fn every_command_line_is_one() {
    for file in files() {
        let commands = commands(&file);
        assert!(commands.len() >= 2, "{} runs {commands:?}", file.display());
        for command in commands {
            let parsed = Args::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{}: {command}: {parsed:?}", file.display());
        }
    }
}

#[test]
fn every_variable_is_a_setting_and_a_plan_is_applied_as_it_was_saved() {
    for file in files().into_iter().filter(|file| !file.ends_with("pre-commit-config.yaml")) {
        let site = Site::new();
        site.file("a.toml", "[auth_scheme_configs.a]\nsystem = \"stripe\"\ndescription = \"d\"\ntype = \"none\"\n");
        fs::remove_file(site.path("versync.toml")).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let variables: Vec<(&str, String)> = text
            .lines()
            .filter_map(|line| line.trim().split_once(": "))
            .filter(|(name, _)| name.starts_with("VERSYNC_"))
            .map(|(name, value)| match name {
                "VERSYNC_API__ORGANISATION" => (name, versync::sandbox::ids::ORGANISATION.to_owned()),
                "VERSYNC_STATE" => (name, site.path("state").to_str().unwrap().to_owned()),
                _ => (name, value.to_owned()),
            })
            .collect();
        assert_eq!(variables.len(), 3, "{variables:?}");
        for command in commands(&file) {
            let args: Vec<&str> = command.split_whitespace().skip(1).collect();
            let mut run = versync(&site.path("."), &args);
            run.envs(variables.iter().map(|(name, value)| (*name, value))).env("VERSORI_API_KEY", "sandbox");
            let ran = Ran::of(run.env("VERSYNC_API__BASE_URL", site.sandbox.base_url()).output().unwrap());
            assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
            if let Command::Apply(_) = Args::parse_from(command.split_whitespace()).command {
                assert!(ran.out.contains("Applied 1 change"), "{ran:?}");
            }
        }
    }
}

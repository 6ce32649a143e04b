//! Every folder of manifests in `examples/` does what a user who copies it expects.

use std::fs;
use std::path::PathBuf;

use crate::support::{Ran, Site};

fn examples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // They have no manifests, and tests of their own.
    found.retain(|folder| !folder.ends_with("monitoring") && !folder.ends_with("ci"));
    found.sort();
    assert!(!found.is_empty());
    found
}

/// With the secrets that the examples ask their users to set.
fn run(site: &Site, args: &[&str]) -> Ran {
    let mut command = site.command(args);
    command.env("EXAMPLE_CLIENT_SECRET", "x").env("EXAMPLE_CONSUMER_SECRET", "y");
    Ran::of(command.output().unwrap())
}

#[test]
fn every_example_is_sound_applies_and_is_then_in_sync() {
    for example in examples() {
        let site = Site::new();
        let with = |args: &[&str]| {
            let ran = run(&site, &[&["--manifests", example.to_str().unwrap()], args].concat());
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", example.display());
            ran
        };
        assert!(with(&["validate"]).out.contains("no problems"));
        assert!(with(&["apply", "--yes"]).out.contains("Applied"));
        let writes = site.writes().len();
        assert!(writes > 0);
        assert!(with(&["plan", "--detailed-exitcode"]).out.starts_with("In sync"));
        with(&["apply", "--yes"]);
        assert_eq!(site.writes().len(), writes, "{} writes again", example.display());
    }
}

#[test]
fn every_example_runs_on_the_embedded_sandbox() {
    for example in examples() {
        let site = Site::new();
        fs::remove_file(site.path("versync.toml")).unwrap();
        let ran = run(&site, &["--sandbox", "--manifests", example.to_str().unwrap(), "apply", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            site.writes().is_empty() && !site.path(".versync").exists(),
            "the embedded sandbox is within the process"
        );
    }
}

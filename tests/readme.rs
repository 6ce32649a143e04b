//! What the README shows is what happens.

use std::fs;
use std::process::Command;

use crate::support::readme::blocks;
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

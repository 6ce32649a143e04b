//! `versync approve`: held deletes go through, once, and no others.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use versync::sandbox::{Owner, ids};

use crate::support::{Daemon, Ran, Site, eventually};

const LIMIT: &str = "sync.prune = true\nsync.delete_limit = { count = 2, percent = 100 }";

/// Configs c0, c1, … on stripe, each in a file of its own, applied.
fn site(settings: &str, count: usize) -> Site {
    let site = Site::new();
    site.settings(settings);
    (0..count).for_each(|n| config(&site, n, "first"));
    site.apply();
    site
}

fn config(site: &Site, n: usize, description: &str) {
    let text =
        format!("[auth_scheme_configs.c{n}]\nsystem = \"stripe\"\ndescription = \"{description}\"\ntype = \"none\"\n");
    site.file(&format!("c{n}.toml"), text);
}

fn remove(site: &Site, numbers: std::ops::Range<usize>) {
    numbers.for_each(|n| site.remove(&format!("c{n}.toml")));
}

fn on_stripe(site: &Site) -> usize {
    site.sandbox.world(|world| world.configs(&Owner::System(ids::STRIPE.to_owned())).len())
}

fn apply(site: &Site, code: i32) -> Ran {
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    ran
}

fn approve(site: &Site, args: &[&str]) -> Ran {
    let ran = site.versync(&[&["approve"], args].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn refused(site: &Site, args: &[&str]) -> String {
    let ran = site.versync(&[&["approve"], args].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    ran.err
}

fn status(site: &Site) -> Value {
    site.versync(&["status", "--json"]).json()
}

#[test]
fn what_the_last_pass_held_goes_through_once() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    assert!(apply(&site, 4).out.contains("`versync approve` lets them through, once"));
    let out = approve(&site, &[]).out;
    assert!(out.contains("\n  auth_scheme_config.system/stripe/c2\n"), "{out}");
    assert!(out.ends_with("it counts for the next `versync apply` or `versync run`.\n"), "{out}");
    assert_eq!(status(&site)["approvals"].as_array().unwrap().len(), 1);
    let planned = site.plan();
    assert_eq!((&planned["summary"]["delete"], &planned["summary"]["held"]), (&3.into(), &0.into()));
    assert_eq!(on_stripe(&site), 5, "a plan uses nothing up");
    apply(&site, 0);
    assert_eq!(on_stripe(&site), 2);
    assert_eq!(status(&site)["approvals"], Value::Array(Vec::new()));

    // The same deletes once more need another approval.
    (0..3).for_each(|n| config(&site, n, "first"));
    apply(&site, 0);
    remove(&site, 0..3);
    apply(&site, 4);
    assert_eq!(on_stripe(&site), 5);
}

#[test]
fn a_plan_is_approved_by_its_hash_although_its_other_changes_went_through() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    config(&site, 4, "second");
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    apply(&site, 4);
    apply(&site, 4);
    assert_ne!(site.plan()["hash"], hash.as_str(), "the update is done");
    approve(&site, &[&hash[..12]]);
    apply(&site, 0);
    assert_eq!(on_stripe(&site), 2);
}

#[test]
fn a_plan_that_no_pass_has_made_yet_is_approved_by_its_hash() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    approve(&site, &[&hash]);
    apply(&site, 0);
    assert_eq!(on_stripe(&site), 2);
}

#[test]
fn a_plan_that_holds_deletes_ends_with_the_command_that_lets_them_through() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    config(&site, 4, "second");
    let said = refused(&site, &[]);
    assert!(said.contains("for what only `versync plan` has shown, take the command that it ends with"), "{said}");
    let out = site.versync(&["plan"]).out;
    let (_, hash) = out.split_once("unchanged.\nTo let the 3 held deletes through, once: versync approve ").unwrap();
    approve(&site, &[hash.trim_end()]);
    let out = site.versync(&["plan"]).out;
    assert!(out.ends_with("unchanged.\n"), "what is approved waits for no approval: {out}");
    apply(&site, 0);
    assert_eq!(on_stripe(&site), 2);
}

#[test]
fn a_word_for_a_plan_to_come_is_void_once_a_pass_has_no_use_for_it() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    approve(&site, &[&hash]);
    (0..3).for_each(|n| config(&site, n, "first"));
    apply(&site, 0);
    remove(&site, 0..3);
    apply(&site, 4);
    assert_eq!(on_stripe(&site), 5);
}

#[test]
fn one_more_delete_is_another_matter() {
    for args in [0, 1] {
        let site = site(LIMIT, 6);
        remove(&site, 0..3);
        apply(&site, 4);
        let hash = site.plan()["hash"].as_str().unwrap().to_owned();
        approve(&site, &[hash.as_str()][..args]);
        remove(&site, 3..4);
        apply(&site, 4);
        assert_eq!(on_stripe(&site), 6);
        approve(&site, &[]);
        apply(&site, 0);
        assert_eq!(on_stripe(&site), 2);
    }
}

#[test]
fn an_empty_folder_deletes_everything_once_that_is_approved() {
    let site = site("sync.prune = true", 2);
    remove(&site, 0..2);
    apply(&site, 4);
    approve(&site, &[]);
    apply(&site, 0);
    assert_eq!(on_stripe(&site), 0);
}

#[test]
fn what_is_protected_or_in_error_is_not_for_approval() {
    let site = site("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }", 2);
    site.file(
        "c0.toml",
        fs::read_to_string(site.manifests().join("c0.toml")).unwrap() + "lifecycle = { prevent_delete = true }\n",
    );
    apply(&site, 0);
    remove(&site, 0..1);
    apply(&site, 4);
    assert!(refused(&site, &[]).contains("there is nothing to approve"));
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    assert!(refused(&site, &[&hash]).contains("there is nothing to approve"));
    site.file("bad.toml", "[");
    remove(&site, 1..2);
    apply(&site, 3);
    assert!(refused(&site, &[]).contains("there is nothing to approve"));
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    assert!(refused(&site, &[&hash]).contains("there is nothing to approve"));
    assert_eq!(on_stripe(&site), 2);

    // Together with deletes that can be approved, only those go.
    site.remove("bad.toml");
    site.settings("sync.prune = true\nsync.delete_limit = { count = 0, percent = 100 }");
    site.file("other.toml", "[auth_scheme_configs.other]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    apply(&site, 4);
    let out = approve(&site, &[]).out;
    assert!(out.contains("stripe/c1") && !out.contains("stripe/c0"), "{out}");
    apply(&site, 4);
    let config = |id: &str| site.sandbox.world(|world| world.config(&Owner::System(ids::STRIPE.into()), id));
    assert_eq!((config("c0").is_some(), config("c1").is_some()), (true, false));
}

#[test]
fn a_word_given_twice_counts_once() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    apply(&site, 4);
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    approve(&site, &[]);
    approve(&site, &[&hash]);
    apply(&site, 0);
    assert!(refused(&site, &[]).contains("there is nothing to approve"));
    assert!(refused(&site, &[&hash]).contains("there is nothing to approve"));
    (0..3).for_each(|n| config(&site, n, "first"));
    apply(&site, 0);
    assert_eq!(status(&site)["approvals"], Value::Array(Vec::new()), "the second word is void");
    remove(&site, 0..3);
    apply(&site, 4);
    assert_eq!(on_stripe(&site), 5);
}

#[test]
fn a_word_for_what_is_held_no_more_is_refused_and_names_what_is() {
    let site = site(LIMIT, 6);
    remove(&site, 0..3);
    apply(&site, 4);
    let hash = site.plan()["hash"].as_str().unwrap().to_owned();
    remove(&site, 3..4);
    apply(&site, 4);
    let now = status(&site)["last_pass"]["held_hash"].as_str().unwrap().to_owned();
    let said = refused(&site, &[&hash]);
    assert!(said.contains(&format!("the last pass held the deletes of plan {now}")), "{said}");
}

#[test]
fn what_is_no_hash_or_is_unknown_is_refused() {
    let site = site(LIMIT, 1);
    assert!(refused(&site, &["latest"]).contains("\"latest\" is no plan hash"));
    assert!(refused(&site, &["0123456789"]).contains("no pass that held deletes"));
    assert!(refused(&site, &[]).contains("there is nothing to approve"));
    fs::remove_dir_all(site.path(".versync")).unwrap();
    assert!(refused(&site, &[]).contains("there is nothing to approve"));
    assert!(!site.path(".versync").exists());
}

#[test]
fn an_approval_that_is_a_day_old_is_void() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    apply(&site, 4);
    approve(&site, &[]);
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    database.execute("UPDATE approval SET approved_at = '2026-01-01T00:00:00Z'", []).unwrap();
    drop(database);
    apply(&site, 4);
    assert_eq!(on_stripe(&site), 5);
    assert_eq!(status(&site)["approvals"], Value::Array(Vec::new()));
}

fn daemon(site: &Site, settings: &str, removed: std::ops::Range<usize>) -> Daemon {
    site.settings(&format!("{LIMIT}\nsync.interval = \"1h\"\nsync.debounce = \"20ms\"\n{settings}"));
    remove(site, removed);
    let daemon = site.run(&[]);
    eventually("the pass that held the deletes", || status(site)["last_pass"]["command"] == "run");
    daemon
}

#[test]
fn a_running_daemon_deletes_at_once() {
    let site = site(LIMIT, 5);
    let mut daemon = daemon(&site, "sync.delete_grace = \"0s\"", 0..3);
    assert_eq!(on_stripe(&site), 5);
    let out = approve(&site, &[]).out;
    assert!(out.contains(&format!("\nThe daemon (process {}) makes a pass now.", daemon.id())), "{out}");
    eventually("the deletes", || on_stripe(&site) == 2);
    daemon.await_said("the deletes that were held are approved");
    eventually("the approval to be used up", || status(&site)["approvals"] == Value::Array(Vec::new()));
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn one_reason_to_hold_many_deletes_is_logged_once() {
    let site = site(LIMIT, 5);
    let daemon = daemon(&site, "sync.delete_grace = \"1h\"", 0..4);
    let names = "auth_scheme_config.system/stripe/c0, auth_scheme_config.system/stripe/c1, \
                 auth_scheme_config.system/stripe/c2 and 1 other are each held: ";
    let said = daemon.await_said(&format!("{names}4 deletes of 5 resources are more than sync.delete_limit allows"));
    assert!(said["message"].as_str().unwrap().ends_with(", once (manifest)"), "{said}");
    assert_eq!((&said["count"], &said["action"], &said["address"]), (&4.into(), &"delete".into(), &Value::Null));
    let all: Vec<String> = serde_json::from_str(said["addresses"].as_str().unwrap()).unwrap();
    assert_eq!(all, [0, 1, 2, 3].map(|n| format!("auth_scheme_config.system/stripe/c{n}")));
    approve(&site, &[]);
    daemon.await_said(&format!("{names}it has to be gone from the files for 3600s (sync.delete_grace) (manifest)"));
    let warnings = daemon.log().into_iter().filter(|entry| entry["level"] == "WARN").count();
    assert_eq!(warnings, 2, "{:?}", daemon.log());
}

#[test]
fn an_approval_outlasts_the_grace_period() {
    let site = site(LIMIT, 5);
    let _daemon = daemon(&site, "sync.delete_grace = \"300ms\"", 0..3);
    approve(&site, &[]);
    // Whether the first pass from now on may delete or only the next: all of them go, without another word.
    eventually("the deletes", || on_stripe(&site) == 2);
}

#[test]
fn the_state_of_another_organisation_is_neither_shown_nor_approved() {
    let site = site(LIMIT, 5);
    remove(&site, 0..3);
    apply(&site, 4);
    let settings = fs::read_to_string(site.path("versync.toml")).unwrap();
    fs::write(site.path("versync.toml"), settings.replace(ids::ORGANISATION, ids::STRIPE)).unwrap();
    assert!(refused(&site, &[]).contains(ids::ORGANISATION));
    for command in ["status", "history"] {
        assert_eq!(site.versync(&[command]).code, Some(1), "{command}");
    }
    fs::write(site.path("versync.toml"), settings).unwrap();
    assert_eq!(status(&site)["approvals"], Value::Array(Vec::new()));
}

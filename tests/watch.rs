//! What the daemon sees of a folder that others change.

use std::fs;

use versync::sandbox::{Owner, ids};

use crate::daemon::{NEVER, OFTEN, PAY, SHOP, site};
use crate::support::{Site, eventually, swap};

#[test]
fn files_that_come_go_and_move_are_seen_wherever_they_are() {
    let site = site(NEVER);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.file("new/deep/pay.toml", PAY);
    let config = || site.sandbox.world(|world| world.config(&Owner::System(ids::STRIPE.into()), "pay"));
    eventually("a file in a new folder", || config().is_some());
    fs::rename(site.manifests().join("new"), site.manifests().join("moved")).unwrap();
    site.file("moved/deep/pay.toml", PAY.replace("\"\"", "\"after the move\""));
    eventually("an edit in a moved folder", || config().unwrap()["none"]["description"] == "after the move");
}

/// Two folders beside the manifests that declare the template differently, in a folder below them.
fn two_revisions(site: &Site, below: &str) {
    for (revision, text) in [("one", SHOP.to_owned()), ("two", SHOP.replace("true", "false"))] {
        let folder = site.path(revision).join(below);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("shop.toml"), text).unwrap();
    }
}

#[test]
fn a_folder_that_is_a_link_is_seen_to_be_swapped() {
    let site = Site::new();
    site.settings(NEVER);
    fs::remove_dir(site.manifests()).unwrap();
    two_revisions(&site, "");
    let point_at = |revision: &str| swap(&site.manifests(), revision);
    point_at("one");
    let daemon = site.run(&[]);
    daemon.await_said("created");
    point_at("two");
    daemon.await_said("updated");
    fs::write(site.path("two/shop.toml"), SHOP).unwrap();
    eventually("an edit behind the link", || site.template("shop").dynamic);
}

#[test]
fn a_folder_behind_a_link_is_seen_to_be_swapped() {
    let site = Site::new();
    site.settings(&format!("{NEVER}\nmanifests = \"current/manifests\""));
    two_revisions(&site, "manifests");
    let point_at = |revision: &str| swap(&site.path("current"), revision);
    point_at("one");
    let daemon = site.run(&[]);
    daemon.await_said("created");
    point_at("two");
    daemon.await_said("updated");
    fs::write(site.path("two/manifests/shop.toml"), SHOP).unwrap();
    eventually("an edit behind the link", || site.template("shop").dynamic);
    point_at("one");
    fs::write(site.path("one/manifests/shop.toml"), SHOP.replace("true", "false")).unwrap();
    eventually("the first one again", || !site.template("shop").dynamic);
}

#[test]
fn a_folder_that_is_removed_and_made_again_is_seen() {
    let site = site(NEVER);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    fs::remove_dir_all(site.manifests()).unwrap();
    daemon.await_said("no pass can be made: the manifests folder");
    site.file("shop.toml", SHOP.replace("true", "false"));
    daemon.await_said("updated");
    assert_eq!(daemon.said("passes can be made again").len(), 1);
}

#[test]
fn nothing_is_planned_from_a_folder_that_git_is_at_work_on() {
    let site = site(&format!(
        "{OFTEN}\nsync.prune = true\nsync.delete_grace = \"0s\"\nsync.delete_limit = {{ count = 9, percent = 100 }}"
    ));
    site.file("pay.toml", PAY);
    fs::create_dir(site.path(".git")).unwrap();
    let daemon = site.run(&[]);
    eventually("both", || daemon.said("created").len() == 2);
    // A checkout that was killed half-way: some files are gone, and the lock stays.
    fs::write(site.path(".git/index.lock"), "").unwrap();
    site.remove("shop.toml");
    let said = daemon.await_said("no pass can be made: the manifests folder");
    assert!(said["message"].as_str().unwrap().contains("index.lock is there"), "{said}");
    assert_eq!(site.templates("shop").len(), 1);
    site.file("shop.toml", SHOP);
    fs::remove_file(site.path(".git/index.lock")).unwrap();
    daemon.await_said("passes can be made again");
    site.await_passes(2);
    assert_eq!((site.templates("shop").len(), daemon.said("deleted").len()), (1, 0));
}

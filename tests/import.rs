//! `versync import`: manifests for what exists.

use serde_json::json;
use versync::sandbox::{World, ids};

use crate::support::{Site, actions};

fn import(site: &Site, more: &[&str]) -> crate::support::Ran {
    site.versync(&[&["import", "--out", "manifests"], more].concat())
}

/// `shop` the same in both environments, `orders` not, and two of the name `twice`.
fn world() -> World {
    let mut world = World::seeded();
    let mut make = |name: &str, environment: &str, dynamic: bool| {
        let body = json!({"name": name, "systemId": ids::STRIPE, "environmentId": environment, "dynamic": dynamic});
        world.create_template(ids::STOREFRONT, &body).unwrap();
    };
    make("shop", ids::PRODUCTION, false);
    make("shop", ids::STAGING, false);
    make("orders", ids::PRODUCTION, true);
    make("orders", ids::STAGING, false);
    make("my \"own\"", ids::STAGING, false);
    make("twice", ids::STAGING, false);
    make("twice", ids::STAGING, false);
    world
}

#[test]
fn a_whole_project_becomes_one_tidy_file_for_each_system() {
    let site = Site::of(world());
    let ran = import(&site, &["--project", "storefront"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("several of this name"), "{}", ran.err);
    let text = |name: &str| std::fs::read_to_string(site.manifests().join(name)).unwrap();
    insta::assert_snapshot!(format!("{}\n---\n{}", text("netsuite.toml"), text("stripe.toml")));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    assert!(site.writes().is_empty());
}

#[test]
fn one_environment_of_a_project_is_enough() {
    let site = Site::of(world());
    let ran = import(&site, &["--project", ids::STOREFRONT, "--environment", "production"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let plan = site.plan();
    assert!(actions(&plan).is_empty(), "{plan:#}");
    assert_eq!(plan["summary"]["unchanged"], 2);
}

#[test]
fn nothing_is_ever_written_over() {
    let site = Site::of(world());
    site.file("netsuite.toml", "# mine\n");
    let ran = import(&site, &["--project", "storefront"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("netsuite.toml exists already"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(site.manifests()).unwrap().count(), 1);
    site.remove("netsuite.toml");
    std::os::unix::fs::symlink("nowhere", site.path("stripe.toml")).unwrap();
    let ran = site.versync(&["import", "--project", "storefront", "--out", "."]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("stripe.toml exists already"), "also a link that leads nowhere: {}", ran.err);
    assert!(!site.path("netsuite.toml").exists());
}

#[test]
fn what_is_not_there_is_named_and_nothing_is_written() {
    let site = Site::of(world());
    for (args, message) in [
        (&["--project", "nowhere"][..], "cannot import project \"nowhere\": there is none"),
        (&["--project", "storefront", "--environment", "moon"], "has no environment \"moon\""),
        (&["--system", "nothing"], "cannot import system \"nothing\": there is none"),
        (&["--connector", ids::STAGING], "cannot import connector"),
        (&["--connector", "warehouse"], "connector \"warehouse\" is not a ULID"),
        (&[], "nothing says what to import"),
        (&["--environment", "production"], "needs a --project"),
    ] {
        let ran = import(&site, args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(message), "{message}: {}", ran.err);
        assert_eq!(std::fs::read_dir(site.manifests()).unwrap().count(), 0);
    }
}

#[test]
fn a_folder_beside_the_watched_one_can_be_moved_in() {
    let site = Site::of(world());
    let ran = site.versync(&["import", "--system", "netsuite", "--out", "imported"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("Wrote imported/netsuite.toml") && ran.out.contains("Not recorded"), "{}", ran.out);
    assert!(site.plan()["changes"].as_array().unwrap().is_empty(), "and so no orphan that is pruned");
    std::fs::rename(site.path("imported/netsuite.toml"), site.manifests().join("erp.toml")).unwrap();
    site.apply();
    assert!(site.writes().is_empty());
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_connector_that_is_no_id_is_refused_before_anything_is_asked() {
    let site = Site::new();
    let ran = import(&site, &["--system", "netsuite", "--connector", "warehouse", "--connector", "../x"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("\"warehouse\" is not a ULID") && ran.err.contains("\"../x\""), "{}", ran.err);
    assert!(site.sandbox.requests().is_empty());
}

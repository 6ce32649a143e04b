//! `versync history`: who changed what, when, why, and by which revision.

use std::fs;

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::Site;

const ADDRESS: &str = "connection_template.storefront/production/shop";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn shop(dynamic: bool) -> String {
    format!(
        "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
         system = \"shopify\"\ndynamic = {dynamic}\n"
    )
}

/// A folder that is a repository at [`COMMIT`].
fn site() -> Site {
    let site = Site::new();
    fs::create_dir(site.path(".git")).unwrap();
    fs::write(site.path(".git/HEAD"), format!("{COMMIT}\n")).unwrap();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    site.file("shop.toml", shop(true));
    site.file("ok.toml", "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    site
}

fn changes(site: &Site, args: &[&str]) -> Vec<Value> {
    let ran = site.versync(&[&["history", "--json"], args].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()["changes"].as_array().unwrap().clone()
}

#[test]
fn every_change_is_kept_with_its_cause_its_source_and_the_revision() {
    let site = site();
    site.apply();
    site.file("shop.toml", shop(false));
    site.apply();
    site.tamper("shop", |template| template.dynamic = true);
    site.apply();
    let gone = site.template("shop");
    site.sandbox.world(|world| world.delete_template(&gone.project, &gone.id).unwrap());
    site.apply();
    site.remove("shop.toml");
    site.apply();
    site.apply();

    let changes = changes(&site, &[]);
    let of_the_shop = changes.iter().filter(|change| change["address"] == ADDRESS);
    let what: Vec<_> = of_the_shop.clone().map(|change| (&change["action"], &change["causes"])).collect();
    let (manifest, drift) = (json!(["manifest"]), json!(["drift"]));
    let newest_first = [
        (&json!("delete"), &manifest),
        (&json!("create"), &drift),
        (&json!("update"), &drift),
        (&json!("update"), &manifest),
        (&json!("create"), &manifest),
    ];
    assert_eq!(what, newest_first);
    let edit = of_the_shop.clone().nth(3).unwrap();
    assert_eq!(
        edit["fields"],
        json!([{"path": "dynamic", "before": true, "after": false, "cause": "manifest", "sensitive": false}])
    );
    for change in &changes {
        assert_eq!((&change["revision"], &change["command"]), (&COMMIT.into(), &"apply".into()));
        assert_eq!(change["source"]["line"], 1);
        change["at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    }
    assert_eq!(changes.len(), 6, "and the config, and nothing for passes that found nothing");
}

#[test]
fn a_template_that_took_two_requests_is_one_change() {
    let site = site();
    site.file("shop.toml", format!("{}auth_scheme_configs = [\"key\"]\n", shop(true)));
    site.file("key.toml", "[auth_scheme_configs.key]\nsystem = \"shopify\"\ndescription = \"\"\ntype = \"none\"\n");
    site.apply();
    let changes = changes(&site, &[]);
    let shops: Vec<_> = changes.iter().filter(|change| change["address"] == ADDRESS).collect();
    assert_eq!(shops.len(), 1);
    assert_eq!(shops[0]["fields"][0]["after"], json!(["key"]));
}

#[test]
fn adoption_is_a_change_and_the_newest_are_shown_first() {
    let site = site();
    site.apply();
    fs::remove_dir_all(site.path(".versync")).unwrap();
    site.apply();
    let adopted = changes(&site, &["-n", "0"]);
    assert_eq!(adopted.iter().map(|change| &change["action"]).collect::<Vec<_>>(), ["adopt", "adopt"]);
    site.file("shop.toml", shop(false));
    site.apply();
    let newest = changes(&site, &["-n", "1"]);
    assert_eq!((newest.len(), &newest[0]["action"]), (1, &json!("update")));
    let text = site.versync(&["history", "-n1"]).out;
    let (time, rest) = text.split_once(' ').unwrap();
    time.parse::<Timestamp>().unwrap();
    let line = format!("{ADDRESS} updated (shop.toml:1, revision 0123456789ab, `versync apply`)");
    assert_eq!(rest, format!("{line}\n    ~ dynamic  true → false\n"));
}

#[test]
fn the_daemon_keeps_history_too_and_it_can_be_read_meanwhile() {
    let site = site();
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    crate::support::eventually("both changes", || changes(&site, &[]).len() == 2);
    assert!(changes(&site, &[]).iter().all(|change| change["command"] == "run"));
    daemon.stop(Signal::TERM);
}

#[test]
fn a_change_that_failed_is_no_history() {
    let site = site();
    site.file("ok.toml", "[auth_scheme_configs.ok]\nsystem = \"nowhere\"\ndescription = \"\"\ntype = \"none\"\n");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    assert_eq!(changes(&site, &[]).len(), 1);
}

#[test]
fn without_a_state_nothing_was_changed() {
    let site = site();
    assert_eq!(site.versync(&["history"]).out, "Nothing was changed yet.\n");
    assert_eq!(site.versync(&["history", "--json"]).json(), json!({"format_version": "1", "changes": []}));
    assert!(!site.path(".versync").exists());
}

#[test]
fn the_oldest_changes_make_room() {
    let site = site();
    site.apply();
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    database.execute("UPDATE sqlite_sequence SET seq = seq + 10000 WHERE name = 'history'", []).unwrap();
    drop(database);
    site.file("shop.toml", shop(false));
    site.apply();
    assert_eq!(changes(&site, &["-n0"]).len(), 1);
}

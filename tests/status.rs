//! `versync status`: how things stand, beside a running daemon and without any network.

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Site, eventually};

const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
const ADDRESS: &str = "connection_template.storefront/production/shop";

fn status(site: &Site) -> Value {
    let ran = site.versync(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

/// Times are different every time.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([',', ')', ':']);
        if bare.parse::<Timestamp>().is_ok() { word.replace(bare, "[time]") } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_last_pass_found_is_shown() {
    let site = Site::new();
    let settings = |more: &str| site.settings(&format!("sync.prune = true\nsync.on_drift = \"report\"\n{more}"));
    settings("");
    site.file("shop.toml", SHOP);
    for n in 0..3 {
        let text = format!("[auth_scheme_configs.c{n}]\nsystem = \"stripe\"\ndescription = \"{n}\"\ntype = \"none\"\n");
        site.file(&format!("c{n}.toml"), text);
    }
    site.apply();
    (0..2).for_each(|n| site.remove(&format!("c{n}.toml")));
    site.tamper("shop", |template| template.dynamic = false);
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    insta::assert_snapshot!(steady(&site.versync(&["status"]).out));

    let now = status(&site);
    let pass = &now["last_pass"];
    assert_eq!(now["running"], Value::Null);
    assert_eq!((&pass["command"], &pass["error"], &pass["applied"]), (&"apply".into(), &Value::Null, &json!(0)));
    assert_eq!((&pass["summary"]["held"], &pass["summary"]["drifted"]), (&json!(2), &json!(1)));
    let hash = |name: &str| pass[name].as_str().unwrap().len();
    assert_eq!((hash("hash"), hash("held_hash")), (64, 64));
    assert_eq!(pass["hash"], site.plan()["hash"]);
    assert_eq!(now["last_completed_pass"], *pass);
    let held = &now["held"][0];
    assert_eq!((&held["address"], &held["approvable"]), (&"auth_scheme_config.system/stripe/c0".into(), &true.into()));
    let drifted = &now["drifted"][0];
    assert_eq!((&drifted["address"], &drifted["reverted"]), (&ADDRESS.into(), &false.into()));
    assert_eq!(drifted["fields"][0]["path"], "dynamic");

    // Since when is that of the first pass that saw it.
    site.versync(&["apply", "--yes"]);
    let later = status(&site);
    assert_ne!(later["last_pass"]["began_at"], pass["began_at"]);
    assert_eq!((&later["held"][0]["since"], &later["drifted"][0]["since"]), (&held["since"], &drifted["since"]));
    assert_eq!(held["since"], pass["began_at"]);
}

#[test]
fn it_works_beside_a_daemon_and_names_it() {
    let site = Site::new();
    site.settings("sync.interval = \"1h\"\nsync.debounce = \"20ms\"");
    site.file("shop.toml", SHOP);
    let mut daemon = site.run(&[]);
    eventually("a pass", || status(&site)["last_pass"]["applied"] == 1);
    let now = status(&site);
    assert_eq!((&now["running"]["command"], &now["running"]["pid"]), (&"run".into(), &daemon.id().into()));
    assert!(site.versync(&["status"]).out.starts_with("`versync run` is running (process "));
    site.file("bad.toml", "[auth_scheme_configs.bad\n");
    assert_eq!(now["last_pass"]["checked_at"], now["last_pass"]["ended_at"]);
    eventually("the problem", || status(&site)["problems"][0]["file"] == "bad.toml");
    // Everything was looked at before that.
    let part = status(&site)["last_pass"].take();
    assert!(part["checked_at"].as_str().unwrap() < part["began_at"].as_str().unwrap(), "{part:#}");
    let checked_at = part["checked_at"].clone();
    let text = site.versync(&["status"]).out;
    assert!(text.contains("Last pass (`versync run`, of an edit only, "), "{text}");
    assert!(text.contains(&format!("  Everything was looked at {:.19}", checked_at.as_str().unwrap())), "{text}");
    site.tamper("shop", |template| template.dynamic = false);
    daemon.signal(Signal::HUP);
    eventually("the drift", || status(&site)["drifted"][0]["reverted"] == true);
    let whole = status(&site)["last_pass"].take();
    assert_eq!(whole["checked_at"], whole["ended_at"]);
    assert!(!site.versync(&["status"]).out.contains("an edit"));
    daemon.stop(Signal::TERM);
    assert_eq!(status(&site)["running"], Value::Null);
}

#[test]
fn a_pass_that_cannot_be_made_leaves_what_the_one_before_found() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let before = status(&site);
    std::fs::rename(site.manifests(), site.path("elsewhere")).unwrap();
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(1));
    let now = status(&site);
    assert!(now["last_pass"]["error"].as_str().unwrap().contains("does not exist"));
    assert_eq!((&now["last_pass"]["hash"], &now["last_pass"]["summary"]), (&Value::Null, &Value::Null));
    assert_eq!(now["last_completed_pass"], before["last_pass"]);
    assert!(site.versync(&["status"]).out.contains("The last pass could not be made"));
    std::fs::rename(site.path("elsewhere"), site.manifests()).unwrap();
    site.apply();
    assert_eq!(status(&site)["last_pass"]["error"], Value::Null);
}

#[test]
fn what_is_only_reported_is_named() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    site.remove("shop.toml");
    site.apply();
    let text = site.versync(&["status"]).out;
    assert!(text.contains("\nReported: no file declares it any more"), "{text}");
    assert!(text.contains("\n  connection_template.storefront/production/shop is left alone, since "), "{text}");
}

#[test]
fn what_only_looks_leaves_nothing_behind() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let text = site.versync(&["status"]);
    assert_eq!(text.code, Some(0));
    assert_eq!(text.out, "No daemon that writes is running.\nThere is no state yet: no pass was made.\n");
    assert_eq!(status(&site)["last_pass"], Value::Null);
    assert!(!site.path(".versync").exists());
    site.apply();
    let before = status(&site);
    site.plan();
    let mut daemon = site.run(&["--dry-run"]);
    site.await_passes(1);
    daemon.stop(Signal::TERM);
    assert_eq!(status(&site), before);
}

#[test]
fn the_sandbox_keeps_no_state_to_look_at() {
    let site = Site::new();
    for command in ["status", "history", "approve"] {
        let ran = site.versync(&["--sandbox", command]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("with --sandbox"), "{}", ran.err);
    }
}

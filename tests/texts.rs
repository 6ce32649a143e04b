//! What sentences say: whose change it is, what only would happen, what was said before.

use std::fs;

use rustix::process::Signal;
use versync::sandbox::ids;

use crate::support::{Daemon, Site};

const LOGIN: &str = r#"[auth_scheme_configs.login]
system = "stripe"
description = "Login"
type = "oauth2"
token_url = "https://pay.example/token"
scopes = []
default_scopes = []
grant = { type = "password", client_id = "abc", client_secret = { file = "../secret" } }
"#;

const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";

fn config(id: &str) -> String {
    format!("[auth_scheme_configs.{id}]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n")
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn a_changed_secret_is_said_to_be_one() {
    let site = Site::new();
    site.secret("secret", "one");
    site.file("login.toml", LOGIN);
    site.apply();
    has(&site.versync(&["history"]).out, &["    + grant.client_secret  (secret)\n"]);
    site.secret("secret", "two");
    let text = site.versync(&["plan"]).out;
    has(&text, &["will be updated: its secret has changed (login.toml:1)", "~ grant.client_secret  (secret changed)"]);
    site.file("login.toml", LOGIN.replace("\"Login\"", "\"Sign in\""));
    has(&site.versync(&["plan"]).out, &["will be updated: its file says otherwise"]);
}

#[test]
fn a_secret_of_which_nothing_is_recorded_is_not_said_to_have_changed() {
    let site = Site::new();
    site.secret("secret", "one");
    site.file("login.toml", LOGIN.replace(", client_secret = { file = \"../secret\" }", ""));
    site.apply();
    site.file("login.toml", LOGIN);
    has(
        &site.versync(&["plan"]).out,
        &[
            "will be updated: its file declares its secret for the first time",
            "+ grant.client_secret  (secret, declared for the first time)",
        ],
    );
}

#[test]
fn a_rename_and_an_adoption_are_called_so() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    fs::remove_dir_all(site.path(".versync")).unwrap();
    has(&site.apply().out, &["Adopted 1 resource."]);
    has(&site.versync(&["status"]).out, &["Plan: 1 to adopt; 0 unchanged. Adopted 1 resource.\n"]);
    let renamed = SHOP.replace(".shop]", ".store]") + "lifecycle = { renamed_from = \"shop\" }\n";
    site.file("shop.toml", &renamed);
    has(&site.apply().out, &["production/store will be renamed (shop.toml:1)\n", "Applied 1 change."]);
    has(&site.versync(&["history"]).out, &["production/store renamed (shop.toml:1"]);
    site.file(
        "shop.toml",
        renamed.replace("store]", "shopping]").replace("\"shop\"", "\"store\"").replace("true", "false"),
    );
    has(&site.versync(&["plan"]).out, &["production/shopping will be renamed and updated (shop.toml:1)"]);
}

#[test]
fn after_a_pass_that_left_nothing_open_status_says_so() {
    let site = Site::new();
    site.file("shop.toml", SHOP).file("a.toml", config("a"));
    site.apply();
    has(
        &site.versync(&["status"]).out,
        &["Applied 2 changes.\n  In sync when it ended, 20", "Z: 2 resources as declared.\n"],
    );
    site.file("bad.toml", "x = [").file("b.toml", config("b"));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    assert!(!site.versync(&["status"]).out.contains("In sync"));
}

#[test]
fn what_a_broken_file_declared_is_counted() {
    let site = Site::new();
    site.file("shop.toml", SHOP).file("a.toml", config("a") + &config("b")).file("c.toml", config("c"));
    site.apply();
    site.file("a.toml", "x = [");
    let ran = site.versync(&["plan"]);
    let last = "Plan: nothing to do, 1 problem, 2 left alone, since their files are in error; 2 unchanged.\n";
    assert!(ran.out.ends_with(last), "{}", ran.out);
    assert!(!site.plan()["summary"].to_string().contains("broken"));
}

#[test]
fn a_warning_is_counted_as_one() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    site.file("shop.toml", SHOP);
    site.apply();
    site.file("shop.toml", SHOP.replace(".shop]", ".store]"));
    let ran = site.versync(&["plan"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    has(&ran.out, &["Plan: 1 to create, 1 to delete, 1 warning; 0 unchanged.\n"]);
    assert_eq!(site.plan()["summary"]["problems"], 1);
    site.file("bad.toml", "x = [");
    has(&site.versync(&["plan"]).out, &[", 1 problem, 1 warning; 0 unchanged.\n"]);
}

#[test]
fn a_sandbox_says_what_is_sent_to_change_something() {
    let said = |quiet: &[&str]| {
        let site = Site::new();
        let mut sandbox = Daemon::start(site.command(&[&["sandbox", "--listen", "127.0.0.1:0"], quiet].concat()));
        sandbox.await_out("It runs until it is interrupted.");
        let out = sandbox.out();
        let url = out.lines().find_map(|line| line.strip_prefix("  export VERSYNC_API__BASE_URL=")).unwrap();
        site.settings_for(url, "");
        site.file("a.toml", config("a"));
        site.apply();
        assert_eq!(sandbox.stop(Signal::INT).0, Some(0));
        sandbox.err()
    };
    let path = format!("/api/v2/o/{}/systems/{}/auth-scheme-configs/a", ids::ORGANISATION, ids::STRIPE);
    assert_eq!(said(&[]), format!("PUT {path}: 201"));
    assert_eq!(said(&["-q"]), "");
}

#[test]
fn a_long_reason_is_said_once() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 1, percent = 100 }");
    for n in 0..3 {
        site.file(&format!("{n}.toml"), config(&format!("c{n}")));
    }
    site.apply();
    (0..3).for_each(|n| site.remove(&format!("{n}.toml")));
    let text = site.versync(&["plan"]).out;
    assert_eq!(text.matches("the folder holds no manifest at all").count(), 1, "{text}");
    assert_eq!(text.matches("    ! for the same reason\n").count(), 2, "{text}");
}

#[test]
fn without_refresh_it_is_said_that_nobody_was_asked() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let text = site.versync(&["plan", "--no-refresh"]).out;
    has(&text, &["In sync: 1 resource as declared.\nThe platform was not asked:"]);
    assert!(!site.versync(&["plan"]).out.contains("not asked"));
}

#[test]
fn drift_that_is_only_reported_is_not_shown_as_a_change() {
    let site = Site::new();
    site.settings("sync.on_drift = \"report\"");
    site.file("shop.toml", SHOP);
    site.apply();
    site.tamper("shop", |template| template.dynamic = false);
    has(&site.versync(&["plan"]).out, &["    ~ dynamic  live false, declared true\n"]);
    let way_out = |setting: &str| {
        format!("only reported ({setting}): write what is live into the file, or set {setting} = \"revert\"\n")
    };
    has(&site.versync(&["plan"]).out, &[&format!("    ! {}", way_out("sync.on_drift"))]);
    has(&site.versync(&["explain", "shop"]).out, &[&format!("nothing: {}", way_out("sync.on_drift"))]);
    site.file("shop.toml", format!("{SHOP}lifecycle = {{ on_drift = \"report\" }}\n"));
    has(&site.versync(&["plan"]).out, &[&way_out("lifecycle.on_drift")]);
    site.file("shop.toml", SHOP);
    site.apply();
    has(&site.versync(&["status"]).out, &["    ~ dynamic  live false, declared true\n"]);
    assert_eq!(site.templates("shop")[0].system, ids::SHOPIFY);
}

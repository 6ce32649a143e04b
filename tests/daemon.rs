//! `versync run`: it watches, puts right, says so once, and stops when it is told to.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use versync::sandbox::{Owner, Sandbox, World, ids};

use crate::support::{Site, eventually, versync};

pub(crate) const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
pub(crate) const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// Never by itself: what happens in the test happens because of the test.
pub(crate) const NEVER: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"";
pub(crate) const OFTEN: &str = "sync.interval = \"50ms\"\nsync.debounce = \"20ms\"";

pub(crate) fn site(settings: &str) -> Site {
    let site = Site::new();
    site.settings(settings);
    site.file("shop.toml", SHOP);
    site
}

#[test]
fn an_edit_becomes_a_request_and_signals_end_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = site(NEVER);
        let mut daemon = site.run(&[]);
        daemon.await_said("created");
        site.file("shop.toml", SHOP.replace("true", "false"));
        let updated = daemon.await_said("updated");
        assert_eq!(updated["address"], "connection_template.storefront/production/shop");
        assert_eq!((&updated["fields"], &updated["action"]), (&"dynamic: true → false".into(), &"update".into()));
        assert_eq!((&updated["file"], &updated["line"]), (&"shop.toml".into(), &1.into()));
        assert!(!site.template("shop").dynamic);
        let (code, took) = daemon.stop(signal);
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(2), "the issue's limit: {took:?}");
        assert_eq!(daemon.said("versync has stopped").len(), 1);
    }
}

#[test]
fn drift_is_said_once_when_it_begins_and_once_when_it_ends() {
    let site = site(&format!("{OFTEN}\nsync.on_drift = \"report\""));
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    let drift = daemon.await_said("drift: ");
    assert_eq!(drift["level"], "WARN");
    assert_eq!(drift["address"], "connection_template.storefront/production/shop");
    assert_eq!((&drift["fields"], &drift["response"]), (&"dynamic: false (declared: true)".into(), &"reported".into()));
    site.await_passes(5);
    assert_eq!(daemon.said("drift: ").len(), 1);
    site.tamper("shop", |template| template.dynamic = true);
    daemon.await_said("drift ended");
    site.await_passes(5);
    daemon.stop(Signal::TERM);
    assert_eq!((daemon.said("drift: ").len(), daemon.said("drift ended").len()), (1, 1));
}

#[test]
fn drift_is_reverted_within_the_interval() {
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    eventually("the revert", || site.template("shop").dynamic);
    assert_eq!(daemon.await_said("drift: ")["response"], "reverted");
    daemon.await_said("drift ended");
    let gone = site.template("shop");
    site.sandbox.world(|world| world.delete_template(&gone.project, &gone.id).unwrap());
    eventually("the new one", || site.templates("shop").len() == 1);
    eventually("both drifts", || daemon.said("drift: ").len() == 2);
    assert_eq!(daemon.said("drift: ")[1]["fields"], "deleted");
}

#[test]
fn what_somebody_changes_shows_after_passes_in_which_nothing_had_changed() {
    let site = site(OFTEN);
    site.file("pay.toml", PAY);
    let daemon = site.run(&[]);
    eventually("both", || daemon.said("created").len() == 2);
    site.await_passes(5);
    let stripe = Owner::System(ids::STRIPE.to_owned());
    site.sandbox.world(|world| world.edit_config(&stripe, "pay", &serde_json::json!({"description": "by hand"})));
    site.tamper("shop", |template| template.dynamic = false);
    eventually("both drifts", || daemon.said("drift: ").len() == 2);
    let config = || site.sandbox.world(|world| world.config(&stripe, "pay").unwrap());
    eventually("both reverts", || site.template("shop").dynamic && config()["none"]["description"] == "");
}

#[test]
fn a_pass_that_finds_nothing_says_nothing_above_debug() {
    let site = site(OFTEN);
    let mut daemon = site.run(&["-v"]);
    daemon.await_said("created");
    site.await_passes(5);
    daemon.stop(Signal::TERM);
    let above_debug = daemon.log().into_iter().filter(|entry| entry["level"] != "DEBUG" && entry["level"] != "TRACE");
    let messages: Vec<Value> = above_debug.map(|entry| entry["message"].clone()).collect();
    let begins = |at: usize, text: &str| messages[at].as_str().unwrap().starts_with(text);
    assert!(
        begins(0, "versync is running: ") && begins(1, "created ") && begins(2, "versync has stopped"),
        "{messages:?}"
    );
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(daemon.said("pass ended: 1 unchanged").len() >= 5, "they were made");
}

#[test]
fn a_broken_file_is_named_once_and_stops_nothing_else() {
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.file("pay.toml", "[auth_scheme_configs.pay\n");
    let problem = daemon.await_said("pay.toml:1:");
    assert_eq!(problem["level"], "ERROR");
    site.file("shop.toml", SHOP.replace("true", "false"));
    daemon.await_said("updated");
    site.await_passes(5);
    assert_eq!(daemon.said("pay.toml:1:").len(), 1);
    site.file("pay.toml", PAY);
    daemon.await_said("mended: pay.toml:1 (was: the header that begins here");
}

#[test]
fn a_problem_is_mended_once_no_other_has_taken_its_turn() {
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    let kind = |kind: &str| PAY.replace("\"none\"", kind);
    // Another at its line, the same further down, one that hides it, and itself again.
    for (text, problem) in [
        (kind("\"nine\""), "pay.toml:4:8: "),
        (kind("9"), "pay.toml:4:8: "),
        (format!("# Pays.\n{}", kind("9")), "pay.toml:5:8: "),
        (format!("# Pays.\n{}", kind("9 9")), "pay.toml:5:"),
    ] {
        let before = daemon.said(problem).len();
        site.file("pay.toml", &text);
        eventually(&text, || daemon.said(problem).len() > before);
    }
    // What was said of the next pass is said in order.
    site.await_passes(2);
    assert_eq!(daemon.said("mended").len(), 0, "{:#?}", daemon.log());
    site.file("pay.toml", PAY);
    daemon.await_said("mended: pay.toml:5 (was: ");
    site.await_passes(2);
    assert_eq!(daemon.said("mended").len(), 1, "{:#?}", daemon.said("mended"));
}

#[test]
fn an_api_that_is_down_at_the_start_is_said_once_and_waited_for() {
    let mut site = site(OFTEN);
    let address = site.sandbox.address();
    // Another sandbox in its place ends the one that the settings lead to.
    site.sandbox = Site::new().sandbox;
    let mut daemon = site.run(&[]);
    let down = daemon.await_said("no pass can be made: 127.0.0.1:");
    assert_eq!(down["level"], "ERROR");
    site.sandbox = Sandbox::start(address, World::seeded()).unwrap();
    daemon.await_said("created");
    assert_eq!(daemon.said("no pass can be made").len(), 1);
    assert_eq!(daemon.said("passes can be made again").len(), 1);
    daemon.stop(Signal::TERM);
    assert_eq!(site.templates("shop").len(), 1);
}

#[test]
fn a_wrong_token_does_not_end_the_daemon() {
    let site = site(OFTEN);
    let mut command = site.command(&["run"]);
    command.env(crate::support::TOKEN_VARIABLE, "wrong");
    let mut daemon = crate::support::Daemon::start(command);
    daemon.await_said("no pass can be made: the platform does not accept the token from { env = ");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_hangup_makes_a_pass_at_once() {
    let site = site(NEVER);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    daemon.signal(Signal::HUP);
    eventually("the revert", || site.template("shop").dynamic);
}

#[test]
fn deletes_wait_for_the_grace_period() {
    let site = site(&format!(
        "{NEVER}\nsync.prune = true\nsync.delete_grace = \"300ms\"\nsync.delete_limit = {{ count = 9, percent = 100 }}"
    ));
    site.file("pay.toml", PAY);
    let daemon = site.run(&[]);
    eventually("both", || daemon.said("created").len() == 2);
    site.remove("shop.toml");
    daemon.await_said(
        "connection_template.storefront/production/shop is held: it has to be gone from the files for 300ms",
    );
    assert_eq!(site.templates("shop").len(), 1);
    daemon.await_said("deleted");
    assert!(site.templates("shop").is_empty());
}

#[test]
fn a_dry_run_prints_each_difference_once_and_writes_nothing() {
    let site = site(OFTEN);
    let mut daemon = site.run(&["--dry-run"]);
    daemon.await_out("connection_template.storefront/production/shop would be created");
    site.await_passes(3);
    site.file("pay.toml", PAY);
    daemon.await_out("auth_scheme_config.system/stripe/pay would be created");
    site.await_passes(3);
    daemon.stop(Signal::TERM);
    assert_eq!(daemon.out().matches("Plan: ").count(), 2);
    assert_eq!(daemon.out().matches("production/shop would be created").count(), 1);
    assert!(site.writes().is_empty());
    assert!(!site.path(".versync").exists());
}

#[test]
fn in_observe_mode_drift_is_reported_and_nothing_is_written() {
    let site = site(OFTEN);
    site.apply();
    let writes = site.writes();
    site.settings(&format!("{OFTEN}\nsync.mode = \"observe\""));
    site.tamper("shop", |template| template.dynamic = false);
    let daemon = site.run(&[]);
    assert_eq!(daemon.await_said("drift: ")["response"], "reported: nothing is written in this mode");
    site.await_passes(3);
    assert_eq!(site.writes(), writes);
}

#[test]
fn log_files_hold_everything_and_drift_has_its_own() {
    let site = site(&format!("{OFTEN}\nlog.directory = \"log\""));
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    daemon.await_said("drift ended");
    daemon.stop(Signal::TERM);
    let log: Vec<_> = fs::read_dir(site.path("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(log.len(), 2, "{log:?}");
    let drift = fs::read_to_string(site.path("log/drift.jsonl")).unwrap();
    assert_eq!(drift.lines().count(), 2, "{drift}");
    let all = log.iter().find(|path| !path.ends_with("drift.jsonl")).unwrap();
    assert!(fs::read_to_string(all).unwrap().contains("versync has stopped"));
}

#[test]
fn the_embedded_sandbox_prints_how_to_cause_drift() {
    let site = site("");
    let folder = site.path(".");
    let mut daemon = crate::support::Daemon::start(versync(&folder, &["--sandbox", "--manifests", "manifests", "run"]));
    daemon.await_out("Ctrl-C ends it.");
    let out = daemon.out();
    assert!(out.contains("The sandbox stands in for the platform at http://127.0.0.1:"), "{out}");
    assert!(out.contains("shop will be created"), "{out}");
    assert!(out.contains("-X PUT -d '{\"name\": \"renamed-by-hand\"}' http://127.0.0.1:"), "{out}");
    assert_eq!(daemon.stop(Signal::INT).0, Some(0));
    assert!(site.sandbox.requests().is_empty());
}

#[test]
fn drift_has_not_ended_only_because_nobody_could_look() {
    let site = site(&format!("{OFTEN}\nsync.on_drift = \"report\""));
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    daemon.await_said("drift: ");
    site.file("shop.toml", "x = [");
    daemon.await_said("shop.toml:1:");
    site.await_passes(3);
    site.file("shop.toml", SHOP);
    daemon.await_said("mended: shop.toml:1 (was: ");
    site.await_passes(3);
    assert_eq!((daemon.said("drift: ").len(), daemon.said("drift ended").len()), (1, 0));
}

#[test]
fn a_problem_is_not_mended_only_because_the_api_is_down() {
    let mut site = site(OFTEN);
    site.file(
        "wrong.toml",
        SHOP.replace("[connection_templates.shop]", "[connection_templates.b]").replace("shopify", "nowhere"),
    );
    let address = site.sandbox.address();
    let daemon = site.run(&[]);
    daemon.await_said("wrong.toml:4:");
    let world = site.sandbox.world(|world| world.clone());
    site.sandbox = Site::new().sandbox;
    daemon.await_said("no pass can be made");
    site.sandbox = Sandbox::start(address, world).unwrap();
    daemon.await_said("passes can be made again");
    site.await_passes(2);
    assert_eq!((daemon.said("wrong.toml:4:").len(), daemon.said("mended").len()), (1, 0));
}

#[test]
fn a_change_that_never_lasts_rests_and_everything_else_goes_on() {
    const FLAPPING: &str =
        "connection_template.storefront/production/shop is held: flapping: it was applied in 3 passes running";
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    eventually("the daemon to give in", || {
        // Somebody who undoes it whenever it was done.
        site.tamper("shop", |template| template.dynamic = false);
        !daemon.said(FLAPPING).is_empty()
    });
    let writes = site.writes();
    site.await_passes(3);
    assert_eq!((daemon.said(FLAPPING).len(), site.writes()), (1, writes));
    assert!(site.versync(&["status"]).out.contains("flapping: it was applied in 3 passes"));
    site.file("pay.toml", PAY);
    eventually("something else", || daemon.said("created").len() == 2);
    assert!(!site.template("shop").dynamic);
}

#[test]
fn what_no_file_declares_any_more_is_said_once() {
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.file("pay.toml", PAY);
    site.remove("shop.toml");
    let left_alone = "connection_template.storefront/production/shop is left alone: no file declares it any more";
    let said = daemon.await_said(left_alone);
    assert_eq!(said["address"], "connection_template.storefront/production/shop");
    site.await_passes(3);
    assert_eq!(daemon.said(left_alone).len(), 1);
}

#[test]
fn what_a_stop_leaves_out_is_one_line_and_no_error() {
    let site = Site::new();
    site.settings(NEVER);
    let shops = (0..1500).map(|n| SHOP.replace("templates.shop", &format!("templates.shop-{n:04}")));
    site.file("shops.toml", shops.collect::<String>());
    let mut daemon = site.run(&[]);
    eventually("the first create", || site.templates("shop-0000").len() == 1);
    daemon.stop(Signal::TERM);
    let log = daemon.log();
    assert!(log.iter().all(|line| line["level"] != "ERROR"), "{log:#?}");
    let is_it = |line: &&Value| line["message"].as_str().is_some_and(|said| said.starts_with("told to stop before"));
    assert_eq!(log.iter().filter(is_it).count(), 1, "{log:#?}");
}

#[test]
fn an_edit_reads_only_where_something_is_to_be_done() {
    let site = Site::new();
    site.settings(&format!("{NEVER}\nsync.prune = true"));
    site.file("shop.toml", SHOP).file("pay.toml", PAY);
    site.file(
        "other.toml",
        SHOP.replace("production", "staging").replace("shopify", "netsuite").replace("shop]", "erp]"),
    );
    let daemon = site.run(&["-v"]);
    daemon.await_said("pass ended");
    let after = |edit: &dyn Fn()| {
        let (requests, passes) = (site.sandbox.requests().len(), daemon.said("pass ended").len());
        edit();
        eventually("the next pass", || daemon.said("pass ended").len() > passes);
        let new: Vec<_> = site.sandbox.requests().split_off(requests);
        let tail = |path: &str| path.split_once(ids::ORGANISATION).unwrap().1.split('?').next().unwrap().to_owned();
        new.iter().map(|seen| format!("{} {}", seen.method, tail(&seen.path))).collect::<Vec<_>>()
    };
    let templates = format!("GET /projects/{}/connection-templates", ids::STOREFRONT);
    let system = |id: &str| format!("GET /systems/{id}");
    // What was made at the start has not been seen yet.
    let first = after(&|| {
        site.file("pay.toml", format!("# a remark\n{PAY}"));
    });
    assert!(first.iter().all(|request| request.starts_with("GET")), "{first:?}");
    let remark = after(&|| {
        site.file("pay.toml", format!("# another\n{PAY}"));
    });
    assert_eq!(remark, [""; 0], "nothing is to be done about it");
    let mut edit = after(&|| {
        site.file("shop.toml", SHOP.replace("true", "false"));
    });
    let write = edit.pop().unwrap();
    edit.sort();
    assert_eq!(edit, [templates.clone(), system(ids::SHOPIFY)]);
    assert!(write.starts_with("PUT ") && !site.template("shop").dynamic, "{write}");
    // What somebody has changed meanwhile, where an edit looks again, is found as well.
    let stripe = Owner::System(ids::STRIPE.to_owned());
    site.sandbox.world(|world| world.edit_config(&stripe, "pay", &serde_json::json!({"description": "by hand"})));
    let edit = after(&|| {
        site.file("pay.toml", PAY.replace("\"none\"", "\"basic-auth\""));
    });
    assert!(edit.contains(&system(ids::STRIPE)), "{edit:?}");
    assert!(!edit.contains(&templates), "another edit is no business of this one: {edit:?}");
    daemon.await_said("drift");
    // Before anything is deleted, everything is looked at.
    let removed = after(&|| site.remove("other.toml"));
    assert!(removed.contains(&system(ids::STRIPE)) && removed.contains(&system(ids::SHOPIFY)), "{removed:?}");
}

//! Who is told of drift, failures and what is held; and that telling keeps nothing waiting.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use versync::sandbox::Sandbox;

use crate::support::{Daemon, Receiver, Reply, Site, eventually};

const ADDRESS: &str = "connection_template.storefront/production/shop";
const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
const OFTEN: &str = "sync.interval = \"50ms\"\nsync.debounce = \"20ms\"";
const EVERYTHING: &str = "[[notify]]\nurl = { env = \"HOOK\" }\n";

/// A site whose settings name receivers: `notify` follows everything else.
fn site(more: &str, notify: &str) -> Site {
    let site = Site::new();
    settings(&site, more, notify);
    site.file("shop.toml", SHOP);
    site
}

fn settings(site: &Site, more: &str, notify: &str) {
    site.settings_as(&site.sandbox.base_url(), more, &format!("token = {{ env = \"SITE_TOKEN\" }}\n{notify}"));
}

fn run(site: &Site, receiver: &str) -> Daemon {
    let mut command = site.command(&["run", "-vv"]);
    command.env("HOOK", receiver);
    Daemon::start(command)
}

/// Stops the daemon; nothing that it has said tells the receiver's address.
fn stop(mut daemon: Daemon) -> (Option<i32>, Duration) {
    let ended = daemon.stop(Signal::TERM);
    let said: Vec<String> = daemon.log().iter().map(Value::to_string).collect();
    assert!(said.iter().all(|line| !line.contains(Receiver::SECRET)), "{said:#?}");
    ended
}

#[test]
fn drift_is_told_once_in_words_and_in_parts() {
    let (receiver, site) = (Receiver::start(), site(&format!("{OFTEN}\nsync.on_drift = \"report\""), EVERYTHING));
    let daemon = run(&site, &receiver.url);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    let drift = receiver.await_notices(1).remove(0);
    site.await_passes(5);
    site.tamper("shop", |template| template.dynamic = true);
    receiver.await_notices(2);
    site.await_passes(3);
    assert_eq!(receiver.events(), ["drift", "recovered"]);
    let host = drift["versync"]["host"].as_str().unwrap();
    assert_eq!(
        drift["text"],
        format!(
            "versync on {host}: drift: {ADDRESS}: changed on the platform; only reported: dynamic: false \
             (declared: true) (shop.toml:1)"
        )
    );
    assert!(drift["versync"]["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        drift["versync"]["items"],
        json!([{
            "address": ADDRESS, "text": "changed on the platform; only reported", "action": null,
            "file": "shop.toml", "line": 1,
            "fields": [{"path": "dynamic", "before": false, "after": true, "cause": "drift", "sensitive": false}],
        }])
    );
    assert_eq!(stop(daemon).0, Some(0));
}

#[test]
fn an_api_that_fails_is_told_and_that_it_is_back() {
    let receiver = Receiver::start();
    let mut site = site(OFTEN, EVERYTHING);
    let address = site.sandbox.address();
    let daemon = run(&site, &receiver.url);
    daemon.await_said("created");
    let world = site.sandbox.world(|world| world.clone());
    site.sandbox = Site::new().sandbox;
    let failed = receiver.await_notices(1).remove(0);
    assert!(failed["text"].as_str().unwrap().contains(": failed: no pass can be made: 127.0.0.1:"), "{failed}");
    site.sandbox = Sandbox::start(address, world).unwrap();
    receiver.await_notices(2);
    site.file("broken.toml", "[");
    receiver.await_notices(3);
    site.remove("broken.toml");
    receiver.await_notices(4);
    assert_eq!(receiver.events(), ["failed", "recovered", "failed", "recovered"]);
    let broken = &receiver.seen()[2]["versync"]["items"][0];
    assert_eq!((&broken["file"], &broken["line"]), (&json!("broken.toml"), &json!(1)));
    stop(daemon);
}

#[test]
fn held_deletes_are_told_with_the_hash_that_lets_them_through() {
    let limit = "sync.prune = true\nsync.delete_grace = \"20ms\"\nsync.delete_limit = { count = 0, percent = 100 }";
    let (receiver, site) = (Receiver::start(), site(&format!("{OFTEN}\n{limit}"), EVERYTHING));
    site.file("other.toml", SHOP.replace(".shop]", ".other]"));
    let daemon = run(&site, &receiver.url);
    eventually("both", || daemon.said("created").len() == 2);
    site.remove("shop.toml");
    let held = receiver.await_notices(1).remove(0);
    let item = &held["versync"]["items"][0];
    assert_eq!(
        (&held["event"], &item["address"], &item["action"]),
        (&"held".into(), &ADDRESS.into(), &"delete".into())
    );
    let hash = held["versync"]["approve"].as_str().unwrap();
    assert!(held["text"].as_str().unwrap().contains(&format!("`versync approve {hash:.12}`")), "{held}");
    assert_eq!(site.versync(&["approve", hash]).code, Some(0));
    receiver.await_notices(2);
    assert_eq!(receiver.events(), ["held", "recovered"]);
    assert!(site.templates("shop").is_empty());
    stop(daemon);
}

#[test]
fn a_receiver_that_is_down_is_tried_again() {
    let vacant = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let site = site(OFTEN, EVERYTHING);
    let daemon = run(&site, &format!("http://{vacant}/api/{}", Receiver::SECRET));
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    let said = daemon.await_said("a notification to { env = \"HOOK\" } is not delivered yet, and is tried again");
    assert!(
        said["message"].as_str().unwrap().ends_with("it cannot be reached: Connection refused (os error 111)"),
        "{said}"
    );
    let receiver = Receiver::at(vacant, |before| Reply::Status(if before == 0 { 503 } else { 200 }));
    receiver.await_notices(2);
    daemon.await_said("notifications to { env = \"HOOK\" } are delivered again");
    assert_eq!(receiver.events(), ["drift", "drift"], "the same once more");
    assert_eq!(receiver.seen()[0], receiver.seen()[1]);
    stop(daemon);
}

#[test]
fn what_a_receiver_refuses_is_not_sent_again_and_no_redirect_is_followed() {
    let site = site(OFTEN, EVERYTHING);
    let receiver = Receiver::replying(|before| match before {
        0 => Reply::Redirect("/elsewhere"),
        1 => Reply::Status(404),
        _ => Reply::Status(200),
    });
    let daemon = run(&site, &receiver.url);
    daemon.await_said("created");
    let causes = ["it answers 307, which leads elsewhere, and is not followed", "it answers 404"];
    for (number, cause) in causes.into_iter().enumerate() {
        site.tamper("shop", |template| template.dynamic = false);
        let lost = "the notification drift to { env = \"HOOK\" } was not delivered";
        eventually("the refusal", || daemon.said(lost).len() > number);
        assert_eq!(daemon.said(lost)[number]["message"], format!("{lost}: {cause}"));
        eventually("the revert", || site.template("shop").dynamic);
    }
    assert_eq!(receiver.paths().len(), 2);
    assert!(receiver.paths().iter().all(|path| path.contains(Receiver::SECRET)), "{:?}", receiver.paths());
    stop(daemon);
}

#[test]
fn a_receiver_that_hangs_keeps_nothing_waiting() {
    let (receiver, site) = (Receiver::replying(|_| Reply::Silence), site(OFTEN, EVERYTHING));
    let daemon = run(&site, &receiver.url);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    receiver.await_notices(1);
    site.await_passes(5);
    site.file("shop.toml", SHOP.replace("true", "false"));
    daemon.await_said("updated");
    let (code, took) = stop(daemon);
    assert_eq!((code, receiver.seen().len()), (Some(0), 1));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn more_than_can_wait_is_dropped_and_said_once() {
    let site = site("sync.interval = \"5ms\"\nsync.debounce = \"5ms\"\nsync.on_drift = \"report\"", EVERYTHING);
    let receiver = Receiver::replying(|_| Reply::Silence);
    let daemon = run(&site, &receiver.url);
    daemon.await_said("created");
    let mut dynamic = true;
    eventually("the queue to be full", || {
        // Each change is told: that it drifts, and that it has recovered.
        dynamic = !dynamic;
        site.tamper("shop", |template| template.dynamic = dynamic);
        site.await_passes(1);
        !daemon.said("more than 64 notifications to { env = \"HOOK\" } wait: further ones are dropped").is_empty()
    });
    assert_eq!(daemon.said("more than 64").len(), 1);
    stop(daemon);
}

#[test]
fn each_receiver_is_told_what_it_asked_for_and_a_reload_changes_who_is_told() {
    let (one, other) = (Receiver::start(), Receiver::start());
    let both = |on: &str| {
        format!(
            "[[notify]]\nurl = {{ file = \"one\" }}\non = [\"drift\"]\n[[notify]]\nurl = {{ file = \"other\" }}\non = {on}\n"
        )
    };
    let more = format!("{OFTEN}\nsync.on_drift = \"report\"");
    let site = site(&more, &both("[\"failed\", \"recovered\"]"));
    site.secret("one", &one.url);
    site.secret("other", &other.url);
    let daemon = run(&site, "");
    daemon.await_said("created");
    site.file("broken.toml", "[");
    other.await_notices(1);
    site.tamper("shop", |template| template.dynamic = false);
    one.await_notices(1);

    std::fs::rename(site.path("one"), site.path("gone")).unwrap();
    settings(&site, &more, &both("[\"drift\"]"));
    daemon.signal(Signal::HUP);
    let refused = daemon.await_said("the settings cannot be used, so the ones from before still count: nobody can be");
    assert!(refused["message"].as_str().unwrap().contains("one cannot be read: No such file"), "{refused}");
    std::fs::rename(site.path("gone"), site.path("one")).unwrap();
    daemon.signal(Signal::HUP);
    daemon.await_said("the settings have changed, and count from now on");
    other.await_notices(2);
    site.await_passes(3);
    assert_eq!(
        (one.events(), other.events()),
        (vec!["drift".to_owned()], vec!["failed".to_owned(), "drift".to_owned()])
    );
    stop(daemon);
}

#[test]
fn in_observe_mode_somebody_is_told_and_in_a_dry_run_nobody() {
    let receiver = Receiver::start();
    let site = site(OFTEN, EVERYTHING);
    site.apply();
    site.tamper("shop", |template| template.dynamic = false);
    let mut dry = site.command(&["run", "--dry-run"]);
    dry.env("HOOK", &receiver.url);
    let daemon = Daemon::start(dry);
    site.await_passes(3);
    stop(daemon);
    assert!(receiver.seen().is_empty());
    settings(&site, &format!("{OFTEN}\nsync.mode = \"observe\""), EVERYTHING);
    let daemon = run(&site, &receiver.url);
    let drift = receiver.await_notices(1).remove(0);
    assert_eq!(drift["versync"]["items"][0]["text"], "changed on the platform; only reported");
    stop(daemon);
}

#[test]
fn what_is_wrong_with_a_receiver_is_an_error_at_the_start_and_no_address_is_shown() {
    let site = site(OFTEN, EVERYTHING);
    let refused = |hook: Option<&str>| {
        let mut command = site.command(&["run"]);
        hook.map(|hook| command.env("HOOK", hook));
        let ran = crate::support::Ran::of(command.output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.err.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(refused(None).contains("nobody can be notified: the environment variable HOOK is not set"));
    for (hook, why) in [
        ("http://example.com/hunter2", "what { env = \"HOOK\" } holds is not an https URL: the notices would cross"),
        ("ftp://example.com/hunter2", "holds is not an https URL"),
        ("hunter2", "holds is not an https URL"),
        ("mailto:hunter2", "holds is not a URL"),
    ] {
        let err = refused(Some(hook));
        assert!(err.contains(why), "{err}");
    }
    // Whoever only looks tells nobody, and needs no address.
    assert_eq!(site.versync(&["plan"]).code, Some(0));
    for text in [
        "[[notify]]\nurl = \"https://example.com/hunter2\"\n",
        "[[notify]]\nurl = \"https://example.com/hunter2\n",
        "[notify]\nurl = \"https://example.com/hunter2\"\n",
        "notify = [\"https://example.com/hunter2\"]\n",
        "notify = [\"example.com/hunter2\"]\n",
        "notify = { url = \"https://example.com/hunter2\" }\n",
        "notify = \"https://example.com/hunter2\"\n",
        "[[notfiy]]\nurl = \"https://example.com/hunter2\"\n",
        "[[notify]]\nurls = \"https://example.com/hunter2\"\n",
    ] {
        std::fs::write(site.path("versync.toml"), text).unwrap();
        refused(None);
    }
}

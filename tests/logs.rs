//! Where messages go and how they look, and the audit trail of drift.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use versync::sandbox::{Owner, ids};

use crate::support::{Daemon, Fault, Flaky, Site, eventually};

const ADDRESS: &str = "connection_template.storefront/production/shop";
const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
const NEVER: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"";
const OFTEN: &str = "sync.interval = \"50ms\"\nsync.debounce = \"20ms\"\nlog.directory = \"log\"";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const JOURNAL: &str = "/run/systemd/journal/socket";

fn site(settings: &str) -> Site {
    let site = Site::new();
    site.settings(settings);
    site.file("shop.toml", SHOP);
    site
}

/// A folder that is a repository at [`COMMIT`].
fn with_revision(site: Site) -> Site {
    fs::create_dir(site.path(".git")).unwrap();
    fs::write(site.path(".git/HEAD"), format!("{COMMIT}\n")).unwrap();
    site
}

/// The trail as it is now.
fn trail(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.path("log/drift.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// What each entry says of which drift.
fn events(site: &Site) -> Vec<(String, String)> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    trail(site).iter().map(|entry| (text(entry, "event"), text(entry, "response"))).collect()
}

fn said(event: &str, response: &str) -> (String, String) {
    (event.to_owned(), response.to_owned())
}

/// What one run of the daemon writes to stderr, which is a file; `JOURNAL_STREAM` is made of the file's device
/// and inode.
fn written(settings: &str, journal_stream: impl Fn(u64, u64) -> Option<String>) -> String {
    let site = with_revision(site(settings));
    let file = File::create(site.path("stderr")).unwrap();
    let metadata = file.metadata().unwrap();
    let mut command = site.command(&["run"]);
    command.stderr(file);
    if let Some(stream) = journal_stream(metadata.dev(), metadata.ino()) {
        command.env("JOURNAL_STREAM", stream);
    }
    let mut child = command.spawn().unwrap();
    eventually("the template", || site.templates("shop").len() == 1);
    // What was said about it is written before the loop looks at signals again.
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    fs::read_to_string(site.path("stderr")).unwrap()
}

#[test]
fn a_message_is_complete_in_its_words() {
    let text = written(&format!("{NEVER}\nlog.format = \"text\""), |_, _| None);
    let created = format!(
        " INFO created {ADDRESS}: dynamic: (none) → true, system: (none) → \"shopify\" \
         (manifest, shop.toml:1, revision 0123456789ab)"
    );
    let found = text.lines().find(|line| line.contains("created")).unwrap();
    assert!(found.ends_with(&created), "{text}");
}

#[test]
fn the_journal_gets_what_goes_there() {
    // Where no journal listens, its reader finds the priorities at the beginning of lines.
    let as_to_the_journal = |text: &str| {
        if Path::new(JOURNAL).exists() {
            assert_eq!(text, "", "it went to the journal");
            return;
        }
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("<4>the journal cannot be reached, so its messages go to stderr: "), "{text}");
        assert!(lines[1].starts_with("<6>versync is running: "), "{text}");
        assert!(lines[2].starts_with(&format!("<6>created {ADDRESS}: ")), "{text}");
        assert!(lines.iter().all(|line| line.starts_with('<')), "{text}");
    };
    as_to_the_journal(&written(&format!("{NEVER}\nlog.format = \"journald\""), |_, _| None));
    as_to_the_journal(&written(NEVER, |device, inode| Some(format!("{device}:{inode}"))));
    for other in [|_, _| None, |device, inode| Some(format!("{device}:{}", inode + 1)), |_, _| Some("x".to_owned())] {
        let text = written(NEVER, other);
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.starts_with('{')), "{text}");
    }
}

#[test]
fn so_many_daily_files_are_kept_and_nobody_elses_is_touched() {
    let site = site(&format!("{NEVER}\nlog.directory = \"log\"\nlog.keep = 2"));
    fs::create_dir(site.path("log")).unwrap();
    let (old, others) = (["2020-01-01", "2020-01-02", "2020-01-03"], ["versync-mine.jsonl", "versync.2020-01-01.txt"]);
    old.iter().for_each(|day| fs::write(site.path(&format!("log/versync.{day}.jsonl")), "").unwrap());
    others.iter().for_each(|name| fs::write(site.path("log").join(name), "").unwrap());
    for _ in 0..2 {
        let mut daemon = site.run(&[]);
        daemon.await_said("versync is running");
        daemon.stop(Signal::TERM);
    }
    let mut names: Vec<_> =
        fs::read_dir(site.path("log")).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let today = format!("versync.{:.10}.jsonl", Timestamp::now().to_string());
    let mut expected = vec!["drift.jsonl", "versync-mine.jsonl", "versync.2020-01-01.txt", "versync.2020-01-03.jsonl"];
    expected.push(&today);
    assert_eq!(names, expected);
}

#[test]
fn a_log_directory_that_cannot_be_used_is_an_error_at_the_start_and_refused_later() {
    let site = site(&format!("{NEVER}\nlog.directory = \"shop/log\""));
    fs::write(site.path("shop"), "a file").unwrap();
    let ran = site.versync(&["run"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("log files cannot be written to") && ran.err.contains("shop/log: "), "{}", ran.err);
    // Whoever only looks keeps no files.
    assert_eq!(site.versync(&["plan"]).code, Some(0));
    site.settings(NEVER);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.settings(&format!("{NEVER}\nlog.directory = \"shop/log\""));
    daemon.signal(Signal::HUP);
    let refused = "the settings cannot be used, so the ones from before still count: log files cannot be written";
    daemon.await_said(refused);
    fs::create_dir_all(site.path("log/drift.jsonl")).unwrap();
    site.settings(&format!("{NEVER}\nlog.directory = \"log\""));
    daemon.signal(Signal::HUP);
    eventually("the other refusal", || daemon.said(refused).len() == 2);
    assert!(daemon.said(refused)[1]["message"].as_str().unwrap().contains("log/drift.jsonl: Is a directory"));
}

#[test]
fn the_level_and_the_directory_can_be_changed_under_a_running_daemon() {
    let site = site(NEVER);
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    assert_eq!(daemon.said("pass ended").len(), 0);
    site.settings(&format!("{NEVER}\nlog.level = \"debug\"\nlog.directory = \"log\"\nlog.format = \"text\""));
    daemon.signal(Signal::HUP);
    daemon.await_said("log.format has changed, and counts from the next start");
    daemon.await_said("pass ended");
    site.settings(&format!("{NEVER}\nlog.level = \"error\""));
    daemon.signal(Signal::HUP);
    site.await_passes(1);
    daemon.stop(Signal::TERM);
    assert_eq!(daemon.said("versync has stopped").len(), 0);
    let today = site.path(&format!("log/versync.{:.10}.jsonl", Timestamp::now().to_string()));
    let file = fs::read_to_string(today).unwrap();
    assert!(file.contains("pass ended") && !file.contains("created"), "{file}");
}

#[test]
fn a_full_disk_is_said_once_and_no_drift_is_lost() {
    let site = site(&format!("{OFTEN}\nsync.on_drift = \"report\""));
    fs::create_dir(site.path("log")).unwrap();
    let today = site.path(&format!("log/versync.{:.10}.jsonl", Timestamp::now().to_string()));
    let trail_path = site.path("log/drift.jsonl");
    [&today, &trail_path].into_iter().for_each(|path| symlink("/dev/full", path).unwrap());
    let mut daemon = site.run(&[]);
    daemon.await_said("log files cannot be written, so messages are missing there: No space left on device");
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    daemon.await_said("drift cannot be written to");
    site.await_passes(3);
    fs::remove_file(&trail_path).unwrap();
    daemon.await_said("drift can be written to");
    site.tamper("shop", |template| template.dynamic = true);
    daemon.await_said("drift ended");
    daemon.stop(Signal::TERM);
    assert_eq!(events(&site), [said("began", "reported"), said("ended", "as_declared")]);
    assert_eq!(daemon.said("log files cannot be written").len(), 1);
    assert_eq!(daemon.said("drift cannot be written").len(), 1);
}

#[test]
fn the_trail_tells_what_was_changed_and_what_was_done() {
    let site = with_revision(site(OFTEN));
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    let before = Timestamp::now();
    site.tamper("shop", |template| template.dynamic = false);
    daemon.await_said("drift ended");
    daemon.stop(Signal::TERM);
    let mut entries = trail(&site);
    for entry in &mut entries {
        let time: Timestamp = entry["time"].take().as_str().unwrap().parse().unwrap();
        assert!(before <= time && time <= Timestamp::now());
    }
    let entry = |event: &str, response: &str| {
        json!({
            "time": null, "address": ADDRESS, "event": event, "kind": "changed", "response": response, "reason": null,
            "fields": [{"path": "dynamic", "declared": true, "live": false, "cause": "drift", "sensitive": false}],
            "file": "shop.toml", "line": 1, "revision": COMMIT, "command": "run",
        })
    };
    assert_eq!(entries, [entry("began", "reverting"), entry("ended", "reverted")]);
}

#[test]
fn apply_writes_the_trail_too_and_goes_on_where_another_ended() {
    let site = site("log.directory = \"log\"\nsync.on_drift = \"report\"");
    site.apply();
    site.tamper("shop", |template| template.dynamic = false);
    (0..2).for_each(|_| drop(site.apply()));
    assert_eq!(events(&site), [said("began", "reported")], "it is said once, however often somebody looks");
    // Both sides: the files win.
    let files = SHOP.replace("dynamic = true", "dynamic = true\nauth_scheme_configs = []");
    site.file("shop.toml", files);
    site.settings("log.directory = \"log\"");
    site.apply();
    let gone = site.template("shop");
    site.sandbox.world(|world| world.delete_template(&gone.project, &gone.id).unwrap());
    // A look changes nothing, and leaves no trail.
    site.versync(&["plan"]);
    site.apply();
    let expected = [
        ("began", "reported"),
        ("changed", "reverting"),
        ("ended", "reverted"),
        ("began", "reverting"),
        ("ended", "reverted"),
    ];
    assert_eq!(events(&site), expected.map(|(event, response)| said(event, response)));
    let kinds: Vec<_> = trail(&site).iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["changed", "changed", "changed", "deleted", "deleted"]);
    assert!(trail(&site).iter().all(|entry| entry["command"] == "apply"));
}

#[test]
fn no_crash_loses_a_drift() {
    let site = site(OFTEN);
    // The revert is executed, but its answer never comes.
    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = Arc::clone(&silent);
    let flaky = Flaky::before(site.sandbox.address(), move |method, _, _| {
        (method == "PUT" && is_silent.load(Ordering::Relaxed)).then_some(Fault::Silence)
    });
    site.settings_for(&flaky.base_url, OFTEN);
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    site.tamper("shop", |template| template.dynamic = false);
    eventually("the revert", || site.template("shop").dynamic);
    daemon.kill();
    assert_eq!(events(&site), [said("began", "reverting")]);
    // Cut off in the middle of a line.
    let whole = fs::read_to_string(site.path("log/drift.jsonl")).unwrap();
    fs::write(site.path("log/drift.jsonl"), format!("{whole}{{\"time\":\"20")).unwrap();
    silent.store(false, Ordering::Relaxed);
    let mut daemon = site.run(&[]);
    eventually("the end of it", || {
        fs::read_to_string(site.path("log/drift.jsonl")).unwrap().contains("\"as_declared\"")
    });
    daemon.stop(Signal::TERM);
    let text = fs::read_to_string(site.path("log/drift.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[1]), (3, "{\"time\":\"20"));
    assert!(serde_json::from_str::<Value>(lines[2]).is_ok(), "{text}");
}

#[test]
fn what_is_held_says_why_and_no_secret_is_in_the_trail() {
    let site = site(OFTEN);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    eventually("the daemon to give in", || {
        site.tamper("shop", |template| template.dynamic = false);
        trail(&site).iter().any(|entry| entry["response"] == "held")
    });
    let held = trail(&site).into_iter().find(|entry| entry["response"] == "held").unwrap();
    assert!(held["reason"].as_str().unwrap().starts_with("flapping: "), "{held}");
    drop(daemon);

    let key = "[auth_scheme_configs.key]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"oauth2\"\n\
               token_url = \"https://a.example/token\"\nscopes = []\ndefault_scopes = []\n\
               grant = { type = \"password\", client_id = \"me\", client_secret = { env = \"CANARY\" } }\n";
    site.file("key.toml", key);
    let run = || {
        let ran = crate::support::Ran::of(site.command(&["apply", "--yes"]).env("CANARY", "hunter2").output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    run();
    let owner = Owner::System(ids::STRIPE.into());
    let edit = json!({"tokenUrl": "https://me:hunter3@b.example/token"});
    assert!(site.sandbox.world(|world| world.edit_config(&owner, "key", &edit)));
    run();
    let text = fs::read_to_string(site.path("log/drift.jsonl")).unwrap();
    assert!(text.contains("b.example") && !text.contains("hunter"), "{text}");
}

/// Only root can give files away; whoever else runs this makes files of their own, as they are to be.
#[test]
fn root_does_not_lock_the_service_out_of_its_log_directory() {
    let site = site("log.directory = \"log\"");
    fs::create_dir(site.path("log")).unwrap();
    let owner = if rustix::process::geteuid().is_root() { 61_234 } else { rustix::process::geteuid().as_raw() };
    std::os::unix::fs::chown(site.path("log"), Some(owner), None).unwrap();
    site.apply();
    let owners: Vec<_> =
        fs::read_dir(site.path("log")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid()).collect();
    assert_eq!(owners, [owner, owner]);
}

/// The daemon is made for many drifts as well: each has its line.
#[test]
fn many_drifts_are_written_one_a_line() {
    let site = Site::new();
    site.settings(OFTEN);
    for number in 0..30 {
        site.file(&format!("{number}.toml"), SHOP.replace(".shop]", &format!(".shop{number}]")));
    }
    let mut daemon: Daemon = site.run(&[]);
    eventually("all of them", || daemon.said("created").len() == 30);
    (0..30).for_each(|number| site.tamper(&format!("shop{number}"), |template| template.dynamic = false));
    eventually("all of them again", || (0..30).all(|number| site.template(&format!("shop{number}")).dynamic));
    // A line may be half there while it is written; what is there at the end is read strictly.
    let lines = || fs::read_to_string(site.path("log/drift.jsonl")).unwrap_or_default().matches('\n').count();
    eventually("every end", || lines() == 60);
    daemon.stop(Signal::TERM);
    assert_eq!(trail(&site).len(), 60);
    let began = events(&site).iter().filter(|(event, _)| event == "began").count();
    assert_eq!((began, daemon.said("drift: ").len()), (30, 30));
}

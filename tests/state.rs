//! The recorded state: one writer, one tenant, never a part taken for the whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use versync::sandbox::{Owner, ids};

use crate::support::{Site, eventually};

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

#[test]
fn a_second_writer_is_refused_and_a_plan_is_not() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    for second in [&["apply", "--yes"][..], &["run"], &["import", "--system", "stripe", "--out", "manifests"]] {
        let ran = site.versync(second);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("is in use by `versync run` (process "), "{}", ran.err);
    }
    assert!(site.versync(&["plan"]).out.starts_with("In sync: 1 resource"));
    daemon.stop(Signal::TERM);
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0));
}

#[test]
fn a_state_of_another_organisation_or_platform_is_refused() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    site.apply();
    let other = Site::new();
    site.settings_for(&other.sandbox.base_url(), "");
    for command in [&["plan"][..], &["apply", "--yes"], &["run"]] {
        let ran = site.versync(command);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("was written for organisation"), "{}", ran.err);
    }
    assert!(other.writes().is_empty());
}

#[test]
fn a_state_that_was_cut_off_while_it_was_made_is_begun_again() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    fs::create_dir(site.path(".versync")).unwrap();
    fs::write(site.path(".versync/versync.db.new"), "SQLite format 3").unwrap();
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(site.versync(&["plan"]).out.starts_with("In sync: 1 resource"));
    let left: Vec<_> = fs::read_dir(site.path(".versync")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("versync.db.new")), "{left:?}");
}

#[test]
fn a_state_of_a_newer_version_is_refused() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    site.apply();
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("a newer versync"), "{}", ran.err);
}

#[test]
fn that_passes_cannot_be_kept_is_said_once_and_that_they_can_again() {
    let site = Site::new();
    site.settings("sync.interval = \"50ms\"");
    site.file("a.toml", CONFIG);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON pass BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    database.execute_batch(full).unwrap();
    daemon.await_said("how passes go cannot be kept for `versync status`: ");
    // The configs of stripe are all that is read of each pass.
    let asked = site.sandbox.requests().len();
    eventually("further passes", || site.sandbox.requests().len() > asked + 5);
    assert_eq!(daemon.said("how passes go cannot be kept").len(), 1, "{:#?}", daemon.log());
    database.execute_batch("DROP TRIGGER full").unwrap();
    daemon.await_said("how passes go can be kept again");
    database.execute_batch(full).unwrap();
    eventually("it to be said again", || daemon.said("how passes go cannot be kept").len() == 2);
}

#[test]
fn a_damaged_state_is_set_aside_and_never_taken_for_an_empty_one() {
    let garbage = |path: &Path| fs::write(path, "not a database, but long enough to be read as one").unwrap();
    let cut_off = |path: &Path| fs::write(path, "").unwrap();
    let senseless = |path: &Path| {
        rusqlite::Connection::open(path).unwrap().execute("UPDATE resource SET fields = 'x'", []).unwrap();
    };
    let half_written = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(7);
        fs::write(path, bytes).unwrap();
    };
    let without_a_table = |path: &Path| {
        rusqlite::Connection::open(path).unwrap().execute("DROP TABLE resource", []).unwrap();
    };
    let damages: [&dyn Fn(&Path); 5] = [&garbage, &cut_off, &senseless, &half_written, &without_a_table];
    for (number, damage) in damages.iter().enumerate() {
        let site = Site::new();
        site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }\nsync.adopt = \"always\"");
        let named = |name: &str| CONFIG.replace("ok", name);
        site.file("a.toml", CONFIG).file("orphan.toml", named("orphan")).file("changed.toml", named("changed"));
        site.apply();
        site.remove("orphan.toml");
        site.file("new.toml", named("new")).file("changed.toml", named("changed").replace("\"\"", "\"new\""));
        damage(&site.path(".versync/versync.db"));
        let writes = site.writes().len();
        let planned = site.versync(&["plan"]);
        if number != 1 {
            assert_eq!(planned.code, Some(1), "{planned:?}");
            assert!(planned.err.contains("`versync apply` set it aside"), "{}", planned.err);
        }

        let ran = site.apply();
        assert!(ran.out.contains("auth_scheme_config.system/stripe/ok will be adopted"), "{ran:?}");
        assert!(ran.out.contains("the state was damaged and set aside"), "{ran:?}");
        assert_eq!(site.writes().len(), writes, "damage {number}: only a look");
        if number != 1 {
            assert!(ran.err.contains("versync.db.damaged-1"), "{}", ran.err);
            assert!(site.path(".versync/versync.db.damaged-1").exists());
        }
        site.apply();
        let on_stripe = |id: &str| site.sandbox.world(|world| world.config(&Owner::System(ids::STRIPE.into()), id));
        assert_eq!(on_stripe("changed").unwrap()["none"]["description"], "new");
        assert!(on_stripe("new").is_some() && on_stripe("orphan").is_some(), "what is not known is not deleted");
    }
}

#[test]
fn a_daemon_goes_on_once_it_has_looked_at_everything() {
    let site = Site::new();
    site.settings("sync.interval = \"1h\"\nsync.debounce = \"20ms\"");
    site.file("a.toml", CONFIG);
    site.apply();
    fs::write(site.path(".versync/versync.db"), "not a database, but long enough to be read as one").unwrap();
    site.file("new.toml", CONFIG.replace("ok", "new"));
    let daemon = site.run(&[]);
    daemon.await_said("adopted");
    daemon.await_said("created");
}

#[test]
fn only_its_owner_can_look_into_the_state() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    site.apply();
    assert_eq!(fs::metadata(site.path(".versync")).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn what_was_applied_is_recorded_with_its_source_and_time() {
    let site = Site::new();
    site.file("a.toml", format!("\n{CONFIG}"));
    site.apply();
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    let row = database.query_row("SELECT address, fields, file, line, applied_at FROM resource", [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, i64>(3)?,
            row.get::<_, String>(4)?,
        ))
    });
    let (address, fields, file, line, applied_at) = row.unwrap();
    assert_eq!((address.as_str(), file.as_str(), line), ("auth_scheme_config.system/stripe/ok", "a.toml", 2));
    assert_eq!(fields, r#"{"description":"","type":"none"}"#);
    applied_at.parse::<jiff::Timestamp>().unwrap();
}

#[test]
fn a_state_of_the_first_version_keeps_what_it_knows() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    fs::create_dir(site.path(".versync")).unwrap();
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    let tables = "
        CREATE TABLE tenant (organisation TEXT NOT NULL, base_url TEXT NOT NULL) STRICT;
        CREATE TABLE resource (
            identity TEXT PRIMARY KEY, address TEXT NOT NULL, template_id TEXT, fields TEXT NOT NULL,
            reference TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, prevent_delete INTEGER NOT NULL,
            applied_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 1;
    ";
    database.execute_batch(tables).unwrap();
    let tenant = [ids::ORGANISATION, site.sandbox.base_url().trim_end_matches('/')].map(str::to_owned);
    database.execute("INSERT INTO tenant VALUES (?1, ?2)", tenant).unwrap();
    let row = "INSERT INTO resource VALUES (?1, 'auth_scheme_config.system/stripe/old', NULL, \
               '{\"description\":\"\",\"type\":\"none\"}', ?2, 'old.toml', 3, 1, '2026-01-01T00:00:00Z')";
    let identity = format!("auth_scheme_config.system/{}/old", ids::STRIPE);
    let references = format!("[[{{\"system\":\"stripe\"}},\"{}\"]]", ids::STRIPE);
    database.execute(row, [identity, references]).unwrap();
    drop(database);
    let old = serde_json::json!({"type": "none", "none": {"id": "old", "description": ""}});
    site.sandbox.world(|world| world.put_config(&Owner::System(ids::STRIPE.to_owned()), "old", &old).unwrap());

    // Those who only look bring nothing up to date, and find nothing to tell.
    site.settings("sync.prune = true");
    assert!(site.plan()["changes"].to_string().contains("prevent_delete"));
    assert_eq!(site.versync(&["status"]).out, "No daemon that writes is running.\nNo pass was recorded yet.\n");
    assert_eq!(site.versync(&["history"]).out, "Nothing was changed yet.\n");
    let approved = site.versync(&["approve", &"a".repeat(64)]);
    assert!(approved.err.contains("was written by an older versync"), "{approved:?}");

    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4), "the old row's protection holds its delete");
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM resource", [], |row| row.get(0)).unwrap();
    assert_eq!((version, rows), (6, 2));
    assert!(site.versync(&["history"]).out.contains("stripe/ok created"));
}

//! The recorded state: one writer, one tenant, never a part taken for the whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use versync::sandbox::{Owner, ids};

use crate::support::Site;

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

#[test]
fn a_second_writer_is_refused_and_a_plan_is_not() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    for second in [&["apply", "--yes"][..], &["run"]] {
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
fn a_state_that_makes_no_sense_is_refused() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    site.apply();
    let file = site.path(".versync/versync.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute("UPDATE resource SET fields = 'x'", []).unwrap();
    assert!(site.versync(&["plan"]).err.contains("is damaged"));
    database.pragma_update(None, "user_version", 99).unwrap();
    assert!(site.versync(&["apply", "--yes"]).err.contains("a newer versync"));
    drop(database);
    fs::write(&file, "not a database, but long enough to be read as one").unwrap();
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(1));
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
    assert_eq!((version, rows), (3, 2));
    assert!(site.versync(&["history"]).out.contains("stripe/ok created"));
}

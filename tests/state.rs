//! The recorded state: one writer, one tenant, never a part taken for the whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

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

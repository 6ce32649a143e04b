//! `versync.toml` and the environment.

use std::fs;

use crate::support::{Ran, Site, TOKEN_VARIABLE};

/// What a command that needs settings prints for this file.
fn refused(text: &str) -> String {
    let site = Site::new();
    fs::write(site.path("versync.toml"), text).unwrap();
    let ran = site.versync(&["plan"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    ran.err
}

#[test]
fn every_problem_is_shown_at_its_place_with_the_nearest_known_name() {
    insta::assert_snapshot!(refused(
        r#"
manifest = "x"

[api]
base_url = "http://example.com/api"
organisation = "acme"
token_schema = "bearer"
concurrency = 0
timeout = "30"

[sync]
mode = "enforced"
interval = "0s"
prune = "yes"
delete_limit = { count = -1, percent = 101 }
delete_grace = "0s"

[log]
keep = 1.5

[http]
listen = "localhost"
"#
    ));
}

#[test]
fn a_receiver_is_checked_at_its_place() {
    insta::assert_snapshot!(refused(
        r#"
[[notify]]
on = ["drfit", "held"]

[[notify]]
url = { env = "HOOK" }
events = ["drift"]
on = []
"#
    ));
}

#[test]
fn variables_name_no_receivers() {
    for name in ["VERSYNC_NOTIFY", "VERSYNC_NOTIFY__URL"] {
        let site = Site::new();
        let ran = Ran::of(site.command(&["plan"]).env(name, "https://example.com/hunter2").output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(&format!("${name}")) && !ran.err.contains("hunter2"), "{}", ran.err);
        assert!(
            ran.err.contains("`notify` takes a list of tables, which can only be written in the file"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_literal_token_is_refused_and_not_shown() {
    for text in [
        "[api]\ntoken = \"hunter2\"\n",
        "[api]\ntoken = \"hunter2\n",
        "api.token = \"hunter2\"",
        "[api]\ntokne = \"hunter2\"\n",
    ] {
        let err = refused(text);
        assert!(!err.contains("hunter2"), "{err}");
    }
    assert!(refused("[api]\ntoken = \"x\"\n").contains("`api.token` is written out as a literal"));
    assert!(
        refused("[api]\ntoken = { env = \"A\", file = \"b\" }\n").contains("exactly one of env, file and credential")
    );
    assert!(refused("[api]\ntoken = { evn = \"A\" }\n").contains("did you mean `env`?"));
}

#[test]
fn a_signing_key_is_checked_at_its_place_and_a_literal_key_is_not_shown() {
    insta::assert_snapshot!(refused(
        r#"
[api]
token = { env = "A" }

[api.signing_key]
id = "acme"
subject = " "
keys = "hunter2"
"#
    ));
    for text in [
        "api.signing_key = \"hunter2\"",
        "api.signing_key.key = \"hunter2\"",
        "api.signing_key = { key = \"\"\"hunter2\nhunter2\"\"\" }",
        "api.signing_key = { key = \"hunter2 }",
        "api.signing_keys = { key = \"hunter2\" }",
    ] {
        let err = refused(text);
        assert!(!err.contains("hunter2"), "{err}");
    }
    assert!(refused("api.signing_key.key = \"x\"").contains("`api.signing_key.key` is written out as a literal"));
    let err = refused("api.signing_key = { key = { env = \"K\" } }");
    assert!(err.contains("`api.signing_key.id` is missing") && err.contains("`api.signing_key.subject` is missing"));
    assert!(refused("api.signing_key = {}").contains("`api.signing_key.key` is missing"));
}

#[test]
fn a_signing_key_in_variables_is_checked_too() {
    let site = Site::new();
    let with = |variables: &[(&str, &str)]| {
        let ran = Ran::of(site.command(&["plan"]).envs(variables.iter().copied()).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.err
    };
    let id = ("VERSYNC_API__SIGNING_KEY__ID", "01J0SGNK000000000000000001");
    let err = with(&[id, ("VERSYNC_API__SIGNING_KEY__KEY", "{ env = \"K\" }")]);
    assert!(err.contains("$VERSYNC_API__SIGNING_KEY__ID"), "{err}");
    assert!(err.contains("`api.signing_key` and `api.token` are both given"), "{err}");
    assert!(err.contains("`api.signing_key.subject` is missing"), "{err}");
    assert!(with(&[id, ("VERSYNC_API__SIGNING_KEY__KEY", "hunter2")]).contains("written out as a literal"));
    assert!(with(&[("VERSYNC_API__SIGNING_KEY", "hunter2")]).contains("takes a table"));
    assert!(with(&[("VERSYNC_API__SIGNING_KEY", "{ key = \"hunter2\" }")]).contains("written out as a literal"));
}

#[test]
fn what_is_missing_is_named() {
    assert!(refused("").contains("api.organisation is not set"));
    assert!(refused("api.organisation = \"01J0ACME000000000000000000\"").contains("api.token is not set"));
    let site = Site::new();
    let ran = Ran::of(site.command(&["plan"]).env_remove(TOKEN_VARIABLE).output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("the environment variable SITE_TOKEN is not set"), "{}", ran.err);
    let ran = site.versync(&["plan", "--config", "none.toml"]);
    assert!(ran.err.contains("none.toml") && ran.err.contains("cannot be read"), "{}", ran.err);
}

#[test]
fn variables_stand_in_for_settings() {
    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    fs::write(site.path("versync.toml"), "[api]\nbase_url = \"http://127.0.0.1:1/api\"\n").unwrap();
    let with = |variables: &[(&str, &str)]| {
        let mut command = site.command(&["plan"]);
        command.env("VERSYNC_API__BASE_URL", site.sandbox.base_url());
        command.env("VERSYNC_API__ORGANISATION", versync::sandbox::ids::ORGANISATION);
        Ran::of(command.envs(variables.iter().copied()).output().unwrap())
    };
    for token in [("VERSYNC_API__TOKEN", "{ env = \"SITE_TOKEN\" }"), ("VERSYNC_API__TOKEN__ENV", "SITE_TOKEN")] {
        let ran = with(&[token, ("VERSYNC_SYNC__PRUNE", "true"), ("VERSYNC_SYNC__DELETE_LIMIT__COUNT", "3")]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let ran = with(&[("VERSYNC_API__TOKEN", "hunter2")]);
    assert!(ran.err.contains("$VERSYNC_API__TOKEN") && !ran.err.contains("hunter2"), "{}", ran.err);
    let ran = with(&[("VERSYNC_SYNC__PRUNNE", "hunter2")]);
    assert!(ran.err.contains("did you mean `prune`?") && !ran.err.contains("hunter2"), "{}", ran.err);
    let ran = with(&[("VERSYNC_SYNC__INTERVAL", "soon")]);
    assert!(ran.err.contains("$VERSYNC_SYNC__INTERVAL"), "{}", ran.err);
}

#[test]
fn the_token_is_read_from_files_that_only_their_owner_reads() {
    use std::os::unix::fs::PermissionsExt;

    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    let with = |reference: &str| {
        let mut command = site.command(&["plan"]);
        command.env("VERSYNC_API__TOKEN", reference).env("CREDENTIALS_DIRECTORY", site.path("credentials"));
        Ran::of(command.output().unwrap())
    };
    let mode = |name: &str, mode| fs::set_permissions(site.path(name), fs::Permissions::from_mode(mode)).unwrap();
    fs::write(site.path("token"), "sandbox\n").unwrap();
    mode("token", 0o600);
    // The variable stands in for the whole of the reference in the file.
    let file = "{ file = \"token\" }";
    assert_eq!(with(file).code, Some(0), "{:?}", with(file));
    mode("token", 0o640);
    assert!(with(file).err.contains("chmod 600"), "{:?}", with(file));
    fs::remove_file(site.path("token")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", site.path("token")).unwrap();
    assert!(with(file).err.contains("token is a link: name the file itself"), "{:?}", with(file));
    fs::create_dir(site.path("credentials")).unwrap();
    fs::write(site.path("credentials/api"), "sandbox").unwrap();
    let credential = "{ credential = \"api\" }";
    mode("credentials/api", 0o444);
    assert!(with(credential).err.contains("can be read by others: chmod o= it"), "{:?}", with(credential));
    // As systemd leaves them: the group's bits are those of an access list.
    mode("credentials/api", 0o440);
    assert_eq!(with(credential).code, Some(0), "{:?}", with(credential));
    assert!(with("{ credential = \"../token\" }").err.contains("cannot be the name of a credential"));
}

#[test]
fn paths_are_relative_to_the_settings_file() {
    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    let config = site.path("versync.toml");
    let elsewhere = tempfile::TempDir::new().unwrap();
    let mut command = crate::support::versync(elsewhere.path(), &["apply", "--yes"]);
    let ran = Ran::of(command.env(TOKEN_VARIABLE, "sandbox").env("VERSYNC_CONFIG", config).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(site.path(".versync/versync.db").exists());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn no_setting_is_so_large_that_it_does_harm() {
    assert!(refused("sync.interval = \"99999999999h\"").contains("longer than a year"));
    assert!(refused("sync.debounce = \"-1s\"").contains("is not a duration"));
}

#[test]
fn a_variable_that_is_no_setting_as_it_stands_is_not_ignored() {
    use std::os::unix::ffi::OsStrExt;

    let site = Site::new();
    let with = |name: &str, value: &[u8]| {
        let ran = Ran::of(site.command(&["plan"]).env(name, std::ffi::OsStr::from_bytes(value)).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.err
    };
    assert!(with("VERSYNC_SYNC__INTERVAL__X", b"3s").contains("`sync.interval` takes a string, not keys below it"));
    assert!(with("VERSYNC_SYNC", b"x").contains("`sync` takes a table"));
    assert!(with("VERSYNC_STATE", b"\xff").contains("VERSYNC_STATE is not UTF-8"));
    assert!(with("VERSYNC_STATE", b"").contains("`state` is empty"));
    assert!(with("VERSYNC_API__CONCURRENCY", b"\xff").contains("not UTF-8"));
}

#[test]
fn a_password_in_the_base_url_is_refused_and_not_shown() {
    for text in
        ["api.base_url = \"https://user:hunter2@127.0.0.1/api\"", "api.base_url = \"https://h/api?token=hunter2\""]
    {
        let err = refused(text);
        assert!(err.contains("takes no user, password, query or fragment") && !err.contains("hunter2"), "{err}");
    }
    let site = Site::new();
    for url in ["https://user:hunter2@127.0.0.1:99999/api", "user:hunter2@127.0.0.1"] {
        let err = refused(&format!("api.base_url = {url:?}"));
        assert!(err.contains("is not a URL") && !err.contains("hunter2"), "{err}");
        let ran = Ran::of(site.command(&["plan"]).env("VERSYNC_API__BASE_URL", url).output().unwrap());
        assert!(ran.err.contains("is not a URL") && !ran.err.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn systemd_s_state_directory_is_used_and_an_empty_one_is_none() {
    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    let (first, second) = (site.path("first"), site.path("second"));
    let both = format!("{}:{}", first.display(), second.display());
    assert!(site.command(&["apply", "--yes"]).env("STATE_DIRECTORY", both).status().unwrap().success());
    assert!(first.join("versync.db").exists() && !second.exists());
    assert!(site.command(&["apply", "--yes"]).env("STATE_DIRECTORY", "").status().unwrap().success());
    assert!(site.path(".versync/versync.db").exists());
}

#[test]
fn a_variable_with_one_underscore_too_few_is_no_setting_that_is_passed_over() {
    let site = Site::new();
    let ran = Ran::of(site.command(&["plan"]).env("VERSYNC_SYNC_MODE", "observe").output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("VERSYNC_SYNC_MODE sets nothing") && ran.err.contains("VERSYNC_SYNC__MODE"),
        "{}",
        ran.err
    );
    let ran = Ran::of(site.command(&["plan"]).env("VERSYNC_PORT", "tcp://10.0.0.1").output().unwrap());
    assert_eq!(ran.code, Some(0), "not ours");
}

#[test]
fn a_misspelt_variable_at_the_top_is_no_setting_that_is_passed_over() {
    let site = Site::new();
    let with = |name: &str| Ran::of(site.command(&["plan"]).env(name, "hunter2").output().unwrap());
    for (name, meant) in [
        ("VERSYNC_MANIFEST", "VERSYNC_MANIFESTS"),
        ("VERSYNC_MANIFESTS_DIR", "VERSYNC_MANIFESTS"),
        ("VERSYNC_STATES", "VERSYNC_STATE"),
        ("VERSYNC_STATE_DIR", "VERSYNC_STATE"),
        ("VERSYNC_CONFIG_FILE", "VERSYNC_CONFIG"),
    ] {
        let ran = with(name);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.err.contains(&format!("the variable {name} sets nothing")), "{}", ran.err);
        assert!(ran.err.contains(&format!("did you mean {meant}?")) && !ran.err.contains("hunter2"), "{}", ran.err);
    }
    for name in [
        "SOURCE",
        "FOO",
        "SEED",
        "FAULT",
        "PICTURES",
        "README",
        "TOKEN",
        "BROWSER_TESTS",
        "BOT",
        "PORT",
        "ADDRESS",
        "HOST",
        "SECRET",
        "VERSION",
    ] {
        let ran = with(&format!("VERSYNC_{name}"));
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    }
}

#[test]
fn every_problem_of_the_settings_says_how_to_mend_it() {
    for text in [
        "api.concurrency = 0",
        "api.requests_per_second = -1",
        "sync.delete_limit = { count = -1, percent = 101 }",
        "log.keep = 0",
        "manifests = \"\"",
        "state = \"\"",
        "log.directory = \"\"",
        "manifests = 3",
        "sync = 3",
        "sync.prune = \"yes\"",
        "sync.mode = true",
        "api.token = { env = \"\" }",
        "api.token = { env = 3 }",
        "api.organisation = 1.5",
        "notify = 3",
        "notify = [3]",
        "[[sync]]",
    ] {
        let err = refused(text);
        assert_eq!(err.matches("  x ").count(), err.matches("help: ").count(), "{text}: {err}");
        assert!(err.contains("help: "), "{text}: {err}");
    }
    assert!(refused("api.concurrency = 0").contains("help: write a number, for example concurrency = 16"));
}

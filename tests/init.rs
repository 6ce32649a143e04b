//! `versync init`: the first settings and the first manifest, checked before anything is written.

use std::fs;
use std::path::Path;

use versync::sandbox::ids;

use crate::support::{Pty, Ran, Site};

/// A site without anything in it.
fn bare() -> Site {
    let site = Site::new();
    fs::remove_file(site.path("versync.toml")).unwrap();
    fs::remove_dir(site.manifests()).unwrap();
    site
}

/// Everything that has to be given, in place of which `instead` may stand.
fn init(site: &Site, instead: &[(&str, &str)], more: &[&str]) -> Ran {
    let url = site.sandbox.base_url();
    let given = [
        ("--organisation", ids::ORGANISATION),
        ("--project", "storefront"),
        ("--environment", "staging"),
        ("--token-env", "SITE_TOKEN"),
        ("--base-url", url.as_str()),
    ];
    let mut args = vec!["init"];
    for (flag, value) in given {
        let other = instead.iter().find(|(instead, _)| *instead == flag).map(|(_, value)| *value);
        args.extend([flag, other.unwrap_or(value)]);
    }
    site.versync(&[&args, more].concat())
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn folder(site: &Site) -> std::path::PathBuf {
    site.path("")
}

#[test]
fn what_it_writes_is_sound_and_the_next_commands_run() {
    let site = bare();
    let ran = init(&site, &[], &[]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    insta::assert_snapshot!(ran.out);
    let settings = fs::read_to_string(site.path("versync.toml")).unwrap();
    insta::assert_snapshot!(settings.replace(&site.sandbox.base_url(), "URL"));
    insta::assert_snapshot!(fs::read_to_string(site.manifests().join("storefront.toml")).unwrap());
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    assert!(site.writes().is_empty());
}

#[test]
fn it_never_writes_over_anything_and_writes_all_or_nothing() {
    let site = bare();
    fs::write(site.path("versync.toml"), "mine").unwrap();
    let ran = init(&site, &[], &[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("versync.toml exists already"), "{}", ran.err);
    assert_eq!(fs::read_to_string(site.path("versync.toml")).unwrap(), "mine");
    assert!(site.sandbox.requests().is_empty(), "nothing is asked for nothing");
    fs::remove_file(site.path("versync.toml")).unwrap();
    site.file("storefront.toml", "# mine");
    let ran = init(&site, &[], &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("manifests/storefront.toml exists already"), "{}", ran.err);
    assert!(!site.path("versync.toml").exists());
}

#[test]
fn each_thing_that_is_wrong_is_named_and_nothing_is_written() {
    let site = bare();
    let url = site.sandbox.base_url();
    let without_api = url.trim_end_matches("/api");
    for (flag, value, said) in [
        ("--organisation", "acme", "is no organisation's id"),
        ("--organisation", "01J0ACME000000000000000001", "403"),
        ("--project", "storefornt", "did you mean \"storefront\"?"),
        ("--environment", "nowhere", "there are production, staging"),
        ("--token-env", "UNSET", "the environment variable UNSET is not set"),
        ("--base-url", "http://example.com/api", "the token would cross the network unencrypted"),
        ("--base-url", "http://127.0.0.1:1/api", "127.0.0.1:1 cannot be reached"),
        ("--base-url", "http://127.0.0.1:1/api", "check api.base_url and the network"),
        ("--base-url", without_api, &format!("the platform's API is below /api: give --base-url {without_api}/api")),
    ] {
        let ran = init(&site, &[(flag, value)], &[]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{flag} {value}");
        assert!(ran.err.contains(said), "{flag} {value}: {}", ran.err);
        assert!(is_empty(&folder(&site)), "{flag} {value}");
    }
    site.sandbox.world(|world| world.set_token("another"));
    let ran = init(&site, &[], &[]);
    assert!(
        ran.err.contains("the platform does not accept the token") && ran.err.contains("SITE_TOKEN"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("token \"sandbox\""), "{}", ran.err);
}

#[test]
fn without_a_terminal_everything_that_is_missing_is_named_at_once() {
    let site = bare();
    let ran = site.versync(&["init", "--project", "storefront"]);
    assert_eq!(ran.code, Some(1));
    for flag in ["--organisation", "--environment", "--token-env"] {
        assert!(ran.err.contains(flag), "{}", ran.err);
    }
    assert!(!ran.err.contains("add --project"), "{}", ran.err);
    let ran = site.versync(&["init", "--sandbox"]);
    assert!(ran.code == Some(1) && ran.err.contains("there is nothing to set up"), "{}", ran.err);
    assert!(is_empty(&folder(&site)));
}

#[test]
fn on_a_terminal_it_asks_until_the_answers_will_do_and_offers_to_import() {
    let site = bare();
    let mut command = site.command(&["init", "--base-url", &site.sandbox.base_url(), "--config", "etc/versync.toml"]);
    command.env("NO_COLOR", "1");
    fs::create_dir(site.path("etc")).unwrap();
    let mut pty = Pty::start(command, 120);
    pty.answer("The organisation's id:", "acme");
    pty.await_text("is a ULID");
    pty.answer("The organisation's id:", ids::ORGANISATION);
    pty.answer("credential NAME [env VERSORI_API_KEY]:", "hunter2");
    pty.await_text("not the key itself");
    pty.answer("credential NAME [env VERSORI_API_KEY]:", "env UNSET");
    pty.await_text("the environment variable UNSET is not set: name another");
    pty.answer("credential NAME [env VERSORI_API_KEY]:", "SITE_TOKEN");
    pty.answer("Which project", "");
    pty.answer("Which environment (production, staging):", "staging");
    pty.answer("staging has 1 connection template already, on netsuite. Write manifests for that, and", "yes");
    let (code, screen) = pty.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("Wrote etc/versync.toml and etc/manifests/storefront.toml"), "{screen}");
    assert!(screen.contains("Recorded 2 resources; nothing was changed on the platform."), "{screen}");
    let plan = site.versync(&["plan", "--config", "etc/versync.toml", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    assert!(site.writes().is_empty());
}

#[test]
fn what_exists_is_imported_where_that_is_asked_for() {
    let site = bare();
    let ran = init(&site, &[], &["--import", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("Recorded 2 resources"), "{}", ran.out);
    let summary = site.plan()["summary"].take();
    assert_eq!((&summary["unchanged"], &summary["unmanaged"]), (&2.into(), &0.into()));
    let manifest = fs::read_to_string(site.manifests().join("netsuite.toml")).unwrap();
    assert!(manifest.contains("[connection_templates.legacy-erp]"), "{manifest}");
    assert!(manifest.contains("[auth_scheme_configs.netsuite-legacy]"), "{manifest}");
}

#[test]
fn what_it_says_to_import_with_imports_the_same() {
    let site = bare();
    let ran = init(&site, &[], &[]);
    let command = ran.out.split('`').nth(1).unwrap().strip_prefix("versync ").unwrap().replace('"', "");
    let ran = site.versync(&command.split(' ').collect::<Vec<_>>());
    assert!(ran.out.contains("Recorded 2 resources"), "{ran:?}");
}

#[test]
fn a_variable_that_says_where_the_key_is_needs_no_flag_and_a_flag_counts_more() {
    let init = |flags: &[&str], variables: &[(&str, &str)]| {
        let site = bare();
        let url = site.sandbox.base_url();
        let mut args = vec!["init", "--organisation", ids::ORGANISATION, "--base-url", &url];
        args.extend(["--project", "storefront", "--environment", "staging"]);
        let mut command = site.command(&[&args, flags].concat());
        let ran = Ran::of(command.envs(variables.iter().copied()).output().unwrap());
        (ran, fs::read_to_string(site.path("versync.toml")).unwrap_or_default())
    };
    for variable in [("VERSYNC_API__TOKEN__ENV", "SITE_TOKEN"), ("VERSYNC_API__TOKEN", "{ env = \"SITE_TOKEN\" }")] {
        let (ran, settings) = init(&[], &[variable]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(settings.contains("token = { env = \"SITE_TOKEN\" }"), "{settings}");
    }
    let (ran, settings) = init(&["--token-env", "SITE_TOKEN"], &[("VERSYNC_API__TOKEN__FILE", "none")]);
    assert!(ran.code == Some(0) && settings.contains("env = \"SITE_TOKEN\""), "{ran:?}");
    let (ran, settings) = init(&[], &[("VERSYNC_API__TOKEN__FILE", "none")]);
    assert!(ran.err.contains("none cannot be read") && settings.is_empty(), "{ran:?}");
    let (ran, settings) = init(&[], &[("VERSYNC_API__TOKEN", "sandbox")]);
    assert!(ran.code == Some(1) && !ran.err.contains("\"sandbox\"") && settings.is_empty(), "{ran:?}");
}

#[test]
fn the_variables_that_count_for_the_other_commands_count_here_too() {
    let site = bare();
    let mut command =
        site.command(&["init", "--project", "storefront", "--environment", "staging", "--token-env", "SITE_TOKEN"]);
    command.env("VERSYNC_API__ORGANISATION", ids::ORGANISATION).env("VERSYNC_API__BASE_URL", site.sandbox.base_url());
    let ran = Ran::of(command.env("VERSYNC_CONFIG", "own.toml").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let settings = fs::read_to_string(site.path("own.toml")).unwrap();
    assert!(settings.contains(ids::ORGANISATION) && settings.contains(&site.sandbox.base_url()), "{settings}");
    assert!(!site.path("versync.toml").exists());
}

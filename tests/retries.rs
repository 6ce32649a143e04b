//! What is sent again, and what never is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use versync::sandbox::ids;

use crate::support::{Fault, Flaky, Site, actions, eventually};

const SHOP: &str = r#"
[defaults]
system = "shopify"

[connection_templates.shop]
project = "storefront"
environment = "production"
dynamic = true
auth_scheme_configs = ["key"]

[auth_scheme_configs.key]
description = "d"
type = "api-key"
name = "k"
in = "header"
"#;

const OAUTH: &str = r#"
[auth_scheme_configs.oauth]
system = "shopify"
description = "d"
type = "oauth2"
token_url = "https://a.example"
scopes = []
default_scopes = []
grant = { type = "password", client_id = "me" }
"#;

fn site(file: &str, faults: impl Fn(&str, &str, usize) -> Option<Fault> + Send + Sync + 'static) -> (Site, Flaky) {
    let site = Site::new();
    let flaky = Flaky::before(site.sandbox.address(), faults);
    site.settings_for(&flaky.base_url, "");
    site.file("shop.toml", file);
    (site, flaky)
}

#[test]
fn what_does_the_same_twice_is_sent_again_until_it_succeeds() {
    let (site, flaky) = site(SHOP, |method, _, before| {
        let fault = if method == "PUT" { Fault::After(503) } else { Fault::Before(502) };
        (method != "POST" && before < 2).then_some(fault)
    });
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!((flaky.count("PUT", "/key"), flaky.count("GET", ids::STOREFRONT)), (3, 3));
    assert_eq!(site.template("shop").auth_scheme_configs, ["key"]);
}

#[test]
fn a_post_whose_answer_was_lost_is_not_sent_again() {
    let (site, flaky) = site(SHOP, |method, _, _| (method == "POST").then_some(Fault::After(504)));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!((flaky.count("POST", "/connection-templates"), site.templates("shop").len()), (1, 1));
    // The next pass knows it for its own, although it is not yet as declared, and brings it to its end.
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0));
    let template = site.template("shop");
    assert_eq!((template.dynamic, template.auth_scheme_configs), (true, vec!["key".to_owned()]));
    assert_eq!(
        (flaky.count("POST", "/connection-templates"), site.plan()["summary"]["unchanged"].clone()),
        (1, 2.into())
    );
}

#[test]
fn what_a_lost_answer_has_made_is_in_the_history() {
    let plain = SHOP.replace("dynamic = true\n", "").replace("auth_scheme_configs = [\"key\"]\n", "");
    let (site, _flaky) = site(&plain, |method, _, _| (method == "POST").then_some(Fault::After(504)));
    site.versync(&["apply", "--yes"]);
    site.apply();
    let history = site.versync(&["history"]).out;
    assert!(history.contains("connection_template.storefront/production/shop adopted"), "{history}");
}

#[test]
fn a_create_that_is_not_found_is_made_again_only_after_a_second_look() {
    let (site, flaky) = site(SHOP, |method, _, before| (method == "POST" && before == 0).then_some(Fault::Before(504)));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.out.contains("it was begun before and its answer never came"), "{ran:?}");
    assert!(site.templates("shop").is_empty());
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0));
    assert_eq!((flaky.count("POST", "/connection-templates"), site.templates("shop").len()), (2, 1));
}

#[test]
fn a_process_that_is_killed_in_the_middle_of_a_create_makes_no_twin() {
    let (site, flaky) = site(SHOP, |method, _, before| (method == "POST" && before == 0).then_some(Fault::Silence));
    let mut daemon = site.run(&[]);
    eventually("the create", || site.templates("shop").len() == 1);
    daemon.kill();
    let daemon = site.run(&[]);
    daemon.await_said("updated");
    assert_eq!(site.template("shop").auth_scheme_configs, ["key"]);
    assert_eq!(flaky.count("POST", "/connection-templates"), 1);
}

#[test]
fn what_was_begun_for_a_file_that_is_gone_is_not_lost() {
    let (site, _flaky) = site(SHOP, |method, _, _| (method == "POST").then_some(Fault::After(504)));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    site.file("shop.toml", &SHOP[..SHOP.find("[connection_templates").unwrap()]);
    site.versync(&["apply", "--yes"]);
    let plan = site.plan();
    assert!(actions(&plan).contains(&("connection_template.storefront/production/shop", "none")), "{plan:#}");
}

#[test]
fn what_cannot_be_written_down_is_not_made() {
    let (site, flaky) = site(SHOP, |_, _, _| None);
    site.file("shop.toml", "");
    site.apply();
    let database = rusqlite::Connection::open(site.path(".versync/versync.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON intent BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    database.execute_batch(full).unwrap();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("the disk is full"), "{}", ran.out);
    assert_eq!(flaky.count("POST", "/connection-templates"), 0);
}

#[test]
fn each_of_many_creates_is_written_down_before_it_is_sent() {
    let head = "[defaults]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"shopify\"\n";
    let many = (0..200).fold(head.to_owned(), |file, n| format!("{file}[connection_templates.many-{n:03}]\n"));
    let state = Arc::new(OnceLock::<PathBuf>::new());
    let (path, unwritten) = (Arc::clone(&state), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&unwritten);
    let (site, flaky) = site(&many, move |method, _, before| {
        if method == "POST" {
            let known = "SELECT (SELECT count(*) FROM intent) + (SELECT count(*) FROM resource)";
            let database = rusqlite::Connection::open(path.get().unwrap()).unwrap();
            let written: u32 = database.query_row(known, [], |row| row.get(0)).unwrap();
            counted.fetch_add(usize::from(written as usize <= before), Ordering::Relaxed);
        }
        None
    });
    state.set(site.path(".versync/versync.db")).unwrap();
    site.apply();
    let posts = flaky.count("POST", "/connection-templates");
    assert_eq!((posts, unwritten.load(Ordering::Relaxed)), (200, 0));
    assert_eq!(site.plan()["summary"]["unchanged"], 200);
}

#[test]
fn a_post_that_was_refused_for_now_is_sent_again() {
    let (site, flaky) = site(SHOP, |method, _, before| (method == "POST" && before < 2).then_some(Fault::Before(429)));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!((flaky.count("POST", "/connection-templates"), site.templates("shop").len()), (3, 1));
}

#[test]
fn a_config_that_gets_a_credential_is_not_sent_again_while_its_ids_are_unknown() {
    let (site, flaky) = site(OAUTH, |method, _, before| (method == "PUT" && before == 0).then_some(Fault::After(504)));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let credentials = || site.sandbox.world(|world| world.credentials_made());
    assert_eq!((flaky.count("PUT", "/oauth"), credentials()), (1, 1));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0), "what it made is found and adopted");
    site.file("shop.toml", OAUTH.replace("\"d\"", "\"e\""));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0));
    assert_eq!(credentials(), 1);
}

#[test]
fn a_refusal_for_good_is_not_asked_about_twice() {
    for status in [400, 403, 404] {
        let (site, flaky) = site(SHOP, move |method, _, _| (method == "PUT").then_some(Fault::Before(status)));
        let ran = site.versync(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert_eq!(flaky.count("PUT", "/key"), 1);
    }
}

#[test]
fn a_platform_that_serves_nothing_any_more_is_left_in_peace() {
    let config = |n| format!("[auth_scheme_configs.c{n}]\ndescription = \"\"\ntype = \"none\"\n");
    let configs: Vec<String> = (0..30).map(config).collect();
    let file = format!("[defaults]\nsystem = \"shopify\"\n{}", configs.concat());
    let (site, flaky) = site(&file, |method, _, _| (method == "PUT").then_some(Fault::Before(500)));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("nothing more is written after this"), "{}", ran.out);
    let asked: usize = (0..30).map(|n| usize::from(flaky.count("PUT", &format!("/c{n}")) > 0)).sum();
    assert!(asked < 30, "all {asked} were tried");
}

#[test]
fn a_config_stays_while_a_template_that_lists_it_could_not_be_deleted() {
    let (site, flaky) = site(SHOP, |method, path, _| {
        (method == "DELETE" && path.contains("/connection-templates/")).then_some(Fault::Before(400))
    });
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(0));
    let prune = "sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }";
    site.settings_for(&flaky.base_url, prune);
    site.file("shop.toml", "");
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("may still list it"), "{}", ran.out);
    assert_eq!(flaky.count("DELETE", "/key"), 0);
}

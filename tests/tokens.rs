//! Who is asking: tokens as they are given, and replaced under a running daemon.

use std::fs;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::json;
use versync::sandbox::{Owner, ids};

use crate::support::{Fake, Site, TOKEN_VARIABLE, eventually};

const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";
const FROM_FILE: &str = "token = { file = \"token\" }";

/// Never by itself: what happens in the test happens because of the test.
const NEVER: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"";

/// A site whose token is in a file, with one config to make.
fn with_token_file(settings: &str) -> Site {
    let site = Site::new();
    site.settings_as(&site.sandbox.base_url(), settings, FROM_FILE);
    site.secret("token", "sandbox\n");
    site.file("pay.toml", PAY);
    site
}

/// The answers of a platform on which `stripe` has no configs.
fn answer(path: &str) -> (u16, String) {
    let stripe = json!({"id": ids::STRIPE, "name": "stripe", "authSchemeConfigs": []});
    let answer = match path.rsplit('/').next().unwrap() {
        "systems" => json!({"totalCount": 1, "items": [stripe]}),
        "projects" => json!({"totalCount": 0, "items": []}),
        _ => stripe,
    };
    (200, answer.to_string())
}

/// A platform that writes down who is asking.
fn listening() -> (Fake, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&asked);
    let fake = Fake::start_asking(move |path, who| {
        seen.lock().unwrap().push(who.to_owned());
        answer(path)
    });
    (fake, asked)
}

#[test]
fn a_token_is_announced_as_the_settings_say() {
    for (scheme, header) in [("bearer", "Bearer sandbox"), ("jwt", "JWT sandbox")] {
        let site = Site::new();
        let (fake, asked) = listening();
        let token = format!("token = {{ env = \"{TOKEN_VARIABLE}\" }}\ntoken_scheme = \"{scheme}\"");
        site.settings_as(&fake.base_url, "", &token);
        site.file("pay.toml", PAY);
        assert_eq!(site.versync(&["plan"]).code, Some(0));
        let asked = asked.lock().unwrap();
        assert!(!asked.is_empty() && asked.iter().all(|who| who == header), "{asked:?}");
    }
}

#[test]
fn a_daemon_goes_on_with_a_token_that_was_replaced() {
    let site = with_token_file(NEVER);
    let mut daemon = site.run(&[]);
    daemon.await_said("created");
    site.secret("token", "rotated\n");
    site.sandbox.world(|world| world.set_token("rotated"));
    site.file("pay.toml", PAY.replace("\"\"", "\"after\""));
    daemon.await_said("updated");
    assert_eq!(daemon.said("the token { file = \"token\" } has changed").len(), 1);
    let refused = || site.sandbox.requests().iter().filter(|seen| seen.status == 401).count();
    let until_then = refused();
    site.file("pay.toml", PAY.replace("\"\"", "\"later\""));
    let description = || {
        let config = site.sandbox.world(|world| world.config(&Owner::System(ids::STRIPE.to_owned()), "pay"));
        config.unwrap()["none"]["description"].clone()
    };
    eventually("the next edit", || description() == "later");
    assert_eq!(refused(), until_then, "the new token is kept");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    let log = daemon.log();
    assert!(!log.iter().any(|entry| ["ERROR", "WARN"].contains(&entry["level"].as_str().unwrap())), "{log:#?}");
}

#[test]
fn a_daemon_whose_token_is_withdrawn_first_recovers_once_there_is_another() {
    let site = with_token_file("sync.interval = \"50ms\"\nsync.debounce = \"20ms\"");
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.sandbox.world(|world| world.set_token("rotated"));
    let failed = daemon.await_said("no pass can be made");
    assert!(failed["message"].as_str().unwrap().contains("the token from { file = \"token\" }: 401"), "{failed}");
    fs::remove_file(site.path("token")).unwrap();
    daemon
        .await_said("no pass can be made: the platform does not accept the token from { file = \"token\" }: 401; and");
    site.secret("token", "rotated");
    daemon.await_said("passes can be made again");
}

//! Who is asking: tokens as they are given, tokens made with a signing key, and both of them replaced
//! under a running daemon.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::json;
use versync::sandbox::{Owner, ids};

use crate::support::{Claims, Fake, Ran, Site, TOKEN_VARIABLE, TestKey, eventually};

const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";
const ID: &str = "01J0SGNK000000000000000001";
const FROM_FILE: &str = "token = { file = \"token\" }";

/// Never by itself: what happens in the test happens because of the test.
const NEVER: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"";

fn signing_key(key: &str) -> String {
    format!("signing_key = {{ id = \"{ID}\", subject = \"versync\", key = {key} }}")
}

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

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
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
fn a_token_in_a_variable_is_read_as_one_in_a_file() {
    let site = Site::new();
    let (fake, asked) = listening();
    site.settings_for(&fake.base_url, "");
    site.file("pay.toml", PAY);
    let plan = |token: &str| Ran::of(site.command(&["plan"]).env(TOKEN_VARIABLE, token).output().unwrap());
    let ran = plan("sandbox\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(asked.lock().unwrap().drain(..).all(|who| who == "Bearer sandbox"));
    let long = "x".repeat(65_537);
    for (token, why) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hunter2\nhunter3", "holds more than one line"),
        ("hunter2\u{1b}", "holds a control character"),
        (long.as_str(), "is longer than 65536 bytes"),
    ] {
        let ran = plan(token);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(&format!("the environment variable {TOKEN_VARIABLE} {why}")), "{}", ran.err);
        assert!(!ran.err.contains("hunter"), "{}", ran.err);
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_signing_key_makes_short_lived_tokens() {
    let site = Site::new();
    let (fake, asked) = listening();
    site.settings_as(&fake.base_url, "", &signing_key("{ file = \"key\" }"));
    site.secret("key", TestKey::ONE.pem);
    site.file("pay.toml", PAY);
    let before = now();
    let ran = site.apply();
    let after = now();
    let asked = asked.lock().unwrap();
    assert!(asked.len() > 2, "{asked:?}");
    for who in asked.iter() {
        assert_eq!(who, &asked[0], "one token does for many requests");
        let token = who.strip_prefix("JWT ").unwrap();
        let Claims { sub, iss, iat, exp } = TestKey::ONE.verify(token).expect("signed with the key, and valid");
        assert_eq!((sub.as_str(), iss), ("versync", format!("https://versori.com/sk/{ID}")));
        assert_eq!(exp - iat, 300);
        assert!((before..=after).contains(&(iat + 30)), "a clock that is behind ours takes it: {iat}, {before}");
        assert!(TestKey::TWO.verify(token).is_none());
        assert!(!format!("{ran:?}").contains(token));
    }
}

#[test]
fn a_signing_key_can_be_given_in_variables() {
    let site = Site::new();
    let (fake, asked) = listening();
    site.settings_as(&fake.base_url, "", "");
    site.file("pay.toml", PAY);
    let whole = format!("{{ id = \"{ID}\", subject = \"versync\", key = {{ env = \"K\" }} }}");
    for variables in [
        vec![
            ("VERSYNC_API__SIGNING_KEY__ID", ID),
            ("VERSYNC_API__SIGNING_KEY__SUBJECT", "versync"),
            ("VERSYNC_API__SIGNING_KEY__KEY", "{ env = \"K\" }"),
        ],
        vec![("VERSYNC_API__SIGNING_KEY", whole.as_str())],
    ] {
        asked.lock().unwrap().clear();
        let ran = Ran::of(site.command(&["plan"]).env("K", TestKey::ONE.pem).envs(variables).output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let asked = asked.lock().unwrap();
        assert!(TestKey::ONE.verify(asked[0].strip_prefix("JWT ").unwrap()).is_some());
    }
}

#[test]
fn a_key_that_makes_no_tokens_is_refused_before_the_first_request() {
    let site = Site::new();
    let (fake, asked) = listening();
    site.settings_as(&fake.base_url, "", &signing_key("{ file = \"key\" }"));
    site.file("pay.toml", PAY);
    let middle = TestKey::ONE.pem.lines().nth(9).unwrap();
    let older = TestKey::ONE.pem.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let cut = TestKey::ONE.pem.replace(&format!("{middle}\n"), "");
    let cases = [("hunter2", "PKCS #8 PEM"), (older.as_str(), "PKCS #8 PEM"), (cut.as_str(), "not a sound RSA key")];
    for (key, why) in cases {
        site.secret("key", key);
        let ran = site.versync(&["plan"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.err.contains("the signing key { file = \"key\" } is not") && ran.err.contains(why), "{}", ran.err);
        assert!(!key.lines().filter(|line| !line.contains('-')).any(|line| ran.err.contains(line)), "{}", ran.err);
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_made_token_that_the_platform_repeats_is_not_shown() {
    let site = Site::new();
    let fake = Fake::start_asking(|_, who| (403, json!({"message": format!("no: {who}")}).to_string()));
    site.settings_as(&fake.base_url, "", &signing_key("{ file = \"key\" }"));
    site.secret("key", TestKey::ONE.pem);
    site.file("pay.toml", PAY);
    let ran = site.versync(&["plan", "-vv"]);
    assert!(ran.err.contains("the signing key { file = \"key\" } may not do this: 403: no: JWT …"), "{}", ran.err);
    // How the header of every such token begins.
    assert!(!ran.err.contains("eyJ"), "{}", ran.err);
}

#[test]
fn a_key_that_was_replaced_is_read_again_in_the_middle_of_an_apply() {
    let site = Site::new();
    let path = site.path("key");
    let fake = Fake::start_asking(move |asked, who| {
        let is_read = !asked.ends_with("/pay");
        let key = if is_read { TestKey::ONE } else { TestKey::TWO };
        if key.verify(who.strip_prefix("JWT ").unwrap()).is_some() {
            return answer(asked);
        }
        // As a secret manager does it: in place.
        fs::write(&path, TestKey::TWO.pem).unwrap();
        (401, json!({"message": format!("{who} is unknown")}).to_string())
    });
    site.settings_as(&fake.base_url, "", &signing_key("{ file = \"key\" }"));
    site.secret("key", TestKey::ONE.pem);
    site.file("pay.toml", PAY);
    site.apply();
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

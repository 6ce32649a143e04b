//! The real binary, killed again and again at any moment, before a platform that fails in every way it can.
//!
//! CI kills it 50 times; `cargo test -- --ignored killed` does so a thousand times, which took seven and a half
//! minutes on two cores and ended as it should.

use std::collections::BTreeMap;
use std::time::Duration;

use versync::sandbox::{Faults, Owner, ids};

use crate::support::{Daemon, Site, eventually};

const FAULTS: &str = "429=2,500=4,reset=4,lost=4,slow=1,html=2";
const SYSTEM: [(&str, &str); 2] = [("shopify", ids::SHOPIFY), ("stripe", ids::STRIPE)];
const FILES: usize = 6;

/// One file: a config with a credential, and a template in two environments that lists it.
fn file(site: &Site, number: usize, round: usize) {
    let (system, _) = SYSTEM[number % 2];
    let text = format!(
        r#"
[defaults]
project = "storefront"
system = "{system}"

[auth_scheme_configs.c{number}]
description = "round {round}"
type = "oauth2"
token_url = "https://a.example/token"
authorize_url = "https://a.example/authorize"
scopes = []
default_scopes = []
grant = {{ type = "authorization-code", client_id = "me", client_secret = {{ file = "secret" }} }}

[connection_templates.t{number}]
environments = ["production", "staging"]
dynamic = {}
auth_scheme_configs = ["c{number}"]
"#,
        round.is_multiple_of(2)
    );
    site.file(&format!("{number}.toml"), text);
}

fn kill(times: usize, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let site = Site::new();
    site.settings("sync.interval = \"100ms\"\nsync.debounce = \"10ms\"\nsync.delete_grace = \"0s\"\nsync.prune = true");
    site.secret("manifests/secret", "hunter2");
    site.sandbox.set_faults(Some(FAULTS.parse::<Faults>().unwrap().seeded(seed)));
    for round in 0..times {
        let mut command = site.command(&["run"]);
        command.env("VERSYNC_API__TIMEOUT", "500ms");
        let mut daemon = Daemon::start(command);
        let requests = site.sandbox.requests().len();
        match rng.usize(0..FILES + 2) {
            number if number < FILES => file(&site, number, round),
            _ => {
                let _ = std::fs::remove_file(site.manifests().join(format!("{}.toml", rng.usize(0..FILES))));
            }
        }
        // At any moment: now, or after any number of requests, and a moment more.
        let more = rng.usize(0..20);
        eventually("some requests", || site.sandbox.requests().len() >= requests + more);
        std::thread::sleep(Duration::from_micros(rng.u64(0..3000)));
        daemon.kill();
    }
    site.sandbox.set_faults(None);
    (0..FILES).for_each(|number| file(&site, number, times));
    // What was begun and not found is made after a second look.
    for _ in 0..3 {
        site.versync(&["apply", "--yes"]);
    }
    let ran = site.versync(&["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut templates: BTreeMap<(String, String), usize> = BTreeMap::new();
    for template in site.sandbox.world(|world| world.templates()).into_iter().filter(|it| it.name.starts_with('t')) {
        *templates.entry((template.environment, template.name)).or_default() += 1;
    }
    let twins: Vec<_> = templates.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twins.is_empty(), "made twice: {twins:?}");
    assert_eq!(templates.len(), FILES * 2, "{templates:?}");
    for (_, system) in SYSTEM {
        let configs = site.sandbox.world(|world| world.configs(&Owner::System(system.to_owned())));
        assert_eq!(
            configs.iter().filter(|it| it["oauth2"]["id"].as_str().is_some_and(|id| id.starts_with('c'))).count(),
            3
        );
    }
}

#[test]
fn a_daemon_that_is_killed_fifty_times_doubles_and_loses_nothing() {
    kill(50, 1);
}

#[test]
#[ignore = "takes minutes"]
fn a_daemon_that_is_killed_a_thousand_times_doubles_and_loses_nothing() {
    kill(1000, 2);
}

//! Secrets: read safely, sent when they change, and shown nowhere.

use serde_json::json;
use versync::sandbox::{Owner, ids};

use crate::support::schemes::{CANARY, CREDENTIALS, ON_SYSTEM, Schemes, on_connector};
use crate::support::{Fake, Fault, Flaky, Site, change, problems};

#[test]
fn a_rotated_secret_is_sent_and_nothing_of_it_is_shown() {
    let schemes = Schemes::applied();
    let plan = schemes.run_with(&["plan", "--json"], "rotated-9a").json();
    let change = change(&plan, "auth_scheme_config.system/shopify/s-code");
    let secret =
        json!([{"path": "grant.client_secret", "before": null, "after": null, "cause": "manifest", "sensitive": true}]);
    assert_eq!((&change["action"], &change["fields"]), (&json!("update"), &secret));
    let text = schemes.run_with(&["plan"], "rotated-9a").out;
    assert!(text.contains("grant.client_secret  (secret changed)"), "{text}");
    assert!(!text.contains("rotated-9a"));
    assert_eq!(schemes.run_with(&["apply", "--yes"], "rotated-9a").code, Some(0));
    assert!(schemes.secrets().iter().all(|secret| secret.as_deref() == Some("rotated-9a")));
    assert_eq!(schemes.run_with(&["plan", "--detailed-exitcode"], "rotated-9a").code, Some(0));
    assert_eq!(schemes.credentials(), CREDENTIALS);
}

#[test]
fn a_secret_is_found_nowhere() {
    let schemes = Schemes(Site::new());
    schemes.0.settings("log.directory = \"log\"\nlog.level = \"trace\"\nlog.format = \"text\"");
    schemes.0.file("system.toml", ON_SYSTEM).file("connector.toml", on_connector());
    let mut printed = String::new();
    for args in [
        &["plan", "-vv"][..],
        &["plan", "--json"],
        &["apply", "--yes", "-vv"],
        &["apply", "--yes", "--json"],
        &["validate"],
    ] {
        let ran = schemes.run(args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        printed += &(ran.out + &ran.err);
    }
    // What the platform refuses: its answer names fields, and the error may not add their values.
    schemes.edit("client_id = \"me\"", "client_id = \"you\"");
    schemes.0.sandbox.world(|world| {
        world.edit_config(
            &Owner::System(ids::SHOPIFY.into()),
            "s-code",
            &json!({"grant": {"credentialId": ids::SHOPIFY}}),
        )
    });
    let ran = schemes.run(&["apply", "--yes", "-vv"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("is not a credential of that organisation"), "{}", ran.out);
    printed += &(ran.out + &ran.err);
    assert!(!printed.contains(CANARY));
    let mut files = 0;
    for folder in [".versync", "log"] {
        for entry in std::fs::read_dir(schemes.0.path(folder)).unwrap() {
            files += 1;
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
        }
    }
    assert!(files >= 3);
}

#[test]
fn a_secret_that_is_missing_stops_its_resource_before_the_first_request() {
    let site = Site::new();
    site.file("system.toml", ON_SYSTEM);
    let ran = site.versync(&["apply", "--yes", "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["summary"]["create"], 6);
    assert_eq!(
        problems(&report)[0],
        "system.toml:43:82: auth_scheme_config.system/shopify/s-code cannot use its grant.client_secret: the environment variable CANARY is not set: \
         set it where this command runs, also beside a daemon that has it, or refer to a file or a credential that both can read"
    );
    let help =
        "help: set it where this command runs, also beside a daemon that has it, or refer to a file or a credential";
    assert!(site.versync(&["plan"]).out.contains(help));
    assert!(!site.writes().iter().any(|write| write.contains("s-code")));
}

#[test]
fn secrets_come_from_files_beside_the_manifest_that_only_their_owner_reads() {
    use std::os::unix::fs::PermissionsExt;

    let site = Site::new();
    site.file("deep/system.toml", ON_SYSTEM.replace("{ env = \"CANARY\" }", "{ file = \"../secret\" }"));
    let path = site.manifests().join("secret");
    std::fs::write(&path, "from-a-file\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = site.versync(&["plan"]).out;
    let name = "auth_scheme_config.system/shopify/s-code cannot use its grant.client_secret";
    let file = "the secret file manifests/deep/../secret can be read by others: chmod 600 it";
    assert!(told.contains(&format!("{name}: {file}")), "{told}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    site.apply();
    let secret =
        site.sandbox.world(|world| world.secret(&Owner::System(ids::SHOPIFY.into()), "s-code").map(str::to_owned));
    assert_eq!(secret.as_deref(), Some("from-a-file"));
}

#[test]
fn the_key_beside_the_state_is_its_owner_s_alone_and_losing_it_sends_secrets_again() {
    use std::os::unix::fs::PermissionsExt;

    let schemes = Schemes::applied();
    let key = schemes.0.path(".versync/secret.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::remove_file(key).unwrap();
    assert_eq!(schemes.run(&["plan", "--json"]).json()["summary"]["update"], CREDENTIALS);
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    schemes.assert_in_sync();
    assert_eq!(schemes.credentials(), CREDENTIALS);
}

#[test]
fn a_key_that_others_may_have_read_or_put_there_is_not_used() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.a]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    site.apply();
    let key = site.path(".versync/secret.key");
    let refused = |why: &str, help: &str| {
        for command in [&["plan"][..], &["apply", "--yes"]] {
            let ran = site.versync(command);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.err.contains(&format!(".versync/secret.key {why}")), "{}", ran.err);
            assert!(ran.err.contains(help), "{}", ran.err);
        }
    };
    let anew = "a new one is made, and every secret is sent again, once";
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    refused("can be read by others", "chmod 600 it");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&key, site.path("elsewhere")).unwrap();
    symlink(site.path("elsewhere"), &key).unwrap();
    refused("is a link", anew);
    fs::remove_file(&key).unwrap();
    symlink("nowhere", &key).unwrap();
    refused("is a link", anew);
    fs::remove_file(&key).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &key, 0o600.into()).unwrap();
    refused("is not a regular file", anew);
    fs::remove_file(&key).unwrap();
    for length in [0, 63, 65, 1 << 20] {
        fs::write(&key, vec![b'k'; length]).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        refused("is damaged: it is not 64 bytes long", anew);
    }
    fs::rename(site.path("elsewhere"), &key).unwrap();
    site.apply();
}

#[test]
fn a_secret_that_the_platform_needs_may_be_undeclared_until_something_has_to_be_sent() {
    let schemes = Schemes::applied();
    let without = |text: &str| text.replace("consumer_secret = { env = \"CANARY\" }\n", "");
    schemes.0.file("system.toml", without(ON_SYSTEM));
    schemes.assert_in_sync();
    schemes.0.file("system.toml", without(ON_SYSTEM).replace("consumer_key = \"ck\"", "consumer_key = \"other\""));
    let ran = schemes.run(&["apply", "--yes", "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let problem = &problems(&ran.json())[0];
    assert!(problem.starts_with("system.toml:61:22: auth_scheme_config.system/shopify/s-oauth1 has to be sent, and the platform needs its consumer_secret"), "{problem}");
}

#[test]
fn a_secret_that_every_change_needs_cannot_be_ignored() {
    let site = Site::new();
    site.file("a.toml", ON_SYSTEM.to_owned() + "lifecycle = { ignore = [\"consumer_secret\"] }\n");
    let ran = site.versync(&["validate"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.contains("`consumer_secret` cannot be ignored: the platform needs it for every change"),
        "{}",
        ran.out
    );
}

#[test]
fn a_secret_that_the_platform_repeats_is_not_shown() {
    let fake = Fake::start(|path| {
        if ["s-code", "s-password", "s-oauth1"].iter().any(|id| path.ends_with(id)) {
            return (400, json!({"message": format!("{CANARY} is too short")}).to_string());
        }
        let system = json!({"id": ids::SHOPIFY, "name": "shopify", "authSchemeConfigs": []});
        let list = json!({"totalCount": 1, "items": [system]});
        (200, if path.ends_with("/systems") { list } else { system }.to_string())
    });
    let schemes = Schemes(Site::new());
    schemes.0.settings_for(&fake.base_url, "");
    schemes.0.file("system.toml", ON_SYSTEM);
    let ran = schemes.run(&["apply", "--yes"]);
    assert!(ran.out.contains("… is too short") && !(ran.out + &ran.err).contains(CANARY));
    assert!(!schemes.run(&["status"]).out.contains(CANARY));
}

/// A secret in every spelling that a server may repeat it in.
const SPELLED: [&str; 9] = [
    "hunter2 \"q\\/é+&<'z",
    r#"hunter2 \"q\\\/\u00e9+\u0026\u003c\u0027z"#,
    r"hunter2 \u0022q\u005C\u002F\u00E9\u002B\u0026\u003C'z",
    "hunter2%20%22q%5C%2F%C3%A9%2B%26%3C%27z",
    "hunter2+%22q%5c%2f%c3%a9%2b%26%3c%27z",
    "hunter2 &quot;q\\/é+&amp;&lt;&#39;z",
    "hunter2 &#34;q&#92;&#x2F;&#xe9;&#43;&#38;&#x3c;&#039;z",
    r#"hunter2 \\\"q\\\\/\\u00e9+\\u0026<'z"#,
    "hunter2%2520%2522q%255C%252F%25C3%25A9%252B%2526%253C%2527z",
];

#[test]
fn a_secret_that_the_platform_repeats_in_another_spelling_is_not_shown_and_not_kept() {
    for (number, spelled) in SPELLED.into_iter().enumerate() {
        let fake = Fake::start(move |path| {
            if path.ends_with("s-code") {
                let refused = json!({"field": "oauth2.grant", "message": format!("{spelled} is weak")});
                let said = json!({"message": format!("{spelled} is bad"), "details": format!("see {spelled}"), "fields": [refused]});
                return (400, said.to_string());
            }
            if path.ends_with("s-password") {
                let remark = json!({"text": format!("{spelled} is old"), "severity": "warning", "detail": [spelled]});
                let member = json!({"validationMessages": [remark]});
                return (201, json!({"id": "s-password", "type": "oauth2", "oauth2": member}).to_string());
            }
            let system = json!({"id": ids::SHOPIFY, "name": "shopify", "authSchemeConfigs": []});
            let list = json!({"totalCount": 1, "items": [system]});
            (200, if path.ends_with("/systems") { list } else { system }.to_string())
        });
        let schemes = Schemes(Site::new());
        schemes.0.settings_for(&fake.base_url, "log.directory = \"log\"\nlog.level = \"trace\"");
        schemes.0.file("system.toml", ON_SYSTEM);
        let ran = schemes.run_with(&["apply", "--yes", "-vv"], SPELLED[0]);
        for masked in ["… is bad", "… is weak", "see …", "… is old"] {
            assert!(ran.out.contains(masked), "{number}: {masked}: {ran:?}");
        }
        let kept = schemes.run(&["status", "--json"]).out + &schemes.run(&["history", "--json"]).out;
        let mut all = ran.out + &ran.err + &kept;
        for folder in [".versync", "log"] {
            for entry in std::fs::read_dir(schemes.0.path(folder)).unwrap() {
                all += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
            }
        }
        assert!(!all.contains("hunter2"), "{number}");
    }
}

#[test]
fn a_password_that_somebody_wrote_into_an_address_is_not_shown() {
    let schemes = Schemes::applied();
    let address = format!("https://me:{CANARY}@a.example/token?client_secret={CANARY}&tenant=1");
    for kind in ["s-machine", "s-oauth1"] {
        let patch = json!({"tokenUrl": address, "resourceOwnerAuthorizationEndpoint": {"url": address}});
        schemes.0.sandbox.world(|world| world.edit_config(&Owner::System(ids::SHOPIFY.into()), kind, &patch));
    }
    let plan = schemes.run(&["plan", "--json"]).out;
    assert!(plan.contains("https://…@a.example/token?client_secret=…&tenant=1") && !plan.contains(CANARY), "{plan}");
    assert!(!schemes.run(&["apply", "--yes"]).out.contains(CANARY));
    for command in [&["history", "--json"][..], &["status", "--json"]] {
        assert!(!schemes.run(command).out.contains(CANARY));
    }
}

#[test]
fn a_secret_that_the_platform_repeats_in_a_field_s_message_is_not_shown() {
    let site = Site::new();
    site.secret("secret", "hunter2");
    let text = ON_SYSTEM.replace("{ env = \"CANARY\" }", "{ file = \"../secret\" }");
    site.file("system.toml", text);
    let flaky = Flaky::before(site.sandbox.address(), |method, path, _| {
        let refused = Fault::Refused("oauth2.grant.authorizationCode.clientSecret", "hunter2 is too weak");
        (method == "PUT" && path.ends_with("/s-code")).then_some(refused)
    });
    site.settings_for(&flaky.base_url, "");
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("refuses `grant.client_secret`: … is too weak"), "{}", ran.out);
    assert!(ran.out.contains("system.toml:43:"), "{}", ran.out);
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
}

#[test]
fn the_daemon_sends_a_secret_that_has_changed_where_no_manifest_has() {
    use std::os::unix::fs::PermissionsExt;

    let site = Site::new();
    site.settings("sync.interval = \"1h\"\nsync.debounce = \"20ms\"");
    let rotate = |secret: &str| {
        let path = site.manifests().join("secret");
        std::fs::write(site.path("new"), secret).unwrap();
        std::fs::set_permissions(site.path("new"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(site.path("new"), path).unwrap();
    };
    let shop = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"stripe\"\n\
                dynamic = true\n";
    rotate("first");
    site.file("shop.toml", shop);
    site.file("system.toml", ON_SYSTEM.replace("{ env = \"CANARY\" }", "{ file = \"secret\" }"));
    let daemon = site.run(&[]);
    daemon.await_said("created connection_template.storefront/production/shop");
    // Once nothing is left to do, an edit is planned by itself.
    site.file("shop.toml", shop.replace("true", "false"));
    daemon.await_said("updated connection_template.storefront/production/shop");
    rotate("second");
    daemon.await_said("updated auth_scheme_config.system/shopify/s-code");
    let secret = |world: &mut versync::sandbox::World| {
        let owner = Owner::System(ids::SHOPIFY.to_owned());
        world.secret(&owner, "s-code").map(str::to_owned)
    };
    assert_eq!(site.sandbox.world(secret).as_deref(), Some("second"));
}

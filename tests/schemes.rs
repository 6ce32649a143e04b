//! Every auth scheme on both kinds of owner: what is sent, what is compared, and how many credentials come of it.

use serde_json::{Value, json};
use versync::sandbox::{Owner, ids};

use crate::support::{Fake, Ran, Site, actions, change, problems};

const CANARY: &str = "canary-5f0c1d";

/// Every type that a system can have.
const ON_SYSTEM: &str = r#"
[defaults]
system = "shopify"

[auth_scheme_configs.s-none]
description = ""
type = "none"

[auth_scheme_configs.s-key]
description = "d"
type = "api-key"
name = "k"
in = "query"

[auth_scheme_configs.s-basic]
description = "d"
type = "basic-auth"

[auth_scheme_configs.s-certificate]
description = "d"
type = "certificate"

[auth_scheme_configs.s-hmac]
description = "d"
type = "hmac"
name = "sig"
in = "header"
algorithm = "sha256"
digest_inputs = ["url", "body"]
encoding = "base64url"

[auth_scheme_configs.s-code]
description = "d"
type = "oauth2"
authorize_url = "https://a.example/authorize"
token_url = "https://a.example/token"
scopes = ["b", { name = "a", description = "A" }]
default_scopes = ["b", "a"]
additional_authorize_params = "x=1"
additional_token_params = "y=2"
mtls_enabled = true
pkce = true
grant = { type = "authorization-code", client_id = "me", client_secret = { env = "CANARY" } }

[auth_scheme_configs.s-password]
description = "d"
type = "oauth2"
token_url = "https://a.example/token"
scopes = []
default_scopes = []
grant = { type = "password", client_id = "me", client_secret = { env = "CANARY" } }

[auth_scheme_configs.s-machine]
description = "d"
type = "oauth2"
token_url = "https://a.example/token"
scopes = ["a"]
default_scopes = []
grant = { type = "client-credentials" }

[auth_scheme_configs.s-oauth1]
description = "d"
type = "oauth1"
consumer_key = "ck"
consumer_secret = { env = "CANARY" }
signature_method = "sha256"
temp_credential_endpoint = { url = "https://{shop}.example/t", parameter_transmission = "form", additional_params = [
    { name = "realm", location = "header-parameter", usages = "temp-credential", required = true, modifiable = true },
    { name = "plain", target_name = "other", location = "ignore", usages = "unknown" },
] }
resource_owner_authorization_endpoint = { url = "https://a.example/r" }
token_endpoint = { url = "https://a.example/k", parameter_transmission = "authorization-header" }
"#;

/// Every type that a connector can have.
fn on_connector() -> String {
    let mut text = ON_SYSTEM.replace("system = \"shopify\"", "").replace("[defaults]\n", "").replace("s-", "c-");
    text.truncate(text.find("[auth_scheme_configs.c-oauth1]").unwrap());
    text = text.replace("encoding = \"base64url\"\n", "").replace("pkce = true\n", "");
    text = text.replace("token_url", "authorize_url = \"https://a.example/authorize\"\ntoken_url");
    text = text.replacen("authorize_url = \"https://a.example/authorize\"\nauthorize_url", "authorize_url", 1);
    text.replace("]\ndescription", "]\nconnector = \"01J0C0NNWAREH0VSE000000000\"\ndescription")
}

struct Schemes(Site);

impl Schemes {
    /// A world in which everything is declared and applied.
    fn applied() -> Self {
        let schemes = Self(Site::new());
        schemes.0.file("system.toml", ON_SYSTEM).file("connector.toml", on_connector());
        let ran = schemes.run(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        schemes
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, CANARY)
    }

    fn run_with(&self, args: &[&str], secret: &str) -> Ran {
        Ran::of(self.0.command(args).env("CANARY", secret).output().unwrap())
    }

    fn edit(&self, from: &str, to: &str) {
        self.0.file("system.toml", ON_SYSTEM.replace(from, to));
        self.0.file("connector.toml", on_connector().replace(from, to));
    }

    fn credentials(&self) -> usize {
        self.0.sandbox.world(|world| world.credentials_made())
    }

    fn assert_in_sync(&self) {
        let ran = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    fn secrets(&self) -> Vec<Option<String>> {
        let owned = [
            (Owner::System(ids::SHOPIFY.into()), "s-code"),
            (Owner::System(ids::SHOPIFY.into()), "s-oauth1"),
            (Owner::Connector(ids::WAREHOUSE.into()), "c-code"),
        ];
        self.0.sandbox.world(|world| owned.map(|(owner, id)| world.secret(&owner, id).map(str::to_owned)).into())
    }
}

/// One credential for each grant that needs one: two grants on each owner, and OAuth 1.
const CREDENTIALS: usize = 5;

#[test]
fn every_type_converges_on_both_kinds_of_owner() {
    let schemes = Schemes::applied();
    schemes.assert_in_sync();
    assert_eq!(schemes.credentials(), CREDENTIALS);
    assert!(schemes.secrets().iter().all(|secret| secret.as_deref() == Some(CANARY)));
    let writes = schemes.0.writes().len();
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    assert_eq!(schemes.0.writes().len(), writes);
    let shopify = Owner::System(ids::SHOPIFY.into());
    let code = schemes.0.sandbox.world(|world| world.config(&shopify, "s-code").unwrap());
    assert_eq!(
        code["oauth2"]["scopes"],
        json!([{"name": "b"}, {"name": "a", "description": "A"}])
            .as_array()
            .map(|all| {
                let mut all = all.clone();
                all.sort_by_key(|scope| usize::from(scope["name"] == "a"));
                Value::Array(all)
            })
            .unwrap()
    );
    assert!(code["oauth2"]["mtlsCredentialId"].is_string(), "linked by the platform, and nobody's change");
    let oauth1 = schemes.0.sandbox.world(|world| world.config(&shopify, "s-oauth1").unwrap());
    assert_eq!(
        oauth1["oauth1"]["tempCredentialEndpoint"]["additionalParamConfigs"][0]["location"],
        "LOCATION_HEADER_PARAMETER"
    );
}

#[test]
fn a_lost_state_is_adopted_without_a_write() {
    let schemes = Schemes::applied();
    std::fs::remove_dir_all(schemes.0.path(".versync")).unwrap();
    let writes = schemes.0.writes().len();
    let plan = schemes.run(&["plan", "--json"]).json();
    assert!(actions(&plan).iter().all(|(_, action)| *action == "adopt"), "{plan:#}");
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    assert_eq!(schemes.0.writes().len(), writes);
    schemes.assert_in_sync();
}

#[test]
fn no_update_ever_makes_a_second_credential() {
    let schemes = Schemes::applied();
    for round in 0..3 {
        schemes.edit("description = \"d\"", &format!("description = \"round {round}\""));
        assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    }
    std::fs::remove_dir_all(schemes.0.path(".versync")).unwrap();
    schemes.0.settings("sync.adopt = \"always\"");
    schemes.edit("description = \"d\"", "description = \"after a lost state\"");
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    schemes.edit("type = \"password\"", "type = \"authorization-code\"");
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    assert_eq!(schemes.credentials(), CREDENTIALS);
    schemes.assert_in_sync();
    assert!(schemes.secrets().iter().all(|secret| secret.as_deref() == Some(CANARY)));
}

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
        "system.toml:43:82: the secret { env = \"CANARY\" } cannot be read: the environment variable CANARY is not set"
    );
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
    assert!(site.versync(&["plan"]).out.contains("can be read by others: chmod 600 it"));
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
fn what_is_no_longer_declared_goes_back_to_the_default() {
    let schemes = Schemes::applied();
    schemes.edit("pkce = true\n", "");
    schemes.0.file(
        "system.toml",
        ON_SYSTEM
            .replace("pkce = true\n", "")
            .replace("additional_token_params = \"y=2\"\n", "")
            .replace("signature_method = \"sha256\"\n", "signature_method = \"sha256\"\ntoken_auth = true\n")
            .replace("token_endpoint = { url = \"https://a.example/k\", parameter_transmission = \"authorization-header\" }\n", ""),
    );
    let ran = schemes.run(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    schemes.assert_in_sync();
    let shopify = Owner::System(ids::SHOPIFY.into());
    schemes.0.sandbox.world(|world| {
        let code = world.config(&shopify, "s-code").unwrap();
        assert_eq!((code["oauth2"].get("pkce"), code["oauth2"].get("additionalTokenParams")), (None, None));
        assert_eq!(world.config(&shopify, "s-oauth1").unwrap()["oauth1"].get("tokenEndpoint"), None);
    });
}

#[test]
fn what_a_dialect_lacks_and_what_could_never_work_is_refused_at_its_line() {
    let site = Site::new();
    site.file(
        "a.toml",
        r#"
[auth_scheme_configs.a]
connector = "01J0C0NNWAREH0VSE000000000"
description = ""
type = "oauth2"
token_url = "http://a.example/token"
scopes = ["read", "read", { nmae = "write" }]
default_scopes = ["raed"]
pkce = true
grant = { type = "client-credentials", client_id = "me", client_secret = { env = "X" } }

[auth_scheme_configs.b]
connector = "01J0C0NNWAREH0VSE000000000"
description = ""
type = "oauth1"

[auth_scheme_configs.c]
connector = "01J0C0NNWAREH0VSE000000000"
description = ""
type = "hmac"
name = "s"
in = "heder"
algorithm = "md5"
digest_inputs = ["body", "headers"]
encoding = "hex"

[auth_scheme_configs.d]
system = "shopify"
description = ""
type = "oauth1"
consumer_key = "k"
consumer_secret = "hunter2"
signature_method = "sha256"
temp_credential_endpoint = { parameter_transmission = "body" }
token_endpoint = { url = "nowhere", additional_params = [{ name = "x", location = "body", extra = 1 }] }

[auth_scheme_configs.e]
system = "shopify"
description = ""
type = "oauth2"
token_url = "http://localhost:8080/token"
scopes = "read"
default_scopes = []

[auth_scheme_configs.f]
connector = "01J0C0NNWAREH0VSE000000000"
description = ""
type = "custom-function"
"#,
    );
    let ran = site.versync(&["validate"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.out.contains("hunter2"));
    insta::assert_snapshot!(ran.out);
}

#[test]
fn what_the_platform_remarks_is_shown_with_the_line_that_it_is_about() {
    let schemes = Schemes(Site::new());
    schemes.0.file("system.toml", ON_SYSTEM);
    let ran = schemes.run(&["apply", "--yes"]);
    assert!(ran.out.contains("the password grant is deprecated by OAuth 2.1"), "{}", ran.out);
    let line = ON_SYSTEM.lines().position(|line| line.contains("s-password]")).unwrap() + 1;
    assert!(ran.out.contains(&format!("s-password (system.toml:{line}): the platform says (info): ")), "{}", ran.out);
    schemes.edit("description = \"d\"", "description = \"e\"");
    let report = schemes.run(&["apply", "--yes", "--json"]).json();
    let outcomes = report["outcomes"].as_array().unwrap();
    let password = outcomes.iter().find(|it| it["address"] == "auth_scheme_config.system/shopify/s-password").unwrap();
    assert_eq!(
        password["messages"],
        json!([{"severity": "info", "text": "the password grant is deprecated by OAuth 2.1", "detail": []}])
    );
}

#[test]
fn an_answer_that_is_older_than_a_field_is_no_difference() {
    let schemes = Schemes::applied();
    schemes
        .0
        .sandbox
        .world(|world| world.edit_config(&Owner::System(ids::SHOPIFY.into()), "s-hmac", &json!({"encoding": null})));
    schemes.assert_in_sync();
    // What was sent last is all that is known of it.
    schemes.0.file("system.toml", ON_SYSTEM.replace("base64url", "hex"));
    let plan = schemes.run(&["plan", "--json"]).json();
    let encoding =
        json!([{"path": "encoding", "before": "base64url", "after": "hex", "cause": "manifest", "sensitive": false}]);
    assert_eq!(change(&plan, "auth_scheme_config.system/shopify/s-hmac")["fields"], encoding);
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    let live = schemes.0.sandbox.world(|world| world.config(&Owner::System(ids::SHOPIFY.into()), "s-hmac").unwrap());
    assert_eq!(live["hmac"]["encoding"], "hex");
}

#[test]
fn what_is_ignored_is_set_when_a_config_is_made_or_changes_its_type_and_left_alone_otherwise() {
    let schemes = Schemes(Site::new());
    let text = |kind: &str, description: &str| {
        let head = format!("[auth_scheme_configs.c]\nsystem = \"stripe\"\ndescription = \"{description}\"\n");
        match kind {
            "key" => head + "type = \"api-key\"\nname = \"k\"\nin = \"query\"\nlifecycle = { ignore = [\"name\"] }\n",
            _ => {
                head + "type = \"oauth2\"\nauthorize_url = \"https://a.example/a\"\ntoken_url = \"https://a.example/t\"\nscopes = []\ndefault_scopes = []\n\
                grant = { type = \"authorization-code\", client_id = \"me\", client_secret = { env = \"CANARY\" } }\n\
                lifecycle = { ignore = [\"grant.client_id\", \"grant.client_secret\"] }\n"
            }
        }
    };
    let apply = |text: String, secret: &str| {
        schemes.0.file("c.toml", text);
        let ran = schemes.run_with(&["apply", "--yes"], secret);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    let owner = Owner::System(ids::STRIPE.into());
    let secret = || schemes.0.sandbox.world(|world| world.secret(&owner, "c").map(str::to_owned));
    apply(text("oauth", "one"), "first");
    assert_eq!(secret().as_deref(), Some("first"));
    apply(text("oauth", "two"), "second");
    assert_eq!(secret().as_deref(), Some("first"), "it is not sent along with another field");
    apply(text("key", "two"), "second");
    apply(text("oauth", "two"), "second");
    assert_eq!(secret().as_deref(), Some("second"), "made anew");
    schemes.0.sandbox.world(|world| world.edit_config(&owner, "c", &json!({"description": "by hand"})));
    let both = |text: String| text.replace("ignore = [", "ignore = [\"description\", ");
    apply(both(text("key", "two")), "second");
    let live = schemes.0.sandbox.world(|world| world.config(&owner, "c").unwrap());
    assert_eq!(live["apiKey"]["description"], "by hand", "what it holds already is left alone");
    let live = schemes.0.sandbox.world(|world| world.config(&owner, "c").unwrap());
    assert_eq!(live["apiKey"]["name"], "k", "the new type needs it");
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
fn what_was_imported_is_what_was_declared() {
    let schemes = Schemes::applied();
    std::fs::remove_dir_all(schemes.0.path(".versync")).unwrap();
    std::fs::remove_dir_all(schemes.0.manifests()).unwrap();
    let writes = schemes.0.writes().len();
    let import = [
        "import",
        "--project",
        "storefront",
        "--system",
        "shopify",
        "--connector",
        ids::WAREHOUSE,
        "--out",
        "manifests",
    ];
    let ran = schemes.run(&import);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    schemes.assert_in_sync();
    assert_eq!(schemes.0.writes().len(), writes, "an import writes nothing to the platform");
    insta::assert_snapshot!(std::fs::read_to_string(schemes.0.manifests().join("shopify.toml")).unwrap());
    let ran = schemes.run(&import);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Nothing to import.\n"), "everything is recorded: {ran:?}");

    // The files that were there before say the same, but for the secrets, which only they know.
    for file in ["shopify.toml", &format!("connector-{}.toml", ids::WAREHOUSE)] {
        schemes.0.remove(file);
    }
    schemes.0.file("system.toml", ON_SYSTEM).file("connector.toml", on_connector());
    let plan = schemes.run(&["plan", "--json"]).json();
    let changed = plan["changes"].as_array().unwrap().iter().flat_map(|change| change["fields"].as_array().unwrap());
    assert!(changed.clone().all(|field| field["sensitive"] == true), "{plan:#}");
    assert_eq!(changed.count(), CREDENTIALS);
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    assert_eq!(schemes.credentials(), CREDENTIALS, "filling in a secret makes no new credential");
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

#[test]
fn an_endpoint_forgets_how_it_was_asked_to_send_parameters() {
    let schemes = Schemes::applied();
    schemes.0.file("system.toml", ON_SYSTEM.replace(", parameter_transmission = \"authorization-header\"", ""));
    assert_eq!(schemes.run(&["apply", "--yes"]).code, Some(0));
    schemes.assert_in_sync();
    let config =
        schemes.0.sandbox.world(|world| world.config(&Owner::System(ids::SHOPIFY.into()), "s-oauth1").unwrap());
    assert_eq!(config["oauth1"]["tokenEndpoint"], json!({"url": "https://a.example/k"}));
}

#[test]
fn a_password_that_somebody_wrote_into_an_address_is_not_shown() {
    let schemes = Schemes::applied();
    let address = format!("https://me:{CANARY}@a.example/token");
    for kind in ["s-machine", "s-oauth1"] {
        let patch = json!({"tokenUrl": address, "resourceOwnerAuthorizationEndpoint": {"url": address}});
        schemes.0.sandbox.world(|world| world.edit_config(&Owner::System(ids::SHOPIFY.into()), kind, &patch));
    }
    let plan = schemes.run(&["plan", "--json"]).out;
    assert!(plan.contains("https://…@a.example/token") && !plan.contains(CANARY), "{plan}");
    assert!(!schemes.run(&["apply", "--yes"]).out.contains(CANARY));
    for command in [&["history", "--json"][..], &["status", "--json"]] {
        assert!(!schemes.run(command).out.contains(CANARY));
    }
}

//! Every auth scheme on both kinds of owner: what is sent, what is compared, and how many credentials come of it.

use serde_json::{Value, json};
use versync::sandbox::{Owner, ids};

use crate::support::schemes::{CANARY, CREDENTIALS, ON_SYSTEM, Schemes, on_connector};
use crate::support::{Flaky, Site, actions, change};

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
    let check = schemes.run(&["fmt", "--check", "manifests/shopify.toml"]);
    assert_eq!(check.code, Some(0), "what is imported is laid out already: {check:?}");
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
fn a_text_that_is_no_longer_declared_is_never_sent_empty() {
    let site = Site::new();
    let flaky = Flaky::before(site.sandbox.address(), |_, _, _| None);
    site.settings_for(&flaky.base_url, "");
    site.secret("secret", "hunter2");
    let config = |id: &str, grant: &str, more: &str| {
        format!(
            "[auth_scheme_configs.{id}]\nsystem = \"shopify\"\ndescription = \"\"\ntype = \"oauth2\"\n\
             token_url = \"https://a.example/t\"\nscopes = []\ndefault_scopes = []\n{more}grant = {{ {grant} }}\n"
        )
    };
    let more = "authorize_url = \"https://a.example/a\"\nmtls_credential_id = \"01J0CRED000000000000000000\"\n\
                additional_token_params = \"a=b\"\nadditional_authorize_params = \"c=d\"\n";
    let machine = "type = \"client-credentials\"";
    let code =
        |client: &str| format!("type = \"authorization-code\"{client}, client_secret = {{ file = \"../secret\" }}");
    site.file("a.toml", config("machine", machine, more) + &config("code", &code(", client_id = \"me\""), more));
    site.apply();
    let shown = |id: &str| {
        let live = site.sandbox.world(|world| world.config(&Owner::System(ids::SHOPIFY.into()), id).unwrap());
        let oauth2 = &live["oauth2"];
        [&oauth2["authorizeUrl"], &oauth2["additionalTokenParams"], &oauth2["grant"]["authorizationCode"]["clientId"]]
            .map(Value::clone)
    };
    assert_eq!(shown("code"), [json!("https://a.example/a"), json!("a=b"), json!("me")]);
    let credential = || {
        let live = site.sandbox.world(|world| world.config(&Owner::System(ids::SHOPIFY.into()), "code").unwrap());
        live["oauth2"]["grant"]["authorizationCode"]["credentialId"].clone()
    };
    let assigned = credential();
    site.file("a.toml", config("machine", machine, "") + &config("code", &code(""), ""));
    site.apply();
    let sent = |id: &str| {
        let asked = flaky.asked("PUT", id);
        serde_json::from_slice::<Value>(&asked.last().unwrap().body).unwrap()["oauth2"].clone()
    };
    // What is replaced as a whole loses what is left out; of what is merged, null takes it away.
    let replaced = sent("machine");
    let merged = sent("code");
    for name in ["authorizeUrl", "mtlsCredentialId", "additionalTokenParams", "additionalAuthorizeParams"] {
        assert_eq!(replaced.get(name), None, "{replaced:#}");
        assert_eq!(merged.get(name), Some(&Value::Null), "{merged:#}");
    }
    assert_eq!(merged["grant"]["authorizationCode"].get("clientId"), Some(&Value::Null), "{merged:#}");
    for id in ["machine", "code"] {
        assert_eq!(shown(id), [Value::Null, Value::Null, Value::Null]);
    }
    assert_eq!(credential(), assigned);
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

//! What editors are told is what the readers of files go by.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use versync::model::auth_scheme_config::SCHEMES;
use versync::model::desired::Desired;
use versync::model::manifest;
use versync::model::source::{Problem, Severity, SourceFile};
use versync::settings::{DEFAULT_INTERVAL, Settings};

use crate::support::documents::{Toml, documents};
use crate::support::{Ran, versync};

fn schema(of: &str) -> Value {
    let ran = Ran::of(versync(Path::new("/"), &["schema", of]).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    ran.json()
}

/// What a schema finds wrong with a text, if anything.
fn complaints(schema: &Value, text: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(schema).unwrap();
    let value = serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn problems_of_manifest(text: &str) -> Vec<Problem> {
    manifest::parse(&SourceFile::new("a.toml", text)).1
}

fn problems_of_settings(text: &str) -> Vec<Problem> {
    match Settings::parse(&SourceFile::new("versync.toml", text), &[], PathBuf::from(".")) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems,
    }
}

/// The keys that the reader takes where an unknown one stands, as its help lists them.
fn taken(problems: &[Problem]) -> BTreeSet<String> {
    let unknown: Vec<_> = problems.iter().filter(|problem| problem.message.contains("`zzzzzzzzzz`")).collect();
    assert_eq!(unknown.len(), 1, "{problems:?}");
    let help = unknown[0].help.as_deref().unwrap().strip_prefix("it takes ").unwrap();
    help.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

fn keys(shape: &Value) -> BTreeSet<String> {
    shape["properties"].as_object().unwrap().keys().cloned().collect()
}

/// Visits every schema within one.
fn walk<'a>(at: &str, shape: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(at, shape);
    for (key, inner) in shape["properties"].as_object().into_iter().flatten() {
        walk(&format!("{at}.{key}"), inner, visit);
    }
    for inner in ["items", "additionalProperties"].iter().filter_map(|key| shape.get(key)).filter(|it| it.is_object()) {
        walk(at, inner, visit);
    }
}

#[test]
fn both_are_of_a_draft_that_editors_know_and_say_what_everything_is() {
    for of in ["manifest", "settings"] {
        let schema = schema(of);
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(jsonschema::draft7::meta::is_valid(&schema));
        walk("", &schema, &mut |at, shape| {
            let told =
                ["title", "description"].iter().any(|key| shape[key].as_str().is_some_and(|text| !text.is_empty()));
            assert!(told, "{of}{at} says nothing");
        });
    }
}

#[test]
fn every_example_and_what_the_documents_show_is_valid() {
    let (manifest, settings) = (schema("manifest"), schema("settings"));
    let mut seen = 0;
    for folder in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "toml") {
                seen += 1;
                assert_eq!(complaints(&manifest, &fs::read_to_string(&file).unwrap()), [""; 0], "{}", file.display());
            }
        }
    }
    assert!(seen > 5);
    let packaged = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/versync.toml")).unwrap();
    let organisation = |text: &str| text.replace("01J…", "01J0ACME000000000000000000");
    for document in documents() {
        for block in document.blocks("toml") {
            let schema = match block.toml() {
                Toml::Manifest => &manifest,
                Toml::Settings => &settings,
                Toml::World | Toml::Other => continue,
            };
            assert_eq!(complaints(schema, &organisation(&block.text)), [""; 0], "{}", block.place);
        }
    }
    assert_eq!(complaints(&settings, &organisation(&packaged)), [""; 0]);
}

#[test]
fn a_manifest_s_keys_are_those_that_its_reader_takes() {
    let schema = schema("manifest");
    let template = &schema["properties"]["connection_templates"]["additionalProperties"];
    let config = &schema["properties"]["auth_scheme_configs"]["additionalProperties"];
    let check = |shape: &Value, text: &str| assert_eq!(keys(shape), taken(&problems_of_manifest(text)), "{text}");
    check(&schema, "zzzzzzzzzz = 1");
    check(&schema["properties"]["defaults"], "defaults.zzzzzzzzzz = 1");
    check(template, "connection_templates.a.zzzzzzzzzz = 1");
    check(&template["properties"]["lifecycle"], "connection_templates.a.lifecycle.zzzzzzzzzz = 1");
    for scheme in &SCHEMES {
        let rule = config["allOf"].as_array().unwrap().iter().find(|rule| {
            rule["if"]["properties"]["type"]["const"] == scheme.name && rule["if"]["not"]["required"][0] == "connector"
        });
        let refused = rule.unwrap()["then"]["properties"].as_object().unwrap();
        let refused: BTreeSet<String> =
            refused.iter().filter(|(_, shape)| **shape == json!(false)).map(|(key, _)| key.clone()).collect();
        let named: BTreeSet<String> = keys(config).difference(&refused).cloned().collect();
        let text = format!("[auth_scheme_configs.a]\ntype = {:?}\nzzzzzzzzzz = 1", scheme.name);
        assert_eq!(named, taken(&problems_of_manifest(&text)), "{}", scheme.name);
    }
    let inner = |path: &[&str], text: &str| {
        let shape = path.iter().fold(config, |shape, key| &shape["properties"][key]);
        let text = text.replace("UNKNOWN", "zzzzzzzzzz = 1");
        check(shape.get("items").unwrap_or(shape), &format!("[auth_scheme_configs.a]\n{text}"));
    };
    inner(&["grant"], "type = \"oauth2\"\ngrant = { type = \"password\", UNKNOWN }");
    inner(&["grant", "client_secret"], "type = \"oauth2\"\ngrant.client_secret = { UNKNOWN }");
    inner(&["scopes"], "type = \"oauth2\"\nscopes = [{ UNKNOWN }]");
    for endpoint in ["temp_credential_endpoint", "resource_owner_authorization_endpoint", "token_endpoint"] {
        inner(&[endpoint], &format!("type = \"oauth1\"\n{endpoint} = {{ UNKNOWN }}"));
        inner(
            &[endpoint, "additional_params"],
            &format!("type = \"oauth1\"\n{endpoint}.additional_params = [{{ UNKNOWN }}]"),
        );
    }
    // Its reader asks for `renamed_from` only to refuse it.
    let mut lifecycle = keys(&config["properties"]["lifecycle"]);
    lifecycle.insert("renamed_from".to_owned());
    let text = "[auth_scheme_configs.a]\ntype = \"none\"\nlifecycle.zzzzzzzzzz = 1";
    assert_eq!(lifecycle, taken(&problems_of_manifest(text)));
}

#[test]
fn settings_have_the_keys_words_and_bounds_of_their_reader() {
    let schema = schema("settings");
    let receiver = |path: &str, line: &str| match path.strip_prefix("notify.") {
        Some(inner) => format!("[[notify]]\n{inner}{line}"),
        None => format!("{path}{line}"),
    };
    let (mut tables, mut words, mut numbers) = (0, 0, 0);
    walk("", &schema, &mut |at, shape| {
        let at = at.trim_start_matches('.');
        if shape.get("properties").is_some() {
            tables += 1;
            let path = if at.is_empty() { String::new() } else { format!("{at}.") };
            let text = receiver(&path, "zzzzzzzzzz = 1");
            assert_eq!(keys(shape), taken(&problems_of_settings(&text)), "{text}");
        }
        if let (Some(listed), "string") = (shape.get("enum"), shape["type"].as_str().unwrap()) {
            words += 1;
            let is_list = at.starts_with("notify.");
            let text = receiver(at, if is_list { " = [\"zzzzzzzzzz\"]" } else { " = \"zzzzzzzzzz\"" });
            let listed: Vec<_> = listed.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            let helps = problems_of_settings(&text).into_iter().filter_map(|problem| problem.help);
            let helps: Vec<String> = helps.map(|help| help.to_lowercase()).collect();
            let expected = format!("it takes {}{}", if is_list { "" } else { "one of " }, listed.join(", "));
            assert!(helps.contains(&expected), "{text}: {helps:?}");
        }
        if shape["type"] == "integer" {
            numbers += 1;
            let most = shape["maximum"].as_u64().unwrap_or(u64::from(u32::MAX));
            let bounds = format!("takes a number from {} to {most}", shape["minimum"]);
            let message = &problems_of_settings(&format!("{at} = -1"))[0].message;
            assert!(message.ends_with(&bounds), "{message}: {bounds}");
        }
    });
    assert!(tables > 8 && words > 6 && numbers > 4, "{tables} {words} {numbers}");
}

#[test]
fn the_defaults_that_the_settings_name_change_nothing() {
    let schema = schema("settings");
    let mut lines = Vec::new();
    walk("", &schema, &mut |at, shape| {
        if let (Some(default), false) = (shape.get("default"), at.contains(".notify")) {
            lines.push(format!("{} = {default}", at.trim_start_matches('.')));
        }
    });
    let text = lines.join("\n");
    let parse = |text: &str| {
        Settings::parse(&SourceFile::new("versync.toml", text), &[], PathBuf::from("/x"))
            .expect("the defaults are sound")
    };
    let mut named = parse(&text);
    assert!(text.lines().count() > 15, "{text}");
    assert_eq!(named.sync.interval.take(), Some(DEFAULT_INTERVAL));
    assert_eq!(named, parse(""));
    let on = &schema["properties"]["notify"]["items"]["properties"]["on"]["default"];
    let url = "[[notify]]\nurl = { env = \"A\" }\n";
    assert_eq!(parse(&format!("{url}on = {on}")), parse(url));
}

/// A config with its identity; the rest follows.
fn config(rest: &str) -> String {
    format!("[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\n{rest}\n")
}

fn on_connector(rest: &str) -> String {
    config(rest).replace("system = \"s\"", "connector = \"01J0C0NNWAREH0VSE000000000\"")
}

fn template(rest: &str) -> String {
    format!("[connection_templates.a]\nproject = \"p\"\n{rest}\n")
}

fn oauth2(rest: &str) -> String {
    format!(
        "type = \"oauth2\"\ntoken_url = \"https://a.example/t\"\nscopes = [\"r\", {{ name = \"w\" }}]\ndefault_scopes = []\n{rest}"
    )
}

fn oauth1(rest: &str) -> String {
    format!("type = \"oauth1\"\nconsumer_key = \"k\"\nsignature_method = \"sha1\"\n{rest}")
}

/// Whether editors and `validate` are of this opinion about each of these manifests.
fn assert_all(texts: &[String], is_broken: bool) {
    let schema = schema("manifest");
    let refuses = |text: &str| {
        let desired = Desired::assemble(&[Ok(SourceFile::new("a.toml", text))]);
        desired.problems.iter().any(|problem| problem.severity == Severity::Error)
    };
    for text in texts {
        assert_eq!(refuses(text), is_broken, "{text}\n{:?}", problems_of_manifest(text));
        let found = complaints(&schema, text);
        assert_eq!(!found.is_empty(), is_broken, "{text}\n{found:?}");
    }
}

const GRANT: &str = "grant = { type = \"client-credentials\" }";
const HMAC: &str = "type = \"hmac\"\nname = \"s\"\nin = \"query\"\nalgorithm = \"sha1\"\ndigest_inputs = [\"url\"]\n";
const BOTH: &str = "environment = \"e\"\nsystem = \"s\"\n";

fn endpoints(more: &str) -> String {
    let names = ["temp_credential_endpoint", "resource_owner_authorization_endpoint", "token_endpoint"];
    names.map(|name| format!("{name} = {{ url = \"https://{{shop}}.example\"{more} }}\n")).concat()
}

#[test]
fn editors_and_validate_agree_on_sound_manifests() {
    let (grant, hmac, both) = (GRANT, HMAC, BOTH);
    let password = "grant = { type = \"password\", client_id = \"c\", client_secret = { env = \"E\" } }";
    assert_all(
        &[
            String::new(),
            "defaults = {}".to_owned(),
            template(both),
            template("environments = [\"a\", \"b\"]\nsystem = \"s\"\ndynamic = false\nauth_scheme_configs = [\"x\"]"),
            format!("defaults = {{ system = \"s\", environment = \"e\" }}\n{}", template("")),
            template(&format!(
                "{both}lifecycle = {{ ignore = [\"dynamic\"], renamed_from = \"b\", on_drift = \"report\" }}"
            )),
            config("type = \"none\"\nid = \"b\""),
            "defaults.system = \"s\"\n[auth_scheme_configs.a]\ntype = \"none\"\ndescription = \"d\"\n".to_owned(),
            config("type = \"none\"\nlifecycle.ignore = [\"description\"]"),
            config("type = \"none\"\nlifecycle = { prevent_delete = true, allow_replace = false }"),
            config("type = \"api-key\"\nname = \"n\"\nin = \"cookie\""),
            config(&oauth2(&format!("pkce = true\n{grant}"))),
            config(&oauth2(&format!(
                "authorize_url = \"http://localhost/a\"\nadditional_token_params = \"a=b\"\n{password}"
            ))),
            on_connector(&oauth2(&format!("authorize_url = \"https://a.example\"\n{grant}"))),
            config(&oauth2(&format!("lifecycle.ignore = [\"grant.client_id\"]\n{password}"))),
            config(&oauth1("token_auth = true")),
            config(&oauth1(&endpoints(""))),
            config(&oauth1(&endpoints(
                ", parameter_transmission = \"form\", additional_params = [{ name = \"n\", location = \"body\", usages = \"unknown\", modifiable = true }]",
            ))),
            config(&format!("{hmac}encoding = \"hex\"")),
            on_connector(hmac),
        ],
        false,
    );
}

#[test]
fn editors_and_validate_agree_on_broken_manifests() {
    let (grant, hmac, both) = (GRANT, HMAC, BOTH);
    assert_all(
        &[
            "projekt = 1".to_owned(),
            "defaults = { projekt = \"p\" }".to_owned(),
            "defaults = { project = \" \" }".to_owned(),
            "defaults = []".to_owned(),
            template(&format!("{both}dinamic = true")),
            template(&format!("{both}dynamic = \"yes\"")),
            template("environment = \"e\""),
            template("system = \"s\""),
            template(&format!("{both}environments = [\"a\"]")),
            template("system = \"s\"\nenvironments = []"),
            template("system = \"s\"\nenvironments = [\"a\", \"a\"]"),
            template(&format!("{both}auth_scheme_configs = [\"\"]")),
            template(&format!("{both}auth_scheme_configs = [\"x\", \"x\"]")),
            template(&format!("{both}lifecycle = {{ ignore = [\"type\"] }}")),
            template(&format!("{both}lifecycle = {{ on_drift = \"revrt\" }}")),
            template(both).replace("project", "projekt"),
            config(""),
            config("type = \"nothing\""),
            config("type = \"jwt-bearer\""),
            config("type = \"none\"").replace("description = \"\"\n", ""),
            config("type = \"none\"").replace("system = \"s\"\n", ""),
            config("type = \"none\"\nconnector = \"01J0C0NNWAREH0VSE000000000\""),
            config("type = \"none\"\nname = \"n\""),
            config("type = \"none\"\nlifecycle = { renamed_from = \"b\" }"),
            config("type = \"none\"\nlifecycle.ignore = [\"name\"]"),
            on_connector("type = \"none\"").replace("01J", "01j"),
            config("type = \"api-key\"\nname = \"n\""),
            config("type = \"api-key\"\nname = \"n\"\nin = \"body\""),
            config("type = \"api-key\"\nname = \"\"\nin = \"query\""),
            config(&oauth2("")),
            config(&oauth2("grant = {}")),
            config(&oauth2("grant = { type = \"client-credentials\", client_id = \"c\" }")),
            config(&oauth2("grant = { type = \"password\", client_secret = \"hunter2\" }")),
            config(&oauth2("grant = { type = \"password\", client_secret = { env = \"A\", file = \"b\" } }")),
            config(&oauth2("grant = { type = \"password\", client_secret = {} }")),
            config(&oauth2("grant = { type = \"password\", client_secret = { env = \"\" } }")),
            config(&oauth2(&format!("mtls_enabled = 1\n{grant}"))),
            config(&oauth2(grant)).replace("https:", "ftp:"),
            config(&oauth2(grant)).replace("\"r\"", "{ description = \"r\" }"),
            config(&oauth2(grant)).replace("\"r\"", "3"),
            on_connector(&oauth2(grant)),
            on_connector(&oauth2(&format!("authorize_url = \"https://a.example\"\npkce = true\n{grant}"))),
            config(&oauth2(&format!("lifecycle.ignore = [\"grant.type\"]\n{grant}"))),
            config(&oauth1("")),
            config(&oauth1("token_auth = false")),
            config(&oauth1(&endpoints(", parameter_transmission = \"post\""))),
            config(&oauth1(&endpoints(", additional_params = [{ name = \"n\", location = \"body\" }]"))),
            config(&oauth1("token_auth = true\nlifecycle.ignore = [\"consumer_secret\"]")),
            config(&oauth1("token_auth = true\ntoken_endpoint = {}")),
            on_connector(&oauth1("token_auth = true")),
            config(hmac),
            config(&format!("{hmac}encoding = \"hex\"")).replace("[\"url\"]", "[]"),
            on_connector(&format!("{hmac}encoding = \"hex\"")),
        ],
        true,
    );
}

#[test]
fn editors_and_the_reader_agree_on_settings() {
    let schema = schema("settings");
    for text in [
        "",
        "api = { token = { file = \"t\" }, timeout = \"1h 30m\" }",
        "api.signing_key = { id = \"01J0ACME000000000000000000\", subject = \"me\", key = { credential = \"k\" } }",
        "sync = { interval = \"PT5M\", debounce = \"0s\", delete_limit.count = 0 }",
        "http.listen = \"[::1]:0\"",
        "notify = [{ url = { env = \"A\" }, on = [\"drift\"] }]",
    ] {
        assert!(problems_of_settings(text).is_empty(), "{text}\n{:?}", problems_of_settings(text));
        assert_eq!(complaints(&schema, text), [""; 0], "{text}");
    }
    for text in [
        "manifest = \"m\"",
        "manifests = \"\"",
        "manifests = 1",
        "api.organisation = \"acme\"",
        "api.token = \"hunter2\"",
        "api.concurrency = 0",
        "api = { token = { env = \"A\" }, signing_key = { id = \"01J0ACME000000000000000000\", subject = \"s\", key = { env = \"B\" } } }",
        "sync.interval = \"30\"",
        "sync.interval = \"-1s\"",
        "sync.delete_limit.percent = 101",
        "sync.mode = \"enforced\"",
        "log.keep = 1.5",
        "http.listen = 9464",
        "notify = [{}]",
        "notify = [{ url = \"https://hooks.example\" }]",
        "notify = [{ url = { env = \"A\" }, on = [] }]",
    ] {
        assert!(!problems_of_settings(text).is_empty(), "{text}");
        assert!(!complaints(&schema, text).is_empty(), "{text}");
    }
}

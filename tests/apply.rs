//! Applying: what is sent, in which order, and what is sent again (nothing).

use serde_json::json;
use versync::sandbox::{Owner, ids};

use crate::support::{Fault, Flaky, Ran, Site, actions, change};

const SHOP: &str = r#"
[defaults]
project = "storefront"
environment = "production"
system = "shopify"

[connection_templates.shop]
dynamic = true
auth_scheme_configs = ["key", "login"]

[auth_scheme_configs.key]
description = "A key"
type = "api-key"
name = "X-Key"
in = "header"

[auth_scheme_configs.login]
description = "A login"
type = "basic-auth"
"#;

fn shopify() -> Owner {
    Owner::System(ids::SHOPIFY.to_owned())
}

#[test]
fn configs_come_before_the_templates_that_list_them() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.apply();
    assert!(ran.out.ends_with("Applied 3 changes.\n"), "{}", ran.out);
    let template = site.template("shop");
    assert_eq!((template.dynamic, template.auth_scheme_configs), (true, vec!["key".to_owned(), "login".to_owned()]));
    let writes = site.writes();
    let templates = format!("/projects/{}/connection-templates", ids::STOREFRONT);
    assert_eq!(writes.len(), 4);
    assert!(writes[..2].iter().all(|write| write.starts_with("PUT /systems/")), "{writes:?}");
    assert_eq!(writes[2..], [format!("POST {templates}"), format!("PUT {templates}/{}", template.id)]);
}

#[test]
fn applying_twice_writes_once() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let writes = site.writes();
    assert_eq!(site.apply().out, "In sync: 3 resources as declared.\n");
    assert_eq!(site.writes(), writes);
}

#[test]
fn every_simple_type_goes_to_both_kinds_of_owner() {
    let site = Site::new();
    let types = [
        "type = \"none\"",
        "type = \"basic-auth\"",
        "type = \"certificate\"",
        "type = \"api-key\"\nname = \"k\"\nin = \"cookie\"",
    ];
    for (owner, name) in [("system = \"stripe\"", "s"), ("connector = \"01J0C0NNWAREH0VSE000000000\"", "c")] {
        for (n, kind) in types.iter().enumerate() {
            let text = format!("[auth_scheme_configs.{name}{n}]\n{owner}\ndescription = \"d\"\n{kind}\n");
            site.file(&format!("{name}{n}.toml"), text);
        }
    }
    site.apply();
    site.sandbox.world(|world| {
        assert_eq!(world.configs(&Owner::System(ids::STRIPE.to_owned())).len(), 4);
        assert_eq!(world.configs(&Owner::Connector(ids::WAREHOUSE.to_owned())).len(), 5, "with the one that was there");
        let key = world.config(&Owner::Connector(ids::WAREHOUSE.to_owned()), "c3").unwrap();
        assert_eq!(key, json!({"id": "c3", "schemeType": "api-key", "description": "d", "name": "k", "in": "cookie"}));
    });
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn an_edit_becomes_one_request_and_keeps_what_nobody_declared() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let undeclared = SHOP.replace("dynamic = true\n", "").replace("A login", "Another login");
    site.file("shop.toml", undeclared.replace("[\"key\", \"login\"]", "[\"login\"]"));
    let before = site.writes().len();
    site.apply();
    assert_eq!(site.writes().len() - before, 2);
    let template = site.template("shop");
    assert_eq!(template.auth_scheme_configs, ["login"]);
    assert!(!template.dynamic, "a field that is no longer declared is reset to the platform's default");
    site.tamper("shop", |template| template.dynamic = true);
    assert_eq!(site.plan()["summary"]["unchanged"], 3, "from then on it is left alone");
    site.file("shop.toml", undeclared);
    site.apply();
    assert!(site.template("shop").dynamic, "and sent back unchanged");
}

#[test]
fn what_exists_as_declared_is_adopted_without_a_write() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    std::fs::remove_dir_all(site.path(".versync")).unwrap();
    let writes = site.writes();
    let plan = site.plan();
    assert!(actions(&plan).iter().all(|(_, action)| *action == "adopt"), "{plan:#}");
    assert_eq!(plan["summary"]["adopt"], 3);
    site.apply();
    assert_eq!(site.writes(), writes);
    assert_eq!(site.plan()["summary"]["unchanged"], 3);
}

#[test]
fn drift_is_told_from_an_edit_and_from_both_at_once() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let (template, key) = ("connection_template.storefront/production/shop", "auth_scheme_config.system/shopify/key");
    site.tamper("shop", |template| template.dynamic = false);
    site.sandbox.world(|world| world.edit_config(&shopify(), "key", &json!({"name": "X-Other"})));
    site.file("shop.toml", SHOP.replace("X-Key", "X-Third"));
    let plan = site.plan();
    let drift = json!([{"path": "dynamic", "before": false, "after": true, "cause": "drift", "sensitive": false}]);
    assert_eq!((&change(&plan, template)["fields"], &change(&plan, template)["causes"]), (&drift, &json!(["drift"])));
    let conflict =
        json!([{"path": "name", "before": "X-Other", "after": "X-Third", "cause": "conflict", "sensitive": false}]);
    assert_eq!(
        (&change(&plan, key)["fields"], &change(&plan, key)["causes"]),
        (&conflict, &json!(["manifest", "drift"]))
    );
    assert_eq!(plan["summary"]["drifted"], 2);
    site.apply();
    assert!(site.template("shop").dynamic);
    assert_eq!(site.plan()["summary"]["unchanged"], 3);
}

#[test]
fn drift_that_is_only_reported_is_left_alone() {
    let site = Site::new();
    site.settings("sync.on_drift = \"report\"");
    site.file("shop.toml", SHOP);
    site.apply();
    site.tamper("shop", |template| template.dynamic = false);
    let writes = site.writes();
    let ran = site.versync(&["plan", "--json", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(2), "the world is not as declared");
    let plan = ran.json();
    assert_eq!(actions(&plan), [("connection_template.storefront/production/shop", "none")]);
    site.apply();
    assert_eq!(site.writes(), writes);
    site.file("shop.toml", SHOP.replace("[\"key\", \"login\"]", "[\"key\"]"));
    site.apply();
    let template = site.template("shop");
    assert_eq!(template.auth_scheme_configs, ["key"]);
    assert!(!template.dynamic, "an update of another field does not revert it either");
}

#[test]
fn a_broken_file_is_named_and_stops_nothing_else() {
    let site = Site::new();
    site.settings("sync.prune = true");
    site.file("shop.toml", SHOP);
    site.file("pay.toml", "[auth_scheme_configs.open]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    site.apply();
    site.file("pay.toml", "[auth_scheme_configs.open\n");
    site.file("shop.toml", SHOP.replace("A login", "Another login").replace("dynamic = true\n", ""));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("pay.toml:1:"), "{}", ran.out);
    assert!(ran.out.contains("Applied 2 changes"));
    let stripe = Owner::System(ids::STRIPE.to_owned());
    assert!(site.sandbox.world(|world| world.config(&stripe, "open").is_some()), "what it declared last stays");
}

#[test]
fn without_a_terminal_somebody_has_to_say_yes() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["apply"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--yes"), "{}", ran.err);
    assert!(site.sandbox.requests().is_empty());
}

#[test]
fn the_json_tells_what_came_of_each_change() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["apply", "--yes", "--json"]);
    let report = ran.json();
    assert_eq!(report["summary"]["create"], 3);
    let outcome = json!({"address": "auth_scheme_config.system/shopify/key", "applied": true, "error": null, "problems": [], "messages": []});
    assert_eq!(report["outcomes"][0], outcome);
}

#[test]
fn what_the_platform_refuses_is_said_with_its_field_messages_and_the_rest_goes_through() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let refused = Fault::Refused("apiKey.name", "must be something else");
    let flaky = Flaky::before(site.sandbox.address(), move |method, path, _| {
        (method == "PUT" && path.ends_with("/key")).then_some(refused)
    });
    site.settings_for(&flaky.base_url, "");
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let (_, said) = ran.out.split_once("unchanged.\n").unwrap();
    insta::assert_snapshot!(said);
    assert!(ran.out.contains("it lists the auth scheme config \"key\", which could not be applied"), "{}", ran.out);
    assert!(ran.out.ends_with("Applied 1 change; 2 failed.\n"), "{}", ran.out);
    assert!(site.templates("shop").is_empty());
    let daemon = site.run(&[]);
    let entry = daemon.await_said("not applied: auth_scheme_config.system/shopify/key");
    assert!(entry["message"].as_str().unwrap().contains(", see shop.toml:14:8 ("), "{entry}");
}

#[test]
fn output_that_cannot_be_written_changes_no_exit_code() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(site.command(&["apply", "--yes"]).stdout(full).output().unwrap());
    assert_eq!(ran.code, Some(0), "it was applied: {ran:?}");
    assert!(ran.err.contains("writing the output"), "{}", ran.err);
    assert_eq!(site.templates("shop").len(), 1);
}

#[test]
fn a_template_waits_for_configs_that_are_not_among_the_targets() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["apply", "--yes", "connection_template.*"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("is held: it would be created"), "{}", ran.out);
    assert!(ran.out.contains("which does not exist yet and is not made in this pass"), "{}", ran.out);
    assert!(site.writes().is_empty());
}

#[test]
fn a_target_that_is_the_address_of_a_resource_means_that_one_alone() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    let of = |names: &[&str]| {
        let one = |name: &&str| {
            format!(
                "[connection_templates.{name:?}]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"shopify\"\n"
            )
        };
        names.iter().map(one).collect::<String>()
    };
    let planned = |target: &str| {
        let plan = site.versync(&["plan", "--json", target]).json();
        let names = actions(&plan)
            .into_iter()
            .map(|(address, action)| format!("{action} {}", address.rsplit('/').next().unwrap()));
        names.collect::<Vec<_>>()
    };
    let at = |name: &str| format!("connection_template.storefront/production/{name}");
    site.file("shop.toml", of(&["*", "a*", "ab", "b"]));
    assert_eq!(planned(&at("a*")), ["create a*"]);
    assert_eq!(planned(&at("*")), ["create *"]);
    assert_eq!(planned("*/a*"), ["create a*", "create ab"]);
    // Also where no file declares it any more, and of a plan that was saved before it had gone from its file.
    assert_eq!(site.versync(&["plan", "--out", "saved.json"]).code, Some(0));
    site.file("shop.toml", of(&["ab", "b"]));
    let ran = site.versync(&["apply", "saved.json", &at("a*"), "*/ab", "--yes"]);
    assert!(ran.out.contains("a* is not as it was when the plan was saved"), "{ran:?}");
    assert_eq!((site.templates("ab").len(), site.templates("a*").len()), (1, 0));
    site.file("shop.toml", of(&["*", "a*", "ab", "b"]));
    site.apply();
    site.remove("shop.toml");
    site.file("other.toml", of(&["c"]));
    assert_eq!(planned(&at("a*")), ["delete a*"]);
    assert_eq!(planned(&at("*")), ["delete *"]);
    let ran = site.versync(&["apply", "--yes", &at("*")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(site.writes().last().map(|write| write.starts_with("DELETE")), Some(true));
    assert_eq!((site.templates("*").len(), site.templates("a*").len(), site.templates("b").len()), (0, 1, 1));
}

#[test]
fn json_is_asked_for_and_slashes_behind_the_base_url_are_none_of_the_path() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let flaky = Flaky::before(site.sandbox.address(), |_, _, _| None);
    site.settings_for(&format!("{}///", flaky.base_url), "");
    site.apply();
    let asked: Vec<_> = ["GET", "POST", "PUT"].iter().flat_map(|method| flaky.asked(method, "")).collect();
    assert!(asked.len() > 5);
    for it in asked {
        assert_eq!(it.headers.get("accept").unwrap(), "application/json", "{}", it.line);
        assert!(!it.line.contains("//"), "{}", it.line);
    }
}

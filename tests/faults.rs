//! A platform that refuses, is not there, or answers nonsense.

use serde_json::json;
use versync::sandbox::ids;

use crate::support::{Fake, Ran, Site, TOKEN_VARIABLE, problems};

const TEMPLATE: &str =
    "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"shopify\"\n";

/// What `apply` does on a platform that answers each path so.
fn applied(answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> Ran {
    let site = Site::new();
    let fake = Fake::start(answer);
    site.settings_for(&fake.base_url, "");
    site.file("a.toml", TEMPLATE);
    site.versync(&["apply", "--yes"])
}

/// Projects and systems as they are in the sandbox, and one list of templates.
fn with_templates(list: &serde_json::Value) -> impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static {
    let list = list.to_string();
    move |path| {
        let project = json!({"id": ids::STOREFRONT, "name": "storefront", "environments": [{"id": ids::PRODUCTION, "name": "production"}]});
        let answer = match path.rsplit('/').next().unwrap() {
            "projects" => json!({"totalCount": 1, "items": [project]}),
            "systems" => json!({"totalCount": 1, "items": [{"id": ids::SHOPIFY, "name": "shopify", "news": {"a": 1}}]}),
            "connection-templates" => return (200, list.clone()),
            ids::STOREFRONT => project,
            _ => json!({"id": ids::SHOPIFY, "authSchemeConfigs": null}),
        };
        (200, answer.to_string())
    }
}

#[test]
fn a_wrong_token_is_named_by_its_reference_and_nothing_else_is_tried() {
    let site = Site::new();
    site.file("a.toml", TEMPLATE);
    let ran = Ran::of(site.command(&["apply", "--yes"]).env(TOKEN_VARIABLE, "hunter2").output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("does not accept the token from { env = \"SITE_TOKEN\" }: 401"), "{}", ran.err);
    assert!(!ran.err.contains("hunter2"));
    assert!(site.writes().is_empty());
}

#[test]
fn a_token_that_the_platform_repeats_is_not_shown() {
    let ran = applied(|_| (403, json!({"message": "the token sandbox is no good"}).to_string()));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("the token … is no good"), "{}", ran.err);
}

#[test]
fn a_platform_that_is_not_there_is_a_clear_error() {
    let site = Site::new();
    site.settings_for("http://127.0.0.1:1/api", "");
    site.file("a.toml", TEMPLATE).file("b.toml", "x = [");
    let ran = site.versync(&["plan"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains(" cannot be reached"), "{}", ran.err);
    assert!(ran.err.contains("b.toml:1:"), "what is wrong with the files is said all the same: {}", ran.err);
}

#[test]
fn answers_that_are_no_json_change_nothing() {
    for (status, body) in [(200, "<html>Welcome</html>"), (502, "<html>Bad gateway</html>"), (307, ""), (200, "")] {
        let ran = applied(move |_| (status, body.to_owned()));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.err.contains("html"), "{}", ran.err);
    }
}

#[test]
fn an_incomplete_list_permits_no_create() {
    let item = json!({"id": ids::SHOPIFY, "connectionTemplateId": ids::LEGACY_ERP, "name": "x"});
    for list in [
        json!({"totalCount": 2, "items": [item]}),
        json!({"totalCount": 1}),
        json!({"items": [{"name": "no ids"}]}),
        json!({"items": [item], "next": "again"}),
    ] {
        let ran = applied(with_templates(&list));
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.out.contains("the answer cannot be used"), "{}", ran.out);
        assert!(ran.out.ends_with("0 unchanged.\n"), "nothing was applied: {}", ran.out);
    }
}

#[test]
fn absent_and_null_lists_and_flags_and_unknown_fields_are_tolerated() {
    let item = json!({"id": ids::SHOPIFY, "connectionTemplateId": ids::LEGACY_ERP, "name": "shop", "authSchemeConfigs": null, "new": {}});
    let ran = applied(with_templates(&json!({"items": [item], "next": "", "prev": null})));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("will be adopted"), "{}", ran.out);
}

#[test]
fn a_list_that_says_that_it_is_empty_needs_no_items() {
    let ran = applied(with_templates(&json!({"totalCount": 0, "items": null})));
    assert!(ran.out.contains("shop will be created"), "{}", ran.out);
}

#[test]
fn two_templates_of_one_name_are_both_left_alone() {
    let site = Site::new();
    site.file("a.toml", TEMPLATE);
    let body = json!({"name": "shop", "systemId": ids::SHOPIFY, "environmentId": ids::PRODUCTION});
    site.sandbox.world(|world| (0..2).for_each(|_| drop(world.create_template(ids::STOREFRONT, &body).unwrap())));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("exists twice on the platform: templates "), "{}", ran.out);
    assert!(site.writes().is_empty());
}

#[test]
fn every_page_of_a_list_is_read() {
    let site = Site::new();
    site.file("a.toml", TEMPLATE);
    let body = |n: usize| json!({"name": format!("t{n}"), "systemId": ids::SHOPIFY, "environmentId": ids::PRODUCTION});
    site.sandbox.world(|world| (0..205).for_each(|n| drop(world.create_template(ids::STOREFRONT, &body(n)).unwrap())));
    site.file("b.toml", TEMPLATE.replace("shop]", "t204]"));
    let plan = site.plan();
    assert_eq!(
        (&plan["summary"]["adopt"], &plan["summary"]["create"]),
        (&json!(1), &json!(1)),
        "{:?}",
        problems(&plan)
    );
    assert_eq!(plan["summary"]["unmanaged"], 204);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_this_machine() {
    let site = Site::new();
    site.file("a.toml", TEMPLATE);
    let mut command = site.command(&["apply", "--yes"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

//! `versync explain`: what is declared, recorded and live about one resource, and why what happens.

use serde_json::{Value, json};
use versync::sandbox::{Owner, ids};

use crate::support::{Fault, Flaky, Ran, Site, eventually};

const LOGIN: &str = r#"
[auth_scheme_configs.login]
system = "stripe"
description = "Login"
type = "oauth2"
authorize_url = "https://pay.example/authorize"
token_url = "https://pay.example/token"
scopes = ["read", "write"]
default_scopes = ["read"]
additional_token_params = "audience=pay"
grant = { type = "authorization-code", client_id = "abc", client_secret = { file = "../secret" } }
lifecycle = { ignore = ["authorize_url"] }
"#;

const SHOP: &str = r#"
[connection_templates.shop]
project = "storefront"
environment = "staging"
system = "stripe"
dynamic = true
"#;

const LOGIN_ADDRESS: &str = "auth_scheme_config.system/stripe/login";
const SHOP_ADDRESS: &str = "connection_template.storefront/staging/shop";

fn applied() -> Site {
    let site = Site::new();
    site.secret("secret", "hunter2");
    site.file("login.toml", LOGIN).file("shop.toml", SHOP);
    site.apply();
    site
}

fn stripe() -> Owner {
    Owner::System(ids::STRIPE.into())
}

/// The text without what is another each time.
fn lasting(site: &Site, ran: &Ran) -> String {
    let (text, changes) = ran.out.split_once("  Last changes by versync\n").unwrap();
    assert!(changes.contains("created (") || changes.contains("none is kept"), "{changes}");
    site.templates("shop").iter().fold(text.to_owned(), |text, shop| text.replace(&shop.id, "TEMPLATE"))
}

fn verdicts(explained: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = explained["fields"].as_array().unwrap();
    fields.iter().map(|field| (text(&field["path"]), text(&field["verdict"]))).collect()
}

#[test]
fn each_field_has_its_verdict_and_secrets_are_never_shown() {
    let site = applied();
    site.file(
        "login.toml",
        LOGIN
            .replace("\"Login\"", "\"Sign in\"")
            .replace("default_scopes = [\"read\"]", "default_scopes = [\"write\"]")
            .replace("additional_token_params = \"audience=pay\"\n", ""),
    );
    site.secret("secret", "correct-horse");
    let live = json!({
        "tokenUrl": "https://elsewhere.example/token",
        "authorizeUrl": "https://elsewhere.example/authorize",
        "defaultScopes": ["read", "other"],
    });
    assert!(site.sandbox.world(|world| world.edit_config(&stripe(), "login", &live)));
    let ran = site.versync(&["explain", LOGIN_ADDRESS]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(lasting(&site, &ran));
    let ran = site.versync(&["explain", "--json", LOGIN_ADDRESS]);
    let explained = ran.json();
    let expected = [
        ("description", "edited"),
        ("type", "in_sync"),
        ("additional_token_params", "unset"),
        ("authorize_url", "ignored"),
        ("default_scopes", "conflict"),
        ("grant.client_secret", "secret_changed"),
        ("token_url", "drift"),
        ("pkce", "not_ours"),
    ];
    let verdicts = verdicts(&explained);
    for (path, verdict) in expected {
        assert!(verdicts.contains(&(path.to_owned(), verdict.to_owned())), "{path} {verdict}: {verdicts:?}");
    }
    assert_eq!(explained["next"]["action"], "update");
    assert!(![&ran.out, &ran.err].iter().any(|text| text.contains("hunter2") || text.contains("correct-horse")));
    assert_eq!(site.writes().len(), 2, "nothing but what was applied before");
}

#[test]
fn what_is_in_sync_says_so_and_what_the_last_pass_left_open_is_said() {
    let site = applied();
    let ran = site.versync(&["explain", "shop"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(lasting(&site, &ran));
    let hidden = site.versync(&["explain", "--json", LOGIN_ADDRESS]).json();
    assert!(verdicts(&hidden).contains(&("grant.client_secret".to_owned(), "secret_unchanged".to_owned())));
    site.tamper("shop", |template| template.dynamic = false);
    site.file("shop.toml", SHOP.replace("system = \"stripe\"", "system = \"shopify\""));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    let text = site.versync(&["explain", SHOP_ADDRESS]).out;
    assert!(text.contains("is held: it would be replaced"), "{text}");
    assert!(text.contains("set lifecycle.allow_replace = true"), "{text}");
    assert!(text.contains("the last pass (`versync apply`, "), "{text}");
    assert!(text.contains("~ system               edited:"), "{text}");
}

#[test]
fn what_no_file_declares_any_more_says_what_lets_its_delete_through() {
    let site = applied();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 0, percent = 100 }");
    site.remove("shop.toml");
    let ran = site.versync(&["explain", SHOP_ADDRESS]);
    let hash = site.versync(&["explain", "--json", SHOP_ADDRESS]).json()["next"]["approve"].take();
    let hash = hash.as_str().unwrap();
    insta::assert_snapshot!(lasting(&site, &ran).replace(hash, "HASH"));
    assert_eq!(site.versync(&["approve", hash]).code, Some(0), "without any pass before");
    site.apply();
    assert!(site.templates("shop").is_empty());
    let gone = site.versync(&["explain", SHOP_ADDRESS]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("it is not declared, not recorded and not live"), "{}", gone.err);
}

#[test]
fn what_the_last_pass_held_is_said_only_where_it_is_still_so() {
    let site = applied();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 0, percent = 0 }");
    site.remove("shop.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    let held = site.versync(&["explain", SHOP_ADDRESS]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(held.contains(") held it too, for the same reason; it has been held since "), "{held}");
    site.file("shop.toml", SHOP);
    let text = site.versync(&["explain", SHOP_ADDRESS]).out;
    assert!(text.contains("shop is in sync") && !text.contains("the last pass"), "{text}");
}

#[test]
fn a_delete_that_waits_is_said_to_be_due() {
    let site = applied();
    site.settings(
        "sync.prune = true\nsync.delete_grace = \"1h\"\nsync.debounce = \"20ms\"\nsync.delete_limit.percent = 100",
    );
    let daemon = site.run(&[]);
    site.await_passes(1);
    site.remove("shop.toml");
    daemon.await_said(&format!("{SHOP_ADDRESS} is held: it has to be gone"));
    let due = "until it has been gone from the files for 3600s (sync.delete_grace): it is due at 2";
    eventually("the pass to be kept", || {
        let text = site.versync(&["explain", SHOP_ADDRESS]).out;
        text.contains(due) && !text.contains("the last pass")
    });
}

#[test]
fn what_was_never_recorded_differs_and_nobody_has_edited_it() {
    let site = Site::new();
    site.file("erp.toml", SHOP.replace(".shop]", ".legacy-erp]"));
    let explained = site.versync(&["explain", "--json", "legacy-erp"]).json();
    assert!(verdicts(&explained).contains(&("dynamic".to_owned(), "differs".to_owned())), "{explained:#}");
}

#[test]
fn what_is_live_and_nobody_s_is_unmanaged() {
    let site = Site::new();
    let ran = site.versync(&["explain", "connection_template.storefront/staging/legacy-erp"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.out);
}

#[test]
fn of_a_broken_file_its_problems_are_said_and_what_was_applied_stays() {
    let site = applied();
    site.file("shop.toml", SHOP.replace("dynamic = true", "dynamic = \"yes\""));
    let ran = site.versync(&["explain", SHOP_ADDRESS]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(
        lasting(&site, &ran).clone() + ran.out.split_once("created (").unwrap().1.split_once("\n\n").unwrap().1
    );
    site.file("shop.toml", "[");
    let explained = site.versync(&["explain", "--json", SHOP_ADDRESS]).json();
    assert_eq!((&explained["standing"], &explained["live"]), (&json!("broken"), &json!(true)));
}

#[test]
fn names_that_mean_nothing_are_told_with_the_place_and_the_rest_is_known() {
    let site = applied();
    site.file("shop.toml", SHOP.replace("\"stripe\"", "\"strip\""));
    let explained = site.versync(&["explain", "--json", SHOP_ADDRESS]);
    assert_eq!(explained.code, Some(1));
    let explained = explained.json();
    let problem = &explained["problems"][0];
    assert_eq!((&problem["file"], &problem["line"]), (&json!("shop.toml"), &json!(5)), "{explained:#}");
    site.file("more.toml", SHOP);
    site.file("shop.toml", SHOP);
    let explained = site.versync(&["explain", "--json", SHOP_ADDRESS]).json();
    assert_eq!(explained["standing"], "disputed");
    assert!(explained["problems"][0]["message"].as_str().unwrap().contains("is declared twice"), "{explained:#}");
    site.remove("more.toml");
    let other = LOGIN.replace("login]", "other]").replace("../secret", "../no");
    site.file("login.toml", LOGIN.replace("../secret", "../none") + &other);
    let explained = site.versync(&["explain", "--json", LOGIN_ADDRESS]).json();
    let problems = explained["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["line"]), (1, &json!(11)), "what is wrong with another is not said here");
}

#[test]
fn the_nearest_address_is_offered_where_nothing_is_known() {
    let site = applied();
    let ran = site.versync(&["explain", "connection_template.storefront/staging/shopp"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains(&format!("did you mean {SHOP_ADDRESS}?")), "{}", ran.err);
    let ran = site.versync(&["explain", "*"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("may mean any of 2 resources"), "{}", ran.err);
}

#[test]
fn a_part_of_an_address_means_the_one_that_has_it_or_all_are_listed() {
    let site = applied();
    let explained = |asked: &str| site.versync(&["explain", "--json", asked]).json()["address"].take();
    assert_eq!(explained("sho"), SHOP_ADDRESS, "the end of no name");
    assert_eq!(explained("staging/s"), SHOP_ADDRESS);
    assert_eq!(explained("shop"), SHOP_ADDRESS);
    let unmanaged = "connection_template.storefront/staging/legacy-erp";
    assert_eq!(explained("erp"), unmanaged, "also what is no file's");
    let ran = site.versync(&["explain", "o"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("\"o\" may mean any of 2 resources"), "{}", ran.err);
    assert!(ran.err.contains(SHOP_ADDRESS) && ran.err.contains(LOGIN_ADDRESS), "{}", ran.err);
    site.file(
        "shop.toml",
        SHOP.to_owned() + &SHOP.replace("\"staging\"", "\"production\"").replace(".shop]", ".shop-2]"),
    );
    assert_eq!(explained("shop"), SHOP_ADDRESS, "a whole name counts before parts of others");
    for nobodys in ["zebra", "*zebra*", ""] {
        let ran = site.versync(&["explain", nobodys]);
        assert!(ran.err.contains("is the address of no resource"), "{ran:?}");
    }
}

#[test]
fn ids_in_place_of_names_mean_the_same_and_without_refresh_nothing_is_asked() {
    let site = applied();
    let by_id = format!("connection_template.{}/{}/shop", ids::STOREFRONT, ids::STAGING);
    assert_eq!(site.versync(&["explain", "--json", &by_id]).json()["address"], SHOP_ADDRESS);
    site.tamper("shop", |template| template.dynamic = false);
    let asked = site.sandbox.requests().len();
    let explained = site.versync(&["explain", "--json", "--no-refresh", SHOP_ADDRESS]).json();
    assert_eq!(site.sandbox.requests().len(), asked);
    assert_eq!((&explained["refreshed"], &explained["next"]), (&json!(false), &Value::Null));
    let explained = site.versync(&["explain", "--json", SHOP_ADDRESS]).json();
    assert_eq!(verdicts(&explained)[1], ("dynamic".to_owned(), "drift".to_owned()));
    assert_eq!(explained["references"][0], json!({"kind": "environment", "written": "staging", "id": ids::STAGING}));
    assert_eq!(explained["history"][0]["action"], "create");
}

#[test]
fn a_rename_is_explained_with_what_was_recorded_before_it() {
    let site = applied();
    let renamed = SHOP.replace("connection_templates.shop", "connection_templates.store");
    site.file("shop.toml", renamed + "lifecycle = { renamed_from = \"shop\" }\n");
    let explained = site.versync(&["explain", "--json", "store"]).json();
    assert_eq!(explained["recorded"]["address"], SHOP_ADDRESS);
    assert_eq!(explained["history"][0]["address"], SHOP_ADDRESS);
    assert!(verdicts(&explained).contains(&("name".to_owned(), "edited".to_owned())), "{explained:#}");
}

#[test]
fn a_create_whose_answer_was_lost_is_known_to_be_under_way() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let flaky = Flaky::before(site.sandbox.address(), |method, _, _| (method == "POST").then_some(Fault::Before(500)));
    site.settings_for(&flaky.base_url, "");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    let explained = site.versync(&["explain", SHOP_ADDRESS]);
    assert!(explained.out.contains("a create of it was begun of which no outcome is known"), "{}", explained.out);
    assert!(explained.out.contains("the last pass (`versync apply`, "), "{}", explained.out);
}

/// Whatever the plan makes of the world, each explanation says the same of its resource.
#[test]
fn an_explanation_never_says_anything_else_than_the_plan() {
    let site = Site::new();
    site.secret("secret", "hunter2");
    site.file("login.toml", LOGIN);
    let table = |name: &str, more: &str| {
        let text =
            format!("[connection_templates.{name}]\nproject = \"storefront\"\nenvironment = \"staging\"\n{more}\n");
        site.file(&format!("{name}.toml"), text);
    };
    let (shopify, stripe) = ("system = \"shopify\"", "system = \"stripe\"");
    for name in ["deleted", "drifted", "gone", "moved", "odd", "renamed", "same", "stuck"] {
        table(name, &format!("{shopify}\ndynamic = true"));
    }
    table("reported", &format!("{shopify}\ndynamic = true\nlifecycle.on_drift = \"report\""));
    site.apply();
    for name in ["drifted", "reported"] {
        site.tamper(name, |template| template.dynamic = false);
    }
    site.tamper("renamed", |template| template.name = "by-hand".to_owned());
    let id = site.template("deleted").id;
    site.sandbox.world(|world| world.delete_template(ids::STOREFRONT, &id)).unwrap();
    site.remove("gone.toml");
    table("moved", &format!("{stripe}\nlifecycle = {{ allow_replace = true }}"));
    table("stuck", &format!("{stripe}\ndynamic = true"));
    table("odd", shopify);
    table("legacy-erp", stripe);
    table("new", shopify);
    site.file("login.toml", LOGIN.replace("\"Login\"", "\"Sign in\""));
    site.secret("secret", "another");
    let plan = site.plan();
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 11, "{plan:#}");
    for change in changes {
        let address = change["address"].as_str().unwrap();
        let explained = site.versync(&["explain", "--json", address]).json();
        for key in ["action", "causes", "source", "held", "fields"] {
            assert_eq!(explained["next"][key], change[key], "{address}");
        }
        let differing = explained["fields"].as_array().unwrap().iter().filter(|field| field["differs"] == true);
        let mut explained: Vec<_> = differing.map(|field| field["path"].as_str().unwrap()).collect();
        let mut planned: Vec<_> =
            change["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
        explained.sort_unstable();
        planned.sort_unstable();
        assert_eq!(explained, planned, "{address}");
    }
    let same = site.versync(&["explain", "--json", "same"]).json();
    assert_eq!((&same["next"], &same["summary"]), (&Value::Null, &json!("is in sync")));
}

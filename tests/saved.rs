//! Saved plans: what somebody has looked at is applied, and nothing else.

use std::fs;

use serde_json::json;

use crate::support::{Ran, Site};

const FILE: &str = r#"
[defaults]
project = "storefront"
environment = "production"
system = "shopify"

[connection_templates.a]
dynamic = true

[connection_templates.b]
dynamic = true

[connection_templates.c]
dynamic = true
"#;

/// Three templates applied, and a saved plan that would change a and b.
fn site() -> Site {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    site.file("shop.toml", FILE);
    site.apply();
    site.file("shop.toml", FILE.replacen("dynamic = true", "dynamic = false", 2));
    let ran = site.versync(&["plan", "--out", "saved.json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("Plan: 2 to update"), "the plan is shown all the same: {}", ran.out);
    site
}

#[test]
fn a_saved_plan_is_applied_once() {
    let site = site();
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!site.template("a").dynamic && !site.template("b").dynamic);
    let writes = site.writes().len();
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(3), "what it would do is done: {ran:?}");
    assert_eq!(site.writes().len(), writes);
}

#[test]
fn that_a_plan_was_saved_is_said_with_the_command_that_applies_it() {
    let site = Site::new();
    for (name, word) in [("saved.json", "saved.json"), ("it's mine.json", r"'it'\''s mine.json'")] {
        let ran = site.versync(&["plan", "--json", "--out", name]);
        assert_eq!((ran.code, ran.err), (Some(0), format!("Saved: versync apply {word}\n")));
    }
    assert_eq!(site.versync(&["plan", "--out", "saved.json", "-q"]).err, "");
    assert_eq!(site.versync(&["plan", "--out", "nowhere/saved.json"]).err.matches("Saved").count(), 0);
}

#[test]
fn a_plan_that_cannot_be_saved_names_the_file_that_was_asked_for() {
    let site = Site::new();
    let ran = site.versync(&["plan", "--out", "nowhere/saved.json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("nowhere/saved.json cannot be written: No such file or directory (os error 2)\n"),
        "{}",
        ran.err
    );
}

#[test]
fn what_has_moved_since_is_refused_and_the_rest_is_applied() {
    let site = site();
    site.tamper("a", |template| template.name = "elsewhere".to_owned());
    site.tamper("c", |template| template.dynamic = false);
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("production/a is not as it was when the plan was saved"), "{}", ran.out);
    assert!(!site.template("b").dynamic);
    assert_eq!(site.templates("elsewhere").len(), 1, "its name is left alone: nobody has looked at that");
    assert!(!site.template("c").dynamic, "its drift is not in the saved plan");
}

/// What is said of a resource that was left alone, in the brackets.
fn why_not(ran: &Ran, name: &str) -> String {
    let all = ran.out.replace(['\n', '|'], " ");
    let (_, why) = all.split_once(&format!("{name} is not as it was when the plan was saved")).expect(&ran.out);
    why.split_once(", so it is left alone").unwrap().0.trim().to_owned()
}

/// What is said of something that has moved, and how it does.
type Move<'a> = (&'static str, &'a dyn Fn(&Site));

const EDITED: &str = "(its file or a setting was edited since)";
const CHANGED: &str = "(it was changed on the platform since)";
const DONE: &str = "(it is as planned already)";

#[test]
fn it_is_said_what_has_moved() {
    let edited = |site: &Site, from: &str, to: &str| {
        let text = fs::read_to_string(site.manifests().join("shop.toml")).unwrap();
        site.file("shop.toml", text.replacen(from, to, 1));
    };
    let tampered = |site: &Site, dynamic| site.tamper("a", |template| template.dynamic = dynamic);
    let moves: [Move<'_>; 7] = [
        (EDITED, &|site| edited(site, "dynamic = false", "dynamic = true")),
        (EDITED, &|site| edited(site, "[connection_templates.a]", "[connection_templates.a2]")),
        (EDITED, &|site| edited(site, "dynamic = false", "lifecycle = { prevent_delete = true }")),
        (CHANGED, &|site| site.tamper("a", |template| template.name = "elsewhere".to_owned())),
        (CHANGED, &|site| {
            let a = site.template("a");
            site.sandbox.world(|world| world.delete_template(&a.project, &a.id).unwrap());
        }),
        (DONE, &|site| tampered(site, false)),
        (DONE, &|site| drop(site.versync(&["apply", "--yes", "connection_template.storefront/production/a"]))),
    ];
    for (n, (what, moved)) in moves.into_iter().enumerate() {
        let site = site();
        moved(&site);
        let ran = site.versync(&["apply", "saved.json", "--yes"]);
        assert_eq!(ran.code, Some(3), "{n}: {ran:?}");
        assert_eq!(why_not(&ran, "production/a"), what, "{n}: {ran:?}");
        assert_eq!(ran.out.matches("is not as it was").count(), 1, "{}", ran.out);
        assert!(!site.template("b").dynamic, "the rest is applied");
    }
}

#[test]
fn it_is_said_what_has_moved_of_deletes_and_of_new_ones() {
    let site = site();
    site.file(
        "shop.toml",
        FILE[..FILE.find("[connection_templates.b]").unwrap()].to_owned() + "[connection_templates.d]\n",
    );
    site.versync(&["plan", "--out", "saved.json"]);
    let settings = fs::read_to_string(site.path("versync.toml")).unwrap();
    site.settings("sync.prune = false");
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(why_not(&ran, "production/b"), EDITED, "{}", ran.out);
    assert_eq!(site.templates("d").len(), 1);
    fs::write(site.path("versync.toml"), settings).unwrap();
    let text = fs::read_to_string(site.manifests().join("shop.toml")).unwrap();
    site.file("shop.toml", FILE);
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(why_not(&ran, "production/b"), EDITED, "it is declared again: {}", ran.out);
    assert_eq!(why_not(&ran, "production/d"), CHANGED, "{}", ran.out);
    site.file("shop.toml", text);
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(why_not(&ran, "production/d"), DONE, "{}", ran.out);
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(why_not(&ran, "production/b"), DONE, "it is deleted: {}", ran.out);
    site.file("shop.toml", "x = [");
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(why_not(&ran, "production/d"), "", "what a broken file says is not known: {}", ran.out);
}

#[test]
fn what_has_moved_holds_no_deletes_of_what_has_not() {
    let site = site();
    site.file(
        "shop.toml",
        FILE[..FILE.find("[connection_templates.c]").unwrap()].replacen("dynamic = true", "dynamic = false", 1),
    );
    site.versync(&["plan", "--out", "saved.json"]);
    site.tamper("a", |template| template.dynamic = false);
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(site.templates("c").is_empty(), "{}", ran.out);
}

#[test]
fn a_file_that_is_no_plan_or_of_another_platform_is_refused() {
    let site = site();
    let other = Site::new();
    site.settings_for(&other.sandbox.base_url(), "state = \"other\"");
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("was saved for another organisation or platform"), "{}", ran.err);
    std::fs::write(site.path("notes.txt"), "x").unwrap();
    let ran = site.versync(&["apply", "notes.txt", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("notes.txt is no saved plan"), "{}", ran.err);
    assert!(other.sandbox.requests().is_empty());
}

/// Three templates applied, and a saved plan that would delete two of them, were one not more than allowed.
fn held() -> Site {
    let site = site();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 1, percent = 100 }");
    site.file("shop.toml", &FILE[..FILE.find("[connection_templates.b]").unwrap()]);
    site.versync(&["plan", "--out", "saved.json"]);
    site
}

#[test]
fn what_was_held_then_is_held_until_it_is_approved() {
    let site = held();
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("Plan: 2 held"), "{}", ran.out);
    assert_eq!(site.versync(&["approve"]).code, Some(0));
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(site.templates("b").is_empty() && site.templates("c").is_empty());
}

#[test]
fn what_was_held_then_does_not_go_because_the_guard_no_longer_holds_it() {
    let site = held();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("it was held when the plan was saved"), "{}", ran.out);
    assert_eq!(site.templates("b").len(), 1);
}

#[test]
fn of_a_saved_plan_only_the_targets_are_applied_and_the_rest_has_not_moved() {
    for target in ["connection_template.storefront/production/a", "shop.toml", "manifests"] {
        let site = site();
        let target = if target == "shop.toml" { "manifests/shop.toml" } else { target };
        let ran = site.versync(&["apply", "saved.json", target, "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!site.template("a").dynamic);
        assert_eq!(site.template("b").dynamic, target.ends_with("/a"), "{target}");
    }
}

#[test]
fn a_saved_plan_is_told_from_a_manifest_by_what_it_holds() {
    let site = site();
    assert_eq!(site.versync(&["plan", "--out", "saved.toml"]).code, Some(0));
    let ran = site.versync(&["apply", "saved.toml", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!site.template("b").dynamic);
}

#[test]
fn a_template_that_somebody_made_anew_is_not_the_one_that_was_looked_at() {
    let site = site();
    let ours = site.template("a");
    site.sandbox.world(|world| {
        world.delete_template(&ours.project, &ours.id).unwrap();
        let body = json!({
            "name": "a", "systemId": ours.system, "environmentId": ours.environment, "dynamic": true,
        });
        world.create_template(&ours.project, &body).unwrap();
    });
    let ran = site.versync(&["apply", "saved.json", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("production/a is not as it was when the plan was saved"), "{}", ran.out);
    assert!(site.template("a").dynamic && !site.template("b").dynamic);
}

#[test]
fn a_field_that_no_file_declares_has_moved_as_well() {
    let site = Site::new();
    let file = |system: &str| {
        format!(
            "[connection_templates.erp]\nproject = \"storefront\"\nenvironment = \"staging\"\nsystem = \"{system}\"\n\
             lifecycle = {{ allow_replace = true }}\n"
        )
    };
    site.file("erp.toml", file("netsuite"));
    site.apply();
    site.file("erp.toml", file("stripe"));
    for (args, code) in [(&["--no-refresh"] as &[_], 0), (&[], 3)] {
        site.versync(&[&["plan", "--out", "saved.json"], args].concat());
        let before = site.template("erp");
        site.tamper("erp", |template| template.dynamic = !template.dynamic);
        let ran = site.versync(&["apply", "saved.json", "--yes"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(site.template("erp").id == before.id, code == 3);
        site.file("erp.toml", file("netsuite"));
    }
}

#[test]
fn a_plan_is_saved_over_nothing_but_a_plan() {
    let site = site();
    for place in ["versync.toml", "manifests/shop.toml"] {
        let before = fs::read(site.path(place)).unwrap();
        let ran = site.versync(&["plan", "--out", place]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(fs::read(site.path(place)).unwrap(), before);
    }
    let ran = site.versync(&["plan", "--out", "manifests/new.toml"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("manifests/new.toml") && ran.err.contains("would be taken for a manifest"), "{}", ran.err);
    assert_eq!(site.versync(&["plan", "--out", "saved.json"]).code, Some(0), "an older plan is no loss");
}

#[test]
fn json_that_does_not_say_which_template_it_means_deletes_none() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    let file =
        "[connection_templates.erp]\nproject = \"storefront\"\nenvironment = \"staging\"\nsystem = \"netsuite\"\n";
    site.file("erp.toml", file).file("keep.toml", "");
    site.apply();
    site.remove("erp.toml");
    std::fs::write(site.path("plan.json"), site.versync(&["plan", "--json"]).out).unwrap();
    let ran = site.versync(&["apply", "--yes", "plan.json"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("the plan does not say which template it means"), "{}", ran.out);
    assert_eq!(site.templates("erp").len(), 1);
}

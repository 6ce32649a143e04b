//! Saved plans: what somebody has looked at is applied, and nothing else.

use crate::support::Site;

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

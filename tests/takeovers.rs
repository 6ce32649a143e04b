//! Names that files take over from somebody's changes on the platform, and what becomes of protection then.

use serde_json::json;
use versync::sandbox::ids;

use crate::names::{PRUNE, address, exchange_names, refusing, swapped, template};
use crate::support::{Site, actions, change};

#[test]
fn protection_is_that_of_the_template_whatever_it_is_called() {
    let protected = template("a", "lifecycle = { prevent_delete = true }");
    for in_the_place_of_another in [true, false] {
        let site = Site::new();
        site.settings(PRUNE);
        site.file("a.toml", &protected).file("c.toml", template("c", ""));
        if in_the_place_of_another {
            site.file("b.toml", template("b", ""));
        }
        site.apply();
        let (a, before) = (site.template("a").id, site.templates("b").pop());
        if let Some(b) = before {
            site.sandbox.world(|world| world.delete_template(&b.project, &b.id).unwrap());
        }
        site.tamper("a", |template| "b".clone_into(&mut template.name));
        site.remove("a.toml");
        site.file("b.toml", template("b", ""));
        let plan = site.plan();
        assert!(change(&plan, &address("b"))["held"].as_str().unwrap().contains(&address("a")), "{plan:#}");
        site.versync(&["apply", "--yes"]);
        site.remove("b.toml");
        assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
        assert_eq!(site.template("b").id, a);
        site.file("b.toml", template("b", "lifecycle = { prevent_delete = true }"));
        site.apply();
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    }
}

#[test]
fn a_plan_shows_the_loss_of_protection_beside_everything_else() {
    let site = Site::new();
    site.file("a.toml", template("a", "lifecycle = { prevent_delete = true }"));
    site.apply();
    let lost = json!({"path": "lifecycle.prevent_delete", "before": true, "after": false, "cause": "manifest", "sensitive": false});
    for (name, file) in
        [("a", template("a", "dynamic = true")), ("b", template("b", "lifecycle = { renamed_from = \"a\" }"))]
    {
        site.file("a.toml", file);
        let plan = site.plan();
        assert!(change(&plan, &address(name))["fields"].as_array().unwrap().contains(&lost), "{plan:#}");
    }
}

#[test]
fn a_delete_that_was_looked_at_is_not_that_of_a_template_with_another_name() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 0, percent = 100 }");
    site.file("a.toml", template("a", "")).file("b.toml", template("b", ""));
    site.apply();
    let a = site.template("a").id;
    site.remove("a.toml");
    site.versync(&["apply", "--yes"]);
    site.versync(&["approve"]);
    site.versync(&["plan", "--out", "saved.json"]);
    site.tamper("a", |template| "keep".clone_into(&mut template.name));
    assert_eq!(site.versync(&["apply", "--yes", "saved.json"]).code, Some(3));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert_eq!(site.template("keep").id, a);
    let plan = site.plan();
    let name = json!({"path": "name", "before": "keep", "after": null, "cause": "manifest", "sensitive": false});
    assert!(change(&plan, &address("a"))["fields"].as_array().unwrap().contains(&name), "{plan:#}");
}

#[test]
fn protection_is_given_up_by_saying_so_under_the_new_name() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("x.toml", template("x", "lifecycle = { prevent_delete = true }")).file("keep.toml", "");
    site.apply();
    let ours = site.template("x").id;
    site.tamper("x", |template| "new".clone_into(&mut template.name));
    site.remove("x.toml");
    for (more, is_held) in [("", true), ("lifecycle = { prevent_delete = false }", false)] {
        site.file("new.toml", template("new", more));
        let held = change(&site.plan(), &address("new"))["held"].clone();
        assert_eq!(held.as_str().is_some_and(|held| held.contains(&address("x"))), is_held, "{held}");
    }
    site.apply();
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    site.remove("new.toml");
    site.apply();
    assert!(site.sandbox.world(|world| world.templates()).iter().all(|template| template.id != ours));
}

/// Whether a template is live, whatever it is called.
fn is_live(site: &Site, id: &str) -> bool {
    site.sandbox.world(|world| world.templates()).iter().any(|template| template.id == id)
}

/// A protected template `b` that somebody has renamed to `c`, and whose file does not say so yet; with its id.
fn renamed_protected(settings: &str) -> (Site, String) {
    let site = Site::new();
    site.settings(&format!("{PRUNE}\n{settings}"));
    site.file("b.toml", template("b", "dynamic = false\nlifecycle = { prevent_delete = true }")).file("keep.toml", "");
    site.apply();
    let ours = site.template("b").id;
    site.tamper("b", |template| "c".clone_into(&mut template.name));
    (site, ours)
}

#[test]
fn what_is_known_of_a_template_goes_with_the_name_that_a_file_takes_over() {
    for adopt in ["matching", "never"] {
        let (site, ours) = renamed_protected(&format!("sync.adopt = \"{adopt}\""));
        site.remove("b.toml");
        site.file("c.toml", template("c", "dynamic = true\nlifecycle = { prevent_delete = true }"));
        assert_eq!(actions(&site.plan()), [(&*address("c"), "update")], "it is ours");
        site.apply();
        assert!(site.template("c").dynamic);
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
        site.remove("c.toml");
        assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4), "still protected");
        assert!(is_live(&site, &ours));
    }
}

#[test]
fn what_is_held_under_a_new_name_stays_recorded_under_the_old_one() {
    let (site, ours) = renamed_protected("");
    let b = template("b", "dynamic = false\nlifecycle = { prevent_delete = true }");
    site.remove("b.toml");
    // Another system cannot be had in place.
    site.file("c.toml", template("c", "lifecycle = { prevent_delete = true }").replace("netsuite", "stripe"));
    site.versync(&["apply", "--yes"]);
    site.remove("c.toml");
    site.file("b.toml", b);
    assert_eq!(actions(&site.plan()), [(&*address("b"), "update")], "its name is put back");
    site.remove("b.toml");
    site.file("c.toml", template("c", "dynamic = false"));
    let held = change(&site.plan(), &address("c"))["held"].clone();
    assert!(held.as_str().unwrap().contains("prevent_delete"), "{held}");
    assert!(is_live(&site, &ours));
}

#[test]
fn a_template_is_recorded_once() {
    // The old name is not among the targets, or its file cannot be read.
    for is_broken in [false, true] {
        let (site, ours) = renamed_protected("");
        if is_broken {
            site.file("b.toml", "this is no TOML");
        } else {
            site.remove("b.toml");
        }
        site.file("c.toml", template("c", "lifecycle = { prevent_delete = true }"));
        site.versync(&["apply", "--yes", &address("c")]);
        std::fs::remove_file(site.manifests().join("c.toml")).unwrap();
        let _ = std::fs::remove_file(site.manifests().join("b.toml"));
        for _ in 0..2 {
            assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4), "still protected");
        }
        assert!(is_live(&site, &ours));
    }
}

#[test]
fn a_saved_plan_that_has_moved_forgets_nothing() {
    let (site, ours) = renamed_protected("");
    site.tamper("c", |template| "b".clone_into(&mut template.name));
    site.remove("b.toml");
    site.file("c.toml", template("c", "lifecycle = { prevent_delete = true }"));
    site.versync(&["plan", "--out", "saved.json"]);
    site.tamper("b", |template| "c".clone_into(&mut template.name));
    assert_eq!(site.versync(&["apply", "saved.json", "--yes"]).code, Some(3));
    site.file("c.toml", template("c", ""));
    let fields = change(&site.plan(), &address("c"))["fields"].clone();
    assert!(fields.to_string().contains("lifecycle.prevent_delete"), "nobody loses it unseen: {fields}");
    site.remove("c.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert!(is_live(&site, &ours));
}

/// Templates `a` on one system and `b` on another, `a` as `more` says, whose names somebody has exchanged; and their ids.
fn exchanged(site: &Site, more: &str) -> (String, String) {
    site.file("a.toml", template("a", more)).file("b.toml", template("b", "").replace("netsuite", "stripe"));
    site.file("keep.toml", "");
    site.apply();
    exchange_names(site, "a", "b")
}

#[test]
fn a_template_of_an_exchanged_name_that_no_file_declares_goes_by_it() {
    for (more, code) in [("lifecycle = { prevent_delete = true }", 4), ("", 0)] {
        let site = Site::new();
        site.settings(PRUNE);
        let (a, b) = exchanged(&site, more);
        site.remove("b.toml");
        site.file("a.toml", template("a", more).replace("netsuite", "stripe"));
        assert_eq!(change(&site.plan(), &address("b"))["action"], "delete", "that is what is called b now");
        assert_eq!(site.versync(&["apply", "--yes"]).code, Some(code));
        assert_eq!(site.template("a").id, b);
        assert_eq!(is_live(&site, &a), code == 4, "protection is that of the template");
    }
}

#[test]
fn protection_goes_with_the_template_where_files_follow_an_exchange_of_names() {
    let protected = "lifecycle = { prevent_delete = true }";
    let follow = |site: &Site, a: &str, b: &str| {
        site.file("a.toml", template("a", a).replace("netsuite", "stripe")).file("b.toml", template("b", b));
    };
    let site = Site::new();
    site.settings(PRUNE);
    let (a, b) = exchanged(&site, protected);
    follow(&site, protected, "");
    let plan = site.plan();
    for name in ["a", "b"] {
        let held = change(&plan, &address(name))["held"].as_str().unwrap();
        assert!(held.contains("exchanged the names") && held.contains(&address("a")), "{held}");
    }
    site.versync(&["apply", "--yes"]);
    site.remove("b.toml");
    site.versync(&["apply", "--yes"]);
    assert!(is_live(&site, &a) && is_live(&site, &b), "nobody has given it up");
    follow(&site, "", protected);
    site.apply();
    site.remove("b.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert!(is_live(&site, &a) && is_live(&site, &b));
}

#[test]
fn files_that_follow_an_exchange_of_names_are_followed_whole_or_not_at_all() {
    for target in [None, Some(address("a")), Some(address("b"))] {
        let (site, _flaky) = refusing("PUT");
        let (a, b) = exchanged(&site, "");
        site.file("a.toml", template("a", "").replace("netsuite", "stripe"))
            .file("b.toml", template("b", "dynamic = true"));
        let args: Vec<&str> = ["apply", "--yes"].into_iter().chain(target.as_deref()).collect();
        site.versync(&args);
        for _ in 0..3 {
            site.versync(&["apply", "--yes"]);
        }
        assert_eq!((site.template("a").id, site.template("b").id), (b, a));
        assert!(site.template("b").dynamic);
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    }
}

#[test]
fn what_is_held_of_an_exchange_is_held_whole_and_protected_as_its_files_say() {
    let protected = "lifecycle = { prevent_delete = true }";
    let site = Site::new();
    site.settings(PRUNE);
    site.file("c.toml", template("c", "").replace("netsuite", "shopify"));
    let (a, b) = exchanged(&site, protected);
    let c = site.template("c").id;
    site.tamper("c", |template| "z".clone_into(&mut template.name));
    site.sandbox.world(|world| world.edit_template(&b, |template| "c".clone_into(&mut template.name)));
    // The one of b has the name of c, that of c another one, and that of a the name of b, which does not say enough.
    site.remove("a.toml");
    site.file("b.toml", template("b", "")).file("c.toml", template("c", protected).replace("netsuite", "stripe"));
    for _ in 0..3 {
        site.versync(&["apply", "--yes"]);
    }
    assert!(is_live(&site, &a) && is_live(&site, &b) && is_live(&site, &c));
    site.remove("b.toml");
    site.remove("c.toml");
    for _ in 0..2 {
        site.versync(&["apply", "--yes"]);
    }
    assert!(is_live(&site, &a) && is_live(&site, &b), "both were declared as protected");
}

#[test]
fn an_error_of_another_file_forgets_no_template_that_somebody_has_renamed() {
    let (site, ours) = renamed_protected("");
    let c = "lifecycle = { renamed_from = \"b\" }";
    site.file("c.toml", template("c", c));
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.out.contains("for which a file speaks already") && !ran.out.contains("was deleted"), "{ran:?}");
    site.remove("c.toml");
    site.apply();
    assert_eq!(site.template("b").id, ours);
}

#[test]
fn a_template_is_renamed_also_from_the_name_that_somebody_has_given_it() {
    let (site, ours) = renamed_protected("");
    site.remove("b.toml");
    site.file("d.toml", template("d", "lifecycle = { renamed_from = \"c\", prevent_delete = true }"));
    site.apply();
    assert_eq!(site.template("d").id, ours);
    site.remove("d.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert!(is_live(&site, &ours));
}

#[test]
fn names_that_have_moved_on_are_followed_one_by_one() {
    let site = Site::new();
    site.settings(PRUNE);
    let (a, b) = exchanged(&site, "lifecycle = { prevent_delete = true }");
    site.tamper("b", |template| "x".clone_into(&mut template.name));
    site.remove("b.toml");
    site.file("a.toml", template("a", "").replace("netsuite", "stripe"));
    site.file("x.toml", template("x", "dynamic = true\nlifecycle = { prevent_delete = true }"));
    site.apply();
    assert_eq!((site.template("a").id, site.template("x").id), (b, a.clone()));
    site.remove("x.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert!(is_live(&site, &a));
}

#[test]
fn what_is_renamed_from_a_name_that_is_declared_is_an_error_whatever_it_is_called() {
    let (site, x, _) = swapped();
    site.remove("x.toml");
    site.file("z.toml", template("z", "lifecycle = { renamed_from = \"y\" }"));
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.out.contains("for which a file speaks already"), "{ran:?}");
    assert!(is_live(&site, &x));
}

#[test]
fn what_a_broken_file_declared_is_not_renamed_by_another() {
    let site = Site::new();
    site.settings(PRUNE);
    let b = template("b", "lifecycle = { prevent_delete = true }");
    site.file("b.toml", &b);
    site.apply();
    let ours = site.template("b").id;
    site.file("b.toml", "this is no TOML").file("c.toml", template("c", "lifecycle = { renamed_from = \"b\" }"));
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.out.contains("while b.toml, which declared that, is in error"), "{ran:?}");
    assert_eq!(site.template("b").id, ours);
    site.file("b.toml", &b);
    site.remove("c.toml");
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn protection_is_remembered_also_where_its_table_is_in_error() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("a.toml", template("a", "")).file("keep.toml", "");
    site.apply();
    let ours = site.template("a").id;
    let body = json!({"name": "a", "systemId": ids::NETSUITE, "environmentId": ids::STAGING});
    site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
    site.file("a.toml", template("a", "lifecycle = { prevent_delete = true }"));
    assert!(site.versync(&["apply", "--yes"]).out.contains("exists twice"));
    site.remove("a.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert!(is_live(&site, &ours));
}

#[test]
fn protection_is_given_up_also_where_drift_is_only_reported() {
    let site = Site::new();
    site.settings(&format!("{PRUNE}\nsync.on_drift = \"report\""));
    site.file("a.toml", template("a", "lifecycle = { prevent_delete = true }")).file("keep.toml", "");
    site.apply();
    site.tamper("a", |template| "elsewhere".clone_into(&mut template.name));
    site.remove("a.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    site.file("a.toml", template("a", "lifecycle = { prevent_delete = false }"));
    let fields = change(&site.plan(), &address("a"))["fields"].clone();
    assert!(fields.to_string().contains("lifecycle.prevent_delete"), "{fields}");
    site.versync(&["apply", "--yes"]);
    site.remove("a.toml");
    site.apply();
    assert!(site.templates("elsewhere").is_empty());
}

#[test]
fn a_protected_template_keeps_its_record_when_another_is_imported_under_its_name() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("x.toml", template("x", "lifecycle = { prevent_delete = true }")).file("y.toml", template("y", ""));
    site.apply();
    let protected = site.template("x").id;
    site.tamper("x", |template| "between".clone_into(&mut template.name));
    site.tamper("y", |template| "x".clone_into(&mut template.name));
    site.tamper("between", |template| "y".clone_into(&mut template.name));
    site.remove("x.toml");
    site.remove("y.toml");
    site.versync(&["import", "--project", "storefront", "--environment", "staging", "--out", "manifests"]);
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4), "it is held still");
    assert!(is_live(&site, &protected));
    site.file("y.toml", template("y", ""));
    let fields = change(&site.plan(), &address("y"))["fields"].clone();
    assert!(fields.to_string().contains("lifecycle.prevent_delete"), "nobody loses it unseen: {fields}");
}

#[test]
fn what_has_the_name_of_a_protected_template_is_imported() {
    let site = Site::new();
    site.file("x.toml", template("x", "lifecycle = { prevent_delete = true }")).file("y.toml", template("y", ""));
    site.apply();
    let (protected, ours) = (site.template("x").id, site.template("y").id);
    site.tamper("x", |template| "elsewhere".clone_into(&mut template.name));
    site.tamper("y", |template| "x".clone_into(&mut template.name));
    site.remove("x.toml");
    site.remove("y.toml");
    let ran = site.versync(&["import", "--project", "storefront", "--environment", "staging", "--out", "manifests"]);
    assert!(ran.code == Some(0) && ran.err.contains("1 resource whose file is gone"), "{ran:?}");
    site.settings(PRUNE);
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert_eq!((site.template("x").id, site.template("elsewhere").id), (ours, protected));
    assert_eq!(actions(&site.plan()), [(&*address("elsewhere"), "delete")], "it is held, and that is all");
}

#[test]
fn what_lies_under_another_name_is_imported_as_it_is_called() {
    let (site, x, y) = swapped();
    site.remove("x.toml");
    site.remove("y.toml");
    let import =
        || site.versync(&["import", "--project", "storefront", "--environment", "staging", "--out", "manifests"]);
    assert_eq!(import().code, Some(0));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    assert_eq!((site.template("y").id, site.template("x").id), (x, y));
    // What a file declares is known by its id.
    site.tamper("x", |template| "elsewhere".clone_into(&mut template.name));
    let ran = import();
    assert!(ran.out.contains("Nothing to import"), "{ran:?}");
}

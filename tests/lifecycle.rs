//! From adoption to deletion.

use serde_json::json;
use versync::sandbox::{Owner, ids};

use crate::support::{Site, actions, change};

const ADDRESS: &str = "connection_template.storefront/staging/legacy-erp";

fn legacy(more: &str) -> String {
    format!(
        "[connection_templates.legacy-erp]\nproject = \"storefront\"\nenvironment = \"staging\"\n\
         system = \"netsuite\"\n{more}\n"
    )
}

/// Configs c0, c1, … on stripe, each in a file of its own.
fn many(site: &Site, count: usize) {
    for n in 0..count {
        let text = format!("[auth_scheme_configs.c{n}]\nsystem = \"stripe\"\ndescription = \"{n}\"\ntype = \"none\"\n");
        site.file(&format!("c{n}.toml"), text);
    }
}

fn on_stripe(site: &Site) -> usize {
    site.sandbox.world(|world| world.configs(&Owner::System(ids::STRIPE.to_owned())).len())
}

#[test]
fn a_foreign_object_that_differs_is_held_taken_over_or_reported() {
    let site = Site::new();
    site.file("erp.toml", legacy("dynamic = true"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!site.template("legacy-erp").dynamic);
    let plan = site.plan();
    assert_eq!(change(&plan, ADDRESS)["action"], "update");
    assert!(change(&plan, ADDRESS)["held"].as_str().unwrap().contains("sync.adopt"));
    assert_eq!((&plan["summary"]["held"], &plan["summary"]["update"]), (&json!(1), &json!(0)));

    site.settings("sync.adopt = \"never\"");
    assert_eq!(change(&site.plan(), ADDRESS)["action"], "none");
    let ran = site.versync(&["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(2), "it is not as declared: {ran:?}");
    assert!(ran.out.contains("Plan: 1 only reported"), "{}", ran.out);
    site.apply();
    assert!(site.writes().is_empty());

    site.settings("sync.adopt = \"always\"");
    site.apply();
    let template = site.template("legacy-erp");
    assert!(template.dynamic);
    assert_eq!(template.auth_scheme_configs, ["netsuite-legacy"], "what is not declared stays");
    assert_eq!(template.id, ids::LEGACY_ERP);
}

#[test]
fn a_template_that_somebody_deleted_is_made_again_or_reported() {
    let site = Site::new();
    site.file("erp.toml", legacy("").replace("legacy-erp", "erp"));
    site.apply();
    let path = site.template("erp");
    site.sandbox.world(|world| world.delete_template(&path.project, &path.id).unwrap());
    let plan = site.plan();
    assert_eq!(actions(&plan), [("connection_template.storefront/staging/erp", "create")]);
    assert_eq!(plan["changes"][0]["causes"], json!(["drift"]));
    site.settings("sync.on_drift = \"report\"");
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/staging/erp", "none")]);
    site.settings("");
    site.apply();
    assert_eq!(site.templates("erp").len(), 1);
}

#[test]
fn an_orphan_is_reported_and_with_prune_deleted() {
    let site = Site::new();
    many(&site, 4);
    site.apply();
    site.remove("c1.toml");
    site.apply();
    assert_eq!(on_stripe(&site), 4);
    let plan = site.plan();
    assert_eq!(actions(&plan), [("auth_scheme_config.system/stripe/c1", "none")]);
    site.settings("sync.prune = true");
    assert_eq!(site.plan()["summary"]["delete"], 1);
    site.apply();
    assert_eq!(on_stripe(&site), 3);
    assert_eq!(site.plan()["summary"]["unchanged"], 3);
}

#[test]
fn more_deletes_than_the_limit_allows_are_held_and_the_rest_goes_on() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 2, percent = 100 }");
    many(&site, 5);
    site.apply();
    (0..3).for_each(|n| site.remove(&format!("c{n}.toml")));
    site.file("c4.toml", "[auth_scheme_configs.c4]\nsystem = \"stripe\"\ndescription = \"new\"\ntype = \"none\"\n");
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("sync.delete_limit"), "{}", ran.out);
    assert_eq!(on_stripe(&site), 5);
    assert!(ran.out.contains("Applied 1 change"));
    site.settings("sync.prune = true\nsync.delete_limit = { count = 3, percent = 100 }");
    site.apply();
    assert_eq!(on_stripe(&site), 2);
}

#[test]
fn a_folder_without_any_file_deletes_nothing() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 100, percent = 100 }");
    many(&site, 2);
    site.apply();
    (0..2).for_each(|n| site.remove(&format!("c{n}.toml")));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("an empty folder deletes nothing"), "{}", ran.out);
    assert_eq!(on_stripe(&site), 2);
}

#[test]
fn a_config_that_a_template_still_lists_is_not_deleted() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    many(&site, 1);
    site.file("c9.toml", "[auth_scheme_configs.c9]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    site.apply();
    let body = json!({"authSchemeConfigIds": ["c0"]});
    site.sandbox.world(|world| {
        let made = world.create_template(
            ids::STOREFRONT,
            &json!({"name": "by-hand", "systemId": ids::STRIPE, "environmentId": ids::STAGING}),
        );
        let id = made.unwrap()["connectionTemplateId"].as_str().unwrap().to_owned();
        world.update_template(ids::STOREFRONT, &id, &body).unwrap();
    });
    site.remove("c0.toml");
    for which in ["a connection template of an environment that no file names", "the connection template \"by-hand\""] {
        let ran = site.versync(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(ran.out.contains(&format!("{which} still lists it")), "{}", ran.out);
        site.file("erp.toml", legacy("").replace("legacy-erp", "erp"));
    }
    assert_eq!(on_stripe(&site), 2);
    site.sandbox.world(|world| world.templates()).iter().filter(|it| it.name == "by-hand").for_each(|template| {
        site.sandbox.world(|world| world.delete_template(&template.project, &template.id).unwrap());
    });
    site.remove("erp.toml");
    site.apply();
    assert_eq!(on_stripe(&site), 1, "it was looked everywhere, and nothing lists it");
}

#[test]
fn protection_outlives_the_file() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    many(&site, 1);
    site.file("erp.toml", legacy("lifecycle = { prevent_delete = true }").replace("legacy-erp", "erp"));
    site.apply();
    site.remove("erp.toml");
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("prevent_delete"), "{}", ran.out);
    assert_eq!(site.templates("erp").len(), 1);
}

#[test]
fn a_rename_happens_in_place() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    let renamed = legacy("lifecycle = { renamed_from = \"legacy-erp\" }")
        .replace("[connection_templates.legacy-erp]", "[connection_templates.erp]");
    site.file("erp.toml", &renamed);
    let plan = site.plan();
    assert_eq!(actions(&plan), [("connection_template.storefront/staging/erp", "update")]);
    site.apply();
    assert_eq!(site.template("erp").id, ids::LEGACY_ERP);
    assert_eq!(site.plan()["summary"]["unchanged"], 1);
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn an_ignored_field_is_set_once_and_left_alone() {
    let site = Site::new();
    site.file(
        "erp.toml",
        legacy("dynamic = true\nlifecycle = { ignore = [\"dynamic\"] }").replace("legacy-erp", "erp"),
    );
    site.apply();
    assert!(site.template("erp").dynamic);
    site.tamper("erp", |template| template.dynamic = false);
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn one_template_cannot_become_two_and_not_one_that_is_still_declared() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    let renamed = |name: &str| {
        legacy("lifecycle = { renamed_from = \"legacy-erp\" }")
            .replace("[connection_templates.legacy-erp]", &format!("[connection_templates.{name}]"))
    };
    site.file("a.toml", renamed("a"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("cannot be renamed from \"legacy-erp\", for which a file speaks already"), "{}", ran.out);
    site.remove("erp.toml");
    site.file("b.toml", renamed("b"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(site.template("a").id, ids::LEGACY_ERP);
    assert!(site.templates("b").is_empty());
}

#[test]
fn the_type_cannot_be_ignored() {
    let site = Site::new();
    site.file("a.toml", "[auth_scheme_configs.c]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\nlifecycle = { ignore = [\"type\"] }\n");
    assert!(site.versync(&["validate"]).out.contains("`type` cannot be ignored"));
    site.file("a.toml", "[auth_scheme_configs.c]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"oauth2\"\ntoken_url = \"https://a.example/t\"\n\
        scopes = []\ndefault_scopes = []\ngrant = { type = \"client-credentials\" }\nlifecycle = { ignore = [\"grant.type\"] }\n");
    assert!(site.versync(&["validate"]).out.contains("`grant.type` cannot be ignored"));
}

#[test]
fn a_template_that_somebody_renamed_gets_its_name_back_and_not_a_twin() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    site.tamper("legacy-erp", |template| template.name = "mine".to_owned());
    let plan = site.plan();
    assert_eq!((actions(&plan), &plan["summary"]["unmanaged"]), (vec![(ADDRESS, "update")], &json!(1)));
    let name = json!({"path": "name", "before": "mine", "after": "legacy-erp", "cause": "drift", "sensitive": false});
    assert_eq!(change(&plan, ADDRESS)["fields"], json!([name]));
    site.settings("sync.on_drift = \"report\"");
    assert_eq!(actions(&site.plan()), [(ADDRESS, "none")]);
    site.file("erp.toml", legacy("dynamic = true"));
    site.apply();
    assert!(site.template("mine").dynamic, "an update of another field leaves the name alone");
    site.settings("");
    site.apply();
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    assert_eq!(site.plan()["summary"]["unchanged"], 1);
}

#[test]
fn a_rename_to_a_name_that_is_taken_deletes_nothing() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    let mine = |more: &str| legacy(more).replace("netsuite", "shopify");
    site.file("erp.toml", mine("").replace("legacy-erp", "mine"));
    site.apply();
    let id = site.template("mine").id;
    site.file("erp.toml", mine("lifecycle = { renamed_from = \"mine\", allow_replace = true }"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("the platform has another of its new name"), "{}", ran.out);
    assert_eq!((site.template("mine").id, site.template("legacy-erp").id), (id, ids::LEGACY_ERP.to_owned()));
}

#[test]
fn an_old_rename_in_the_file_does_not_hide_a_new_one_on_the_platform() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    let renamed = legacy("lifecycle = { renamed_from = \"legacy-erp\" }")
        .replace("[connection_templates.legacy-erp]", "[connection_templates.erp]");
    site.file("erp.toml", renamed);
    site.apply();
    site.tamper("erp", |template| template.name = "elsewhere".to_owned());
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/staging/erp", "update")]);
    site.apply();
    assert_eq!(site.template("erp").id, ids::LEGACY_ERP);
}

#[test]
fn protection_counts_from_the_pass_that_sees_it_whatever_becomes_of_the_fields() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    many(&site, 1);
    site.file("erp.toml", legacy(""));
    site.apply();
    // Held, because the system cannot change in place.
    site.file("erp.toml", legacy("lifecycle = { prevent_delete = true }").replace("netsuite", "stripe"));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    site.remove("erp.toml");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
}

#[test]
fn protection_is_pending_until_it_is_applied() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    let field = |before: bool| json!([{"path": "lifecycle.prevent_delete", "before": before, "after": !before, "cause": "manifest", "sensitive": false}]);
    for (before, more, due, done) in [
        (
            false,
            "lifecycle = { prevent_delete = true }",
            "Plan: 1 to protect, 1 unmanaged; 0 unchanged.",
            "Protected 1 resource.",
        ),
        (true, "", "Plan: 1 to release, 1 unmanaged; 0 unchanged.", "Released 1 resource."),
    ] {
        site.file("erp.toml", legacy(more));
        let writes = site.writes();
        let ran = site.versync(&["plan", "--detailed-exitcode"]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.out.ends_with(&format!("{due}\n")), "{}", ran.out);
        assert!(site.versync(&["explain", ADDRESS]).out.contains("protected from being deleted"));
        let plan = site.plan();
        assert_eq!((actions(&plan), &plan["summary"]["adopt"]), (vec![(ADDRESS, "adopt")], &json!(1)));
        assert_eq!(change(&plan, ADDRESS)["fields"], field(before));
        site.versync(&["plan", "--out", "saved.json"]);
        let ran = site.versync(&["apply", "--yes", "saved.json"]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.out.ends_with(&format!("{done}\n")), "{}", ran.out);
        let status = site.versync(&["status"]).out;
        assert!(status.contains(&format!("{due} {done}\n")), "{status}");
        let word = done.split(' ').next().unwrap().to_lowercase();
        let history = site.versync(&["history", "-n", "1"]).out;
        assert!(history.contains(&format!("{ADDRESS} {word} (")), "{history}");
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
        assert_eq!(site.writes(), writes, "nothing is sent");
    }
}

#[test]
fn what_somebody_made_in_the_place_of_ours_is_not_deleted_with_our_file() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    many(&site, 1);
    site.file("erp.toml", legacy("").replace("legacy-erp", "erp"));
    site.apply();
    site.make_anew_on_stripe("erp");
    site.remove("erp.toml");
    site.apply();
    assert_eq!(site.template("erp").system, ids::STRIPE);
}

#[test]
fn a_rename_onto_what_is_recorded_as_well_deletes_nothing() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit.percent = 100");
    let other = legacy("").replacen("legacy-erp", "erp", 1);
    site.file("erp.toml", legacy("") + &other);
    site.apply();
    site.file("erp.toml", legacy("lifecycle = { renamed_from = \"legacy-erp\" }").replacen("legacy-erp", "erp", 1));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("cannot be renamed from \"legacy-erp\""), "{}", ran.out);
    assert!(ran.out.contains("give it that name in its file again"), "{}", ran.out);
    assert_eq!((site.templates("legacy-erp").len(), site.templates("erp").len()), (1, 1));
}

#[test]
fn a_template_that_somebody_renamed_is_not_forgotten_with_its_file() {
    let site = Site::new();
    site.settings("sync.delete_limit.percent = 100");
    site.file("erp.toml", legacy("").replace("legacy-erp", "erp"));
    site.apply();
    site.tamper("erp", |template| template.name = "mine".to_owned());
    site.remove("erp.toml");
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/staging/erp", "none")]);
    site.settings("sync.prune = true\nsync.delete_limit.percent = 100");
    site.file("keep.toml", "");
    site.apply();
    assert!(site.templates("mine").is_empty());
}

#[test]
fn a_template_that_somebody_gave_the_name_of_another_gets_its_own_back() {
    let site = Site::new();
    let file = legacy("lifecycle = { allow_replace = true }");
    let other = file.replacen("legacy-erp", "erp", 1).replace("netsuite", "stripe");
    site.file("erp.toml", format!("{file}{other}"));
    site.apply();
    site.tamper("erp", |template| template.name = "legacy-erp".to_owned());
    site.apply();
    assert_eq!(site.template("legacy-erp").system, ids::NETSUITE);
    assert_eq!(site.template("erp").system, ids::STRIPE);
    assert!(site.writes().iter().all(|write| !write.starts_with("DELETE")));
}

#[test]
fn what_somebody_renamed_as_the_file_says_is_known_by_its_new_address() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    site.tamper("legacy-erp", |template| template.name = "erp".to_owned());
    site.file(
        "erp.toml",
        legacy("lifecycle = { renamed_from = \"legacy-erp\" }")
            .replacen("legacy-erp", "erp", 1)
            .replace("netsuite", "stripe"),
    );
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    site.remove("erp.toml");
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/staging/erp", "none")]);
}

#[test]
fn drift_that_is_only_reported_is_not_said_to_be_put_right_beside_a_change() {
    let site = Site::new();
    let file = |description: &str| {
        format!(
            "[auth_scheme_configs.key]\nsystem = \"stripe\"\ndescription = \"{description}\"\ntype = \"api-key\"\nin = \"header\"\nname = \"X\"\n"
        )
    };
    site.settings("sync.on_drift = \"report\"");
    site.file("key.toml", file("one"));
    site.apply();
    let stripe = Owner::System(ids::STRIPE.to_owned());
    site.sandbox.world(|world| world.edit_config(&stripe, "key", &json!({"name": "Y"})));
    site.file("key.toml", file("two"));
    let plan = site.plan();
    let address = "auth_scheme_config.system/stripe/key";
    let kept = json!({"path": "name", "before": "Y", "after": "Y", "cause": "drift", "sensitive": false});
    assert!(change(&plan, address)["fields"].as_array().unwrap().contains(&kept), "{plan:#}");
    let ran = site.apply();
    assert!(ran.out.contains("live \"Y\", declared \"X\"  (drift, only reported)"), "{}", ran.out);
    let live = site.sandbox.world(|world| world.configs(&stripe));
    assert!(live[0].to_string().contains("\"Y\"") && live[0].to_string().contains("two"), "{live:?}");
    let history = site.versync(&["history", "--json"]).json();
    assert_eq!(history["changes"][0]["fields"].as_array().unwrap().len(), 1, "{history:#}");
    let status = site.versync(&["status", "--json"]).json();
    assert_eq!(status["drifted"][0]["reverted"], false);
    assert_eq!(actions(&site.plan()), [(address, "none")]);
}

#[test]
fn two_names_are_not_swapped_in_one_step() {
    let site = Site::new();
    let file = |name: &str, from: &str, system: &str| {
        let more = if from.is_empty() { String::new() } else { format!(", renamed_from = \"{from}\"") };
        legacy(&format!("lifecycle = {{ allow_replace = true{more} }}"))
            .replacen("legacy-erp", name, 1)
            .replace("netsuite", system)
    };
    site.settings("sync.prune = true\nsync.delete_limit.percent = 100");
    site.file("erp.toml", file("one", "", "netsuite") + &file("two", "", "stripe"));
    site.apply();
    let before = [site.template("one").id, site.template("two").id];
    site.file("erp.toml", file("two", "one", "netsuite") + &file("one", "two", "stripe"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("swap two names in steps"), "{}", ran.out);
    assert_eq!([site.template("one").id, site.template("two").id], before);
}

//! What cannot change in place: a template's system and environment.

use serde_json::json;
use versync::sandbox::ids;

use crate::support::{Fault, Flaky, Site, actions, change};

const ADDRESS: &str = "connection_template.storefront/staging/legacy-erp";
const MOVED: &str = "connection_template.storefront/production/legacy-erp";

/// A template in staging.
pub(crate) fn legacy(more: &str) -> String {
    format!(
        "[connection_templates.legacy-erp]\nproject = \"storefront\"\nenvironment = \"staging\"\n\
         system = \"netsuite\"\n{more}\n"
    )
}

/// The same template, declared in production.
pub(crate) fn in_production(more: &str) -> String {
    legacy(more).replace("staging", "production")
}

#[test]
fn another_system_needs_a_replacement_that_was_allowed() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    let moved = |more: &str| legacy(more).replace("netsuite", "stripe");
    site.file("erp.toml", moved(""));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    let plan = site.plan();
    assert_eq!(change(&plan, ADDRESS)["action"], "replace");
    assert!(change(&plan, ADDRESS)["held"].as_str().unwrap().contains("allow_replace"));
    assert_eq!(
        change(&plan, ADDRESS)["fields"][0],
        json!({"path": "system", "before": "netsuite", "after": "stripe", "cause": "manifest", "sensitive": false})
    );
    assert_eq!(
        change(&plan, ADDRESS)["fields"][1]["after"],
        json!([]),
        "the ids of the old system's configs mean nothing to the new one"
    );
    site.file("erp.toml", moved("lifecycle = { allow_replace = true, prevent_delete = true }"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("lifecycle.prevent_delete keeps the old one from being deleted"), "{}", ran.out);
    site.file("erp.toml", legacy(""));
    site.apply();
    site.file("erp.toml", moved("lifecycle = { allow_replace = true }"));
    site.file("broken.toml", "x = [");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP, "nothing is deleted while a file is broken");
    site.remove("broken.toml");
    site.apply();
    let template = site.template("legacy-erp");
    assert_eq!(template.system, ids::STRIPE);
    assert_ne!(template.id, ids::LEGACY_ERP);
    assert_eq!(site.plan()["summary"]["unchanged"], 1);
}

#[test]
fn the_plan_shows_that_a_replaced_template_gets_another_id() {
    let site = Site::new();
    // The first delete is refused: the new one is made, and the old one is still there.
    let refuses = |method: &str, _: &str, before: usize| {
        let is_first = method == "DELETE" && before == 0;
        is_first.then_some(Fault::Before(400))
    };
    let flaky = Flaky::before(site.sandbox.address(), refuses);
    site.settings_for(&flaky.base_url, "");
    site.file("erp.toml", legacy(""));
    site.apply();
    let moved = |more: &str| legacy(more).replace("netsuite", "stripe");
    let plan = || site.versync(&["plan"]).out;
    let id = format!("    ~ id                   \"{}\" → (known after apply)\n", ids::LEGACY_ERP);
    site.file("erp.toml", moved(""));
    assert!(plan().contains(&id), "also while it is held: {}", plan());
    site.file("erp.toml", moved("auth_scheme_configs = []\nlifecycle = { allow_replace = true }"));
    assert!(plan().contains(&id), "{}", plan());
    assert_eq!(site.plan()["changes"][0]["fields"].as_array().unwrap().len(), 2, "it is no field of the file");
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    let made = site.templates("legacy-erp").into_iter().find(|it| it.system == ids::STRIPE).unwrap().id;
    let both = format!("    ~ id      \"{}\" → \"{made}\"\n", ids::LEGACY_ERP);
    assert!(plan().contains(&both), "{}", plan());
}

#[test]
fn a_replacement_that_was_cut_off_is_brought_to_its_end() {
    let anew = "lifecycle = { allow_replace = true }";
    let elsewhere = |more: &str| legacy(more).replace("netsuite", "stripe");
    let renamed = elsewhere("lifecycle = { allow_replace = true, renamed_from = \"legacy-erp\" }");
    let renamed = renamed.replacen("legacy-erp", "erp", 1);
    for (name, file) in [("legacy-erp", elsewhere(anew)), ("legacy-erp", in_production(anew)), ("erp", renamed)] {
        for (method, fault) in [
            ("POST", Fault::After(504)),
            ("POST", Fault::Before(504)),
            ("PUT", Fault::Before(400)),
            ("DELETE", Fault::Before(400)),
        ] {
            let site = Site::new();
            site.file("erp.toml", legacy(""));
            let file = format!(
                "{file}\n[auth_scheme_configs.key]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n"
            );
            let lost = move |seen: &str, path: &str, before: usize| {
                (seen == method && before == 0 && path.contains("/connection-templates")).then_some(fault)
            };
            let flaky = Flaky::before(site.sandbox.address(), lost);
            site.settings_for(&flaky.base_url, "");
            site.apply();
            site.file("erp.toml", file.replace(anew, &format!("{anew}\nauth_scheme_configs = []")));
            let first = site.versync(&["apply", "--yes"]);
            for _ in 0..3 {
                site.versync(&["apply", "--yes"]);
            }
            let all = [site.templates("legacy-erp"), site.templates("erp")].concat();
            assert_eq!(all.len(), 1, "{method} {file}\n{first:?}\n{all:?}");
            assert_eq!(all[0].name, name);
            let plan = site.versync(&["plan", "--detailed-exitcode"]);
            assert_eq!(plan.code, Some(0), "{method} {file} {plan:?}");
        }
    }
}

#[test]
fn a_replacement_that_is_taken_back_keeps_the_old_template_though_no_answer_ever_came() {
    let site = Site::new();
    let lost = |method: &str, path: &str, before: usize| {
        (method == "POST" && before < 2 && path.contains("/connection-templates")).then_some(Fault::After(504))
    };
    let flaky = Flaky::before(site.sandbox.address(), lost);
    site.settings_for(&flaky.base_url, "");
    let wanted = legacy("lifecycle = { allow_replace = true }").replace("legacy-erp", "new-erp");
    for file in [wanted.clone(), wanted.replace("netsuite", "stripe")] {
        site.file("erp.toml", file);
        assert_ne!(site.versync(&["apply", "--yes"]).code, Some(0));
    }
    let made = site.templates("new-erp");
    assert_eq!(made.len(), 2, "{made:?}");
    site.file("erp.toml", wanted);
    site.apply();
    let left = site.templates("new-erp");
    assert_eq!(left.iter().map(|it| &it.id).collect::<Vec<_>>(), [&made[0].id], "{made:?}");
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn of_two_templates_of_one_name_neither_is_deleted() {
    for system in ["netsuite", "stripe"] {
        let site = Site::new();
        site.settings("sync.adopt = \"always\"\nsync.prune = true");
        let file = legacy("lifecycle = { allow_replace = true }");
        site.file("erp.toml", &file);
        site.apply();
        let body = json!({"name": "legacy-erp", "systemId": ids::STRIPE, "environmentId": ids::STAGING});
        site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
        site.file("erp.toml", file.replace("netsuite", system));
        let ran = site.versync(&["apply", "--yes"]);
        assert!(ran.out.contains("exists twice on the platform"), "{ran:?}");
        assert_eq!(site.templates("legacy-erp").len(), 2);
    }
}

#[test]
fn a_move_to_another_environment_under_another_name_needs_a_replacement() {
    let site = Site::new();
    site.settings("sync.prune = true\nsync.delete_limit.percent = 100");
    site.file("erp.toml", legacy(""));
    site.apply();
    let moved = |more: &str| in_production(more).replacen("legacy-erp", "erp", 1);
    site.file("erp.toml", moved("lifecycle = { renamed_from = \"legacy-erp\" }"));
    let address = "connection_template.storefront/production/erp";
    assert_eq!(actions(&site.plan()), [(address, "replace")]);
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    site.file("erp.toml", moved("lifecycle = { renamed_from = \"legacy-erp\", allow_replace = true }"));
    site.apply();
    assert_eq!((site.templates("legacy-erp").len(), site.template("erp").environment.as_str()), (0, ids::PRODUCTION));
}

#[test]
fn a_target_that_is_only_the_old_place_deletes_nothing() {
    let cases = [
        (in_production(""), "connection_template.storefront/staging/*"),
        (in_production("lifecycle = { allow_replace = true, prevent_delete = true }"), "*/staging/*"),
        (
            legacy("lifecycle = { renamed_from = \"legacy-erp\" }").replacen("legacy-erp", "erp", 1),
            "connection_template.storefront/staging/legacy-erp",
        ),
    ];
    for (file, target) in cases {
        let site = Site::new();
        site.settings("sync.prune = true\nsync.delete_limit.percent = 100");
        site.file("erp.toml", legacy(""));
        site.apply();
        site.file("erp.toml", &file);
        let ran = site.versync(&["apply", "--yes", target]);
        assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP, "{file}\n{ran:?}");
    }
}

#[test]
fn another_environment_needs_a_replacement_that_was_allowed() {
    let site = Site::new();
    site.file("erp.toml", legacy("dynamic = false"));
    site.apply();
    site.file("erp.toml", in_production("dynamic = true"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.out.contains("set lifecycle.allow_replace = true"), "{}", ran.out);
    let plan = site.plan();
    assert_eq!(actions(&plan), [(MOVED, "replace")], "the old one is no orphan");
    let from = json!({"path": "environment", "before": "staging", "after": "production", "cause": "manifest", "sensitive": false});
    assert!(change(&plan, MOVED)["fields"].as_array().unwrap().contains(&from), "{plan:#}");
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);

    site.file("erp.toml", in_production("dynamic = true\nlifecycle = { allow_replace = true }"));
    site.apply();
    let template = site.template("legacy-erp");
    assert_eq!((template.environment.as_str(), template.dynamic), (ids::PRODUCTION, true));
    assert_eq!(template.auth_scheme_configs, ["netsuite-legacy"], "what is not declared comes along");
    let writes = site.writes();
    let kinds: Vec<_> = writes.iter().map(|write| write.split_once(' ').unwrap().0).collect();
    assert_eq!(kinds.last(), Some(&"DELETE"), "the new one comes first: {writes:?}");
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_template_in_one_more_environment_or_in_another_file_is_no_move() {
    let site = Site::new();
    site.file("erp.toml", legacy(""));
    site.apply();
    site.file(
        "erp.toml",
        legacy("").replace("environment = \"staging\"", "environments = [\"production\", \"staging\"]"),
    );
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/production/legacy-erp", "create")]);
    site.remove("erp.toml");
    site.file("other.toml", in_production(""));
    let plan = site.plan();
    assert_eq!(change(&plan, "connection_template.storefront/production/legacy-erp")["action"], "create");
    assert_eq!(change(&plan, ADDRESS)["action"], "none");
}

#[test]
fn what_was_protected_is_not_lost_to_the_edit_that_moves_it() {
    for moved in [legacy("").replace("netsuite", "stripe"), in_production("")] {
        let site = Site::new();
        site.file("erp.toml", legacy("lifecycle = { prevent_delete = true }"));
        site.apply();
        let moved = format!("{moved}lifecycle = {{ allow_replace = true }}\n");
        site.file("erp.toml", &moved);
        let ran = site.versync(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(ran.out.contains("declare it where it was, with prevent_delete = false"), "{}", ran.out);
        assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
        site.file("erp.toml", legacy(""));
        site.apply();
        site.file("erp.toml", &moved);
        site.apply();
        assert_ne!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    }
}

#[test]
fn what_somebody_made_in_the_place_of_ours_is_not_replaced() {
    let site = Site::new();
    site.file("erp.toml", legacy("lifecycle = { allow_replace = true }").replace("legacy-erp", "erp"));
    site.apply();
    site.make_anew_on_stripe("erp");
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.out.contains("versync did not make it"), "{ran:?}");
    assert_eq!(site.template("erp").system, ids::STRIPE);
    site.settings("sync.adopt = \"always\"");
    site.apply();
    assert_eq!(site.template("erp").system, ids::NETSUITE);
}

#[test]
fn what_somebody_made_in_the_place_of_ours_is_only_changed_by_leave() {
    for (adopt, dynamic) in [("matching", true), ("never", true), ("always", false)] {
        let site = Site::new();
        site.settings(&format!("sync.adopt = \"{adopt}\""));
        site.file("erp.toml", legacy("dynamic = false").replace("legacy-erp", "erp"));
        site.apply();
        let ours = site.template("erp");
        site.sandbox.world(|world| {
            world.delete_template(&ours.project, &ours.id).unwrap();
            let body =
                json!({"name": "erp", "systemId": ours.system, "environmentId": ours.environment, "dynamic": true});
            world.create_template(&ours.project, &body).unwrap();
        });
        site.versync(&["apply", "--yes"]);
        assert_eq!(site.template("erp").dynamic, dynamic, "{adopt}");
        site.tamper("erp", |template| template.dynamic = false);
        site.apply();
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0), "as declared, it is taken for ours");
    }
}

#[test]
fn a_template_is_not_moved_onto_somebody_elses() {
    for (adopt, dynamic) in [("matching", true), ("always", true), ("matching", false)] {
        let site = Site::new();
        site.settings(&format!("sync.prune = true\nsync.adopt = \"{adopt}\""));
        site.file("erp.toml", legacy("lifecycle = { allow_replace = true }"));
        site.apply();
        let body = json!({"name": "legacy-erp", "systemId": ids::NETSUITE, "environmentId": ids::PRODUCTION, "dynamic": dynamic});
        site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
        let before = site.writes();
        for more in ["dynamic = false", "dynamic = false\nlifecycle = { allow_replace = true }"] {
            site.file("erp.toml", in_production(more));
            let plan = site.plan();
            assert_eq!(actions(&plan), [(MOVED, "replace")], "the old one is no orphan");
            let held = change(&plan, MOVED)["held"].as_str().unwrap();
            assert!(held.contains("environments = ["), "it says the way out: {held}");
            assert_eq!(site.versync(&["apply", "--yes"]).code, Some(4));
        }
        assert_eq!(site.writes(), before, "with adopt = {adopt:?}");
        // The way out that it names: both, and then one.
        let both = in_production("dynamic = false")
            .replace("environment = \"production\"", "environments = [\"production\", \"staging\"]");
        site.settings("sync.prune = true\nsync.adopt = \"always\"\nsync.delete_limit.percent = 100");
        site.file("erp.toml", both);
        site.apply();
        site.file("erp.toml", in_production("dynamic = false"));
        site.apply();
        assert_eq!(site.template("legacy-erp").environment, ids::PRODUCTION);
    }
}

#[test]
fn a_name_swap_that_the_files_take_over_replaces_nothing() {
    let site = Site::new();
    let file = legacy("lifecycle = { allow_replace = true }");
    let both = |first: &str, second: &str| {
        file.replace("netsuite", first) + &file.replacen("legacy-erp", "erp", 1).replace("netsuite", second)
    };
    site.file("erp.toml", both("netsuite", "stripe"));
    site.apply();
    let (first, second) = (site.template("legacy-erp").id, site.template("erp").id);
    site.sandbox.world(|world| {
        world.edit_template(&first, |template| template.name = "erp".to_owned());
        world.edit_template(&second, |template| template.name = "legacy-erp".to_owned());
    });
    site.file("erp.toml", both("stripe", "netsuite"));
    site.apply();
    assert_eq!((site.template("legacy-erp").id, site.template("erp").id), (second, first));
    assert!(site.writes().iter().all(|write| !write.starts_with("DELETE")));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_rename_in_place_comes_before_a_new_environment() {
    let site = Site::new();
    let file = legacy("lifecycle = { allow_replace = true }");
    site.file("erp.toml", &file);
    site.apply();
    let renamed =
        file.replacen("legacy-erp", "erp", 1).replace("allow_replace = true", "renamed_from = \"legacy-erp\"");
    site.file("erp.toml", renamed.replace("environment = \"staging\"", "environments = [\"production\", \"staging\"]"));
    let target = "connection_template.storefront/production/erp";
    site.versync(&["apply", "--yes", target]);
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    site.apply();
    let ids_of: Vec<_> = site.templates("erp").into_iter().map(|template| template.id).collect();
    assert!(ids_of.len() == 2 && ids_of.contains(&ids::LEGACY_ERP.to_owned()), "{ids_of:?}");
}

#[test]
fn a_name_swap_that_one_file_takes_over_leaves_no_twin() {
    let file = legacy("lifecycle = { allow_replace = true }");
    let both = |first: &str, second: &str| {
        file.replace("netsuite", first) + &file.replacen("legacy-erp", "erp", 1).replace("netsuite", second)
    };
    for (first, second) in [("stripe", "stripe"), ("netsuite", "netsuite")] {
        let site = Site::new();
        site.file("erp.toml", both("netsuite", "stripe"));
        site.apply();
        let (one, other) = (site.template("legacy-erp").id, site.template("erp").id);
        site.sandbox.world(|world| {
            world.edit_template(&one, |template| template.name = "erp".to_owned());
            world.edit_template(&other, |template| template.name = "legacy-erp".to_owned());
        });
        site.file("erp.toml", both(first, second));
        for _ in 0..3 {
            site.versync(&["apply", "--yes"]);
        }
        assert_eq!((site.templates("legacy-erp").len(), site.templates("erp").len()), (1, 1), "{first} {second}");
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0), "{first} {second}");
    }
}

//! Names that are taken: by a template that somebody has renamed, or that another file is about.

use serde_json::json;
use versync::sandbox::ids;

use crate::support::{Fault, Flaky, Site, actions, change, eventually};

pub(crate) const PRUNE: &str = "sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }";

pub(crate) fn template(name: &str, more: &str) -> String {
    format!(
        "[connection_templates.{name}]\nproject = \"storefront\"\nenvironment = \"staging\"\nsystem = \"netsuite\"\n{more}\n"
    )
}

pub(crate) fn address(name: &str) -> String {
    format!("connection_template.storefront/staging/{name}")
}

/// Templates `x` and `y`, applied, whose names somebody has swapped; and their ids.
pub(crate) fn swapped() -> (Site, String, String) {
    let site = Site::new();
    site.settings(PRUNE);
    let (x, y) = swap(&site);
    (site, x, y)
}

pub(crate) fn swap(site: &Site) -> (String, String) {
    site.file("x.toml", template("x", "")).file("y.toml", template("y", "dynamic = true")).file("keep.toml", "");
    site.apply();
    exchange_names(site, "x", "y")
}

/// Somebody gives two templates each other's names. Their ids, in the order of the names that they had.
pub(crate) fn exchange_names(site: &Site, one: &str, other: &str) -> (String, String) {
    let (first, second) = (site.template(one).id, site.template(other).id);
    site.sandbox.world(|world| {
        world.edit_template(&first, |template| other.clone_into(&mut template.name));
        world.edit_template(&second, |template| one.clone_into(&mut template.name));
    });
    (first, second)
}

/// A site whose first request of a method to change a template that exists is refused.
pub(crate) fn refusing(refused: &'static str) -> (Site, Flaky) {
    let site = Site::new();
    let flaky = Flaky::before(site.sandbox.address(), move |method, _, before| {
        (method == refused && before == 0).then_some(Fault::Before(400))
    });
    site.settings_for(&flaky.base_url, PRUNE);
    (site, flaky)
}

#[test]
fn no_second_template_is_made_of_a_name_that_another_was_given() {
    let site = Site::new();
    site.settings("sync.on_drift = \"report\"");
    site.file("erp.toml", template("legacy-erp", ""));
    site.apply();
    site.tamper("legacy-erp", |template| template.name = "erp".to_owned());
    site.file("new.toml", template("erp", ""));
    let held = change(&site.plan(), &address("erp"))["held"].as_str().unwrap().to_owned();
    assert!(held.contains(ids::LEGACY_ERP) && held.contains(&address("legacy-erp")), "{held}");
    site.versync(&["apply", "--yes"]);
    assert_eq!(site.template("erp").id, ids::LEGACY_ERP);
    // Once the other one has its own name back, there is room.
    site.settings("");
    site.versync(&["apply", "--yes"]);
    site.versync(&["apply", "--yes"]);
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    assert_eq!((site.templates("erp").len(), &site.plan()["summary"]["unchanged"]), (1, &json!(2)));
}

#[test]
fn a_name_is_not_put_back_where_another_template_stays_under_it() {
    let site = Site::new();
    site.file("a.toml", template("a", "")).file("b.toml", template("b", "lifecycle = { on_drift = \"report\" }"));
    site.apply();
    let a = site.template("a").id;
    site.tamper("a", |template| template.name = "elsewhere".to_owned());
    site.tamper("b", |template| template.name = "a".to_owned());
    let plan = site.plan();
    assert!(change(&plan, &address("a"))["held"].as_str().unwrap().contains("another template"), "{plan:#}");
    site.versync(&["apply", "--yes"]);
    assert_eq!((site.templates("a").len(), site.template("elsewhere").id), (1, a));
}

#[test]
fn a_template_whose_name_somebody_gave_to_another_is_known_by_its_id() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("x.toml", template("x", "dynamic = true"));
    site.apply();
    let ours = site.template("x").id;
    site.tamper("x", |template| template.name = "old".to_owned());
    let body = json!({"name": "x", "systemId": ids::NETSUITE, "environmentId": ids::STAGING});
    site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
    let theirs = site.template("x").id;
    let plan = site.plan();
    assert!(change(&plan, &address("x"))["held"].as_str().unwrap().contains(&theirs), "{plan:#}");
    site.versync(&["apply", "--yes"]);
    assert!(!site.template("x").dynamic, "it is not ours to change");
    site.sandbox.world(|world| world.delete_template(ids::STOREFRONT, &theirs).unwrap());
    site.apply();
    assert_eq!(site.template("x").id, ours);
}

#[test]
fn a_stranger_on_the_system_that_a_file_moves_to_is_not_taken_over() {
    let site = Site::new();
    site.settings(&format!("{PRUNE}\nsync.adopt = \"never\""));
    site.file("x.toml", template("x", "")).file("keep.toml", "");
    site.apply();
    let ours = site.template("x").id;
    site.tamper("x", |template| "old".clone_into(&mut template.name));
    let body = json!({"name": "x", "systemId": ids::STRIPE, "environmentId": ids::STAGING});
    site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
    let theirs = site.template("x").id;
    site.file("x.toml", template("x", "").replace("netsuite", "stripe"));
    assert!(change(&site.plan(), &address("x"))["held"].is_string());
    site.versync(&["apply", "--yes"]);
    site.remove("x.toml");
    site.versync(&["apply", "--yes"]);
    assert_eq!(site.template("x").id, theirs, "it is not ours to delete");
    assert!(site.sandbox.world(|world| world.templates()).iter().all(|template| template.id != ours));
}

#[test]
fn swapped_names_are_put_back() {
    let (site, x, y) = swapped();
    site.apply();
    assert_eq!((site.template("x").id, site.template("y").id), (x, y));
}

#[test]
fn a_template_of_swapped_names_is_renamed_by_its_id() {
    let (site, x, y) = swapped();
    site.remove("x.toml");
    site.file("z.toml", template("z", "lifecycle = { renamed_from = \"x\" }"));
    for _ in 0..3 {
        site.versync(&["apply", "--yes"]);
    }
    assert_eq!((site.template("z").id, site.template("y").id), (x, y));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_template_of_swapped_names_is_deleted_by_its_id() {
    let (site, x, y) = swapped();
    site.remove("x.toml");
    assert_eq!(actions(&site.plan()), [(&*address("x"), "delete"), (&*address("y"), "update")]);
    for _ in 0..3 {
        site.versync(&["apply", "--yes"]);
    }
    let left = site.template("y");
    assert!(left.id == y && left.dynamic && left.id != x, "{left:?}");
    assert!(site.templates("x").is_empty());
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn what_a_replacement_could_not_delete_is_no_second_of_the_name_that_somebody_gave_it() {
    let (site, _flaky) = refusing("DELETE");
    let (_, y) = swap(&site);
    site.file("x.toml", template("x", "lifecycle = { allow_replace = true }").replace("netsuite", "stripe"));
    assert_eq!(site.versync(&["apply", "--yes"]).code, Some(3));
    for _ in 0..2 {
        site.apply();
    }
    assert_eq!((site.template("y").id, site.template("x").system.as_str()), (y, ids::STRIPE));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_name_is_only_given_once_the_template_that_has_it_has_another() {
    let (site, flaky) = refusing("PUT");
    site.file("x.toml", template("x", ""));
    site.apply();
    site.tamper("x", |template| "new".clone_into(&mut template.name));
    site.file("new.toml", template("new", "dynamic = true"));
    let ran = site.versync(&["apply", "--yes"]);
    assert!(ran.code == Some(3) && ran.out.contains("still has its name"), "{ran:?}");
    assert_eq!((site.templates("new").len(), flaky.count("POST", "/connection-templates")), (1, 1));
    site.apply();
    assert_eq!((site.templates("x").len(), site.templates("new").len()), (1, 1));
}

#[test]
fn the_daemon_goes_on_at_once_when_a_name_is_free() {
    let (site, _, y) = swapped();
    site.settings(&format!("{PRUNE}\nsync.delete_grace = \"0s\"\nsync.interval = \"1h\""));
    site.remove("x.toml");
    let _daemon = site.run(&[]);
    eventually("its name back", || site.templates("y").iter().any(|template| template.id == y));
    assert!(site.template("y").id == y && site.templates("x").is_empty());
}

#[test]
fn a_rename_in_two_environments_of_which_one_was_never_made_moves_nothing() {
    let site = Site::new();
    let both = |name: &str, more: &str| {
        template(name, more).replace("environment = \"staging\"", "environments = [\"production\", \"staging\"]")
    };
    site.settings(PRUNE);
    // Only the one of staging is made, and the name that it is to have is taken there by another of ours.
    site.file("other.toml", template("taken", "")).file("erp.toml", both("erp", ""));
    site.versync(&["apply", "--yes", &address("erp"), "other.toml"]);
    let (erp, taken) = (site.template("erp").id, site.template("taken").id);
    site.remove("other.toml");
    site.file("erp.toml", both("taken", "lifecycle = { renamed_from = \"erp\", allow_replace = true }"));
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("cannot be renamed from \"erp\""), "{}", ran.out);
    let deleted: Vec<_> = site.writes().into_iter().filter(|write| write.starts_with("DELETE")).collect();
    assert!(deleted.is_empty() && site.template("erp").id == erp, "{deleted:?}");
    assert!(site.templates("taken").iter().any(|template| template.id == taken));
}

#[test]
fn what_was_to_be_renamed_is_not_deleted_once_another_was_made_in_its_place() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("x.toml", template("x", "")).file("d.toml", template("d", "dynamic = true"));
    site.apply();
    let x = site.template("x").id;
    // Whatever somebody calls it by then.
    site.remove("x.toml");
    for name in ["x", "elsewhere"] {
        site.tamper("x", |template| name.clone_into(&mut template.name));
        site.file("d.toml", template("d", "dynamic = true\nlifecycle = { renamed_from = \"x\" }"));
        let ran = site.versync(&["apply", "--yes"]);
        assert!(ran.code == Some(3) && ran.out.contains("cannot be renamed from \"x\""), "{ran:?}");
        assert_eq!(site.template(name).id, x);
    }
}

#[test]
fn two_templates_of_the_old_name_are_said_to_have_it() {
    let site = Site::new();
    site.file("x.toml", template("x", ""));
    site.apply();
    let body = json!({"name": "x", "systemId": ids::NETSUITE, "environmentId": ids::STAGING});
    site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
    site.file("x.toml", template("d", "lifecycle = { renamed_from = \"x\" }"));
    let ran = site.versync(&["plan"]);
    assert!(ran.out.contains("\"x\", from which") && ran.out.contains("exists twice"), "{ran:?}");
}

#[test]
fn what_looks_like_a_rename_is_said_and_done_all_the_same() {
    for (settings, then) in [(PRUNE, "deleted, and with it the connections"), ("", "left behind")] {
        let site = Site::new();
        site.settings(settings);
        site.file("erp.toml", template("erp", "dynamic = true"));
        site.apply();
        site.file("erp.toml", template("finance", "dynamic = true"));
        let plan = site.plan();
        let problem = &plan["problems"][0];
        assert_eq!((&problem["severity"], &problem["line"]), (&json!("warning"), &json!(1)), "{plan:#}");
        let message = problem["message"].as_str().unwrap();
        assert!(message.contains(then) && message.contains("renamed_from = \"erp\""), "{message}");
        site.versync(&["apply", "--yes"]);
        assert_eq!(site.templates("finance").len(), 1);
        assert_eq!(site.plan()["problems"], json!([]));
    }
}

#[test]
fn a_template_that_is_another_is_no_rename() {
    let site = Site::new();
    site.settings(PRUNE);
    site.file("erp.toml", template("erp", "dynamic = true")).file("keep.toml", "");
    site.apply();
    site.file("erp.toml", template("finance", ""));
    assert_eq!(site.plan()["problems"], json!([]));
    site.file("other.toml", template("finance", "dynamic = true")).file("erp.toml", "");
    assert_eq!(site.plan()["problems"], json!([]), "nor is one of another file");
}

#[test]
fn a_misspelt_old_name_is_said_to_be_one() {
    let site = Site::new();
    site.file("erp.toml", template("order-feed", ""));
    site.apply();
    site.file("erp.toml", template("orders", "lifecycle = { renamed_from = \"order-fed\" }"));
    let plan = site.plan();
    let message = plan["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("did you mean \"order-feed\"?"), "{plan:#}");
}

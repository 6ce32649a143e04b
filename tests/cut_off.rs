//! Replacements that were cut off in the middle, and what becomes of them.

use serde_json::json;
use versync::sandbox::ids;

use crate::replace::{in_production, legacy};
use crate::support::{Fault, Flaky, Site};

/// Three templates' worth of ways to be cut off in the middle of a move from staging to production.
const CUTS: [(&str, Fault); 4] = [
    ("POST", Fault::After(504)),
    ("POST", Fault::Before(504)),
    ("PUT", Fault::Before(400)),
    ("DELETE", Fault::Before(400)),
];

/// The legacy template, after an apply of `file` that was cut off so.
fn cut_off(file: &str, (method, fault): (&'static str, Fault)) -> (Site, Flaky) {
    let site = Site::new();
    let lost = move |seen: &str, path: &str, before: usize| {
        (seen == method && before == 0 && path.contains("/connection-templates")).then_some(fault)
    };
    let flaky = Flaky::before(site.sandbox.address(), lost);
    site.settings_for(&flaky.base_url, "sync.prune = true\nsync.delete_limit = { count = 9, percent = 100 }");
    site.file("erp.toml", legacy("lifecycle = { allow_replace = true }"));
    site.apply();
    site.file("erp.toml", file);
    site.versync(&["apply", "--yes"]);
    (site, flaky)
}

#[test]
fn what_is_declared_again_is_no_predecessor_of_a_move_that_was_cut_off() {
    let moved = in_production("lifecycle = { allow_replace = true }");
    let both = legacy("lifecycle = { allow_replace = true }")
        .replace("environment = \"staging\"", "environments = [\"production\", \"staging\"]");
    for cut in CUTS {
        let (site, _flaky) = cut_off(&moved, cut);
        site.file("erp.toml", &both);
        for _ in 0..3 {
            site.versync(&["apply", "--yes"]);
        }
        let live = site.templates("legacy-erp");
        assert_eq!(live.len(), 2, "{cut:?} {live:?}");
        assert!(live.iter().any(|template| template.id == ids::LEGACY_ERP), "{cut:?} {live:?}");
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    }
}

#[test]
fn a_change_of_system_that_was_cut_off_and_is_taken_back_keeps_the_old_one() {
    let file = legacy("lifecycle = { allow_replace = true }");
    // Without a list of configs there is no PUT to be cut off by.
    for cut in CUTS.into_iter().filter(|cut| cut.0 != "PUT") {
        let (site, _flaky) = cut_off(&file.replace("netsuite", "stripe"), cut);
        site.file("erp.toml", &file);
        for _ in 0..3 {
            site.versync(&["apply", "--yes"]);
        }
        assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP, "{cut:?}");
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    }
}

#[test]
fn what_was_replaced_in_part_is_ours_again_once_the_new_one_is_gone() {
    let file = legacy("lifecycle = { allow_replace = true }");
    let (site, _flaky) = cut_off(&file.replace("netsuite", "stripe"), ("DELETE", Fault::Before(400)));
    // Also a delete whose answer was lost leaves it so.
    let made = site.templates("legacy-erp").into_iter().find(|it| it.id != ids::LEGACY_ERP).unwrap();
    site.sandbox.world(|world| world.delete_template(&made.project, &made.id)).unwrap();
    site.file("erp.toml", &file);
    let writes = site.writes().len();
    site.apply();
    assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    assert_eq!(site.writes().len(), writes, "{:?}", site.writes());
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn the_old_one_stays_while_somebody_elses_is_in_the_place_of_the_new_one() {
    let (site, _flaky) = cut_off(
        &legacy("lifecycle = { allow_replace = true }").replace("netsuite", "stripe"),
        ("DELETE", Fault::Before(400)),
    );
    let made = site.templates("legacy-erp").into_iter().find(|it| it.id != ids::LEGACY_ERP).unwrap();
    site.sandbox.world(|world| {
        world.delete_template(&made.project, &made.id).unwrap();
        let body = json!({"name": "legacy-erp", "systemId": ids::SHOPIFY, "environmentId": made.environment});
        world.create_template(&made.project, &body).unwrap();
    });
    for _ in 0..3 {
        site.versync(&["apply", "--yes"]);
    }
    assert!(site.templates("legacy-erp").iter().any(|it| it.id == ids::LEGACY_ERP));
}

#[test]
fn a_second_move_leaves_nothing_of_the_first_behind() {
    let elsewhere = legacy("lifecycle = { allow_replace = true }").replace("netsuite", "stripe");
    for cut in CUTS {
        let (site, _flaky) = cut_off(&elsewhere, cut);
        site.file("erp.toml", elsewhere.replace("staging", "production"));
        for _ in 0..4 {
            site.versync(&["apply", "--yes"]);
        }
        let template = site.template("legacy-erp");
        assert_eq!(
            (template.environment.as_str(), template.system.as_str()),
            (ids::PRODUCTION, ids::STRIPE),
            "{cut:?}"
        );
        assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    }
}

#[test]
fn a_replacement_is_in_the_history_once_it_is_done() {
    let (site, _flaky) =
        cut_off(&legacy("lifecycle = { allow_replace = true }").replace("netsuite", "stripe"), CUTS[3]);
    let actions = |site: &Site| {
        let history = site.versync(&["history", "--json"]).json();
        let all = history["changes"].as_array().unwrap().clone();
        all.iter().map(|change| change["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions(&site), ["create", "adopt"]);
    site.apply();
    assert_eq!(actions(&site), ["replace", "create", "adopt"]);
}

#[test]
fn a_replacement_that_is_no_longer_allowed_is_not_begun_again() {
    let moved = legacy("lifecycle = { allow_replace = true }").replace("netsuite", "stripe");
    let (site, _flaky) = cut_off(&moved, CUTS[3]);
    let made = site.templates("legacy-erp").into_iter().find(|template| template.system == ids::STRIPE).unwrap();
    site.sandbox.world(|world| world.delete_template(&made.project, &made.id).unwrap());
    site.file("erp.toml", legacy("").replace("netsuite", "stripe"));
    for _ in 0..2 {
        let ran = site.versync(&["apply", "--yes"]);
        assert!(ran.out.contains("lifecycle.allow_replace"), "{ran:?}");
        assert_eq!(site.template("legacy-erp").id, ids::LEGACY_ERP);
    }
    site.file("erp.toml", moved);
    site.versync(&["apply", "--yes"]);
    site.versync(&["apply", "--yes"]);
    assert_eq!(site.template("legacy-erp").system, ids::STRIPE);
}

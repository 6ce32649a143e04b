//! References by name and by id, and how often the platform is asked about them.

use versync::sandbox::{World, ids};

use crate::support::{Ran, Site, problems};

const SHOP: &str =
    "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"shopify\"\n";

/// How often a list of names was asked for.
fn lists(site: &Site, of: &str) -> usize {
    let is_list = |path: &str| path.contains(&format!("/{of}?"));
    site.sandbox.requests().iter().filter(|seen| is_list(&seen.path)).count()
}

#[test]
fn two_of_one_name_are_an_error_that_lists_both_ids() {
    let world = World::from_toml(
        r#"
organisation = { id = "01J0ACME000000000000000000", name = "Acme" }
projects = [
    { id = "01J0PR0JECT0NE000000000000", name = "storefront", environments = [{ name = "production" }] },
    { id = "01J0PR0JECTTW0000000000000", name = "storefront", environments = [{ name = "production" }] },
]
systems = [{ id = "01J0SYSSH0P1FY000000000000", name = "shopify" }]
"#,
    );
    let site = Site::of(world.unwrap());
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["plan", "--json"]);
    assert_eq!(ran.code, Some(1));
    let expected = "shop.toml:2:11: 2 projects are called \"storefront\": 01J0PR0JECT0NE000000000000, \
                    01J0PR0JECTTW0000000000000: write the id in place of the name";
    assert_eq!(problems(&ran.json()), [expected]);
    site.file("shop.toml", SHOP.replace("storefront", "01J0PR0JECTTW0000000000000"));
    site.apply();
}

#[test]
fn names_are_looked_up_once_and_ids_never() {
    let site = Site::new();
    site.settings("sync.interval = \"50ms\"\nsync.debounce = \"10ms\"");
    site.file("shop.toml", SHOP);
    let daemon = site.run(&[]);
    daemon.await_said("created");
    site.await_passes(4);
    assert_eq!((lists(&site, "projects"), lists(&site, "systems")), (1, 1));
    // A name that is not known may be new on the platform, so it is looked for.
    site.file(
        "pay.toml",
        SHOP.replace("[connection_templates.shop]", "[connection_templates.pay]").replace("shopify", "strype"),
    );
    daemon.await_said("pay.toml:4:");
    assert!(lists(&site, "systems") > 1);
    assert_eq!(lists(&site, "projects"), 1);

    let by_id = Site::new();
    let text = SHOP.replace("storefront", ids::STOREFRONT).replace("production", ids::PRODUCTION);
    by_id.file("shop.toml", text.replace("shopify", ids::SHOPIFY));
    by_id.apply();
    assert_eq!((lists(&by_id, "projects"), lists(&by_id, "systems")), (0, 0));
}

#[test]
fn a_respelt_reference_is_no_change_and_needs_no_look_up_without_refresh() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    site.remove("shop.toml");
    site.file("moved.toml", SHOP.replace("storefront", ids::STOREFRONT).replace("shopify", ids::SHOPIFY));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    let ran = site.versync(&["plan", "--detailed-exitcode", "--no-refresh"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    let site = Site::new();
    for (right, wrong) in [("shopify", "shopfy"), ("storefront", "storefrnt"), ("production", "producton")] {
        site.file("shop.toml", SHOP.replace(right, wrong));
        let found = problems(&site.plan());
        assert!(matches!(found.as_slice(), [one] if one.contains(&format!("did you mean {right:?}?"))), "{found:?}");
    }
    let ran = site.versync(&["import", "--system", "shopfy", "--out", "manifests"]);
    assert!(ran.err.contains("did you mean \"shopify\"?"), "{}", ran.err);
}

#[test]
fn the_pages_of_a_list_wait_for_nothing_that_was_begun_later() {
    let mut world = "organisation = { id = \"01J0ACME000000000000000000\", name = \"Acme\" }\n\
                     projects = [{ name = \"storefront\", environments = [{ name = \"production\" }] }]\n"
        .to_owned();
    world.extend((0..30).map(|n| format!("[[systems]]\nname = \"system-{n}\"\n")));
    let site = Site::of(World::from_toml(&world).unwrap());
    let template =
        |n: usize| SHOP.replace(".shop]", &format!(".shop-{n}]")).replace("shopify", &format!("system-{}", n % 30));
    site.file("shop.toml", (0..250).map(template).collect::<String>());
    site.apply();
    let before = site.sandbox.requests().len();
    let ran = Ran::of(site.command(&["plan"]).env("VERSYNC_API__CONCURRENCY", "1").output().unwrap());
    assert!(ran.out.starts_with("In sync: 250 resources"), "{ran:?}");
    let requests = site.sandbox.requests();
    let is_page: Vec<bool> = requests[before..].iter().map(|it| it.path.contains("/connection-templates?")).collect();
    let runs = is_page.chunk_by(|a, b| a == b).filter(|run| run[0]).collect::<Vec<_>>();
    assert!(runs.len() == 1 && runs[0].len() >= 3, "{is_page:?}");
}

#[test]
fn every_reference_of_a_table_that_leads_nowhere_is_named_at_once() {
    let site = Site::new();
    let text = SHOP.replace("production", "producton").replace("shopify", "shopfy");
    site.file("a.toml", &text).file("b.toml", text.replace("storefront", "storefrnt").replace("shop]", "other]"));
    let ran = site.versync(&["plan", "--json"]);
    assert_eq!(ran.code, Some(1));
    let told = problems(&ran.json());
    let expected = [
        "a.toml:3:15: project storefront has no environment \"producton\": did you mean \"production\"?",
        "a.toml:4:10: there is no system \"shopfy\" in the organisation: did you mean \"shopify\"?",
        "b.toml:2:11: there is no project \"storefrnt\" in the organisation: did you mean \"storefront\"?",
        "b.toml:4:10: there is no system \"shopfy\" in the organisation: did you mean \"shopify\"?",
    ];
    assert_eq!(told, expected);
}

//! `versync import`: manifests for what exists.

use std::fmt::Write;

use serde_json::{Value, json};
use versync::sandbox::{Owner, World, ids};

use crate::support::{Ran, Site, actions, problems};

fn import(site: &Site, more: &[&str]) -> Ran {
    site.versync(&[&["import", "--out", "manifests"], more].concat())
}

fn text(site: &Site, name: &str) -> String {
    std::fs::read_to_string(site.manifests().join(name)).unwrap()
}

/// Nothing is wrong with what was written, and nothing is left to do.
fn assert_in_sync(site: &Site) {
    let ran = site.versync(&["validate"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = site.versync(&["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(site.writes().is_empty());
}

/// `shop` the same in both environments, `orders` not, and two of the name `twice`.
fn world() -> World {
    let mut world = World::seeded();
    let mut make = |name: &str, environment: &str, dynamic: bool| {
        let body = json!({"name": name, "systemId": ids::STRIPE, "environmentId": environment, "dynamic": dynamic});
        world.create_template(ids::STOREFRONT, &body).unwrap();
    };
    make("shop", ids::PRODUCTION, false);
    make("shop", ids::STAGING, false);
    make("orders", ids::PRODUCTION, true);
    make("orders", ids::STAGING, false);
    make("my \"own\"", ids::STAGING, false);
    make("it's \"both\"", ids::STAGING, false);
    make("twice", ids::STAGING, false);
    make("twice", ids::STAGING, false);
    world
}

#[test]
fn a_whole_project_becomes_one_tidy_file_for_each_system() {
    let site = Site::of(world());
    let ran = import(&site, &["--project", "storefront"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("several of this name"), "{}", ran.err);
    insta::assert_snapshot!(format!("{}\n---\n{}", text(&site, "netsuite.toml"), text(&site, "stripe.toml")));
    assert_in_sync(&site);
}

#[test]
fn what_was_imported_is_watched_also_where_it_is_at_its_default() {
    let site = Site::of(world());
    assert_eq!(import(&site, &["--project", "storefront"]).code, Some(0));
    site.tamper("my \"own\"", |template| template.dynamic = true);
    assert_eq!(actions(&site.plan()), [("connection_template.storefront/staging/my \"own\"", "update")]);
}

#[test]
fn one_environment_of_a_project_is_enough() {
    let site = Site::of(world());
    let ran = import(&site, &["--project", ids::STOREFRONT, "--environment", "production"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let plan = site.plan();
    assert!(actions(&plan).is_empty(), "{plan:#}");
    assert_eq!(plan["summary"]["unchanged"], 2);
}

#[test]
fn nothing_is_ever_written_over() {
    let site = Site::of(world());
    site.file("netsuite.toml", "# mine\n");
    let ran = import(&site, &["--project", "storefront"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("netsuite.toml exists already"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(site.manifests()).unwrap().count(), 1);
    site.remove("netsuite.toml");
    std::os::unix::fs::symlink("nowhere", site.path("stripe.toml")).unwrap();
    let ran = site.versync(&["import", "--project", "storefront", "--out", "."]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("stripe.toml exists already"), "also a link that leads nowhere: {}", ran.err);
    assert!(!site.path("netsuite.toml").exists());
}

#[test]
fn what_is_not_there_is_named_and_nothing_is_written() {
    let site = Site::of(world());
    for (args, message) in [
        (&["--project", "nowhere"][..], "cannot import project \"nowhere\": there is none"),
        (&["--project", "storefront", "--environment", "moon"], "has no environment \"moon\""),
        (&["--system", "nothing"], "cannot import system \"nothing\": there is none"),
        (&["--connector", ids::STAGING], "cannot import connector"),
        (&["--connector", "warehouse"], "connector \"warehouse\" is not a ULID"),
        (&[], "nothing says what to import"),
        (&["--environment", "production"], "needs a --project"),
    ] {
        let ran = import(&site, args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(message), "{message}: {}", ran.err);
        assert_eq!(std::fs::read_dir(site.manifests()).unwrap().count(), 0);
    }
}

#[test]
fn a_folder_beside_the_watched_one_can_be_moved_in() {
    let site = Site::of(world());
    let ran = site.versync(&["import", "--system", "netsuite", "--out", "imported"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("Wrote imported/netsuite.toml") && ran.out.contains("Not recorded"), "{}", ran.out);
    assert!(site.plan()["changes"].as_array().unwrap().is_empty(), "and so no orphan that is pruned");
    std::fs::rename(site.path("imported/netsuite.toml"), site.manifests().join("erp.toml")).unwrap();
    site.apply();
    assert!(site.writes().is_empty());
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_connector_that_is_no_id_is_refused_before_anything_is_asked() {
    let site = Site::new();
    let ran = import(&site, &["--system", "netsuite", "--connector", "warehouse", "--connector", "../x"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("\"warehouse\" is not a ULID") && ran.err.contains("\"../x\""), "{}", ran.err);
    assert!(site.sandbox.requests().is_empty());
}

/// A world in which `shopify` has one sound config and several that no manifest may declare.
fn odd_world() -> World {
    let mut world = World::seeded();
    let shopify = Owner::System(ids::SHOPIFY.to_owned());
    let mut make = |id: &str, patch: Value| {
        let grant = json!({"type": "password", "password": {"clientId": "me"}});
        let oauth2 = json!({
            "id": id, "description": "d", "tokenUrl": "https://a.example/token", "grant": grant,
            "scopes": [{"name": "a"}, {"name": "b"}], "defaultScopes": ["a"],
        });
        world.put_config(&shopify, id, &json!({"type": "oauth2", "oauth2": oauth2})).unwrap();
        assert!(world.edit_config(&shopify, id, &patch));
    };
    make("sound", json!({}));
    make("unencrypted", json!({"tokenUrl": "http://a.example/token"}));
    make("no-address", json!({"authorizeUrl": "nowhere"}));
    make("scope-twice", json!({"scopes": [{"name": "a"}, {"name": "a", "description": "A"}]}));
    make("default-unknown", json!({"defaultScopes": ["c"]}));
    let hmac = json!({
        "id": "input-twice", "description": "d", "name": "sig", "in": "header", "algorithm": "sha256",
        "digestInputs": ["url"], "encoding": "hex",
    });
    world.put_config(&shopify, "input-twice", &json!({"type": "hmac", "hmac": hmac})).unwrap();
    assert!(world.edit_config(&shopify, "input-twice", &json!({"digestInputs": ["url", "url"]})));
    for (name, listed) in [("shop", ["sound", "unencrypted"]), ("listed-twice", ["sound", "sound"])] {
        let body = json!({"name": name, "systemId": ids::SHOPIFY, "environmentId": ids::STAGING});
        world.create_template(ids::STOREFRONT, &body).unwrap();
        let template = world.templates().pop().unwrap();
        assert!(world.edit_template(&template.id, |it| it.auth_scheme_configs = listed.map(str::to_owned).to_vec()));
    }
    world
}

#[test]
fn what_no_manifest_may_declare_is_left_out_and_said() {
    let site = Site::of(odd_world());
    let ran = import(&site, &["--project", "storefront", "--system", "shopify"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (what, why) in [
        ("\"unencrypted\"", "would send tokens unencrypted"),
        ("\"no-address\"", "is not a URL"),
        ("\"scope-twice\"", "\"a\" is listed twice"),
        ("\"default-unknown\"", "the default scope \"c\" is not among the scopes"),
        ("\"input-twice\"", "\"url\" is listed twice"),
        ("\"listed-twice\"", "\"sound\" is listed twice"),
    ] {
        let said =
            ran.err.lines().any(|line| line.starts_with("left out: ") && line.contains(what) && line.contains(why));
        assert!(said, "{what} {why}: {}", ran.err);
    }
    assert_eq!(ran.err.lines().count(), 6, "{}", ran.err);
    let text = text(&site, "shopify.toml");
    assert!(
        text.contains("auth_scheme_configs = [\"sound\", \"unencrypted\"]"),
        "it is live, so it can be listed: {text}"
    );
    assert_in_sync(&site);
}

#[test]
fn where_all_of_a_system_is_left_out_there_is_no_file() {
    let mut world = odd_world();
    let shopify = Owner::System(ids::SHOPIFY.to_owned());
    world.delete_config(&shopify, "sound").unwrap();
    let site = Site::of(world);
    let ran = import(&site, &["--system", "shopify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Nothing to import.\n"), "{ran:?}");
    assert_eq!(std::fs::read_dir(site.manifests()).unwrap().count(), 0);
}

#[test]
fn what_has_no_usable_name_goes_by_its_id() {
    let names = ["", "---", "日本語", "a\u{200b}b", ids::STAGING, &"a".repeat(300)];
    let mut text = format!("organisation = {{ id = \"{}\", name = \"Acme\" }}\n", ids::ORGANISATION);
    text +=
        "[[projects]]\nname = \"storefront\"\nenvironments = [{ name = \"\", id = \"01J0ENVSTAG1NG000000000000\" }]\n";
    let id = |index: usize| format!("01J0SYSTEM000000000000000{index}");
    for (index, name) in names.iter().enumerate() {
        let _ = write!(text, "[[systems]]\nid = \"{}\"\nname = \"{name}\"\n", id(index));
        text += "auth_scheme_configs = [{ type = \"basic-auth\", basicAuth = { id = \"key\", description = \"\" } }]\n";
    }
    text += "[[connection_templates]]\nname = \"shop\"\nproject = \"storefront\"\n";
    let _ = write!(text, "environment = \"{}\"\nsystem = \"{}\"\n", ids::STAGING, id(0));
    let site = Site::of(World::from_toml(&text).unwrap());
    let systems: Vec<String> = (0..names.len()).map(id).collect();
    let mut args = vec!["--project", "storefront"];
    args.extend(systems.iter().flat_map(|id| ["--system", id]));
    let ran = import(&site, &args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (index, name) in names.iter().enumerate() {
        let text = self::text(&site, &format!("{}.toml", id(index)));
        let written = match index {
            1 | 2 | 5 => (*name).to_owned(),
            _ => id(index),
        };
        assert!(text.contains(&format!("system = \"{written}\"\n")), "{text}");
    }
    assert!(self::text(&site, &format!("{}.toml", id(0))).contains(&format!("environment = \"{}\"", ids::STAGING)));
    assert_in_sync(&site);
}

#[test]
fn what_a_manifest_declares_already_is_not_written_a_second_time() {
    let site = Site::of(world());
    // By other spellings, by the name that it is to have, and in a file with a mistake.
    let mine = format!(
        "[connection_templates.shop]\nproject = \"{}\"\nenvironment = \"production\"\nsystem = \"stripe\"\n\
         [connection_templates.purchases]\nproject = \"storefront\"\nenvironment = \"{}\"\nsystem = \"stripe\"\n\
         lifecycle = {{ renamed_from = \"orders\" }}\n",
        ids::STOREFRONT,
        ids::STAGING,
    );
    let broken = "[auth_scheme_configs.netsuite-legacy]\nsystem = \"netsuite\"\ntype = \"basic-auth\"\n\
                  description = \"mine\"\nmistake = true\n";
    site.file("mine.toml", mine).file("broken.toml", broken);
    let ran = import(&site, &["--project", "storefront", "--system", "netsuite"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("left out: 3 resources that manifests declare already\n"), "{}", ran.err);
    let stripe = text(&site, "stripe.toml");
    assert!(stripe.contains("[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"staging\"\n"));
    assert!(
        !stripe.contains("environment = \"staging\"\ndynamic = true") && stripe.matches("orders").count() == 1,
        "{stripe}"
    );
    assert!(!text(&site, "netsuite.toml").contains("auth_scheme_configs.netsuite-legacy"));
    assert!(!problems(&site.plan()).iter().any(|problem| problem.contains("declared twice")));
}

#[test]
fn a_broken_file_beside_it_does_not_fail_an_import() {
    let site = Site::of(world());
    site.file("broken.toml", "nonsense");
    let ran = import(&site, &["--system", "netsuite"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.ends_with("Recorded 1 resource; nothing was changed on the platform.\n"), "{}", ran.out);
    assert!(ran.err.contains("not valid TOML") && ran.err.contains("broken.toml"), "{}", ran.err);
    site.remove("broken.toml");
    assert_in_sync(&site);
}

#[test]
fn one_name_on_two_systems_is_not_told_apart() {
    let site = Site::new();
    let body = json!({"name": "legacy-erp", "systemId": ids::STRIPE, "environmentId": ids::STAGING});
    site.sandbox.world(|world| world.create_template(ids::STOREFRONT, &body).unwrap());
    let ran = site.versync(&["import", "--project", "storefront", "--out", "manifests"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.err.matches("connection template \"legacy-erp\"").count(), 2, "{}", ran.err);
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
}

#[test]
fn a_hidden_folder_is_refused_before_anything_is_written() {
    let site = Site::of(world());
    let ran = site.versync(&["import", "--system", "netsuite", "--out", "manifests/.drafts/erp"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("manifests/.drafts/erp is hidden"), "{}", ran.err);
    assert!(!site.path("manifests/.drafts").exists());
}

#[test]
fn what_no_file_declares_any_more_is_imported_again() {
    let site = Site::of(world());
    assert_eq!(import(&site, &["--system", "netsuite"]).code, Some(0));
    site.remove("netsuite.toml");
    let ran = import(&site, &["--system", "netsuite"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("netsuite.toml") && ran.out.contains("Recorded"), "{}", ran.out);
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(0));
    let text = std::fs::read_to_string(site.manifests().join("netsuite.toml")).unwrap();
    site.file("netsuite.toml", text + "[");
    let ran = import(&site, &["--system", "netsuite"]);
    assert!(ran.out.contains("Nothing to import") && ran.err.contains("in error now"), "{ran:?}");
}

//! The plan: what it shows, and that it changes nothing.

use serde_json::json;

use clap::CommandFactory;

use crate::support::{Site, actions, change, problems};

const SHOP: &str = r#"
[defaults]
project = "storefront"
system = "shopify"

[connection_templates.shop]
environments = ["production", "staging"]
dynamic = true
auth_scheme_configs = ["key"]

[auth_scheme_configs.key]
description = "The shop's key"
type = "api-key"
name = "X-Key"
in = "header"
"#;

#[test]
fn a_new_world_is_shown_field_by_field_and_nothing_is_written() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["plan"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ran.out);
    assert_eq!(site.versync(&["plan", "-q"]).out, ran.out, "a result is no message");
    assert!(site.writes().is_empty());
    assert!(!site.path(".versync").exists(), "a dry run leaves nothing behind");
}

#[test]
fn the_json_has_the_documented_shape() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.file("broken.toml", "x = [");
    let ran = site.versync(&["plan", "--json"]);
    assert_eq!(ran.code, Some(1), "a file is in error");
    let hash = ran.json()["hash"].take();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    // As it is printed, since the order of the members is documented too.
    insta::assert_snapshot!(ran.out.replacen(&hash.to_string(), "null", 1).trim_end());
    assert_eq!(site.plan()["hash"], hash, "the same plan has the same hash");
}

#[test]
fn the_exit_code_tells_whether_changes_are_pending_only_when_asked() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    assert_eq!(site.versync(&["plan"]).code, Some(0));
    assert_eq!(site.versync(&["plan", "--detailed-exitcode"]).code, Some(2));
    site.apply();
    let ran = site.versync(&["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.out, "In sync: 3 resources as declared; 1 unmanaged.\n");
}

#[test]
fn what_is_unmanaged_is_named_where_more_is_asked_for() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let owner = versync::sandbox::Owner::System(versync::sandbox::ids::SHOPIFY.into());
    let config = json!({"type": "none", "none": {"id": "by-hand", "description": ""}});
    site.sandbox.world(|world| world.put_config(&owner, "by-hand", &config).unwrap());
    let plan = |args: &[&str]| site.versync(&[&["plan"], args].concat());
    let (short, long) = (plan(&[]), plan(&["-v"]));
    assert!(!short.out.contains("Unmanaged") && short.out.contains("2 unmanaged"), "{}", short.out);
    let listed = "Unmanaged: these are live, and no file declares them\n    \
                  auth_scheme_config.system/shopify/by-hand\n    \
                  connection_template.storefront/staging/legacy-erp\n\n";
    assert_eq!(long.out.replace(listed, ""), short.out);
    for address in ["auth_scheme_config.system/shopify/by-hand", "connection_template.storefront/staging/legacy-erp"] {
        let explained = site.versync(&["explain", "--json", address]).json();
        assert_eq!(explained["standing"], "unmanaged", "{explained:#}");
    }
    assert_eq!(plan(&["--json", "-v"]).out, plan(&["--json"]).out);
    // By their ids where the files write them so.
    let (project, environment) = (versync::sandbox::ids::STOREFRONT, versync::sandbox::ids::STAGING);
    site.file("shop.toml", SHOP.replace("storefront", project).replace("staging", environment));
    let written = format!("connection_template.{project}/staging/legacy-erp\n");
    assert!(plan(&["-v"]).out.contains(&written), "{}", plan(&["-v"]).out);
}

#[test]
fn the_output_ends_quietly_when_nobody_reads_it() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let mut child = site.command(&["plan"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_wrong_flag_is_an_error_and_not_a_pending_change() {
    let site = Site::new();
    assert_eq!(site.versync(&["plan", "--detailed-exitcode", "--bogus"]).code, Some(1));
    assert_eq!(site.versync(&["--help"]).code, Some(0));
}

#[test]
fn targets_are_addresses_with_stars_or_files() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.file(
        "more/pay.toml",
        "[auth_scheme_configs.open]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n",
    );
    let planned = |target: &str| {
        let plan = site.versync(&["plan", "--json", target]).json();
        actions(&plan).iter().map(|(address, _)| (*address).to_owned()).collect::<Vec<_>>()
    };
    let stripe = ["auth_scheme_config.system/stripe/open"];
    assert_eq!(planned("auth_scheme_config.system/stripe/open"), stripe);
    assert_eq!(planned("*/stripe/*"), stripe);
    assert_eq!(planned("more/pay.toml"), stripe);
    assert_eq!(planned("manifests/more/pay.toml"), stripe, "also by its path from here");
    assert_eq!(planned("connection_template.*").len(), 2);
    let ran = site.versync(&["plan", "--json", "shopify"]);
    assert_eq!(ran.code, Some(1));
    assert!(problems(&ran.json())[0].contains("names no resource and no file"));
    assert_eq!(planned("manifests").len(), 4, "the folder is everything in it");
    assert_eq!(planned("manifests/more"), stripe);
}

#[test]
fn a_file_that_is_removed_broken_or_empty_is_a_target_all_the_same() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.file("pay.toml", "[auth_scheme_configs.open]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    site.apply();
    site.file("bad.toml", "[");
    let plan = site.versync(&["plan", "--json", "manifests/bad.toml"]).json();
    assert!(problems(&plan).iter().all(|problem| problem.starts_with("bad.toml:1:")), "{plan:#}");
    site.file("bad.toml", "");
    assert_eq!(site.versync(&["plan", "manifests/bad.toml"]).code, Some(0));
    site.remove("pay.toml");
    let plan = site.versync(&["plan", "--json", "manifests/pay.toml"]).json();
    assert_eq!(actions(&plan), [("auth_scheme_config.system/stripe/open", "none")]);
}

#[test]
fn a_file_whose_folder_is_removed_is_a_target_all_the_same() {
    let site = Site::new();
    let text = |name: &str| {
        format!(
            "[connection_templates.{name}]\nproject = \"storefront\"\nenvironment = \"staging\"\nsystem = \"stripe\"\n"
        )
    };
    site.file("deep/down/one.toml", text("one")).file("two.toml", text("two"));
    site.apply();
    std::fs::remove_dir_all(site.manifests().join("deep")).unwrap();
    for target in ["manifests/deep/down/one.toml", "manifests/../manifests/deep/down/one.toml"] {
        let plan = site.versync(&["plan", "--json", target]).json();
        assert_eq!(actions(&plan), [("connection_template.storefront/staging/one", "none")], "{target}");
    }
}

#[test]
fn a_target_that_means_nothing_keeps_the_others_from_being_applied() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let ran = site.versync(&["apply", "--yes", "connection_template.*", "manifests/shpo.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("the target \"shpo.toml\" names no resource and no file"), "{}", ran.err);
    assert!(ran.err.contains("did you mean \"shop.toml\"?"), "{}", ran.err);
    let ran = site.versync(&["plan", "production/shop"]);
    assert!(ran.out.contains("did you mean \"*/production/shop\"?"), "{ran:?}");
    assert!(site.writes().is_empty());
    assert!(!site.versync(&["status"]).out.contains("apply"));
}

#[test]
fn without_refresh_the_recorded_state_stands_in_for_the_platform() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    site.tamper("legacy-erp", |template| template.name = "shop".to_owned());
    let asked = site.sandbox.requests().len();
    let plan = |args: &[&str]| site.versync(&[&["plan", "--json", "--no-refresh"], args].concat()).json();
    assert_eq!(plan(&[])["summary"]["unchanged"], 3);
    site.file("shop.toml", SHOP.replace("dynamic = true", "dynamic = false"));
    let plan = plan(&[]);
    assert_eq!(change(&plan, "connection_template.storefront/staging/shop")["action"], "update");
    assert_eq!(site.sandbox.requests().len(), asked, "nothing was asked");
}

#[test]
fn without_refresh_nobody_needs_a_token() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.apply();
    let missing = "token = { file = \"none\" }\nca_certificate = \"none.pem\"";
    for who in
        [missing, "signing_key = { id = \"01J0KEY0000000000000000000\", subject = \"x\", key = { env = \"NO\" } }", ""]
    {
        site.settings_as(&site.sandbox.base_url(), "", who);
        let plan = site.versync(&["plan", "--no-refresh", "--detailed-exitcode"]);
        assert_eq!((plan.code, plan.err.as_str()), (Some(0), ""), "{plan:?}");
        let explained = site.versync(&["explain", "--no-refresh", "key"]);
        assert_eq!((explained.code, explained.err.as_str()), (Some(0), ""), "{explained:?}");
        for args in [&["plan"][..], &["explain", "key"]] {
            let ran = site.versync(args);
            assert!(
                ran.code == Some(1) && (ran.err.contains("cannot be read") || ran.err.contains("api.token")),
                "{ran:?}"
            );
        }
    }
}

#[test]
fn unknown_names_are_reported_where_they_are_written_and_the_rest_is_planned() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    site.file(
        "wrong.toml",
        r#"
[connection_templates.a]
project = "storefornt"
environment = "production"
system = "shopify"

[connection_templates.b]
project = "storefront"
environment = "produktion"
system = "shopify"

[connection_templates.c]
project = "storefront"
environment = "staging"
system = "shoppify"

[connection_templates.d]
project = "storefront"
environment = "staging"
system = "01J0SYSTEM0000000000000000"

[connection_templates.e]
project = "storefront"
environment = "staging"
system = "shopify"
auth_scheme_configs = ["kye"]

[auth_scheme_configs.f]
connector = "01J0C0NNECT0R0000000000000"
description = ""
type = "none"
"#,
    );
    let ran = site.versync(&["plan", "--json"]);
    assert_eq!(ran.code, Some(1));
    let plan = ran.json();
    assert_eq!(plan["summary"]["create"], 3);
    insta::assert_snapshot!(problems(&plan).join("\n"));
}

#[test]
fn long_text_is_shown_as_a_diff_of_its_lines() {
    let site = Site::new();
    let config = |text: &str| {
        format!(
            "[auth_scheme_configs.open]\nsystem = \"stripe\"\ndescription = \"\"\"\n{text}\"\"\"\ntype = \"none\"\n"
        )
    };
    site.file("pay.toml", config("The first line.\nThe second line.\nThe third line.\n"));
    site.apply();
    site.file("pay.toml", config("The first line.\nThe 2nd line.\nThe third line.\n"));
    insta::assert_snapshot!(site.versync(&["plan"]).out);
}

#[test]
fn a_repeated_environment_hides_neither_an_unknown_one_nor_the_rest() {
    let site = Site::new();
    let table = |name: &str, list: &str| {
        format!(
            "[connection_templates.{name}]\nproject = \"storefront\"\nsystem = \"shopify\"\nenvironments = {list}\n"
        )
    };
    let list = r#"["production", "production", "staging", "nowhere"]"#;
    site.file("a.toml", table("a", list) + &table("b", r#"["production"]"#));
    let plan = site.plan();
    let said = problems(&plan);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with(r#"a.toml:4:31: "production" is listed twice"#), "{said:?}");
    assert!(said[1].starts_with(r#"a.toml:4:56: project storefront has no environment "nowhere""#), "{said:?}");
    let made: Vec<_> = actions(&plan).into_iter().map(|(address, _)| address).collect();
    assert_eq!(
        made,
        ["connection_template.storefront/production/b", "connection_template.storefront/staging/a"],
        "of what is listed twice neither is taken"
    );
    let production = versync::sandbox::ids::PRODUCTION;
    site.file("a.toml", table("a", &format!(r#"["production", "{production}"]"#)));
    let said = problems(&site.plan()).remove(0);
    assert!(said.contains(&format!(r#""production" and "{production}" are one environment"#)), "{said}");
    site.file("a.toml", table("a", list) + "oops = 1\n");
    assert_eq!(problems(&site.plan()).len(), 2, "the same where nothing of the file is taken");
}

#[test]
fn what_comes_from_files_and_answers_cannot_drive_the_terminal() {
    let site = Site::new();
    site.file(
        "pay.toml",
        "[auth_scheme_configs.open]\nsystem = \"stripe\"\ndescription = \"a\\u001b[31mb\\u202ec\"\ntype = \"none\"\n",
    );
    let ran = site.versync(&["plan"]);
    assert!(ran.out.contains(r"a\u{1b}[31mb\u{202e}c") || ran.out.contains("a\\u001b[31mb"), "{}", ran.out);
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn colours_are_given_only_when_asked_for() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    assert!(!site.versync(&["plan"]).out.contains('\u{1b}'));
    assert!(site.versync(&["plan", "--color", "always"]).out.contains("\u{1b}["));
    let never = site.command(&["plan", "--color", "always"]).env("NO_COLOR", "1").output().unwrap();
    assert!(never.status.success());
}

#[test]
fn the_revision_is_read_from_the_repository_around_the_folder() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    assert_eq!(site.plan()["revision"], json!(null));
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let git = site.path(".git");
    std::fs::create_dir_all(git.join("refs/heads")).unwrap();
    std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(git.join("refs/heads/main"), format!("{commit}\n")).unwrap();
    assert_eq!(site.plan()["revision"], commit);
    std::fs::remove_file(git.join("refs/heads/main")).unwrap();
    std::fs::write(git.join("packed-refs"), format!("# pack-refs\n{commit} refs/heads/main\n")).unwrap();
    assert_eq!(site.plan()["revision"], commit);
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let site = Site::new();
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let ran = site.versync(args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for command in
            ["run", "plan", "apply", "validate", "import", "status", "explain", "history", "approve", "sandbox"]
        {
            assert!(ran.out.contains(command), "{args:?} does not know {command}");
        }
    }
    assert_eq!(site.versync(&["completions", "tcl"]).code, Some(1));
    assert_eq!(site.versync(&["man", "--out", "pages/man1"]).code, Some(0));
    let pages = std::fs::read_dir(site.path("pages/man1")).unwrap();
    let mut names: Vec<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let commands = versync::args::Args::command().get_subcommands().count();
    assert_eq!(
        (names.len(), &*names[0], &*names[1]),
        (commands + 1, "versync-apply.1", "versync-approve.1"),
        "{names:?}"
    );
    let plan = std::fs::read_to_string(site.path("pages/man1/versync-plan.1")).unwrap();
    assert!(plan.contains("detailed") && site.versync(&["man"]).out.contains(&plan), "{plan}");
}

/// What is wrong with `authorize_url` and the like is none of this test's: the platform is the sandbox.
fn oauth(scopes: &[&str], token_url: &str, description: &str) -> String {
    let list = scopes.iter().map(|scope| format!("{scope:?}")).collect::<Vec<_>>().join(", ");
    format!(
        "[auth_scheme_configs.login]\nsystem = \"stripe\"\ndescription = \"\"\"\n{description}\"\"\"\ntype = \"oauth2\"\n\
         authorize_url = \"https://pay.example/authorize\"\ntoken_url = \"{token_url}\"\nscopes = [{list}]\n\
         default_scopes = [\"read\"]\ngrant = {{ type = \"client-credentials\" }}\n"
    )
}

const SCOPES: [&str; 9] = [
    "orders.read",
    "orders.write",
    "payouts.read",
    "read",
    "refunds.read",
    "refunds.write",
    "users.read",
    "users.write",
    "zones.read",
];

fn edited() -> Site {
    let site = Site::new();
    let text = "One.\nTwo.\nThree.\nFour.\nThe fifth line is this.\nSix.\n";
    site.file("login.toml", oauth(&SCOPES, "https://pay.example/oauth/v1/token?audience=everybody&x=1", text));
    site.apply();
    let scopes: Vec<_> =
        SCOPES.iter().filter(|scope| **scope != "users.read").copied().chain(["zones.write"]).collect();
    let text = text.replace("this", "that");
    site.file("login.toml", oauth(&scopes, "https://pay.example/oauth/v2/token?audience=everybody&x=1", &text));
    site
}

#[test]
fn lists_and_long_texts_are_shown_as_diffs() {
    let site = edited();
    insta::assert_snapshot!(site.versync(&["plan"]).out);
    let owner = versync::sandbox::Owner::System(versync::sandbox::ids::STRIPE.into());
    let stray = json!({"description": "short", "defaultScopes": ["write"]});
    assert!(site.sandbox.world(|world| world.edit_config(&owner, "login", &stray)));
    insta::assert_snapshot!(site.versync(&["plan", "--color", "always"]).out.replace('\u{1b}', "^"));
}

#[test]
fn every_kind_of_change_has_its_sentence() {
    let site = Site::new();
    let template = |name: &str, more: &str| {
        format!("[connection_templates.{name}]\nproject = \"storefront\"\nenvironment = \"staging\"\n{more}\n")
    };
    let (shopify, stripe) = ("system = \"shopify\"", "system = \"stripe\"");
    let names = ["deleted", "drifted", "gone", "moved", "odd", "reported", "stuck"];
    for name in names {
        let lifecycle = match name {
            "reported" => "\ndynamic = true\nlifecycle = { on_drift = \"report\" }",
            "drifted" => "\ndynamic = true",
            _ => "",
        };
        site.file(&format!("{name}.toml"), template(name, &format!("{shopify}{lifecycle}")));
    }
    site.apply();
    for name in ["drifted", "reported"] {
        site.tamper(name, |template| template.dynamic = false);
    }
    let id = site.template("deleted").id;
    site.sandbox.world(|world| world.delete_template(versync::sandbox::ids::STOREFRONT, &id)).unwrap();
    site.remove("gone.toml");
    site.file("moved.toml", template("moved", &format!("{stripe}\nlifecycle = {{ allow_replace = true }}")));
    site.file("stuck.toml", template("stuck", stripe));
    site.file("odd.toml", template("odd", &format!("{shopify}\ndynamic = true")));
    site.file("new.toml", template("new", shopify));
    site.file("foreign.toml", template("legacy-erp", shopify));
    let (stripe_id, staging) = (versync::sandbox::ids::STRIPE, versync::sandbox::ids::STAGING);
    let body = json!({"name": "twin", "systemId": stripe_id, "environmentId": staging});
    site.sandbox.world(|world| world.create_template(versync::sandbox::ids::STOREFRONT, &body)).unwrap();
    site.file("twin.toml", template("twin", stripe));
    // Their ids are new each time.
    let by_name = |text: String, name: &str| text.replace(&site.template(name).id, &format!("ID OF {name}"));
    insta::assert_snapshot!(["moved", "stuck"].into_iter().fold(site.versync(&["plan"]).out, by_name));
    site.settings("sync.prune = true");
    let pruned = site.versync(&["plan", "*/gone"]).out;
    insta::assert_snapshot!(pruned);
    site.file("broken.toml", "x = [");
    let out = site.versync(&["plan"]).out;
    let (problems, summary) = (out.find("is not closed").unwrap(), out.find("\nPlan: ").unwrap());
    let last = out.rfind("connection_template.").unwrap();
    assert!(last < problems && problems < summary, "problems last, then one line that sums up: {out}");
}

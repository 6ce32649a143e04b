//! The status page as a person sees it, in a real browser: every state, as it happens, without a reload.

use std::fs;

use versync::sandbox::{Sandbox, World};

use crate::support::{Browser, Page, Site, TOKEN_VARIABLE, eventually};

const SETTINGS: &str = "http.listen = \"127.0.0.1:0\"\nsync.interval = \"300ms\"\nsync.debounce = \"20ms\"\n\
                        sync.prune = true\nsync.delete_grace = \"0s\"\nsync.delete_limit.count = 1";

const SECRET: &str = "hunter2-is-secret";

/// The commit that the folder is at.
const REVISION: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

/// A shop with five payment methods in two environments, and a sign-in with a secret.
fn site() -> Site {
    let site = Site::new();
    site.settings(SETTINGS);
    site.secret("manifests/secret", SECRET);
    fs::create_dir(site.path(".git")).unwrap();
    fs::write(site.path(".git/HEAD"), REVISION).unwrap();
    site.file(
        "shop.toml",
        "[defaults]\nproject = \"storefront\"\nsystem = \"shopify\"\n\n[connection_templates.shop]\n\
         environments = [\"production\", \"staging\"]\ndynamic = true\nauth_scheme_configs = [\"shop-login\"]\n\n\
         [connection_templates.returns]\nenvironment = \"production\"\ndynamic = true\n\
         lifecycle = { on_drift = \"report\" }\n\n\
         [auth_scheme_configs.shop-login]\ndescription = \"Sign-in of the shop's app\"\ntype = \"oauth2\"\n\
         token_url = \"https://shop.example/token\"\nauthorize_url = \"https://shop.example/authorize\"\n\
         scopes = [\"read_orders\", \"write_orders\"]\ndefault_scopes = [\"read_orders\"]\n\
         grant = { type = \"authorization-code\", client_id = \"shop\", client_secret = { file = \"secret\" } }\n",
    );
    (1..=5).for_each(|n| pay(&site, n));
    site
}

fn pay(site: &Site, n: usize) {
    let text = format!(
        "[connection_templates.pay-{n}]\nproject = \"storefront\"\nenvironments = [\"production\", \"staging\"]\n\
         system = \"stripe\"\n\n\
         [auth_scheme_configs.pay-key-{n}]\nsystem = \"stripe\"\ndescription = \"Key {n}\"\ntype = \"api-key\"\n\
         name = \"X-Key\"\nin = \"header\"\n"
    );
    site.file(&format!("pay-{n}.toml"), text);
}

#[test]
fn a_person_sees_how_things_are_as_it_happens() {
    let Some(browser) = Browser::start() else { return };
    let mut site = site();
    let (address, world) = (site.sandbox.address(), World::seeded());
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    browser.open(&page.url());
    browser.run("window.isTheSame = true");

    // In sync.
    let text = browser.await_text("In sync: 19 resources");
    for expected in [
        "19 of 19",
        "Enforcing",
        "1a2b3c4",
        "storefront / production",
        "pay-3.toml:1",
        "pay-key-3",
        "19 resources created",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(!text.contains("Needs attention"), "{text}");
    assert_eq!(browser.run("return document.title"), "In sync: 19 resources · versync");
    browser.picture("status-in-sync");

    // Drift that is put right is history; drift that is only reported needs attention.
    site.tamper("returns", |template| template.dynamic = false);
    let text = browser.await_text("1 drifted");
    for expected in [
        "Needs attention",
        "returns",
        "shop.toml:10",
        "changed on the platform",
        "live",
        "declared",
        "Take the change over",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    site.sandbox.world(|world| {
        let shop = world.templates().into_iter().find(|it| it.name == "shop").unwrap().id;
        assert!(world.edit_template(&shop, |template| template.dynamic = false));
    });
    let text = browser.await_text("put right after a change on the platform");
    assert!(text.contains("1 drifted"), "{text}");
    browser.click("#events details summary");
    browser.await_text("before");

    // Deletes that are held, with what lets them through.
    site.remove("pay-5.toml");
    let text = browser.await_text("1 drifted, 3 held");
    let hash = page.status()["last_completed_pass"]["hash"].as_str().unwrap().to_owned();
    for expected in
        ["3 deletes of 19 resources are more than", "pay-key-5", "would be deleted", &format!("versync approve {hash}")]
    {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    browser.look(1280, 800, true);
    browser.picture("status-attention");

    // A broken file, with its place.
    site.file("new.toml", "[auth_scheme_configs.new]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"api-kye\"\n");
    let text = browser.await_text("1 drifted, 3 held, 1 broken file");
    assert!(text.contains("new.toml:4:8") && text.contains("did you mean \"api-key\"?"), "{text}");
    assert!(text.contains("Deletes wait while a file or an answer is in error"), "{text}");
    browser.look(360, 740, false);
    browser.picture("status-phone");
    assert!(browser.run("return document.documentElement.scrollWidth").as_u64() <= Some(360), "it fits on a phone");
    browser.look(1280, 800, false);

    // Everything so far without a complaint, and without a secret.
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let source = browser.run("return document.documentElement.outerHTML");
    assert!(!source.as_str().unwrap().contains(SECRET));

    // The platform is gone, and comes back.
    site.sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let text = browser.await_text("The platform cannot be reached");
    for expected in ["last good pass", "Since ", "new.toml:4:8", " cannot be reached", "15 of 19"] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    site.sandbox = Sandbox::start(address, world).unwrap();
    let text = browser.await_text("1 broken file");
    assert!(!text.contains("cannot be reached"), "{text}");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // The daemon is gone, and comes back at the same place.
    drop(daemon);
    browser.await_text("No connection to versync since ");
    assert_eq!(browser.run("return document.title"), "No connection · versync");
    site.settings(&SETTINGS.replace("127.0.0.1:0", &page.address.to_string()));
    let _daemon = site.run(&[]);
    eventually("the connection", || !browser.text().contains("No connection to versync"));
    browser.await_text("1 broken file");
    assert_eq!(browser.run("return window.isTheSame"), true, "the page was never loaded again");
}

#[test]
fn many_resources_stay_usable() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new();
    site.settings(SETTINGS);
    let config = |n: usize| {
        format!("[auth_scheme_configs.key-{n:04}]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n")
    };
    site.file("keys.toml", (0..1500).map(config).collect::<String>());
    let daemon = site.run(&[]);
    browser.open(&Page::of(&daemon).url());
    let text = browser.await_text("In sync: 1,500 resources");
    assert!(!text.contains("key-0000"), "groups are closed where there are many");
    let elements = || browser.run("return document.querySelectorAll('*').length").as_u64().unwrap();
    assert!(elements() < 300, "{}", elements());
    browser.click(".group summary");
    browser.await_text("key-0000");
    assert!(elements() < 1500, "only the first rows are made: {}", elements());
    browser.click(".group button.more");
    browser.await_text("key-0199");
    // What is looked for is shown wherever it is.
    browser.run("const search = document.getElementById('search'); search.value = 'key-149'; search.dispatchEvent(new Event('input'))");
    let text = browser.await_text("10 of 1,500 resources");
    assert!(text.contains("key-1490") && text.contains("key-1499") && !text.contains("key-0000"), "{text}");
    // A pass that finds nothing new leaves the page as it is.
    browser.run(
        "window.changes = 0; new MutationObserver((list) => { window.changes += list.length; }).observe(\
         document.querySelector('main'), { subtree: true, childList: true, characterData: true, attributes: true })",
    );
    let checked = browser.run("return document.getElementById('checked').textContent");
    eventually("another pass", || browser.run("return document.getElementById('checked').textContent") != checked);
    assert_eq!(browser.run("return window.changes"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn names_are_text_and_never_markup() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new();
    site.settings(SETTINGS);
    let evil = "<img src=x onerror=window.evil=true>";
    site.file(
        "shop.toml",
        format!(
            "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
             system = \"shopify\"\nname = \"{evil}\"\n[auth_scheme_configs.pay]\nsystem = \"stripe\"\n\
             description = \"{evil}\"\ntype = \"none\"\n"
        ),
    );
    let daemon = site.run(&[]);
    browser.open(&Page::of(&daemon).url());
    browser.await_text("In sync: 2 resources");
    browser.await_text(evil);
    browser.run("document.querySelectorAll('#events summary').forEach((summary) => summary.click())");
    assert_eq!(browser.run("return document.querySelectorAll('img').length"), 0);
    assert_eq!(browser.run("return window.evil ?? null"), serde_json::Value::Null);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_scripts_it_says_where_to_look() {
    let site = site();
    let daemon = site.run(&[]);
    let html = Page::of(&daemon).get("/").body;
    let (_, rest) = html.split_once("<noscript>").unwrap();
    let (noscript, _) = rest.split_once("</noscript>").unwrap();
    assert!(noscript.contains("needs JavaScript") && noscript.contains("<a href=\"status\">"), "{noscript}");
    assert!(!html.contains(TOKEN_VARIABLE) && !html.contains("http://") && !html.contains("https://"), "{html}");
}

#[test]
fn a_dry_run_beside_the_daemon_goes_without_the_page() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    site.settings(&format!("http.listen = \"{}\"", taken.local_addr().unwrap()));
    pay(&site, 1);
    let daemon = site.run(&["--dry-run"]);
    daemon.await_said("no status page is served: http.listen: cannot listen on");
    eventually("a pass", || site.passes() > 0);
    assert_eq!(site.versync(&["run"]).code, Some(1));
}

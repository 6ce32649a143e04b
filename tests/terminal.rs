//! What only a terminal shows: progress while something takes long, and lines that are folded.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use versync::sandbox::ids;

use crate::support::{Fault, Flaky, Pty, Site};

const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// Longer than whoever waits is left in the dark.
const LONG: Duration = Duration::from_millis(700);

#[test]
fn what_takes_long_is_shown_while_it_lasts_and_nothing_of_it_stays() {
    let site = Site::new();
    site.file("shop.toml", SHOP).file("pay.toml", PAY);
    // Nothing is answered before it is seen that it is waited for.
    let (seen, is_seen) = mpsc::channel::<()>();
    let is_seen = Arc::new(Mutex::new(is_seen));
    let flaky = Flaky::before(site.sandbox.address(), move |method, path, _| {
        if path.ends_with("/projects") || method == "PUT" {
            let _ = is_seen.lock().unwrap().recv_timeout(Duration::from_secs(30));
        }
        (method == "PUT").then_some(Fault::Refused("description", "is too short"))
    });
    site.settings_for(&flaky.base_url, "");
    let pty = Pty::start(site.command(&["apply", "--yes"]), 100);
    pty.await_text("reading");
    seen.send(()).unwrap();
    pty.await_text("applying");
    let screen = pty.screen();
    assert!(!screen.contains("reading") && screen.contains("applying 0 of 2"), "{screen}");
    seen.send(()).unwrap();
    let (code, screen) = pty.end();
    assert_eq!(code, Some(3));
    assert!(!screen.contains("reading") && !screen.contains("applying"), "{screen}");
    assert!(screen.contains("Plan: 2 to create") && screen.contains("Applied 1 change; 1 failed."), "{screen}");
}

#[test]
fn a_pipe_sees_nothing_of_it_and_neither_does_who_wants_quiet() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let slow = Flaky::before(site.sandbox.address(), |_, path, _| {
        if path.ends_with("/projects") {
            std::thread::sleep(LONG);
        }
        None
    });
    site.settings_for(&slow.base_url, "");
    let ran = site.versync(&["plan"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let pty = Pty::start(site.command(&["plan", "-q"]), 100);
    let written = pty.written();
    assert_eq!(pty.end().0, Some(0));
    assert!(!written.lock().unwrap().contains("reading"), "{written:?}");
}

#[test]
fn long_lines_are_folded_on_a_narrow_terminal_and_words_stay_whole() {
    let site = Site::new();
    site.file(
        "erp.toml",
        "[connection_templates.legacy-erp]\nproject = \"storefront\"\nenvironment = \"staging\"\nsystem = \"netsuite\"\n\
         dynamic = true\n",
    );
    let mut command = site.command(&["plan"]);
    command.env("NO_COLOR", "1");
    let (code, screen) = Pty::start(command, 60).end();
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(screen);
}

#[test]
fn whoever_looks_at_a_plan_is_asked_and_only_yes_applies_it() {
    let site = Site::new();
    site.file("shop.toml", SHOP);
    let mut pty = Pty::start(site.command(&["apply"]), 100);
    pty.answer("Only `yes` or `y` applies them:", "no");
    let (code, screen) = pty.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(site.writes().is_empty());
    let mut pty = Pty::start(site.command(&["apply"]), 100);
    pty.answer("Only `yes` or `y` applies them:", "y");
    let (code, screen) = pty.end();
    assert_eq!((code, site.templates("shop").len()), (Some(0), 1), "{screen}");
}

#[test]
fn what_was_and_what_is_wrong_is_folded_and_coloured_as_plans_are() {
    let site = Site::new();
    site.settings("sync.on_drift = \"report\"");
    let text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
    let pay = |text: &str| PAY.replace("description = \"\"", &format!("description = \"{text}\""));
    site.file("shop.toml", SHOP).file("pay.toml", pay(text));
    site.apply();
    let (_, screen) = Pty::start(site.command(&["status"]), 60).end();
    assert!(screen.contains("Z: 2 resources\n    as declared."), "{screen}");
    site.tamper("shop", |template| template.dynamic = false);
    site.file("bad.toml", "[auth_scheme_configs.a-rather-long-name]\nsystem = \"stripe\"\ntype = \"none\"\n");
    site.file("pay.toml", pay(&format!("{text} and fifteen")));
    let unmanaged = json!({"name": "made by hand, and with quite a long name of many words", "systemId": ids::STRIPE,
        "environmentId": ids::PRODUCTION});
    site.sandbox.world(|world| drop(world.create_template(ids::STOREFRONT, &unmanaged).unwrap()));
    let commands = [&["plan"][..], &["plan", "-v"], &["apply", "--yes"], &["status"], &["history"], &["validate"]];
    let explain = [&["explain", "shop"][..], &["explain", "pay"], &["explain", "*made by hand*"]];
    for (args, rows) in commands.into_iter().chain(explain).flat_map(|args| [(args, 0), (args, 60)]) {
        let pty = Pty::start_with(site.command(&[args, &["--color", "always"]].concat()), rows, 60);
        let written = pty.written();
        pty.end();
        let written = written.lock().unwrap().clone();
        assert!(written.contains('\u{1b}'), "{args:?}: {written}");
        let mut screen = vt100::Parser::new(200.try_into().unwrap(), 200.try_into().unwrap(), 0);
        screen.process(written.as_bytes());
        let shown = screen.screen().contents();
        // A single word may be longer.
        let too_long = |line: &&str| line.chars().count() > 60 && line.trim().contains(' ');
        assert_eq!(shown.lines().find(too_long), None, "{args:?}:\n{shown}");
    }
    let history = site.versync(&["history", "--color", "always"]).out;
    assert!(history.contains("\u{1b}[1m\u{1b}[32mauth_scheme_config.system/stripe/pay"), "{history:?}");
    let history = site.versync(&["history"]).out;
    assert!(history.contains("    + dynamic  true\n    + system   \"shopify\"\n"), "{history}");
}

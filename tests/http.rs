//! What a running daemon serves: health, readiness, metrics, status and events. It only shows, to this machine
//! alone, and nobody who asks can hold it up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use versync::sandbox::{Sandbox, World};

use crate::support::{Daemon, Page, Site, eventually, promtool};

const SHOP: &str = "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
                    system = \"shopify\"\ndynamic = true\n";
const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";
const ADDRESS: &str = "connection_template.storefront/production/shop";
const NEVER: &str = "http.listen = \"127.0.0.1:0\"\nsync.interval = \"1h\"\nsync.debounce = \"20ms\"";
const OFTEN: &str = "http.listen = \"127.0.0.1:0\"\nsync.interval = \"50ms\"\nsync.debounce = \"20ms\"";

fn site(settings: &str) -> Site {
    let site = Site::new();
    site.settings(settings);
    site.file("shop.toml", SHOP);
    site
}

fn start(settings: &str) -> (Site, Daemon, Page) {
    let site = site(settings);
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    page.await_headline("In sync: 1 resource");
    (site, daemon, page)
}

#[test]
fn everything_is_served_with_strict_headers_and_nothing_can_be_changed() {
    let (_site, _daemon, page) = start(NEVER);
    let paths = [
        "/",
        "/page.css",
        "/page.js",
        "/sections.js",
        "/elements.js",
        "/icon.svg",
        "/healthz",
        "/readyz",
        "/metrics",
        "/status",
    ];
    for path in paths {
        let got = page.get(path);
        assert_eq!(got.status, 200, "{path}: {got:?}");
        assert!(!got.body.is_empty(), "{path}");
        let host = format!("Host: {}\r\n", page.address);
        let head = page.send(&format!("HEAD {path}"), &host);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}: {head:?}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let refused = page.send(&format!("{method} {path}"), &format!("{host}Content-Length: 0\r\n"));
            assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{method} {path}");
        }
    }
    for path in paths.iter().copied().chain(["/nothing", "/status/x"]) {
        let got = page.get(path);
        let policy = got.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(got.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(got.header("cache-control"), Some("no-store"), "{path}");
        assert!(got.headers.iter().all(|(name, _)| !name.starts_with("access-control-")), "{got:?}");
    }
    assert_eq!(page.get("/nothing").status, 404);
    let origin = format!("Host: {}\r\nOrigin: http://evil.example\r\n", page.address);
    assert_eq!(page.send("GET /status", &origin).header("access-control-allow-origin"), None);
}

#[test]
fn a_page_of_another_name_gets_nothing() {
    let (_site, _daemon, page) = start(NEVER);
    for host in ["Host: evil.example\r\n", "Host: evil.example:9464\r\n", "Host: 127.0.0.1.evil.example\r\n", ""] {
        let got = page.send("GET /status", host);
        assert!(got.status >= 400 && !got.body.contains("shop"), "{host}: {got:?}");
    }
    for host in ["localhost", "127.0.0.1:1234", "[::1]:80"] {
        assert_eq!(page.send("GET /status", &format!("Host: {host}\r\n")).status, 200, "{host}");
    }
}

#[test]
fn it_is_ready_after_the_first_pass_and_healthy_all_along() {
    let mut site = site(OFTEN);
    let (address, world) = (site.sandbox.address(), site.sandbox.world(|world| world.clone()));
    // Nobody listens on the platform's address any more, but the settings lead there.
    site.sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    eventually("a first attempt", || page.get("/readyz").body.contains("the first pass cannot be made"));
    assert_eq!((page.get("/readyz").status, page.get("/healthz").status), (503, 200));
    assert_eq!(page.metric("versync_ready"), Some("0".to_owned()));
    let status = page.status();
    assert_eq!(status["headline"]["text"], "The platform cannot be reached");
    assert_eq!((&status["daemon"]["ready"], &status["last_completed_pass"]), (&false.into(), &Value::Null));
    let text = page.get("/metrics").body;
    assert!(text.contains("status=\"unreachable\"") && text.contains("versync_api_retries_total{"), "{text}");
    site.sandbox = Sandbox::start(address, world).unwrap();
    eventually("readiness", || page.get("/readyz").status == 200);
    page.await_headline("In sync: 1 resource");
    assert_eq!(page.metric("versync_ready"), Some("1".to_owned()));
    // Once ready, it stays so: what is wrong is said elsewhere.
    site.sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let status = page.await_headline("The platform cannot be reached");
    assert_eq!((page.get("/readyz").status, page.get("/healthz").status), (200, 200));
    assert_eq!((&status["headline"]["tone"], &status["counts"]["in_sync"]), (&"bad".into(), &1.into()));
    assert!(status["failing"]["since"].as_str() > status["last_completed_pass"]["ended_at"].as_str(), "{status}");
}

#[test]
fn metrics_count_what_happened() {
    let settings = format!("{NEVER}\nsync.prune = true\nsync.delete_grace = \"0s\"\nsync.delete_limit.count = 0");
    let site = site(&settings);
    site.file("pay.toml", PAY);
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    page.await_headline("In sync: 2 resources");
    let of = |series: &str| page.metric(series).unwrap_or_else(|| panic!("no {series}"));
    assert_eq!(of("versync_passes_total{result=\"success\"}"), "1");
    assert_eq!(of("versync_pass_duration_seconds_count"), "1");
    assert_eq!(of("versync_changes_applied_total{action=\"create\"}"), "2");
    assert_eq!(of("versync_resources{kind=\"connection_template\",state=\"in_sync\"}"), "1");
    assert_eq!(of(&format!("versync_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), "1");
    let templates = "endpoint=\"/v2/o/{organisation}/projects/{project}/connection-templates\"";
    let posts = format!("versync_api_requests_total{{{templates},method=\"POST\",status=\"200\"}}");
    assert_eq!(of(&posts), "1");

    // Drift, put right.
    site.tamper("shop", |template| template.dynamic = false);
    daemon.signal(Signal::HUP);
    eventually("the revert", || page.metric("versync_drift_total") == Some("1".to_owned()));
    assert_eq!(of("versync_changes_applied_total{action=\"update\"}"), "1");
    assert_eq!(of("versync_resources{kind=\"connection_template\",state=\"drifted\"}"), "0");
    let succeeded = || of("versync_last_success_timestamp_seconds").parse::<f64>().unwrap();
    let before = succeeded();
    assert_eq!(of("versync_last_success_timestamp_seconds"), of("versync_last_pass_timestamp_seconds"));

    // A delete that is held.
    site.remove("pay.toml");
    page.await_headline("1 held");
    assert_eq!(of("versync_resources{kind=\"auth_scheme_config\",state=\"held\"}"), "1");
    assert_eq!(of("versync_held_deletes"), "1");

    // A broken file: a problem, but the pass is a success.
    site.file("bad.toml", "[auth_scheme_configs.bad\n");
    page.await_headline("1 held, 1 broken file");
    assert_eq!(of("versync_problems{severity=\"error\"}"), "1");
    assert!(succeeded() > before);

    let text = page.get("/metrics").body;
    assert!(!text.contains("01J0"), "every id of the sandbox begins so: {text}");
    promtool(Path::new("/"), &["check", "metrics"], &text);
}

#[test]
fn the_status_is_the_same_as_that_of_the_command() {
    let (site, daemon, page) = start(&format!("{NEVER}\nsync.on_drift = \"report\""));
    site.tamper("shop", |template| template.dynamic = false);
    site.file("bad.toml", "[auth_scheme_configs.bad\n");
    let served = page.await_headline("1 drifted, 1 broken file");
    let asked = site.versync(&["status", "--json"]).json();
    for key in ["format_version", "running", "held", "drifted", "failed", "problems"] {
        assert_eq!(served[key], asked[key], "{key}");
    }
    for key in ["revision", "hash", "summary", "command", "applied", "error"] {
        assert_eq!(served["last_pass"][key], asked["last_pass"][key], "{key}");
    }
    assert_eq!(served["history"], site.versync(&["history", "--json"]).json()["changes"]);
    let resources = served["resources"].as_array().unwrap();
    assert_eq!((resources.len(), &resources[0]["address"]), (1, &ADDRESS.into()));
    assert_eq!((&resources[0]["state"], &resources[0]["source"]["line"]), (&"drifted".into(), &1.into()));
    assert_eq!(resources[0]["fields"], served["drifted"][0]["fields"]);
    drop(daemon);

    // The next daemon knows since when.
    let daemon = site.run(&[]);
    let again = Page::of(&daemon).await_headline("1 drifted, 1 broken file");
    assert_eq!(again["drifted"][0]["since"], served["drifted"][0]["since"]);
    assert_eq!(again["history"], served["history"]);
    assert_ne!(again["generation"], served["generation"]);
}

#[test]
fn what_only_looks_is_served_too() {
    for (settings, args) in [("\nsync.mode = \"observe\"", [].as_slice()), ("", &["--dry-run"])] {
        let site = site(&format!("{NEVER}{settings}"));
        let daemon = site.run(args);
        let status = Page::of(&daemon).await_headline("1 to be changed");
        assert_eq!(status["daemon"]["writes"], false);
        assert_eq!(
            (&status["resources"][0]["state"], &status["resources"][0]["action"]),
            (&"pending".into(), &"create".into())
        );
        assert!(site.writes().is_empty() && !site.path(".versync").exists());
    }
    let site = site(NEVER);
    let daemon = Daemon::start(site.command(&["--sandbox", "run"]));
    let status = Page::of(&daemon).await_headline("In sync: 1 resource");
    assert_eq!(status["history"][0]["address"], ADDRESS, "what this process did");
}

#[test]
fn no_secret_is_served() {
    const SECRET: &str = "hunter2-is-secret";
    let site = site(NEVER);
    site.secret("manifests/secret", SECRET);
    let manifest = |description: &str| {
        format!(
            "[auth_scheme_configs.login]\nsystem = \"stripe\"\ndescription = \"{description}\"\ntype = \"oauth2\"\n\
             token_url = \"https://t.example\"\nauthorize_url = \"https://a.example\"\nscopes = [\"a\"]\n\
             default_scopes = []\ngrant = {{ type = \"authorization-code\", client_id = \"c\", \
             client_secret = {{ file = \"secret\" }} }}\n"
        )
    };
    site.file("login.toml", manifest("one"));
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    page.await_headline("In sync: 2 resources");
    site.secret("manifests/secret", &format!("{SECRET}-2"));
    site.file("login.toml", manifest("two"));
    page.await_status("the update", |status| status["history"].as_array().unwrap().len() == 3);
    let status = page.get("/status").body;
    assert!(status.contains("client_secret"), "it is said that it has changed: {status}");
    for path in ["/", "/status", "/metrics", "/readyz", "/page.js"] {
        let body = page.get(path).body;
        assert!(!body.contains(SECRET) && !body.contains("\"sandbox\""), "{path}: {body}");
    }
    site.file("broken.toml", format!("[auth_scheme_configs.x]\nsystem = \"stripe\"\nclient_secret = \"{SECRET}\"\n"));
    page.await_status("the problem", |status| status["problems"][0]["file"] == "broken.toml");
    assert!(!page.get("/status").body.contains(SECRET));
}

#[test]
fn events_tell_of_every_pass_and_name_what_is_new() {
    let (site, daemon, page) = start(NEVER);
    let mut stream = page.connect();
    write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut next = || -> Value {
        let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
        serde_json::from_str(&data).unwrap()
    };
    let first = next();
    assert_eq!(first["generation"], page.status()["generation"]);
    daemon.signal(Signal::HUP);
    let again = next();
    assert_ne!(again["last_pass"]["ended_at"], first["last_pass"]["ended_at"]);
    assert!(again["next_pass_at"].as_str() > again["last_pass"]["ended_at"].as_str());
    daemon.signal(Signal::HUP);
    let same = next();
    assert_eq!(same["generation"], again["generation"], "only the time is another");
    site.file("pay.toml", PAY);
    assert_ne!(next()["generation"], same["generation"]);
}

#[test]
fn clients_that_hang_hold_nothing() {
    let (site, daemon, page) = start(OFTEN);
    // Some say nothing, some never come to an end, some never read.
    let mut hanging = Vec::new();
    for n in 0..45 {
        let mut stream = page.connect();
        match n % 3 {
            0 => {}
            1 => write!(stream, "GET /status HTTP/1.1\r\nHost: local").unwrap(),
            _ => write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap(),
        }
        hanging.push(stream);
    }
    site.await_passes(5);
    assert_eq!((page.get("/healthz").status, page.get("/status").status), (200, 200));
    // Whoever does not say what it wants is let go.
    let mut rest = Vec::new();
    hanging[1].read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    // So many pages and no more; everything else is still served.
    let pages: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = page.connect();
            write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            (stream, line)
        })
        .collect();
    assert!(pages.iter().any(|(_, line)| line.contains("503")), "{pages:?}");
    assert_eq!(page.get("/metrics").status, 200);
    // It may be let go before it has said all of it, and then not hear the answer.
    let (mut stream, mut answer) = (page.connect(), Vec::new());
    let _ = write!(stream, "GET /status HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
    drop(daemon);
}

#[test]
fn it_moves_with_the_settings_or_stays_where_it_was() {
    let (site, daemon, page) = start(NEVER);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_at = taken.local_addr().unwrap();
    let at = |address: &str| site.settings(&NEVER.replace("127.0.0.1:0", address));
    at(&taken_at.to_string());
    daemon.signal(Signal::HUP);
    let said = daemon.await_said("the settings cannot be used");
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("http.listen") && message.contains(&taken_at.to_string()), "{message}");
    assert_eq!(page.get("/readyz").status, 200);

    // The same address and something else: the server goes on.
    site.settings(&format!("{NEVER}\nsync.on_drift = \"report\""));
    daemon.signal(Signal::HUP);
    daemon.await_said("the settings have changed");
    site.await_passes(1);
    assert_eq!((page.get("/readyz").status, daemon.said("the status page is at").len()), (200, 1));

    // Another address.
    at("[::1]:0");
    daemon.signal(Signal::HUP);
    eventually("the move", || daemon.said("the status page is at").len() == 2);
    let moved = Page { address: daemon.said("the status page is at")[1]["address"].as_str().unwrap().parse().unwrap() };
    assert_eq!(moved.get("/readyz").status, 200, "what it knew it still knows");
    moved.await_headline("In sync: 1 resource");
    assert!(std::net::TcpStream::connect(page.address).is_err(), "nobody is left there");

    // Nowhere.
    site.settings(&NEVER.replace("http.listen = \"127.0.0.1:0\"", ""));
    daemon.signal(Signal::HUP);
    eventually("the end", || std::net::TcpStream::connect(moved.address).is_err());
}

#[test]
fn an_address_that_is_taken_or_open_to_all_is_refused_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let site = site(&format!("http.listen = \"{address}\""));
    let ran = site.versync(&["run"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains(&format!("http.listen: cannot listen on {address}")), "{}", ran.err);
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9464"] {
        site.settings(&format!("http.listen = \"{open}\""));
        let ran = site.versync(&["run"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("can be reached from other machines"), "{}", ran.err);
        assert!(ran.err.contains("versync.toml:1:15") && ran.err.contains("http.allow_remote = true"), "{}", ran.err);
    }
    site.settings(&format!("{NEVER}\nhttp.allow_remote = true").replace("127.0.0.1:0", "0.0.0.0:0"));
    let daemon = site.run(&[]);
    let mut page = Page::of(&daemon);
    page.address.set_ip("127.0.0.1".parse().unwrap());
    // Which names lead here is not known then.
    assert_eq!(page.send("GET /healthz", "Host: status.example\r\n").status, 200);
}

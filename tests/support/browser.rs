use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::eventually;

/// A headless Chromium that is driven over `WebDriver`, with a profile of its own.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
    runtime: Runtime,
    /// Kept, so that the driver can go on talking.
    _said: BufReader<ChildStdout>,
    _profile: TempDir,
}

/// What lets it run as root in a container, and keeps it from asking anybody anything.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

impl Browser {
    /// Starts it. Where it is not installed, says so and gives nothing back, unless `VERSYNC_BROWSER_TESTS=1`
    /// asks for it.
    pub(crate) fn start() -> Option<Self> {
        let is_due = std::env::var("VERSYNC_BROWSER_TESTS").is_ok_and(|value| value == "1");
        let mut command = Command::new("chromedriver");
        let profile = TempDir::new().unwrap();
        command.env("TMPDIR", profile.path());
        // A group of its own, so that no browser outlives the test.
        command.arg("--port=0").process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = match command.spawn() {
            Ok(driver) => driver,
            Err(error) if is_due => panic!("chromedriver cannot be started (package chromium-driver): {error}"),
            Err(_) => {
                eprintln!("not tried in a browser: there is no chromedriver here (packages chromium, chromium-driver)");
                return None;
            }
        };
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "chromedriver ended before it said where it is");
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("successfully on port ") {
                break port.parse::<u16>().unwrap();
            }
        };
        // There is nothing to encrypt, but the client wants to know how it would be done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let session = format!("http://127.0.0.1:{port}/session");
        let in_profile = format!("--user-data-dir={}", profile.path().display());
        let mut browser = Self { driver, session, http, runtime, _said: said, _profile: profile };
        let args: Vec<&str> = FLAGS.iter().copied().chain([in_profile.as_str()]).collect();
        let wanted = json!({"goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}});
        let made = browser.ask(&Method::POST, "", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().expect("a session"));
        browser.look(1280, 800, false);
        Some(browser)
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask(&Method::POST, "/url", &json!({"url": url}));
    }

    /// The value of a script's `return`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask(&Method::POST, "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// All that a person can read.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap().to_owned()
    }

    /// Waits until a person can read this, and returns all that there is to read then.
    pub(crate) fn await_text(&self, text: &str) -> String {
        let mut seen = String::new();
        eventually(&format!("{text:?} on the page"), || {
            seen = self.text();
            seen.contains(text)
        });
        seen
    }

    /// Clicks the first element that a selector names.
    pub(crate) fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector({selector:?}).click()"));
    }

    /// A screen of this size, light or dark.
    pub(crate) fn look(&self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// What the browser complains of since it was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask(&Method::POST, "/se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Takes a picture where `VERSYNC_PICTURES` names a folder.
    pub(crate) fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("VERSYNC_PICTURES").map(PathBuf::from) else { return };
        // What is new is lit up for a moment.
        self.run("document.getAnimations().forEach((animation) => animation.finish())");
        let picture = self.ask(&Method::GET, "/screenshot", &Value::Null);
        let bytes = BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name).with_extension("png"), bytes).unwrap();
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.ask(&Method::POST, "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    fn ask(&self, method: &Method, path: &str, body: &Value) -> Value {
        let request = self.http.request(method.clone(), format!("{}{path}", self.session));
        let request = if *method == Method::POST { request.json(body) } else { request };
        let answer: Value = self.runtime.block_on(async { request.send().await.unwrap().json().await.unwrap() });
        assert!(answer["value"]["error"].is_null(), "{path}: {answer:#}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let end = self.http.delete(&self.session);
        let _ = self.runtime.block_on(end.send());
        let _ = kill_process_group(Pid::from_child(&self.driver), Signal::KILL);
        let _ = self.driver.wait();
    }
}

//! Builders: a [`Site`] with a sandbox, a folder and a settings file; the binary run to its end or as a
//! [`Daemon`]; waiting for conditions.

mod browser;
mod daemon;
pub(crate) mod documents;
mod fake;
mod flaky;
mod git;
mod keys;
mod page;
mod promtool;
mod pty;
mod receiver;
pub(crate) mod schemes;
mod serve;
pub(crate) mod svg;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use versync::sandbox::{Sandbox, World, ids};

pub(crate) use browser::Browser;
pub(crate) use daemon::Daemon;
pub(crate) use fake::Fake;
pub(crate) use flaky::{Fault, Flaky};
pub(crate) use git::{Repository, git_is_missing, swap};
pub(crate) use keys::{Claims, TestKey};
pub(crate) use page::Page;
pub(crate) use promtool::promtool;
pub(crate) use pty::Pty;
pub(crate) use receiver::{Receiver, Reply};

/// How long a condition may take to come true before the test fails. Far more than any of them needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The token that the settings of a [`Site`] refer to.
pub(crate) const TOKEN_VARIABLE: &str = "SITE_TOKEN";

/// A world to test in: a sandbox, a folder of manifests, and settings that lead to both.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Site {
    /// The seeded world and an empty folder.
    pub(crate) fn new() -> Self {
        Self::of(World::seeded())
    }

    /// The given world and an empty folder.
    pub(crate) fn of(world: World) -> Self {
        let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), world).unwrap();
        let folder = TempDir::new().unwrap();
        let site = Self { sandbox, folder };
        fs::create_dir(site.manifests()).unwrap();
        site.settings("");
        site
    }

    /// Writes the settings: those that lead to the sandbox, with `more` dotted keys before them.
    pub(crate) fn settings(&self, more: &str) {
        self.settings_for(&self.sandbox.base_url(), more);
    }

    /// The same for another platform than the sandbox.
    pub(crate) fn settings_for(&self, base_url: &str, more: &str) {
        self.settings_as(base_url, more, &format!("token = {{ env = \"{TOKEN_VARIABLE}\" }}"));
    }

    /// The same, where `who` in `[api]` says who is asking.
    pub(crate) fn settings_as(&self, base_url: &str, more: &str, who: &str) {
        let organisation = ids::ORGANISATION;
        let text = format!("{more}\n[api]\nbase_url = \"{base_url}\"\norganisation = \"{organisation}\"\n{who}\n");
        fs::write(self.path("versync.toml"), text).unwrap();
    }

    /// A path in the site's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of manifests.
    pub(crate) fn manifests(&self) -> PathBuf {
        self.path("manifests")
    }

    /// Writes a secret that only its owner reads, in one step.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        let beside = self.path("secret.new");
        fs::write(&beside, text).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(beside, self.path(name)).unwrap();
    }

    /// Writes a manifest as an editor would: beside it, then over it.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.manifests().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
        self
    }

    /// Removes a manifest.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.manifests().join(name)).unwrap();
    }

    /// The command with these arguments, in an environment that holds nothing but the token.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = versync(self.folder.path(), args);
        command.env(TOKEN_VARIABLE, "sandbox");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn versync(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs a command to its end that reads a text from stdin.
    pub(crate) fn piped(&self, args: &[&str], text: &str) -> Ran {
        let mut command = self.command(args);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Starts the daemon; its log is JSON.
    pub(crate) fn run(&self, args: &[&str]) -> Daemon {
        Daemon::start(self.command(&[&["run"], args].concat()))
    }

    /// The plan, from its JSON.
    pub(crate) fn plan(&self) -> Value {
        self.versync(&["plan", "--json"]).json()
    }

    /// Applies, which has to succeed.
    pub(crate) fn apply(&self) -> Ran {
        let ran = self.versync(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    }

    /// Every request so far that was no GET, as `METHOD path-behind-the-organisation`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let requests = self.sandbox.requests();
        let writes = requests.iter().filter(|seen| seen.method != "GET");
        let tail = |path: &str| path.split_once(ids::ORGANISATION).map_or(path.to_owned(), |(_, tail)| tail.to_owned());
        writes.map(|seen| format!("{} {}", seen.method, tail(&seen.path))).collect()
    }

    /// How often the connection templates were listed: each pass does it at least once.
    pub(crate) fn passes(&self) -> usize {
        let is_list = |path: &str| path.contains("/connection-templates?");
        self.sandbox.requests().iter().filter(|seen| seen.method == "GET" && is_list(&seen.path)).count()
    }

    /// Waits until so many more lists of templates have been asked for.
    pub(crate) fn await_passes(&self, more: usize) {
        let target = self.passes() + more;
        eventually("further passes", || self.passes() >= target);
    }

    /// The template of this name, which has to be there once.
    pub(crate) fn template(&self, name: &str) -> versync::sandbox::Template {
        let mut found = self.templates(name);
        assert_eq!(found.len(), 1, "templates named {name}: {found:?}");
        found.remove(0)
    }

    /// Every template of this name.
    pub(crate) fn templates(&self, name: &str) -> Vec<versync::sandbox::Template> {
        let all = self.sandbox.world(|world| world.templates());
        all.into_iter().filter(|template| template.name == name).collect()
    }

    /// Somebody deletes the template of this name in staging, and makes another one of it on stripe.
    pub(crate) fn make_anew_on_stripe(&self, name: &str) {
        let ours = self.template(name);
        self.sandbox.world(|world| {
            world.delete_template(&ours.project, &ours.id).unwrap();
            let body = json!({"name": name, "systemId": ids::STRIPE, "environmentId": ids::STAGING});
            world.create_template(ids::STOREFRONT, &body).unwrap();
        });
    }

    /// Changes the template of this name behind versync's back.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut versync::sandbox::Template)) {
        let id = self.template(name).id;
        assert!(self.sandbox.world(|world| world.edit_template(&id, change)));
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with these arguments in this folder and an empty environment.
pub(crate) fn versync(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_versync"));
    command.current_dir(folder).args(args).env_clear().stdin(Stdio::null());
    command
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The change of one address in a plan.
pub(crate) fn change<'a>(plan: &'a Value, address: &str) -> &'a Value {
    let changes = plan["changes"].as_array().unwrap();
    let found = changes.iter().find(|change| change["address"] == address);
    found.unwrap_or_else(|| panic!("no change of {address} in {plan:#}"))
}

/// The addresses of a plan with their actions.
pub(crate) fn actions(plan: &Value) -> Vec<(&str, &str)> {
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().map(|it| (it["address"].as_str().unwrap(), it["action"].as_str().unwrap())).collect()
}

/// The messages of a plan's problems, each with its place.
pub(crate) fn problems(plan: &Value) -> Vec<String> {
    let problems = plan["problems"].as_array().unwrap();
    let text = |it: &Value| {
        let place = match (it["file"].as_str(), &it["line"], &it["column"]) {
            (Some(file), Value::Number(line), Value::Number(column)) => format!("{file}:{line}:{column}: "),
            (Some(file), ..) => format!("{file}: "),
            _ => String::new(),
        };
        format!("{place}{}", it["message"].as_str().unwrap())
    };
    problems.iter().map(text).collect()
}

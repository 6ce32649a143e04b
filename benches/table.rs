//! Whole commands against a sandbox in another process than theirs, beside what somebody would script instead.
//! `cargo bench --bench table` prints the README's table; `-- 100000` adds that many resources to the growth, and
//! `-- plan daemon` prints those parts alone (of `plan`, `latency`, `create`, `daemon`, `start`, `growth`).

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::similar_names,
    reason = "what fails here fails the benchmark"
)]

#[allow(dead_code, reason = "each of the two uses a part of it")]
mod worlds;

mod scripts;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use scripts::{Request, Tool};
use serde_json::json;
use tempfile::TempDir;
use versync::sandbox::{Sandbox, World};
use worlds::{ORGANISATION, Size};

const LATENCY: Duration = Duration::from_millis(50);
const DEBOUNCE: Duration = Duration::from_millis(50);
const CONCURRENCY: u32 = 16;

/// A sandbox, manifests and settings.
struct Site {
    sandbox: Sandbox,
    folder: TempDir,
}

/// What a command has cost.
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Site {
    fn new(size: Size) -> Self {
        let world = World::from_toml(&size.world()).unwrap();
        let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), world).unwrap();
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("manifests")).unwrap();
        let settings = format!(
            "sync.debounce = \"{}ms\"\nsync.interval = \"1h\"\n[api]\nbase_url = \"{}\"\norganisation = \"{ORGANISATION}\"\n\
             token = {{ env = \"TOKEN\" }}\nconcurrency = {CONCURRENCY}\n",
            DEBOUNCE.as_millis(),
            sandbox.base_url()
        );
        fs::write(folder.path().join("versync.toml"), settings).unwrap();
        Self { sandbox, folder }
    }

    /// With everything declared and applied.
    fn applied(size: Size) -> Self {
        let site = Self::new(size);
        size.manifests().for_each(|(name, text)| site.file(&name, &text));
        site.versync(&["apply", "--yes"]);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path("manifests").join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_versync"));
        command.args(args).current_dir(self.folder.path()).env_clear().env("TOKEN", "sandbox");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn versync(&self, args: &[&str]) -> Cost {
        cost(&mut self.command(args))
    }

    fn daemon(&self, socket: &Path) -> Child {
        self.command(&["run"]).env("NOTIFY_SOCKET", socket).spawn().unwrap()
    }

    /// How long the server takes for an answer that costs it nothing: the latency that was asked for, and what its
    /// timer makes of it.
    fn latency_shown(&self) -> Duration {
        let request = b"GET / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n";
        let times = (0..9)
            .map(|_| {
                let began = Instant::now();
                let mut stream = TcpStream::connect(self.sandbox.address()).unwrap();
                stream.write_all(request).unwrap();
                stream.read_to_end(&mut Vec::new()).unwrap();
                began.elapsed()
            })
            .collect();
        median(times)
    }

    /// How many requests so far were no GET.
    fn writes(&self) -> usize {
        self.sandbox.requests().iter().filter(|seen| seen.method != "GET").count()
    }
}

/// The processor time of each thread of another process so far, as the scheduler counts it, in nanoseconds.
struct ThreadTimes {
    process: u32,
    times: BTreeMap<OsString, u64>,
}

impl ThreadTimes {
    fn of(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap().map(|thread| thread.unwrap());
        // A thread may end while they are counted.
        let times = threads.filter_map(|thread| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name(), counted.split_whitespace().next()?.parse().ok()?))
        });
        Self { process, times: times.collect() }
    }

    /// What was used since, but by threads that have ended meanwhile.
    fn since(&self) -> Duration {
        let now = Self::of(self.process).times.into_iter();
        let used = now.map(|(thread, time)| time - self.times.get(&thread).copied().unwrap_or_default());
        Duration::from_nanos(used.sum())
    }
}

/// Runs a command to its end. The processor time is that of the kernel's books on children that have ended.
fn cost(command: &mut Command) -> Cost {
    let (before, began) = (children_cpu(), Instant::now());
    let status = command.status().unwrap();
    let cost = Cost { wall: began.elapsed(), cpu: children_cpu().saturating_sub(before) };
    assert!(status.success(), "{command:?}: {status}");
    cost
}

/// User and system time of all children that were waited for; the kernel counts them in hundredths of a second.
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// The mean of several runs, which evens out how coarsely the kernel counts.
fn mean(runs: u32, mut run: impl FnMut() -> Cost) -> Cost {
    let costs: Vec<Cost> = (0..runs).map(|_| run()).collect();
    Cost {
        wall: costs.iter().map(|cost| cost.wall).sum::<Duration>() / runs,
        cpu: costs.iter().map(|cost| cost.cpu).sum::<Duration>() / runs,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn row(what: &str, got: impl std::fmt::Display, target: impl std::fmt::Display) {
    println!("| {what} | {got} | {target} |");
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

fn cold_plans() {
    for (size, target) in
        [(Size { resources: 1_000, files: 100 }, "20 ms"), (Size { resources: 10_000, files: 1_000 }, "150 ms")]
    {
        let site = Site::applied(size);
        let (requests, writes) = (site.sandbox.requests().len(), site.writes());
        let cost = mean(20, || site.versync(&["plan"]));
        let requests = (site.sandbox.requests().len() - requests) / 20;
        assert_eq!(site.writes(), writes);
        let what = format!("`plan`, {} resources in sync, processor time ({requests} requests)", size.resources);
        row(&what, ms(cost.cpu), target);
        let curl = Tool::Curl.time(&gets(&site, requests));
        row(
            &format!("the same, wall time ({requests} GETs by {}: {})", Tool::Curl.name(), shown(curl)),
            ms(cost.wall),
            "",
        );
        site.sandbox.set_latency(LATENCY);
        let cost = mean(8, || site.versync(&["plan"]));
        // A project is read once the list of them is there; what is recorded waits for neither.
        let chain = (requests as f64 / f64::from(CONCURRENCY)).ceil().max(2.0);
        let ratio = |took: Duration| format!("{:.2} ×", took.as_secs_f64() / (chain * LATENCY.as_secs_f64()));
        let curl = Tool::Curl.time(&gets(&site, requests)).map_or_else(|| "not installed".to_owned(), ratio);
        row(
            &format!("the same at 50 ms latency, against {chain} requests in a row (those GETs by `curl`: {curl})"),
            ratio(cost.wall),
            "1.2 ×",
        );
    }
}

fn creates_at_latency() {
    let size = Size { resources: 1_000, files: 10 };
    let site = Site::new(size);
    site.file("plain.toml", &size.plain_templates());
    site.sandbox.set_latency(LATENCY);
    let latency = site.latency_shown();
    let cost = site.versync(&["apply", "--yes"]);
    // Before the first create: the names, the project, the environment.
    let ideal = latency * 1_000 / CONCURRENCY + latency * 3;
    let ratio = cost.wall.as_secs_f64() / ideal.as_secs_f64();
    let what = format!("1,000 creates at 50 ms latency, 16 at once, against the {} that the server shows", ms(latency));
    row(&what, format!("{ratio:.2} ×"), "1.05 ×");
}

fn creates() {
    let size = Size { resources: 2_000, files: 10 };
    let (mut ours, mut curls) = (Vec::new(), Vec::new());
    // In turn, since the machine is not the same from one second to the next.
    for _ in 0..7 {
        let site = Site::new(size);
        site.file("plain.toml", &size.plain_templates());
        ours.push(site.versync(&["apply", "--yes"]).wall);
        curls.extend(scripted(Tool::Curl, size));
    }
    let (ours, curl) = (median(ours), (!curls.is_empty()).then(|| median(curls)));
    row(
        &format!("2,000 creates, written down before and after (by {}: {})", Tool::Curl.name(), shown(curl)),
        ms(ours),
        "no more than `curl`",
    );
    for tool in Tool::ALL.into_iter().filter(|tool| !matches!(tool, Tool::Curl)) {
        let count = size.resources.min(tool.patience());
        row(&format!("{count} creates by {}, written down nowhere", tool.name()), shown(scripted(tool, size)), "");
    }
}

fn daemon_rows() {
    let size = Size { resources: 10_000, files: 1_000 };
    let site = Site::applied(size);
    let socket = site.path("notify");
    let notify = UnixDatagram::bind(&socket).unwrap();
    let mut daemon = site.daemon(&socket);
    await_status(&notify);
    // What was edited just now is read again in any case; a folder at rest is the rule.
    std::thread::sleep(Duration::from_secs(4));
    let (took, reads) = edits(&site, size, &notify);
    row(
        &format!("`mv` of one file among 1,000 → request, beyond the debounce ({reads} reads)"),
        ms(took.saturating_sub(DEBOUNCE)),
        "10 ms",
    );
    site.sandbox.set_latency(LATENCY);
    let latency = site.latency_shown();
    let (took, _) = edits(&site, size, &notify);
    let what = format!("the same at 50 ms latency, beyond the debounce and the {} that each answer takes", ms(latency));
    // The last of these is that of the request itself.
    row(&what, ms(took.saturating_sub(DEBOUNCE + 2 * latency)), "");
    site.sandbox.set_latency(Duration::ZERO);
    let status = |key: &str| {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    // What it does not keep it gives back once it has waited for a while.
    std::thread::sleep(Duration::from_secs(4));
    row("the daemon at rest with 10,000 resources: resident memory", format!("{} MiB", status("VmRSS:")), "40 MiB");
    let passes = (0..5)
        .map(|_| {
            let before = ThreadTimes::of(daemon.id());
            let _ = Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status();
            await_status(&notify);
            before.since()
        })
        .collect();
    row("a full pass of the daemon, nothing changed, processor time", ms(median(passes)), "60 ms");
    let before = ThreadTimes::of(daemon.id());
    std::thread::sleep(Duration::from_secs(5));
    row("the daemon at rest, processor time in 5 s", ms(before.since()), "timers only");
    let _ = daemon.kill().and_then(|()| daemon.wait());
}

/// How long it takes from an edit of a file to the answer to the request that it leads to, and how much is read before.
fn edits(site: &Site, size: Size, notify: &UnixDatagram) -> (Duration, usize) {
    let (name, text) = size.manifests().nth(500).unwrap();
    let (tell, told) = mpsc::channel();
    site.sandbox.on_answer(move |seen| {
        if seen.method != "GET" {
            let _ = tell.send(Instant::now());
        }
    });
    let mut reads = 0;
    let edits = (0..10)
        .map(|n| {
            let before = site.sandbox.requests().len();
            let text = text.replacen("dynamic = true", &format!("dynamic = {}", n % 2 == 1), 1);
            fs::write(site.path("edited"), text).unwrap();
            let began = Instant::now();
            fs::rename(site.path("edited"), site.path("manifests").join(&name)).unwrap();
            let sent = told.recv_timeout(Duration::from_secs(60)).unwrap();
            await_status(notify);
            reads = site.sandbox.requests().len() - before - 1;
            sent - began
        })
        .collect();
    (median(edits), reads)
}

fn start() {
    let site = Site::new(Size { resources: 0, files: 1 });
    let socket = site.path("notify");
    let notify = UnixDatagram::bind(&socket).unwrap();
    let times = (0..10)
        .map(|_| {
            let began = Instant::now();
            let mut daemon = site.daemon(&socket);
            await_said(&notify, "READY=1");
            let took = began.elapsed();
            let _ = daemon.kill().and_then(|()| daemon.wait());
            took
        })
        .collect();
    row("start to ready, empty folder", ms(median(times)), "30 ms");
}

fn growth(most: usize) {
    println!(
        "\n| resources | files | `apply` of all | `plan` in sync: processor time | wall time |\n| --- | --- | --- | --- | --- |"
    );
    for resources in [100, 1_000, 10_000, 100_000].into_iter().filter(|size| *size <= most) {
        let size = Size { resources, files: resources / 10 };
        let site = Site::new(size);
        size.manifests().for_each(|(name, text)| site.file(&name, &text));
        let apply = site.versync(&["apply", "--yes"]);
        let plan = mean(if resources > 10_000 { 3 } else { 10 }, || site.versync(&["plan"]));
        println!("| {resources} | {} | {} | {} | {} |", size.files, ms(apply.wall), ms(plan.cpu), ms(plan.wall));
    }
}

fn await_said(notify: &UnixDatagram, text: &str) {
    notify.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut buffer = [0; 4096];
    loop {
        let length = notify.recv(&mut buffer).unwrap();
        if String::from_utf8_lossy(&buffer[..length]).contains(text) {
            return;
        }
    }
}

/// Waits until a pass has ended.
fn await_status(notify: &UnixDatagram) {
    await_said(notify, "STATUS=");
}

fn shown(took: Option<Duration>) -> String {
    took.map_or_else(|| "not installed".to_owned(), ms)
}

/// The last requests, as a script would send them.
fn gets(site: &Site, count: usize) -> Vec<Request> {
    let requests = site.sandbox.requests();
    let origin = site.sandbox.base_url();
    let url = |path: &str| format!("{origin}{}", path.trim_start_matches("/api"));
    requests[requests.len() - count..].iter().map(|seen| (url(&seen.path), None)).collect()
}

/// Creates with bodies that somebody has made ready.
fn posts(site: &Site, count: usize) -> Vec<Request> {
    let ids = site.sandbox.world(|world| {
        let project = world.project_id("shop")?;
        Some((world.environment_id(&project, "env0")?, world.system_id("system-0")?, project))
    });
    let (environment, system, project) = ids.unwrap();
    let url = format!("{}/v2/o/{ORGANISATION}/projects/{project}/connection-templates", site.sandbox.base_url());
    let body =
        |n| json!({"name": format!("plain-{n}"), "systemId": system, "environmentId": environment, "dynamic": false});
    (0..count).map(|n| (url.clone(), Some(body(n)))).collect()
}

/// What a script takes for as many creates, or for as many as anybody would wait for.
fn scripted(tool: Tool, size: Size) -> Option<Duration> {
    let count = size.resources.min(tool.patience());
    let site = Site::new(size);
    let took = tool.time(&posts(&site, count));
    assert!(took.is_none() || site.writes() == count, "{} of {count}", site.writes());
    took
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let most = args.iter().filter_map(|arg| arg.parse().ok()).max().unwrap_or(10_000);
    let grow = || growth(most);
    let parts: [(&str, &dyn Fn()); 6] = [
        ("plan", &cold_plans),
        ("latency", &creates_at_latency),
        ("create", &creates),
        ("daemon", &daemon_rows),
        ("start", &start),
        ("growth", &grow),
    ];
    let is_asked = |name: &str| args.iter().any(|arg| arg == name);
    let all = !parts.iter().any(|(name, _)| is_asked(name));
    println!("| what | here | target |\n| --- | --- | --- |");
    parts.iter().filter(|(name, _)| all || is_asked(name)).for_each(|(_, part)| part());
}

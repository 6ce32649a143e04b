//! Files and answers that mean harm, or look as if they did: each is named, and costs nothing else.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use versync::sandbox::ids;

use crate::support::{Fake, Ran, Site, problems};

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";
const TEMPLATE: &str =
    "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\nsystem = \"shopify\"\n";

#[test]
fn what_is_no_regular_file_is_named_and_the_rest_goes_on() {
    let site = Site::new();
    site.file("ok.toml", CONFIG);
    let at = |name: &str| site.manifests().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.toml"), 0o600.into()).unwrap();
    let _listener = UnixListener::bind(at("socket.toml")).unwrap();
    symlink("/dev/zero", at("device.toml")).unwrap();
    symlink("/etc/passwd", at("outside.toml")).unwrap();
    symlink("loop.toml", at("loop.toml")).unwrap();
    fs::write(at("large.toml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let plan = site.plan();
    assert_eq!(plan["summary"]["create"], 1);
    let problems = problems(&plan);
    for (file, why) in [
        ("pipe.toml", "is not a regular file"),
        ("socket.toml", "cannot be read"),
        ("device.toml", "leads out of the folder"),
        ("outside.toml", "leads out of the folder"),
        ("loop.toml", "leads nowhere"),
        ("large.toml", "is larger than 1048576 bytes"),
    ] {
        let named = |problem: &&String| problem.starts_with(&format!("{file}: "));
        let problem = problems.iter().find(named).unwrap_or_else(|| panic!("{file} in {problems:#?}"));
        assert!(problem.contains(why), "{problem}");
    }
    let out = site.versync(&["validate"]).out;
    assert_eq!((out.matches("  x ").count(), out.matches("  help: ").count()), (6, 6), "{out}");
}

#[test]
fn a_folder_with_more_files_than_anybody_writes_is_refused_as_a_whole() {
    let site = Site::new();
    site.settings("sync.prune = true");
    site.file("ok.toml", CONFIG);
    site.apply();
    site.remove("ok.toml");
    (0..=20_000).for_each(|n| fs::write(site.manifests().join(format!("{n}.toml")), "").unwrap());
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("holds more than 20000 files"), "{}", ran.err);
    assert_eq!(site.writes().len(), 1, "what it was is not known, so nothing is deleted");
}

#[test]
fn however_deep_a_file_is_nested_it_is_a_clear_error() {
    let site = Site::new();
    site.file("ok.toml", CONFIG);
    let deep = 300_000;
    site.file("lists.toml", format!("a = {}", "[".repeat(deep)));
    site.file("tables.toml", format!("a = {}", "{a=".repeat(deep)));
    site.file("keys.toml", format!("{}a = 1", "a.".repeat(deep)));
    site.file("headers.toml", format!("[{}a]", "a.".repeat(deep)));
    let ran = site.versync(&["plan", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let plan = ran.json();
    assert_eq!(plan["summary"]["create"], 1);
    let problems = problems(&plan);
    for file in ["lists.toml", "tables.toml", "keys.toml", "headers.toml"] {
        assert!(problems.iter().any(|problem| problem.starts_with(&format!("{file}:1:"))), "{file}: {problems:#?}");
    }
    assert!(ran.out.len() < 100_000, "what is wrong can be said in less than {} bytes", ran.out.len());
}

/// A server that writes what it likes, and what it was asked for.
struct Raw {
    base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    fn start(answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base_url = format!("http://{}/api", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                log.lock().unwrap().push(line.clone());
                let mut header = String::new();
                while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
                    header.clear();
                }
                // A client that has had enough goes away.
                let _ = answer(&line, &mut stream);
            }
        });
        Self { base_url, asked }
    }

    /// What `plan` makes of it.
    fn plan(&self, more: &str) -> Ran {
        let site = Site::new();
        site.file("a.toml", TEMPLATE);
        site.settings_as(&self.base_url, "", &format!("token = {{ env = \"SITE_TOKEN\" }}\n{more}"));
        // More memory than it needs, and far less than it is offered.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 1500000 && exec \"$@\"", "sh"]).arg(env!("CARGO_BIN_EXE_versync")).arg("plan");
        command.current_dir(site.path("")).env_clear().env("SITE_TOKEN", "sandbox").env("PATH", "/usr/bin:/bin");
        Ran::of(command.output().unwrap())
    }
}

/// So many bytes, packed.
fn packed(mut bytes: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![b' '; 1 << 20];
    while bytes > 0 {
        let now = bytes.min(zeros.len() as u64);
        encoder.write_all(&zeros[..usize::try_from(now).unwrap()]).unwrap();
        bytes -= now;
    }
    encoder.finish().unwrap()
}

#[test]
fn an_answer_that_unpacks_to_gigabytes_is_given_up_early() {
    let bomb = packed(4 << 30);
    let raw = Raw::start(move |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len())?;
        stream.write_all(&bomb)
    });
    let ran = raw.plan("");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("larger than"), "{}", ran.err);
}

#[test]
fn an_answer_that_drips_is_given_up_in_time() {
    let raw = Raw::start(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
        loop {
            stream.write_all(b" ")?;
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let ran = raw.plan("timeout = \"200ms\"");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("no answer within 200ms"), "{}", ran.err);
}

#[test]
fn nobody_is_followed_elsewhere() {
    let elsewhere = Raw::start(|_, stream| write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let target = elsewhere.base_url.clone();
    let raw = Raw::start(move |_, stream| {
        write!(stream, "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}/evil\r\ncontent-length: 0\r\n\r\n")
    });
    let ran = raw.plan("");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("307"), "{}", ran.err);
    assert_eq!(*elsewhere.asked.lock().unwrap(), [""; 0], "the token stays where it belongs");
}

#[test]
fn an_id_that_would_lead_to_another_path_is_never_sent() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    for id in ["..", "a/../../b", "%2e%2e", "a\u{0}b", "a\\b"] {
        let log = Arc::clone(&asked);
        let fake = Fake::start(move |path| {
            log.lock().unwrap().push(path.to_owned());
            let answer = match path.rsplit('/').next().unwrap() {
                "projects" => json!({"totalCount": 1, "items": [{"id": id, "name": "storefront"}]}),
                "systems" => json!({"totalCount": 1, "items": [{"id": ids::SHOPIFY, "name": "shopify"}]}),
                _ => json!({"id": ids::SHOPIFY, "authSchemeConfigs": []}),
            };
            (200, answer.to_string())
        });
        let site = Site::new();
        site.settings_for(&fake.base_url, "");
        site.file("a.toml", TEMPLATE);
        let ran = site.versync(&["apply", "--yes"]);
        assert_ne!(ran.code, Some(0), "{id:?}: {ran:?}");
        let out = ran.out + &ran.err;
        assert!(!out.contains("panicked") && !out.contains('\u{0}'), "{id:?}: {out}");
    }
    let known = ["/projects", "/systems", ids::SHOPIFY];
    let strange: Vec<String> =
        asked.lock().unwrap().iter().filter(|path| !known.iter().any(|end| path.ends_with(end))).cloned().collect();
    // An id with a percent sign is no escape: it is sent as the text that it is.
    assert!(strange.iter().all(|path| path.contains("%252e")), "{strange:?}");
}

//! What somebody would script instead: the same requests, with nothing written down and nothing compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A request: a POST of the body, or a GET where there is none.
pub(crate) type Request = (String, Option<Value>);

const AT_ONCE: usize = 16;
const TOKEN: &str = "Authorization: Bearer sandbox";

const AIOHTTP: &str = r#"
import asyncio, json, sys, aiohttp

async def main():
    gate = asyncio.Semaphore(16)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sandbox"}) as session:
        async def send(url, body):
            async with gate, session.request("POST" if body else "GET", url, json=body) as answer:
                answer.raise_for_status()
                await answer.read()
        await asyncio.gather(*(send(*request) for request in json.load(open(sys.argv[1]))))

asyncio.run(main())
"#;

const PLAYBOOK: &str = r#"
- hosts: localhost
  connection: local
  gather_facts: false
  vars: { ansible_python_interpreter: "{{ ansible_playbook_python }}" }
  tasks:
    - ansible.builtin.uri:
        url: "{{ item[0] }}"
        method: "{{ 'POST' if item[1] else 'GET' }}"
        body: "{{ item[1] | to_json }}"
        headers: { Authorization: Bearer sandbox, Content-Type: application/json }
        status_code: [200, 201]
      loop: "{{ lookup('file', 'requests.json') | from_json }}"
"#;

/// A tool that sends requests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    Curl,
    CurlLoop,
    Hurl,
    Aiohttp,
    Ansible,
}

impl Tool {
    pub(crate) const ALL: [Tool; 5] = [Tool::Curl, Tool::CurlLoop, Tool::Hurl, Tool::Aiohttp, Tool::Ansible];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Curl => "`curl --parallel --parallel-max 16`",
            Tool::CurlLoop => "a loop of `curl`",
            Tool::Hurl => "`hurl --parallel --jobs 16`",
            Tool::Aiohttp => "Python with aiohttp, 16 at once",
            Tool::Ansible => "Ansible's `uri` in a loop",
        }
    }

    /// How many requests anybody would wait for.
    pub(crate) fn patience(self) -> usize {
        if matches!(self, Tool::CurlLoop | Tool::Ansible) { 100 } else { usize::MAX }
    }

    /// How long it takes for all of these; nothing where it is not installed.
    ///
    /// # Panics
    ///
    /// Where some request goes wrong.
    pub(crate) fn time(self, requests: &[Request]) -> Option<Duration> {
        if !self.is_installed() {
            return None;
        }
        let folder = TempDir::new().unwrap();
        let commands = self.commands(folder.path(), requests);
        let began = Instant::now();
        for mut command in commands {
            let status = command.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            assert!(status.success(), "{command:?}: {status}");
        }
        Some(began.elapsed())
    }

    fn is_installed(self) -> bool {
        let (program, args): (_, &[&str]) = match self {
            Tool::Curl | Tool::CurlLoop => ("curl", &["--version"]),
            Tool::Hurl => ("hurl", &["--version"]),
            Tool::Aiohttp => ("python3", &["-c", "import aiohttp"]),
            Tool::Ansible => ("ansible-playbook", &["--version"]),
        };
        let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The commands that send these one after the other, with what they read below `folder`.
    fn commands(self, folder: &Path, requests: &[Request]) -> Vec<Command> {
        let file = |name: String, text: String| -> PathBuf {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let json = || file("requests.json".to_owned(), json!(requests).to_string());
        match self {
            Tool::Curl => {
                let config = requests.iter().map(curl_options).collect::<Vec<_>>().join("next\n");
                let mut curl = curl(&file("config".to_owned(), config));
                curl.args(["--parallel", "--parallel-immediate", "--parallel-max"]).arg(AT_ONCE.to_string());
                vec![curl]
            }
            Tool::CurlLoop => {
                let one = |(n, request)| curl(&file(format!("config-{n}"), curl_options(request)));
                requests.iter().enumerate().map(one).collect()
            }
            Tool::Hurl => {
                let share = requests.len().div_ceil(AT_ONCE).max(1);
                let entries = requests.chunks(share).map(|share| share.iter().map(hurl_entry).collect::<String>());
                let mut hurl = Command::new("hurl");
                hurl.args(["--parallel", "--no-output", "--jobs"]).arg(AT_ONCE.to_string());
                hurl.args(entries.enumerate().map(|(n, text)| file(format!("{n}.hurl"), text)));
                vec![hurl]
            }
            Tool::Aiohttp => {
                let mut python = Command::new("python3");
                python.args(["-c", AIOHTTP]).arg(json());
                vec![python]
            }
            Tool::Ansible => {
                json();
                let mut ansible = Command::new("ansible-playbook");
                ansible.args(["-i", "localhost,"]).arg(file("playbook.yml".to_owned(), PLAYBOOK.to_owned()));
                vec![ansible]
            }
        }
    }
}

fn curl(config: &Path) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--config"]).arg(config);
    curl
}

fn curl_options((url, body): &Request) -> String {
    let body = body.as_ref().map(|body| {
        let quoted = body.to_string().replace('"', "\\\"");
        format!("header = \"Content-Type: application/json\"\ndata = \"{quoted}\"\n")
    });
    format!("url = \"{url}\"\nheader = \"{TOKEN}\"\noutput = \"/dev/null\"\n{}", body.unwrap_or_default())
}

fn hurl_entry((url, body): &Request) -> String {
    match body {
        Some(body) => format!("POST {url}\n{TOKEN}\n{body}\nHTTP *\n[Asserts]\nstatus < 300\n\n"),
        None => format!("GET {url}\n{TOKEN}\nHTTP 200\n\n"),
    }
}

//! The recorded session at the top of the README: made by running it, and made anew where it is no longer true.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::svg::picture;
use crate::support::{Pty, Site, eventually};

const COLUMNS: u16 = 100;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures/session.svg");

const TITLE: &str = "versync makes what a file declares, applies an edit, and puts right what somebody changes";

const SHOP: &str = "\
[connection_templates.shop]
project = \"storefront\"
environment = \"production\"
system = \"shopify\"
dynamic = true
auth_scheme_configs = [\"shop-key\"]

[auth_scheme_configs.shop-key]
system = \"shopify\"
description = \"Key of the shop's app\"
type = \"api-key\"
name = \"X-Shopify-Access-Token\"
in = \"header\"
";

/// What a person sees, as it comes.
struct Recording {
    site: Site,
    seen: String,
}

impl Recording {
    /// A line that somebody types.
    fn types(&mut self, command: &str) {
        write!(self.seen, "\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n").unwrap();
    }

    /// What happens elsewhere.
    fn says(&mut self, remark: &str) {
        write!(self.seen, "\r\n\x1b[36m# {remark}\x1b[0m\r\n").unwrap();
    }

    /// A line that somebody types into a shell, and what the shell prints.
    fn runs(&mut self, command: &str) {
        self.types(command);
        let output = Command::new("sh").args(["-euc", command]).current_dir(self.site.path(".")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        self.seen += &String::from_utf8(output.stdout).unwrap().replace('\n', "\r\n");
    }

    /// What the daemon writes from here on, until it has written this to the end of its line.
    fn watches(&mut self, daemon: &Pty, from: usize, until: &str) -> usize {
        let written = daemon.written();
        eventually(until, || {
            let written = &written.lock().unwrap()[from..];
            written.contains(until) && written.ends_with('\n')
        });
        let written = written.lock().unwrap();
        self.seen += &written[from..];
        written.len()
    }
}

#[test]
fn the_recorded_session_is_what_happens() {
    let site = Site::new();
    site.settings("sync.interval = \"1s\"");
    site.file("shop.toml", SHOP);
    let mut recording = Recording { site, seen: String::new() };
    recording.runs("cat manifests/shop.toml");
    recording.seen += "\r\n";
    recording.types("versync run");
    let daemon = Pty::start(recording.site.command(&["run"]), COLUMNS);
    let at = recording.watches(&daemon, 0, "created connection_template");
    recording.says("In another window, somebody edits the file.");
    recording.runs("sed -i \"s/Key of the shop's app/Key of the shop's own app/\" manifests/shop.toml");
    let at = recording.watches(&daemon, at, "updated auth_scheme_config");
    recording.says("Somebody else switches `dynamic` off, on the platform.");
    recording.site.tamper("shop", |template| template.dynamic = false);
    recording.watches(&daemon, at, "drift ended");
    assert!(recording.site.template("shop").dynamic, "it was put right");
    assert_eq!(daemon.stop().0, Some(0));
    let drawn = picture(recording.seen.trim_end(), COLUMNS, TITLE);
    if let Some(folder) = std::env::var_os("VERSYNC_PICTURES").map(PathBuf::from) {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("session.svg"), &drawn).unwrap();
    }
    let committed = fs::read_to_string(PICTURE).unwrap_or_default();
    assert!(
        timeless(&committed) == timeless(&drawn),
        "versync prints something else than docs/pictures/session.svg shows; look at it, and record it anew with \
         VERSYNC_PICTURES=docs/pictures cargo test session::\n{drawn}"
    );
    assert!(committed.len() < 60_000, "{}", committed.len());
}

/// The same with every time of the log at noon.
fn timeless(text: &str) -> String {
    const NOON: &str = "2026-01-01T12:00:00.000000Z";
    let is_time = |candidate: &str| {
        candidate.bytes().zip(NOON.bytes()).all(|(a, b)| a == b || a.is_ascii_digit() && b.is_ascii_digit())
    };
    let mut timeless = text.to_owned();
    for (at, _) in text.match_indices('T').filter(|(at, _)| *at >= 10) {
        let (begin, end) = (at - 10, at - 10 + NOON.len());
        if text.get(begin..end).is_some_and(is_time) {
            timeless.replace_range(begin..end, NOON);
        }
    }
    timeless
}

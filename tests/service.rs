//! What a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Daemon, Site, eventually};

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// A service manager, and what it was told.
struct Manager {
    socket: PathBuf,
    told: mpsc::Receiver<String>,
}

impl Manager {
    fn start(site: &Site) -> Self {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (sender, told) = mpsc::channel();
        // As systemd does, it listens all the time: nobody waits for it.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let lines = String::from_utf8(buffer[..length].to_vec()).unwrap();
                if lines.lines().any(|line| sender.send(line.to_owned()).is_err()) {
                    break;
                }
            }
        });
        Self { socket: path, told }
    }

    fn daemon(&self, site: &Site) -> Daemon {
        let mut command = site.command(&["run"]);
        command.env("NOTIFY_SOCKET", &self.socket).env("WATCHDOG_USEC", "100000");
        Daemon::start(command)
    }

    /// Waits for the next line that begins so.
    fn awaited(&self, beginning: &str) -> String {
        loop {
            let line = self.told.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|error| panic!("{beginning} never came: {error}"));
            if line.starts_with(beginning) {
                return line;
            }
        }
    }
}

#[test]
fn the_manager_is_told_how_the_service_is() {
    let site = Site::new();
    site.settings("sync.interval = \"1h\"\nsync.debounce = \"20ms\"\nsync.on_drift = \"report\"");
    site.file("a.toml", CONFIG);
    let manager = Manager::start(&site);
    let mut daemon = manager.daemon(&site);
    manager.awaited("READY=1");
    let status = manager.awaited("STATUS=");
    assert!(status.starts_with("STATUS=in sync: 1 resource, checked "), "{status}");
    (0..3).for_each(|_| drop(manager.awaited("WATCHDOG=1")));
    site.file("b.toml", "[");
    let status = manager.awaited("STATUS=");
    assert!(status.starts_with("STATUS=1 problem; 1 resource as declared, checked "), "{status}");
    assert!(status.contains(" UTC, an edit "), "nothing else was looked at: {status}");
    daemon.signal(Signal::HUP);
    let whole = |status: &str| status.starts_with("STATUS=1 problem; ") && !status.contains("an edit");
    while !whole(&manager.awaited("STATUS=")) {}
    std::fs::rename(site.manifests(), site.path("gone")).unwrap();
    let status = manager.awaited("STATUS=");
    assert!(status.starts_with("STATUS=no pass can be made: the manifests folder"), "{status}");
    daemon.signal(Signal::TERM);
    manager.awaited("STOPPING=1");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_reload_takes_new_settings_and_keeps_the_old_ones_where_they_are_bad() {
    const COMMON: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"\nsync.delete_grace = \"0s\"";
    let site = Site::new();
    site.settings(COMMON);
    site.file("a.toml", CONFIG).file("b.toml", CONFIG.replace("ok", "other"));
    let manager = Manager::start(&site);
    let mut daemon = manager.daemon(&site);
    daemon.await_said("created");
    site.remove("b.toml");
    daemon.await_said("auth_scheme_config.system/stripe/other is left alone: no file declares it any more");

    site.settings(&format!("{COMMON}\nsync.prnue = true"));
    daemon.signal(Signal::HUP);
    let refused = daemon.await_said("the settings cannot be used, so the ones from before still count");
    let refused = refused["message"].as_str().unwrap();
    assert!(refused.contains("versync.toml:4:6: ") && refused.contains("prune"), "{refused}");
    site.settings(&format!("state = \"elsewhere\"\n{COMMON}"));
    daemon.signal(Signal::HUP);
    let restart = "the settings cannot be used, so the ones from before still count: state cannot change while";
    daemon.await_said(restart);
    site.file("c.toml", CONFIG.replace("ok", "third"));
    eventually("an edit under the old settings", || daemon.said("created").len() == 3);

    manager.awaited("RELOADING=1");
    site.settings(&format!("{COMMON}\nsync.prune = true\nsync.delete_limit = {{ count = 9, percent = 100 }}"));
    daemon.signal(Signal::HUP);
    daemon.await_said("the settings have changed, and count from now on");
    daemon.await_said("deleted");
    manager.awaited("READY=1");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    assert_eq!(daemon.said("versync has stopped").len(), 1);
}

/// What a rehearsal of the watchdog needs: a loop that hangs tells nobody that it is alive.
#[test]
fn the_fault_of_a_rehearsal_is_announced_and_hangs_the_loop() {
    let site = Site::new();
    let manager = Manager::start(&site);
    let start = |fault: &str| {
        let mut command = site.command(&["run"]);
        command.env("NOTIFY_SOCKET", &manager.socket).env("WATCHDOG_USEC", "100000").env("VERSYNC_FAULT", fault);
        command
    };
    let refused = crate::support::Ran::of(start("hang").output().unwrap());
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("VERSYNC_FAULT asks for no fault that there is"), "{refused:?}");

    let daemon = Daemon::start(start("hang-on-reload"));
    daemon.await_said("VERSYNC_FAULT is set");
    (0..3).for_each(|_| drop(manager.awaited("WATCHDOG=1")));
    daemon.signal(Signal::HUP);
    manager.awaited("RELOADING=1");
    while let Ok(line) = manager.told.recv_timeout(Duration::from_millis(500)) {
        assert!(!line.starts_with("WATCHDOG=1"), "it is alive");
    }
}

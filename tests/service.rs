//! What a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Daemon, Site};

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// The socket of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn start(site: &Site) -> Self {
        let socket = UnixDatagram::bind(site.path("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(socket)
    }

    fn daemon(&self, site: &Site) -> Daemon {
        let mut command = site.command(&["run"]);
        command.env("NOTIFY_SOCKET", self.0.local_addr().unwrap().as_pathname().unwrap());
        command.env("WATCHDOG_USEC", "100000");
        Daemon::start(command)
    }

    /// Waits for the first message that begins so.
    fn awaited(&self, beginning: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("{beginning} never came: {error}"));
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if let Some(line) = message.lines().find(|line| line.starts_with(beginning)) {
                return line.to_owned();
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
    std::fs::rename(site.manifests(), site.path("gone")).unwrap();
    let status = manager.awaited("STATUS=");
    assert!(status.starts_with("STATUS=no pass can be made: the manifests folder"), "{status}");
    daemon.signal(Signal::TERM);
    manager.awaited("STOPPING=1");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

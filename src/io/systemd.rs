//! What systemd is told about the service, where it runs under systemd. Elsewhere nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service is up.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The service reads its settings again; [`ready`] follows.
pub fn reloading() {
    // systemd wants to know since when, by the clock that it uses itself.
    let now = NotifyState::monotonic_usec_now().ok();
    tell(&std::iter::once(NotifyState::Reloading).chain(now).collect::<Vec<_>>());
}

/// The service is going down.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How the service is, in one line that `systemctl status` shows.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// The service makes progress: the watchdog need not bite.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the service has to show that it is alive: twice within `WatchdogSec=`. Nothing where no watchdog
/// looks on.
pub fn pulse() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// A service manager that does not listen is no reason to stop.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("systemd could not be told: {error}");
    }
}

//! How the daemon is, in one line: what `systemctl status` shows.

use jiff::Timestamp;

use super::escape;
use crate::model::plan::{Action, Change};
use crate::model::wording::counted;
use crate::reconcile::{PassError, Report};

/// After a pass: `in sync: 120 resources, revision 1a2b3c4, checked 14:02 UTC`, or what is not as declared. After one that
/// looked only at what an edit is about, when that was, and when everything was checked.
pub fn passed(report: &Report, at: Timestamp) -> String {
    let plan = &report.plan;
    let stays = |change: &&Change| change.action != Action::Delete;
    let as_declared = plan.in_sync.len() + report.applied_changes().filter(stays).count();
    let summary = plan.summary();
    let open = [
        (report.failures().count(), "failed"),
        (summary.held, "held"),
        (summary.reported, "only reported"),
        (report.drifting().count(), "drifted"),
    ];
    let mut parts: Vec<String> =
        open.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    parts.extend(summary.complaints());
    let resources = counted(as_declared, "resource");
    let how = if parts.is_empty() {
        format!("in sync: {resources}")
    } else {
        format!("{}; {resources} as declared", parts.join(", "))
    };
    let revision = plan.revision.as_deref().map(|commit| format!(", revision {:.7}", escape(commit)));
    let checked = if report.is_whole() {
        format!("checked {}", clock(at))
    } else {
        format!("checked {}, an edit {}", clock(report.checked_at), clock(at))
    };
    format!("{how}{}, {checked}", revision.unwrap_or_default())
}

/// After a pass that could not be made.
pub fn failed(error: &PassError, at: Timestamp) -> String {
    format!("no pass can be made: {}, tried {}", escape(&error.to_string()), clock(at))
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

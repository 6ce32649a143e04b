//! What the targets of a command name.

use super::Policy;
use crate::model::desired::Desired;
use crate::model::recorded::Recorded;
use crate::model::source::{Problem, nearest};

/// Whether a target is this file, or a folder that it lies in.
pub(super) fn names_file(target: &str, file: &str) -> bool {
    file == target || (target.ends_with('/') && file.starts_with(target))
}

/// Targets that mean nothing at all: whoever has mistyped one does not want the rest alone.
pub(super) fn unknown_targets(policy: &Policy, desired: &Desired, recorded: &Recorded) -> Vec<Problem> {
    let declared = || desired.resources.iter().map(|declared| &declared.address).chain(&desired.disputed);
    let files = || desired.files.iter().chain(recorded.resources.values().map(|known| &known.source.file));
    let is_address = |target: &str| {
        let mut addresses = declared().chain(recorded.resources.values().map(|known| &known.address));
        addresses.any(|address| address.matches(target))
    };
    let means_something = |target: &&String| files().any(|file| names_file(target, file)) || is_address(target);
    let problem = |target: &String| {
        let problem = Problem::general(format!("the target {target:?} names no resource and no file"));
        let ends_so = format!("*/{target}");
        let known: Vec<&str> = files().map(String::as_str).collect();
        problem.help(match nearest(target, &known) {
            _ if is_address(&ends_so) => {
                format!("did you mean {ends_so:?}? A target is a whole address, in which * stands for any text")
            }
            Some(near) => format!("did you mean {near:?}?"),
            None => {
                "targets are addresses, in which * stands for any text, or files below the manifests folder".to_owned()
            }
        })
    };
    policy.targets.iter().filter(|target| !means_something(target)).map(problem).collect()
}

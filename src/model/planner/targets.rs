//! What the targets of a command name.

use super::Policy;
use crate::model::desired::Desired;
use crate::model::recorded::Recorded;
use crate::model::source::Problem;

/// Whether a target is this file, or a folder that it lies in.
pub(super) fn names_file(target: &str, file: &str) -> bool {
    file == target || (target.ends_with('/') && file.starts_with(target))
}

/// Targets that mean nothing at all: whoever has mistyped one does not want the rest alone.
pub(super) fn unknown_targets(policy: &Policy, desired: &Desired, recorded: &Recorded) -> Vec<Problem> {
    let means_something = |target: &&String| {
        let addresses = desired.resources.iter().map(|declared| &declared.address).chain(&desired.disputed);
        desired.files.iter().any(|file| names_file(target, file))
            || addresses.into_iter().any(|address| address.matches(target))
            || recorded.resources.values().any(|it| it.address.matches(target) || names_file(target, &it.source.file))
    };
    let unknown = policy.targets.iter().filter(|target| !means_something(target));
    let problem = |target| {
        let problem = Problem::general(format!("the target {target:?} names no resource and no file"));
        problem.help("targets are addresses, in which * stands for any text, or files below the manifests folder")
    };
    unknown.map(problem).collect()
}

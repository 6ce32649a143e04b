//! What the targets of a command name.

use std::collections::BTreeSet;

use super::Policy;
use crate::model::address::Address;
use crate::model::desired::Desired;
use crate::model::recorded::Recorded;
use crate::model::source::{Problem, nearest};

/// The targets of a command, as what there is tells how they are meant.
pub(super) struct Targets<'a> {
    all: &'a [String],
    /// Those that are the whole address of a resource: a `*` in them is one of its name.
    whole: BTreeSet<&'a str>,
}

impl<'a> Targets<'a> {
    pub(super) fn of(policy: &'a Policy, desired: &Desired, recorded: &Recorded) -> Self {
        let all = policy.targets.as_slice();
        let mut stars: BTreeSet<&str> = all.iter().map(String::as_str).filter(|target| target.contains('*')).collect();
        let mut whole = BTreeSet::new();
        if !stars.is_empty() {
            for address in addresses(desired, recorded).map(Address::to_string) {
                whole.extend(stars.take(address.as_str()));
            }
            whole.extend(stars.into_iter().filter(|star| policy.saved.as_ref().is_some_and(|it| it.is_about(star))));
        }
        Self { all, whole }
    }

    /// Whether a resource is among them.
    pub(super) fn include(&self, address: &Address, file: &str) -> bool {
        let is_it = |target: &str| {
            if self.whole.contains(target) { address.to_string() == target } else { address.matches(target) }
        };
        self.all.is_empty() || self.all.iter().any(|target| names_file(target, file) || is_it(target))
    }
}

/// Every address that is declared or recorded.
fn addresses<'a>(desired: &'a Desired, recorded: &'a Recorded) -> impl Iterator<Item = &'a Address> {
    let declared = desired.resources.iter().map(|declared| &declared.address);
    declared.chain(&desired.disputed).chain(recorded.resources.values().map(|known| &known.address))
}

/// Whether a target is this file, or a folder that it lies in.
fn names_file(target: &str, file: &str) -> bool {
    file == target || (target.ends_with('/') && file.starts_with(target))
}

/// Targets that mean nothing at all: whoever has mistyped one does not want the rest alone.
pub(super) fn unknown_targets(policy: &Policy, desired: &Desired, recorded: &Recorded) -> Vec<Problem> {
    let files = || desired.files.iter().chain(recorded.resources.values().map(|known| &known.source.file));
    let is_address = |target: &str| addresses(desired, recorded).any(|address| address.matches(target));
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

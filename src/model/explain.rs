//! Everything that is known of one resource, and what follows from it: for whoever asks why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::address::{Address, Identity, OwnerKind};
use super::desired::{Desired, ManifestFile};
use super::manifest::{self, Declared, Lifecycle, OnDrift};
use super::observed::{Observed, Wanted};
use super::plan::{Cause, Change, FieldChange, Plan, Source};
use super::planner::{self, Adopt, Compared, FieldCase, FieldView, Policy};
use super::recorded::{Recorded, RecordedResource, Reference};
use super::source::{Problem, Severity, nearest, sort_problems};
use super::three_way::Verdict;

/// Among so many addresses the nearest one is looked for.
const MOST_COMPARED: usize = 1000;

/// More addresses than these are not listed to choose from.
const MOST_OFFERED: usize = 10;

/// Everything that is known of one resource.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What people call it.
    pub address: Address,
    /// Who speaks for it.
    pub standing: Standing,
    /// Where it is declared now.
    pub source: Option<Source>,
    /// How its life is to be handled, where it is declared.
    pub lifecycle: Option<Lifecycle>,
    /// What is done about drift here.
    pub on_drift: OnDrift,
    /// What is done about what exists already.
    pub adopt: Adopt,
    /// Whether what no file declares any more is deleted.
    pub prune: bool,
    /// What is recorded of it.
    pub recorded: Option<RecordedResource>,
    /// What was compared; nothing where it came to no comparison.
    pub compared: Option<Compared>,
    /// The fields that differ beside those that were compared: its name, for example.
    pub moved: Vec<FieldChange>,
    /// What the next pass makes of it.
    pub next: Next,
    /// Whether a create of it was begun of which no outcome is known, and whether it was looked for in vain since.
    pub begun: Option<bool>,
    /// What is wrong with it, or with the files that declare it.
    pub problems: Vec<Problem>,
}

impl Explanation {
    /// What it is, where that is known.
    pub fn identity(&self) -> Option<&Identity> {
        self.compared.as_ref()?.identity.as_ref()
    }

    /// What its references mean: of each kind, what the file writes and the platform's id.
    pub fn references(&self) -> BTreeMap<&'static str, (&str, &str)> {
        let recorded = self.recorded.as_ref().map(|record| &*record.references);
        let compared = self.compared.as_ref().map(|compared| &compared.references);
        let found = compared.filter(|references| !references.is_empty()).or(recorded);
        let kind = |reference: &Reference| match reference {
            Reference::Project(_) => "project",
            Reference::Environment(..) => "environment",
            Reference::System(_) => "system",
        };
        let found = found.into_iter().flatten();
        found.map(|(reference, id)| (kind(reference), (reference.written(), id.as_str()))).collect()
    }
}

/// Who speaks for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A sound file declares it.
    Declared,
    /// The file that declares it, or declared it last, is in error.
    Broken,
    /// It is declared twice, or a secret of it cannot be read.
    Disputed,
    /// It is recorded, and no file declares it any more.
    Undeclared,
    /// It is live, and neither files nor state know of it.
    Unmanaged,
}

/// What the next pass makes of a resource.
#[derive(Debug, Clone)]
pub enum Next {
    /// It is as declared.
    InSync,
    /// This; with the hash that approves it where an approval would let it through.
    Change(Box<Change>, Option<String>),
    /// Nothing: something is in error.
    InError,
    /// It is forgotten: neither declared nor live.
    Forget,
    /// Nothing: it is not versync's.
    Nothing,
}

/// Nothing is known under what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnknownResource {
    /// What is known of it.
    pub message: String,
    /// What may have been meant.
    pub help: String,
}

/// What has to be looked at beside everything else, so that an address that no file names can be explained.
pub fn want(address: &str, wanted: &mut Wanted) {
    match Address::parse(address) {
        Some(Address::ConnectionTemplate { project, environment, .. }) => {
            wanted.environments.entry(project).or_default().insert(environment);
        }
        Some(Address::AuthSchemeConfig { kind: OwnerKind::System, owner, .. }) => drop(wanted.systems.insert(owner)),
        _ => {}
    }
}

/// Explains the resource that `asked` names: by its address, by the same with ids in place of names, or by a
/// part that only one address has.
///
/// # Errors
///
/// Where nothing, or more than one thing, is meant.
pub fn explain(
    asked: &str,
    files: &[ManifestFile],
    desired: &Desired,
    recorded: &Recorded,
    observed: &Observed,
    policy: &Policy,
) -> Result<(Explanation, Plan), UnknownResource> {
    let unsound = unsound(files, desired);
    let known: BTreeSet<&Address> = desired
        .resources
        .iter()
        .map(|declared| &**declared)
        .chain(&unsound)
        .map(|declared| &declared.address)
        .chain(recorded.resources.values().map(|resource| &resource.address))
        .collect();
    let unmanaged_ones = || {
        let policy = Policy { lists_unmanaged: true, ..policy.clone() };
        planner::plan(desired, recorded, observed, &policy, None).listed_unmanaged
    };
    let address = find(asked, &known, unmanaged_ones, desired, recorded, observed)?;
    let (plan, compared) = planner::trace(desired, recorded, observed, policy, &address);
    let declared = desired.resources.iter().map(|declared| &**declared).find(|declared| declared.address == address);
    let broken = unsound.iter().find(|declared| declared.address == address);
    let record = recorded.resources.values().find(|resource| resource.address == address);
    let compared = match (compared, declared.or(broken), record) {
        (None, None, None) => unmanaged(&address, observed),
        (compared, ..) => compared,
    };
    let identity = compared.as_ref().and_then(|compared| compared.identity.as_ref());
    let known_as = compared.as_ref().and_then(|compared| compared.recorded_as.as_ref());
    let before = known_as.and_then(|known| recorded.resources.values().find(|resource| resource.address == *known));
    let record = identity.and_then(|identity| recorded.resources.get(identity)).or(record).or(before);
    let standing = standing(declared, broken, record, desired);
    let problems = problems(declared.or(broken), record, compared.as_ref(), standing, (desired, &unsound));
    let change = plan.changes.iter().find(|change| change.address == address);
    let compared_paths = |path: &str| compared.iter().flat_map(|it| &it.fields).any(|field| field.path == path);
    let moved = change.iter().flat_map(|change| &change.fields).filter(|field| !compared_paths(field.path));
    let begun = identity.and_then(|identity| recorded.intents.get(identity)).map(|intent| intent.missed);
    let lifecycle = declared.or(broken).map(|declared| Lifecycle::clone(&declared.lifecycle));
    let explanation = Explanation {
        standing,
        source: declared
            .or(broken)
            .map(|declared| Source { file: declared.place.file().to_owned(), line: declared.place.line() }),
        on_drift: lifecycle.as_ref().and_then(|lifecycle| lifecycle.on_drift).unwrap_or(policy.on_drift),
        adopt: policy.adopt,
        prune: policy.prune,
        lifecycle,
        recorded: record.cloned(),
        moved: moved.cloned().collect(),
        next: next(change, standing, compared.as_ref(), &problems, &plan),
        begun,
        problems,
        compared,
        address,
    };
    Ok((explanation, plan))
}

/// What files declare of which nothing is taken.
fn unsound(files: &[ManifestFile], desired: &Desired) -> Vec<Declared> {
    let all = files.iter().flatten().flat_map(|file| manifest::parse(file).0);
    let takes_part = |address: &Address| desired.find(address).is_some();
    all.filter(|declared| !takes_part(&declared.address)).collect()
}

fn find(
    asked: &str,
    known: &BTreeSet<&Address>,
    unmanaged: impl FnOnce() -> Vec<Address>,
    desired: &Desired,
    recorded: &Recorded,
    observed: &Observed,
) -> Result<Address, UnknownResource> {
    if let Some(address) = known.iter().find(|address| address.to_string() == asked) {
        return Ok((**address).clone());
    }
    let all: Vec<String> = known.iter().map(|address| address.to_string()).collect();
    let parsed = Address::parse(asked);
    let Some(address) = parsed.filter(|_| !asked.contains('*')) else {
        return the_one(asked, &known.iter().copied().collect::<Vec<_>>())
            .or_else(|| the_one(asked, &unmanaged().iter().collect::<Vec<_>>()))
            .unwrap_or_else(|| Err(unknown(format!("{asked:?} is the address of no resource"), asked, &all)));
    };
    let identity = planner::identity_of(&address, observed)
        .map_err(|why| unknown(format!("nothing is known of {address}: {why}"), asked, &all))?;
    let spelled = desired
        .resources
        .iter()
        .find(|declared| planner::identity_of(&declared.address, observed).is_ok_and(|declared| declared == identity));
    if let Some(declared) = spelled {
        return Ok(declared.address.clone());
    }
    if let Some(resource) = recorded.resources.get(&identity) {
        return Ok(resource.address.clone());
    }
    if Compared::of_unmanaged(&identity, observed).is_some() {
        return Ok(address);
    }
    let message = format!("nothing is known of {address}: it is not declared, not recorded and not live");
    Err(unknown(message, asked, &all))
}

/// The one of these that a part of an address means: its last names, or else any part. Nothing where it means none.
fn the_one(asked: &str, all: &[&Address]) -> Option<Result<Address, UnknownResource>> {
    let at_the_end = format!("*/{asked}");
    let is_meant = |address: &&&Address| address.matches(asked) || address.matches(&at_the_end);
    let mut found: Vec<&&Address> = all.iter().filter(is_meant).collect();
    if found.is_empty() && !asked.is_empty() {
        found = all.iter().filter(|address| address.to_string().contains(asked)).collect();
    }
    match found.as_slice() {
        [] => None,
        [one] => Some(Ok((**one).clone())),
        several => {
            let listed: Vec<String> = several.iter().take(MOST_OFFERED).map(ToString::to_string).collect();
            let more = if several.len() > MOST_OFFERED { ", …" } else { "" };
            let message = format!("{asked:?} may mean any of {} resources", several.len());
            Some(Err(UnknownResource { message, help: format!("give one of {}{more}", listed.join(", ")) }))
        }
    }
}

fn unknown(message: String, asked: &str, all: &[String]) -> UnknownResource {
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    // Of very many, those that begin alike are the nearest ones.
    let alike = |address: &str| address.bytes().zip(asked.bytes()).take_while(|(a, b)| a == b).count();
    all.sort_by_cached_key(|address| (Reverse(alike(address)), (*address).to_owned()));
    all.truncate(MOST_COMPARED);
    let name = |address: &'_ str| address.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<String> = all.iter().map(|address| name(address)).collect();
    let near = nearest(asked, &all).map(str::to_owned).or_else(|| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = nearest(&name(asked), &names)?;
        all.iter().find(|address| name(address) == near).map(|address| (*address).to_owned())
    });
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "`versync plan` and `versync status` show addresses: connection_template.PROJECT/ENVIRONMENT/NAME, \
                 auth_scheme_config.system/SYSTEM/ID, auth_scheme_config.connector/CONNECTOR/ID"
            .to_owned(),
    };
    UnknownResource { message, help }
}

fn unmanaged(address: &Address, observed: &Observed) -> Option<Compared> {
    Compared::of_unmanaged(&planner::identity_of(address, observed).ok()?, observed)
}

fn standing(
    declared: Option<&Declared>,
    unsound: Option<&Declared>,
    record: Option<&RecordedResource>,
    desired: &Desired,
) -> Standing {
    match (declared, unsound, record) {
        (Some(_), ..) => Standing::Declared,
        (_, Some(found), _) if desired.broken_files.contains(found.place.file()) => Standing::Broken,
        (_, Some(_), _) => Standing::Disputed,
        (_, _, Some(record)) if desired.broken_files.contains(&record.source.file) => Standing::Broken,
        (_, _, Some(_)) => Standing::Undeclared,
        (None, None, None) => Standing::Unmanaged,
    }
}

/// What is wrong with it; where its file is broken, everything that is wrong there.
fn problems(
    declared: Option<&Declared>,
    record: Option<&RecordedResource>,
    compared: Option<&Compared>,
    standing: Standing,
    (desired, unsound): (&Desired, &[Declared]),
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = compared.map(|compared| compared.problems.clone()).unwrap_or_default();
    let file = declared.map(|declared| declared.place.file()).or(record.map(|record| record.source.file.as_str()));
    // Its lines are those up to the next resource of its file.
    let first = declared.map_or(0, |declared| declared.place.line());
    let headers = desired
        .resources
        .iter()
        .map(|declared| &**declared)
        .chain(unsound)
        .filter(|other| Some(other.place.file()) == file);
    let end = headers.map(|other| other.place.line()).filter(|line| *line > first).min().unwrap_or(usize::MAX);
    let named = declared.map(|declared| format!("{} ", declared.address));
    let is_its_own = |problem: &Problem| {
        // What is declared twice may be told at the other place.
        let names_it = named.as_ref().is_some_and(|named| problem.message.starts_with(named));
        let is_here = problem.position().is_some_and(|(line, _)| (first..end).contains(&line));
        names_it || problem.file_name() == file && is_here
    };
    let about = |problem: &&Problem| match standing {
        Standing::Broken => problem.file_name() == file,
        Standing::Disputed => is_its_own(problem),
        _ => false,
    };
    problems.extend(desired.problems.iter().filter(about).cloned());
    sort_problems(&mut problems);
    problems
}

fn next(
    change: Option<&Change>,
    standing: Standing,
    compared: Option<&Compared>,
    problems: &[Problem],
    plan: &Plan,
) -> Next {
    let is_live = compared.and_then(|compared| compared.is_live);
    match change {
        Some(change) => {
            let approve = change.awaits_approval().then(|| plan.held_hash()).flatten();
            Next::Change(Box::new(change.clone()), approve)
        }
        None if matches!(standing, Standing::Broken | Standing::Disputed) => Next::InError,
        None if problems.iter().any(|problem| problem.severity == Severity::Error) => Next::InError,
        None if standing == Standing::Undeclared && is_live == Some(false) => Next::Forget,
        None if standing == Standing::Declared => Next::InSync,
        None => Next::Nothing,
    }
}

/// One field for people and programs: a word for what is so, and why in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldWords {
    /// The word.
    pub verdict: &'static str,
    /// The sentence.
    pub reason: &'static str,
    /// Whether there is something about it.
    pub differs: bool,
}

/// What is said of a field that differs for this reason.
pub fn verdict_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Manifest => "edited",
        Cause::Drift => "drift",
        Cause::Conflict => "conflict",
    }
}

/// What the three values of a field say, in words. `next` is what becomes of its resource.
pub fn words(field: &FieldView, next: &Next) -> FieldWords {
    let change = match next {
        Next::Change(change, _) => change.fields.iter().find(|it| it.path == field.path),
        _ => None,
    };
    let is_kept = change.is_some_and(|change| change.kept);
    let is_recorded = field.recorded.is_some();
    let (verdict, reason, differs) = match field.case {
        FieldCase::Judged(Verdict::InSync) if field.sensitive && !is_recorded => {
            ("in sync", "a secret is never shown: what exists is taken to hold it already", false)
        }
        FieldCase::Judged(Verdict::InSync) if field.sensitive => {
            ("secret unchanged", "it is the one that was sent last; what is live is never shown", false)
        }
        FieldCase::Judged(Verdict::InSync) => ("in sync", "as declared", false),
        FieldCase::Judged(Verdict::Differs(_)) if field.sensitive => {
            ("secret changed", "it is not the one that was sent last", true)
        }
        FieldCase::Judged(Verdict::Differs(Cause::Drift)) if is_kept => {
            ("drift", "somebody has changed it on the platform, and on_drift has that only reported", true)
        }
        FieldCase::Judged(Verdict::Differs(Cause::Drift)) => {
            ("drift", "somebody has changed it on the platform since it was last applied", true)
        }
        FieldCase::Judged(Verdict::Differs(Cause::Conflict)) => {
            ("conflict", "both the files and somebody on the platform have changed it: the files win", true)
        }
        FieldCase::Judged(Verdict::Differs(Cause::Manifest)) if is_recorded => {
            ("edited", "the files have changed since it was last applied", true)
        }
        FieldCase::Judged(Verdict::Differs(Cause::Manifest)) => {
            ("differs", "the files declare it, and what is live is another", true)
        }
        FieldCase::Judged(Verdict::Unset) => {
            ("unset", "the files no longer declare it: it goes back to the platform's default", true)
        }
        FieldCase::Judged(Verdict::Forget) => {
            ("forgotten", "the files no longer declare it, and nothing has to be sent for that", false)
        }
        FieldCase::Judged(Verdict::NotOurs) if change.is_some() => {
            ("unset", "it means nothing to the new system: it is emptied", true)
        }
        FieldCase::Judged(Verdict::NotOurs) => ("not ours", "no file declares it: left alone", false),
        FieldCase::Ignored => ("ignored", "lifecycle.ignore has it left alone", false),
        FieldCase::Missing(Cause::Manifest) => ("new", "there is nothing live yet", true),
        FieldCase::Missing(_) => ("deleted", "the resource was deleted on the platform", true),
        FieldCase::Undeclared if matches!(next, Next::InError) => {
            ("not compared", "its file is in error: it stays as it is", false)
        }
        FieldCase::Undeclared => ("no longer declared", "no file declares the resource any more", false),
    };
    FieldWords { verdict, reason, differs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_very_many_addresses_is_found() {
        let all: Vec<String> = (0..5000).map(|n| format!("auth_scheme_config.system/s{}/key-{n}", n % 50)).collect();
        let help = unknown(String::new(), "auth_scheme_config.system/s7/kye-1007", &all).help;
        assert_eq!(help, "did you mean auth_scheme_config.system/s7/key-1007?");
        assert!(unknown(String::new(), "zebra", &all).help.contains("PROJECT/ENVIRONMENT/NAME"));
    }
}

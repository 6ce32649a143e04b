//! What somebody far away is told: drift, failures and what is held once while it lasts, and that all of it is
//! well again.

use std::collections::{BTreeMap, BTreeSet};

use super::address::Address;
use super::history::FieldNote;
use super::ledger::{Changes, Ledger};
use super::plan::{Action, Cause, Change, Plan, Source};
use super::source::{Problem, Severity};

/// What a notice can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// Something was changed behind versync's back.
    Drift,
    /// A pass could not be made, a file or an answer is in error, or a change could not be applied.
    Failed,
    /// A change waits for somebody.
    Held,
    /// Everything that was told is well again.
    Recovered,
}

impl Occasion {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Drift, Self::Failed, Self::Held, Self::Recovered];

    /// The word that settings and notices use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Recovered => "recovered",
        }
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What it is about.
    pub occasion: Occasion,
    /// What it is about in particular, by address; what has no address comes last.
    pub items: Vec<Item>,
    /// The git commit of the manifests folder, if it is in a repository and was read.
    pub revision: Option<String>,
    /// The hash that `versync approve` takes, where an approval would let something through.
    pub approve: Option<String>,
}

/// One thing that a notice is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// The resource; nothing where it is about a file or about the pass as a whole.
    pub address: Option<String>,
    /// What is the matter, or what was done about it.
    pub text: String,
    /// What is to be done, or was.
    pub action: Option<Action>,
    /// Where the resource is declared, or what is in error.
    pub source: Option<Source>,
    /// What differs.
    pub fields: Vec<FieldNote>,
}

/// What came of a plan.
#[derive(Debug, Clone, Default)]
pub struct Results<'a> {
    /// What was applied of which no drift is left.
    pub mended: BTreeSet<&'a Address>,
    /// What was not, with the reason.
    pub failed: BTreeMap<&'a Address, String>,
    /// Whether anything may be applied at all.
    pub writes: bool,
}

/// What one receiver has been told.
#[derive(Debug)]
pub struct Told {
    on: BTreeSet<Occasion>,
    drift: Ledger<Address, Vec<FieldNote>>,
    failed: Ledger<Subject, ()>,
    held: Ledger<Address, Action>,
    /// What was told since everything was well and lasted longer than the pass that found it.
    open: BTreeSet<Subject>,
    /// How much of it still lasts.
    lasting: BTreeSet<(Occasion, Subject)>,
}

/// What is in error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Resource(Address),
    Problem(String),
    Pass,
}

impl Told {
    /// Nothing was told yet; what it is about `on`, it is to be told.
    pub fn new(on: BTreeSet<Occasion>) -> Self {
        Self {
            on,
            drift: Ledger::default(),
            failed: Ledger::default(),
            held: Ledger::default(),
            open: BTreeSet::new(),
            lasting: BTreeSet::new(),
        }
    }

    /// What is to be told of a pass.
    pub fn passed(&mut self, plan: &Plan, results: &Results<'_>) -> Vec<Notice> {
        let known = |address: &Address| !plan.not_compared.contains(address);
        let drifted = || plan.changes.iter().filter(|change| change.is_drifted());
        let lasts = |change: &&Change| !results.mended.contains(&change.address);
        let with_fields = |change: &Change| (change.address.clone(), drifted_fields(change));
        let drift = self.drift.update_known(drifted().map(with_fields).collect(), known);
        let over = self.drift.update_known(drifted().filter(lasts).map(with_fields).collect(), known);
        let drift = Changes { ended: [drift.ended, over.ended].concat(), ..drift };

        let errors = plan.problems.iter().filter(|problem| problem.severity == Severity::Error);
        let errors: BTreeMap<String, &Problem> = errors.map(|problem| (in_one_line(problem), problem)).collect();
        let subjects = results.failed.keys().map(|address| Subject::Resource((*address).clone()));
        let subjects = subjects.chain(errors.keys().cloned().map(Subject::Problem));
        let failed =
            self.failed.update_known(subjects.map(|subject| (subject, ())).collect(), |subject| match subject {
                Subject::Resource(address) => known(address),
                Subject::Problem(_) | Subject::Pass => true,
            });

        let waits =
            |change: &&Change| change.action != Action::None && change.held.as_ref().is_some_and(|held| !held.for_now);
        let held = plan.changes.iter().filter(waits).map(|change| (change.address.clone(), change.action));
        let held = self.held.update_known(held.collect(), known);

        let by_address: BTreeMap<&Address, &Change> =
            plan.changes.iter().map(|change| (&change.address, change)).collect();
        let about = |address: &Address| by_address.get(address).copied();
        let drift_items = drift.begun.iter().filter_map(|(address, _)| Some(drift_item(about(address)?, results)));
        let held_items = held.begun.iter().filter_map(|(address, _)| Some(held_item(about(address)?)));
        let failed_items = failed.begun.iter().filter_map(|(subject, ())| match subject {
            Subject::Resource(address) => Some(failed_item(about(address)?, results.failed.get(address)?)),
            Subject::Problem(line) => Some(problem_item(errors.get(line)?)),
            Subject::Pass => None,
        });
        let items: [(Occasion, Vec<Item>); 3] = [
            (Occasion::Drift, drift_items.collect()),
            (Occasion::Failed, failed_items.collect()),
            (Occasion::Held, held_items.collect()),
        ];
        self.note(Occasion::Drift, subjects_of(&drift.begun), subjects_of(&drift.ended));
        self.note(Occasion::Failed, keys_of(&failed.begun), keys_of(&failed.ended));
        self.note(Occasion::Held, subjects_of(&held.begun), subjects_of(&held.ended));
        let approves = |change: &&Change| change.awaits_approval();
        let approve = plan.changes.iter().find(approves).and_then(|_| plan.held_hash());
        let notices = items.into_iter().map(|(occasion, items)| Notice {
            occasion,
            items,
            revision: plan.revision.clone(),
            approve: approve.clone().filter(|_| occasion == Occasion::Held),
        });
        let mut notices: Vec<_> =
            notices.filter(|notice| !notice.items.is_empty() && self.on.contains(&notice.occasion)).collect();
        notices.extend(self.recovery(plan));
        notices
    }

    /// What is to be told of a pass that could not be made: that it could not, once for as long as it stays so.
    /// How everything else is, nobody knows.
    pub fn failed(&mut self, why: &str) -> Vec<Notice> {
        let now = std::iter::once((Subject::Pass, ())).collect();
        let changes = self.failed.update_known(now, |subject| *subject == Subject::Pass);
        if changes.begun.is_empty() || !self.on.contains(&Occasion::Failed) {
            return Vec::new();
        }
        self.note(Occasion::Failed, keys_of(&changes.begun), Vec::new());
        let item = Item { text: format!("no pass can be made: {why}"), ..Item::default() };
        vec![Notice { occasion: Occasion::Failed, items: vec![item], revision: None, approve: None }]
    }

    fn note(&mut self, occasion: Occasion, begun: Vec<Subject>, ended: Vec<Subject>) {
        if self.on.contains(&occasion) {
            self.lasting.extend(begun.into_iter().map(|subject| (occasion, subject)));
            for subject in ended {
                self.lasting.remove(&(occasion, subject));
            }
            self.open.extend(self.lasting.iter().map(|(_, subject)| subject.clone()));
        }
    }

    /// That everything is well again, where it was not.
    fn recovery(&mut self, plan: &Plan) -> Option<Notice> {
        if !self.lasting.is_empty() || self.open.is_empty() {
            return None;
        }
        let item = |subject| match subject {
            Subject::Resource(address) => Item { address: Some(address.to_string()), ..Item::default() },
            Subject::Problem(text) => Item { text, ..Item::default() },
            Subject::Pass => Item { text: "passes can be made again".to_owned(), ..Item::default() },
        };
        let items = std::mem::take(&mut self.open).into_iter().map(item).collect();
        let notice = Notice { occasion: Occasion::Recovered, items, revision: plan.revision.clone(), approve: None };
        Some(notice).filter(|_| self.on.contains(&Occasion::Recovered))
    }
}

fn keys_of<V>(entries: &[(Subject, V)]) -> Vec<Subject> {
    entries.iter().map(|(subject, _)| subject.clone()).collect()
}

fn subjects_of<V>(entries: &[(Address, V)]) -> Vec<Subject> {
    entries.iter().map(|(address, _)| Subject::Resource(address.clone())).collect()
}

fn drifted_fields(change: &Change) -> Vec<FieldNote> {
    change.fields.iter().filter(|field| field.cause != Cause::Manifest).map(FieldNote::of).collect()
}

fn drift_item(change: &Change, results: &Results<'_>) -> Item {
    let what = if change.was_deleted() { "deleted" } else { "changed" };
    let response = if results.mended.contains(&change.address) {
        "put right"
    } else if results.failed.contains_key(&change.address) {
        "it could not be put right"
    } else if change.held.is_some() || change.leaves_drift() || !results.writes {
        "only reported"
    } else {
        "not put right yet"
    };
    Item { fields: drifted_fields(change), ..item(change, format!("{what} on the platform; {response}")) }
}

fn held_item(change: &Change) -> Item {
    item(change, change.held.as_ref().map(|held| held.reason.clone()).unwrap_or_default())
}

fn failed_item(change: &Change, why: &str) -> Item {
    item(change, format!("not applied: {why}"))
}

fn item(change: &Change, text: String) -> Item {
    Item {
        address: Some(change.address.to_string()),
        text,
        action: Some(change.action).filter(|action| *action != Action::None),
        source: change.source.clone(),
        fields: change.fields.iter().map(FieldNote::of).collect(),
    }
}

fn problem_item(problem: &Problem) -> Item {
    let source = problem.file_name().map(|file| Source {
        file: file.to_owned(),
        line: problem.position().map(|(line, _)| line).unwrap_or_default(),
    });
    Item { text: problem.message.clone(), source, ..Item::default() }
}

/// What tells a problem from others: what is wrong, and with which file. Its place moves with every edit.
fn in_one_line(problem: &Problem) -> String {
    problem.file_name().map_or_else(|| problem.message.clone(), |file| format!("{file}: {}", problem.message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::address::{Identity, Owner, OwnerKind};
    use crate::model::plan::{FieldChange, Held, Step};

    fn address(id: &str) -> Address {
        Address::AuthSchemeConfig { kind: OwnerKind::System, owner: "stripe".to_owned(), id: id.to_owned() }
    }

    fn change(id: &str, action: Action, cause: Cause, held: Option<Held>) -> Change {
        let field = FieldChange {
            path: "description",
            before: json!(1),
            after: json!(2),
            cause,
            sensitive: false,
            kept: false,
            first: false,
        };
        Change {
            address: address(id),
            identity: Identity::AuthSchemeConfig { owner: Owner::system("01J".to_owned()), id: id.to_owned() },
            action,
            causes: BTreeSet::from([cause]),
            source: Some(Source { file: "a.toml".to_owned(), line: 7 }),
            held,
            fields: vec![field],
            step: Step::Nothing,
        }
    }

    fn plan(changes: Vec<Change>) -> Plan {
        Plan { changes, revision: Some("abc".to_owned()), ..Plan::default() }
    }

    fn all() -> Told {
        Told::new(Occasion::ALL.into())
    }

    fn nothing() -> Results<'static> {
        Results { writes: true, ..Results::default() }
    }

    /// The occasions of notices, with the texts of their items.
    fn said(notices: &[Notice]) -> Vec<(&'static str, Vec<&str>)> {
        fn texts(notice: &Notice) -> Vec<&str> {
            notice.items.iter().map(|item| item.text.as_str()).collect()
        }
        notices.iter().map(|notice| (notice.occasion.as_str(), texts(notice))).collect()
    }

    #[test]
    fn drift_that_lasts_is_told_once_and_that_it_is_over_once() {
        let mut told = all();
        let report = Some(Held::because("drift is only reported here"));
        let drift = plan(vec![change("a", Action::None, Cause::Drift, report)]);
        let notices = told.passed(&drift, &nothing());
        assert_eq!(said(&notices), [("drift", vec!["changed on the platform; only reported"])]);
        let item = &notices[0].items[0];
        assert_eq!((item.address.as_deref(), item.fields.len()), (Some("auth_scheme_config.system/stripe/a"), 1));
        assert_eq!((item.source.as_ref().unwrap().line, notices[0].revision.as_deref()), (7, Some("abc")));
        assert_eq!(told.passed(&drift, &nothing()), []);
        let unread = Plan { not_compared: BTreeSet::from([address("a")]), ..Plan::default() };
        assert_eq!(told.passed(&unread, &nothing()), [], "nobody could look");
        assert_eq!(said(&told.passed(&plan(vec![]), &nothing())), [("recovered", vec![""])]);
        assert_eq!(told.passed(&plan(vec![]), &nothing()), []);
        assert_eq!(told.passed(&drift, &nothing()).len(), 1, "the next one is another one");
    }

    #[test]
    fn drift_that_is_put_right_at_once_is_told_each_time_and_needs_no_recovery() {
        let mut told = all();
        let drift = plan(vec![change("a", Action::Update, Cause::Drift, None)]);
        let mended = BTreeSet::from([&drift.changes[0].address]);
        let results = Results { mended, ..nothing() };
        for _ in 0..2 {
            let notices = told.passed(&drift, &results);
            assert_eq!(said(&notices), [("drift", vec!["changed on the platform; put right"])]);
            assert_eq!(told.passed(&plan(vec![]), &nothing()), []);
        }
    }

    #[test]
    fn failures_are_told_once_and_recover_only_together() {
        let mut told = all();
        assert_eq!(said(&told.failed("down")), [("failed", vec!["no pass can be made: down"])]);
        assert_eq!(told.failed("still down, otherwise"), []);
        let update = plan(vec![change("a", Action::Update, Cause::Manifest, None)]);
        let failed = BTreeMap::from([(&update.changes[0].address, "503".to_owned())]);
        let results = Results { failed, ..nothing() };
        assert_eq!(said(&told.passed(&update, &results)), [("failed", vec!["not applied: 503"])]);
        assert_eq!(told.passed(&update, &results), []);
        let broken = Plan { problems: vec![Problem::in_file("b.toml", "broken")], ..plan(vec![]) };
        assert_eq!(said(&told.passed(&broken, &nothing())), [("failed", vec!["broken"])]);
        let recovered = told.passed(&plan(vec![]), &nothing());
        assert_eq!(said(&recovered), [("recovered", vec!["", "b.toml: broken", "passes can be made again"])]);
    }

    #[test]
    fn what_is_held_is_told_with_its_hash_unless_it_passes_by_itself() {
        let mut told = all();
        let held = |held| plan(vec![change("a", Action::Delete, Cause::Manifest, Some(held))]);
        assert_eq!(told.passed(&held(Held::for_now("the grace period")), &nothing()), []);
        let too_many = held(Held::until_approved("1 delete is more than allowed"));
        let notices = told.passed(&too_many, &nothing());
        assert_eq!(said(&notices), [("held", vec!["1 delete is more than allowed"])]);
        assert_eq!(
            (notices[0].approve.clone(), notices[0].items[0].action),
            (too_many.held_hash(), Some(Action::Delete))
        );
        assert_eq!(told.passed(&held(Held::until_approved("2 deletes are more")), &nothing()), []);
        assert_eq!(said(&told.passed(&plan(vec![]), &nothing())), [("recovered", vec![""])]);
        let remark = plan(vec![change("a", Action::None, Cause::Manifest, Some(Held::because("no file declares it")))]);
        assert_eq!(told.passed(&remark, &nothing()), [], "nothing would be done");
    }

    #[test]
    fn a_receiver_is_told_only_what_it_asked_for() {
        let mut told = Told::new(BTreeSet::from([Occasion::Failed, Occasion::Recovered]));
        let report = Some(Held::because("drift is only reported here"));
        let drift = plan(vec![change("a", Action::None, Cause::Drift, report)]);
        assert_eq!(told.passed(&drift, &nothing()), []);
        assert_eq!(told.failed("down").len(), 1);
        let recovered = told.passed(&drift, &nothing());
        assert_eq!(said(&recovered), [("recovered", vec!["passes can be made again"])]);
        let mut told = Told::new(BTreeSet::from([Occasion::Drift]));
        assert_eq!(told.passed(&drift, &nothing()).len(), 1);
        assert_eq!((told.failed("down"), told.passed(&plan(vec![]), &nothing())), (vec![], vec![]));
    }
}

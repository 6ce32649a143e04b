//! Thousands of edits, planned by their part and as a whole.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;
use serde_json::Value;

use super::*;
use crate::model::desired::ManifestFile;
use crate::model::intent::Intent;
use crate::model::manifest::OnDrift;
use crate::model::observed::LiveTemplate;
use crate::model::parses::Parses;
use crate::model::planner::plan;
use crate::model::source::SourceFile;

const FILES: usize = 6;
const NAMES: usize = 5;

/// What is declared: by the place, in which file and how.
#[derive(Clone, Default)]
struct Cells {
    /// By environment and name: the file, the system, whether it is dynamic, and the lines before it.
    templates: BTreeMap<(usize, usize), (usize, usize, bool, usize)>,
    /// By system and id: the file, and the description.
    configs: BTreeMap<(usize, usize), (usize, usize)>,
}

impl Cells {
    fn any(rng: &mut Rng) -> Self {
        let mut cells = Self::default();
        for _ in 0..20 {
            cells.change(rng);
        }
        cells
    }

    /// Declares something anew, elsewhere or otherwise, or no longer.
    fn change(&mut self, rng: &mut Rng) {
        let file = rng.usize(..FILES);
        let place = (rng.usize(..3), rng.usize(..NAMES));
        match rng.u8(..8) {
            0 => drop(self.templates.remove(&place)),
            1 => drop(self.configs.remove(&place)),
            2..5 => {
                let file = self.configs.get(&place).map_or(file, |known| known.0);
                self.configs.insert(place, (file, rng.usize(..3)));
            }
            _ => {
                let (file, system) = self.templates.get(&place).map_or((file, rng.usize(..3)), |it| (it.0, it.1));
                self.templates.insert(place, (file, system, rng.bool(), rng.usize(..3)));
            }
        }
    }

    fn files(&self) -> Vec<ManifestFile> {
        let mut texts = vec![String::new(); FILES];
        for ((environment, name), (file, system, dynamic, lines)) in &self.templates {
            let listed = self.configs.keys().find(|(of, _)| of == system).map(|(_, id)| format!("\"c{id}\""));
            let (text, listed) = (&mut texts[*file], listed.unwrap_or_default());
            let header = if environment + name == 0 { "t0".to_owned() } else { format!("t{environment}{name}") };
            let _ = write!(
                text,
                "{}[connection_templates.{header}]\nname = \"t{name}\"\nproject = \"p\"\nenvironment = \"e{environment}\"\n\
                 system = \"s{system}\"\ndynamic = {dynamic}\nauth_scheme_configs = [{listed}]\n",
                "\n".repeat(*lines)
            );
        }
        for ((system, id), (file, description)) in &self.configs {
            let _ = write!(
                texts[*file],
                "[auth_scheme_configs.c{system}{id}]\nid = \"c{id}\"\nsystem = \"s{system}\"\ntype = \"none\"\n\
                 description = \"{description}\"\n"
            );
        }
        texts.into_iter().enumerate().map(|(n, text)| Ok(SourceFile::new(format!("{n}.toml"), text))).collect()
    }
}

/// What would be recorded once all of it was made.
fn recorded_of(plan: &Plan) -> Recorded {
    let record = |change: &Change| match &change.step {
        Step::CreateTemplate(step) => {
            RecordedResource { template_id: Some(format!("id of {}", change.identity)), ..step.record.clone() }
        }
        Step::PutConfig(step) => step.record.clone(),
        step => unreachable!("{step:?}"),
    };
    let resources = plan.changes.iter().map(|change| (change.identity.clone(), record(change)));
    Recorded { resources: Arc::new(resources.collect()), ..Recorded::default() }
}

/// Somebody changes what is live.
fn disturb(observed: &mut Observed, rng: &mut Rng) {
    let name = format!("t{}", rng.usize(..NAMES));
    let lists: Vec<_> = observed.templates.values_mut().flatten().filter(|list| !list.is_empty()).collect();
    if let Some(list) = rng.choice(lists) {
        let at = rng.usize(..list.len());
        match rng.u8(..5) {
            0 => drop(list.remove(at)),
            1 => list[at].name = name,
            2 => list[at].dynamic = !list[at].dynamic,
            3 => list.push(LiveTemplate { id: format!("stranger {}", list.len()), name, ..list[at].clone() }),
            _ => {}
        }
    }
    let lists: Vec<_> = observed.configs.values_mut().flatten().filter(|list| !list.is_empty()).collect();
    if let Some(list) = rng.choice(lists) {
        let at = rng.usize(..list.len());
        match rng.u8(..4) {
            0 => drop(list.remove(at)),
            1 => list[at].fields.insert("description", Value::from("other")),
            _ => {}
        }
    }
}

#[test]
fn what_was_made_and_no_file_declares_any_more_is_left_to_do() {
    let mut parses = Parses::default();
    let mut cells = Cells::default();
    cells.configs.insert((0, 0), (0, 0));
    let (policy, none) = (Policy { prune: true, ..Policy::default() }, Recorded::default());
    let desired = Desired::assemble_known(&cells.files(), &mut parses);
    let wanted = desired.wanted(&none);
    let making = plan(&desired, &none, &Observed::from_recorded(&none, &wanted), &policy, None);
    let made = recorded_of(&making);
    let live = Observed { listed_elsewhere: None, ..Observed::from_recorded(&made, &wanted) };
    // The answer to its create was lost, and its file is gone by now: it is recorded, so that the next pass deletes it.
    let begun = |change: &Change| match &change.step {
        Step::PutConfig(step) => (change.identity.clone(), Intent::of_config(step)),
        step => unreachable!("{step:?}"),
    };
    let intents = making.changes.iter().map(begun).collect();
    let gone = Desired::assemble_known(&Cells::default().files(), &mut parses);
    let found = plan(&gone, &Recorded { intents, ..Recorded::default() }, &live, &policy, None);
    assert!(matches!(found.bookkeeping.as_slice(), [Bookkeeping::Record(..)]) && found.changes.is_empty(), "{found:?}");
    assert!(Calm::after(&found, &policy, &gone, SecretHashes::default(), &made).is_none());
}

#[test]
fn drift_that_is_only_reported_beside_an_update_is_left_to_say() {
    let policy = Policy { on_drift: OnDrift::Report, ..Policy::default() };
    let none = Recorded::default();
    let mut cells = Cells::default();
    let made = |cells: &Cells| {
        let desired = Desired::assemble(&cells.files());
        let wanted = desired.wanted(&none);
        let making = plan(&desired, &none, &Observed::from_recorded(&none, &wanted), &policy, None);
        (desired, wanted, recorded_of(&making))
    };
    cells.templates.insert((0, 0), (0, 0, true, 0));
    let (_, _, before) = made(&cells);
    cells.configs.insert((0, 1), (0, 0));
    let (desired, wanted, after) = made(&cells);
    let mut live = Observed { listed_elsewhere: None, ..Observed::from_recorded(&before, &wanted) };
    let calm_after = |live: &Observed| {
        let found = plan(&desired, &before, live, &policy, None);
        assert_eq!(found.changes.iter().filter(|change| change.is_due()).count(), 2, "{found:?}");
        Calm::after(&found, &policy, &desired, SecretHashes::default(), &after)
    };
    assert!(calm_after(&live).is_some());
    live.templates.values_mut().flatten().flatten().for_each(|template| template.dynamic = false);
    assert!(calm_after(&live).is_none());
}

/// Plans an edit by its part, and everything; whether the part was enough.
fn try_one(rng: &mut Rng) -> Option<bool> {
    let mut cells = Cells::any(rng);
    let mut parses = Parses::default();
    let policy = Policy { prune: rng.bool(), ..Policy::default() };
    let none = Recorded::default();
    let mut desired = Desired::assemble_known(&cells.files(), &mut parses);
    let wanted = desired.wanted(&none);
    let made = plan(&desired, &none, &Observed::from_recorded(&none, &wanted), &policy, None);
    assert!(made.problems.is_empty(), "{:?}", made.problems);
    let recorded = recorded_of(&made);
    let observed = Observed { listed_elsewhere: None, ..Observed::from_recorded(&recorded, &wanted) };
    let settled = plan(&desired, &recorded, &observed, &policy, None);
    let secrets = desired.take_secrets(&recorded, |_| unreachable!("there are none"));
    let calm = Calm::after(&settled, &policy, &desired, secrets.clone(), &recorded).expect("nothing is left to do");
    (0..=rng.usize(..3)).for_each(|_| cells.change(rng));
    let edited = Desired::assemble_known(&cells.files(), &mut parses);
    let mut live = observed.clone();
    (0..rng.usize(..3)).for_each(|_| disturb(&mut live, rng));
    let mut seen = Seen::after(observed, Wanted::default(), []);
    let part = Part::of(&calm, parses.edit(), (&edited, &secrets), &recorded, &seen)?;
    live.templates.retain(|scope, _| part.looks.scopes.contains(scope));
    live.configs.retain(|owner, _| part.looks.owners.contains(owner));
    if !seen.renew(live) {
        return Some(false);
    }
    let in_part = part.plan(&calm, (&edited, &part.recorded(&recorded)), &mut seen, |desired, recorded, observed| {
        plan(desired, recorded, observed, &policy, None)
    });
    let whole = plan(&edited, &recorded, seen.observed(), &policy, None);
    if let Some(in_part) = &in_part {
        let said = |plan: &Plan| {
            let messages: Vec<_> = plan.problems.iter().map(|it| it.message.clone()).collect();
            let changes: Vec<_> =
                plan.changes.iter().map(|it| (it.address.to_string(), it.action, it.held.clone())).collect();
            format!(
                "{changes:?} {messages:?} {:?} {:?} {} {:?}",
                plan.bookkeeping,
                plan.unmanaged,
                plan.in_sync.len(),
                plan.marks
            )
        };
        assert!(in_part.says_the_same(&whole), "{}\n{}", said(in_part), said(&whole));
    }
    Some(in_part.is_some_and(|plan| !plan.changes.is_empty()))
}

#[test]
fn a_plan_of_the_part_is_a_plan_of_everything() {
    let mut enough = 0;
    for seed in 0..2000 {
        let outcome = std::panic::catch_unwind(|| try_one(&mut Rng::with_seed(seed)));
        enough += usize::from(outcome.unwrap_or_else(|_| panic!("seed {seed}")) == Some(true));
    }
    assert!(enough > 100, "{enough} of the plans were made of a part, with something to do");
}

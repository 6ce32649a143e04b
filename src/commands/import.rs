//! `versync import`: manifests for what exists.

mod files;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use super::context::{Context, Speaker};
use super::error::CommandError;
use super::{Exit, Terminal};
use crate::args::{Global, Import as Args};
use crate::io::folder::{Folder, Manifests};
use crate::io::manifests::FolderError;
use crate::io::store::{Books, Entry, Store, StoreError};
use crate::io::versori::{Names, Read, observe};
use crate::model::address::{Identity, Owner, Scope};
use crate::model::desired::Desired;
use crate::model::export::{Export, Exported, written};
use crate::model::manifest::refuse_connector;
use crate::model::observed::{Lookup, Observed, Project, Unread, Wanted};
use crate::model::parses::Parses;
use crate::model::plan::{Action, Bookkeeping, Plan};
use crate::model::planner::{self, Policy};
use crate::model::recorded::{Recorded, RecordedResource};
use crate::model::source::Problem;
use crate::model::wording::counted;
use crate::reconcile::{Hands, Look, Memory, Stop, Target, Told, reconcile};
use crate::report::{escape, problems, text};

pub(super) async fn import(global: &Global, args: Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let scopes = scopes(&args)?;
    let context = Context::new(global, terminal, Speaker::Onlooker)?;
    let mut memory = Memory::default();
    let names = &mut memory.names;
    // Recording what is written is what makes the next plan empty: nothing else is ever due here.
    let consent =
        |plan: &Plan| plan.changes.iter().filter(|change| change.is_due()).all(|it| it.action == Action::Adopt);
    let mut hands = context.writing("import", consent).await?;
    let recorded = hands.recorded()?;
    let folder = context.folder();
    let (declared, in_error) = declared(&Told::of(&hands), &folder, names).await?;
    let mut export = gather(&Told::of(&hands), &scopes, &args, names).await?;
    let live: BTreeMap<Identity, String> = export.template_ids().collect();
    let known = drop_known(&mut export, &recorded, &declared, &in_error);
    let Exported { files, resources, left_out } = export.into_manifests();
    files::refuse_hidden(folder.root(), &args.out)?;
    let paths = files::write_all(&args.out, &files)?;
    tell_left_out(&left_out, &known);
    if files.is_empty() {
        println("Nothing to import.")?;
        return Ok(Exit::Done);
    }
    for path in &paths {
        println(&format!("Wrote {}", path.display()))?;
    }
    let Some(targets) = files::below(folder.root(), &args.out, files.keys()) else {
        // Recorded but declared nowhere, it would be an orphan, and pruned.
        let folder = folder.root().display();
        println(&format!("Not recorded: move the files to {folder}, and `versync apply` adopts what they declare."))?;
        return Ok(Exit::Done);
    };
    let policy = Policy { targets, ..context.policy(Vec::new()) };
    let target = Target {
        manifests: &folder,
        policy: &policy,
        memory: &mut memory,
        look: Look::Whole,
        guards: None,
        drift_log: None,
    };
    forget(&mut hands.store, &recorded, &resources, &live).await?;
    let report = reconcile(target, &mut hands, &Stop::never()).await?;
    let recorded = hands.recorded()?;
    if !resources.iter().all(|identity| recorded.resources.contains_key(identity)) {
        text::write_plan(&report.plan, terminal.out, &mut io::stdout().lock()).map_err(CommandError::output)?;
        return Ok(Exit::Partial);
    }
    // What is wrong elsewhere in the folder is worth saying, but no failure of this.
    let others: Vec<Problem> = report.plan.problems.iter().cloned().map(Problem::warning).collect();
    let _ = problems::write(&others, terminal.err, &mut io::stderr().lock());
    println(&format!("Recorded {}; nothing was changed on the platform.", counted(resources.len(), "resource")))?;
    Ok(Exit::Done)
}

/// Leaves out what is spoken for already: under its name, or as the template that it is, whatever somebody calls it
/// now. Tells how much of it there is, and why.
fn drop_known(
    export: &mut Export,
    recorded: &Recorded,
    declared: &BTreeSet<Identity>,
    in_error: &BTreeSet<String>,
) -> [(usize, &'static str); 3] {
    let by_id = recorded.resources.iter().filter_map(|(identity, it)| Some((it.template_id.as_deref()?, identity)));
    let by_id: HashMap<&str, &Identity> = by_id.collect();
    let record = |identity: &Identity| recorded.resources.get(identity);
    // What is recorded under its name may be another template, where somebody has renamed that.
    let is_itself = |identity: &Identity, id: Option<&str>| {
        record(identity).is_some_and(|record| record.template_id.is_none() || record.template_id.as_deref() == id)
    };
    let known_as = |id: Option<&str>| id.and_then(|id| by_id.get(id)).copied();
    let is_declared = |identity: &Identity| declared.contains(identity);
    let is_in_error = |identity: &Identity| record(identity).is_some_and(|it| in_error.contains(&it.source.file));
    let is_protected = |identity: &Identity| record(identity).is_some_and(|record| record.prevent_delete);
    [
        (
            export.drop_known(|identity, id| is_declared(identity) || known_as(id).is_some_and(is_declared)),
            "that manifests declare already",
        ),
        (
            export.drop_known(|identity, id| is_in_error(identity) || known_as(id).is_some_and(is_in_error)),
            "that files declared which are in error now: mend those",
        ),
        (
            export.drop_known(|identity, id| {
                is_itself(identity, id) && is_protected(identity) || known_as(id).is_some_and(is_protected)
            }),
            "whose file is gone, and which were declared with lifecycle.prevent_delete: declare them by hand",
        ),
    ]
}

/// Forgets what was recorded of what is imported: no file declared it any more, and by now somebody may have given
/// it another name. A protected template whose name another one has now is recorded as what it is called.
async fn forget(
    store: &mut Store,
    recorded: &Recorded,
    resources: &BTreeSet<Identity>,
    live: &BTreeMap<Identity, String>,
) -> Result<(), StoreError> {
    let imported: BTreeSet<&String> = resources.iter().filter_map(|identity| live.get(identity)).collect();
    let is_imported = |record: &RecordedResource| record.template_id.as_ref().is_some_and(|id| imported.contains(id));
    let is_outdated =
        |(identity, record): &(&Identity, &RecordedResource)| resources.contains(identity) || is_imported(record);
    let outdated: Vec<_> = recorded.resources.iter().filter(is_outdated).collect();
    let as_called = |record: &RecordedResource| {
        let (identity, _) = live.iter().find(|(_, id)| record.template_id.as_ref() == Some(id))?;
        let Identity::ConnectionTemplate { name, .. } = identity else { return None };
        let is_it = |(other, _): &(&Identity, &RecordedResource)| *other == identity;
        let is_free = !recorded.resources.contains_key(identity) || outdated.iter().any(is_it);
        let record = RecordedResource { address: record.address.renamed(name), ..record.clone() };
        (is_free && !resources.contains(identity)).then_some((identity, record))
    };
    let protected = outdated.iter().filter(|(_, record)| record.prevent_delete && !is_imported(record));
    let kept: Vec<_> = protected.filter_map(|(_, record)| as_called(record)).collect();
    let forget = outdated.iter().map(|(identity, _)| Bookkeeping::Forget((*identity).clone()));
    let keep = kept.into_iter().map(|(identity, record)| Bookkeeping::Record(identity.clone(), Box::new(record)));
    let entry = Entry::of(forget.chain(keep).collect());
    store.keep(Arc::from([entry])).await.map(drop)
}

/// Says what is not in the files, and how much of it is spoken for already.
fn tell_left_out(left_out: &[String], known: &[(usize, &str)]) {
    let mut err = io::stderr().lock();
    for what in left_out {
        let _ = writeln!(err, "left out: {}", escape(what));
    }
    for (count, which) in known.iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(err, "left out: {} {which}", counted(*count, "resource"));
    }
}

/// What the folder speaks for already, also in files that are in error: whoever mends them has it declared. And which
/// files are so broken that it is not known for what they speak.
async fn declared<A: Read>(
    api: &A,
    folder: &Folder,
    names: &mut Names,
) -> Result<(BTreeSet<Identity>, BTreeSet<String>), CommandError> {
    let files = match folder.read().await {
        Err(FolderError::Missing(_)) => return Ok(Default::default()),
        files => files?,
    };
    let mut parses = Parses::default();
    let in_error = Desired::assemble_known(&files, &mut parses).broken_files;
    let desired = Desired { resources: parses.declared().into(), ..Desired::default() };
    let observed = observe(api, &desired.wanted(&Recorded::default()), names, None).await?;
    Ok((planner::identities(&desired.resources, &observed), in_error))
}

/// Projects, each with the one environment that is meant, or with all of them. Refuses what cannot be meant,
/// before anything is asked.
fn scopes(args: &Args) -> Result<Vec<(String, Option<String>)>, CommandError> {
    let refused: Vec<Problem> = args.connectors.iter().filter_map(|id| refuse_connector(id)).collect();
    if !refused.is_empty() {
        return Err(CommandError::Problems(refused));
    }
    let (projects, environments) = (&args.projects, &args.environments);
    let refuse = |message: &str| {
        let problem = Problem::general(message);
        let help = "give --project P --environment E for each environment, or --project P alone for all of them; --system S \
                    and --connector C for their auth scheme configs";
        Err(CommandError::Problems(vec![problem.help(help)]))
    };
    if projects.is_empty() && environments.is_empty() && args.systems.is_empty() && args.connectors.is_empty() {
        return refuse("nothing says what to import");
    }
    match (projects.as_slice(), environments.len()) {
        (projects, 0) => Ok(projects.iter().map(|project| (project.clone(), None)).collect()),
        ([], _) => refuse("--environment needs a --project"),
        ([project], _) => Ok(environments.iter().map(|name| (project.clone(), Some(name.clone()))).collect()),
        (projects, count) if projects.len() == count => {
            Ok(projects.iter().cloned().zip(environments.iter().cloned().map(Some)).collect())
        }
        _ => refuse("which --environment belongs to which --project cannot be told"),
    }
}

/// Reads everything that was asked for.
async fn gather<A: Read>(
    api: &A,
    scopes: &[(String, Option<String>)],
    args: &Args,
    names: &mut Names,
) -> Result<Export, CommandError> {
    let mut wanted = Wanted::default();
    for (project, environment) in scopes {
        wanted.environments.entry(project.clone()).or_default().extend(environment.clone());
    }
    wanted.systems.extend(args.systems.iter().cloned());
    wanted.owners.extend(args.connectors.iter().map(Owner::connector));
    let first = observe(api, &wanted, names, None).await?;
    let mut problems = Vec::new();
    for (project, environment) in scopes {
        let found = need(first.projects.get(project), &format!("project {project:?}"), &mut problems);
        let all = found.into_iter().flat_map(|project| &project.environments);
        let meant = all.filter(|(id, name)| environment.as_ref().is_none_or(|wanted| wanted == id || wanted == name));
        let ids: BTreeSet<String> = meant.map(|(id, _)| id.clone()).collect();
        if let (Some(_), Some(name), true) = (found, environment, ids.is_empty()) {
            problems.push(Problem::general(format!("project {project} has no environment {name:?}")));
        }
        wanted.environments.entry(project.clone()).or_default().extend(ids);
    }
    if !problems.is_empty() {
        return Err(CommandError::Problems(problems));
    }
    let observed = observe(api, &wanted, names, None).await?;
    let listed = api.systems().await?;
    let mut export = Export::default();
    for system in &listed {
        let all = listed.iter().map(|other| other.name.as_str());
        export.systems.insert(system.id.clone(), written(&system.id, &system.name, all).to_owned());
    }
    collect(&mut export, &observed, scopes, &mut problems);
    if !problems.is_empty() {
        return Err(CommandError::Problems(problems));
    }
    Ok(export)
}

fn collect(export: &mut Export, observed: &Observed, scopes: &[(String, Option<String>)], problems: &mut Vec<Problem>) {
    for (project, _) in scopes {
        let Some(Ok(Project { id, environments })) = observed.projects.get(project) else { continue };
        for (environment, name) in environments {
            let scope = Scope { project: id.clone(), environment: environment.clone() };
            if !observed.templates.contains_key(&scope) {
                continue;
            }
            let what = format!("the connection templates of {project}/{name}");
            let found = need(observed.templates.get(&scope), &what, problems).into_iter().flatten();
            let all = environments.iter().map(|(_, other)| other.as_str());
            let as_written = (project.clone(), written(environment, name, all).to_owned());
            if export.scopes.insert(scope.clone(), as_written).is_none() {
                export.templates.extend(found.map(|template| (scope.clone(), template.clone())));
            }
        }
    }
    for (owner, lookup) in &observed.configs {
        let found = need(Some(lookup), &format!("{} {}", owner.kind, owner.id), problems).into_iter().flatten();
        export.configs.extend(found.map(|config| (owner.clone(), config.clone())));
    }
    for (written, lookup) in &observed.systems {
        need(Some(lookup), &format!("system {written:?}"), problems);
    }
}

/// What was found, or a problem: an import of a part would be taken for the whole.
fn need<'a, T>(lookup: Option<&'a Lookup<T>>, what: &str, problems: &mut Vec<Problem>) -> Option<&'a T> {
    let why = match lookup {
        Some(Ok(found)) => return Some(found),
        Some(Err(Unread::Unnamed { near: Some(near) })) => {
            format!("there is none in the organisation; did you mean {near:?}?")
        }
        Some(Err(Unread::Absent | Unread::Unnamed { near: None })) => "there is none in the organisation".to_owned(),
        Some(Err(Unread::Ambiguous { ids })) => format!("several have this name: {}", ids.join(", ")),
        Some(Err(Unread::Failed(why))) => why.clone(),
        None => "it was not read".to_owned(),
    };
    problems.push(Problem::general(format!("cannot import {what}: {why}")));
    None
}

fn println(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{line}").map_err(CommandError::output)
}

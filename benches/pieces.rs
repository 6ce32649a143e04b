//! What the pure pieces of a pass cost: parsing, planning, rendering, hashing.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::similar_names,
    reason = "what fails here fails the benchmark"
)]

#[allow(dead_code, reason = "each of the two uses a part of it")]
mod worlds;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use versync::model::desired::{Desired, ManifestFile, SecretHashes};
use versync::model::observed::{Observed, Wanted};
use versync::model::parses::Parses;
use versync::model::part::{Calm, Part};
use versync::model::plan::{Change, Plan, Step};
use versync::model::planner::{Policy, plan};
use versync::model::recorded::{Recorded, RecordedResource};
use versync::model::seen::Seen;
use versync::model::source::SourceFile;
use versync::report::problems::Look;
use versync::report::text;
use worlds::Size;

const SIZES: [Size; 3] = [
    Size { resources: 100, files: 10 },
    Size { resources: 1_000, files: 100 },
    Size { resources: 10_000, files: 1_000 },
];

fn files(size: Size) -> Vec<ManifestFile> {
    size.manifests().map(|(name, text)| Ok(SourceFile::new(name, text))).collect()
}

/// A plan of a world in which nothing exists yet.
fn creates(desired: &Desired) -> Plan {
    let recorded = Recorded::default();
    let observed = Observed::from_recorded(&recorded, &desired.wanted(&recorded));
    plan(desired, &recorded, &observed, &Policy::default(), None)
}

/// What is recorded once a plan is carried out.
fn applied(planned: &Plan) -> Recorded {
    let record = |change: &Change| match &change.step {
        Step::CreateTemplate(step) => {
            RecordedResource { template_id: Some(change.address.to_string()), ..step.record.clone() }
        }
        Step::PutConfig(step) => step.record.clone(),
        step => unreachable!("{step:?}"),
    };
    let resources = planned.changes.iter().map(|change| (change.identity.clone(), record(change)));
    Recorded { resources: Arc::new(resources.collect()), ..Recorded::default() }
}

/// Turns a template's one flag over.
fn edit(file: &mut ManifestFile) {
    let before = file.as_ref().unwrap();
    let (was, is) = if before.text().contains("= false") { ("= false", "= true") } else { ("= true", "= false") };
    let text = before.text().replacen(was, is, 1);
    *file = Ok(SourceFile::new(before.name(), text));
}

fn pieces(criterion: &mut Criterion) {
    for size in SIZES {
        let files = files(size);
        let desired = Desired::assemble(&files);
        let planned = creates(&desired);
        assert_eq!(planned.changes.len(), size.resources);
        let mut group = criterion.benchmark_group(format!("{} resources", size.resources));
        group.throughput(Throughput::Elements(size.resources as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter("parse"), |b| b.iter(|| Desired::assemble(black_box(&files))));
        let mut parses = Parses::default();
        Desired::assemble_known(&files, &mut parses);
        group.bench_function(BenchmarkId::from_parameter("parse, nothing changed"), |b| {
            b.iter(|| Desired::assemble_known(black_box(&files), &mut parses));
        });
        group.bench_function(BenchmarkId::from_parameter("plan"), |b| b.iter(|| creates(black_box(&desired))));
        let recorded = applied(&planned);
        let observed = Observed::from_recorded(&recorded, &desired.wanted(&recorded));
        let in_sync = || plan(black_box(&desired), &recorded, &observed, &Policy::default(), None);
        assert_eq!(in_sync().in_sync.len(), size.resources);
        group.bench_function(BenchmarkId::from_parameter("plan, nothing to do"), |b| b.iter(in_sync));
        group.bench_function(BenchmarkId::from_parameter("render"), |b| {
            let look = Look { color: true, terminal: true, width: None };
            b.iter(|| {
                let mut out = Vec::new();
                text::write_plan(black_box(&planned), look, &mut out).unwrap();
                out
            });
        });
        group.bench_function(BenchmarkId::from_parameter("hash"), |b| b.iter(|| black_box(&planned).hash()));
        group.finish();
    }
}

/// What an edit costs a daemon that knows everything else. In small worlds, all is planned.
fn edits(criterion: &mut Criterion) {
    for size in &SIZES[1..] {
        let (mut files, mut parses) = (files(*size), Parses::default());
        let desired = Desired::assemble_known(&files, &mut parses);
        let recorded = applied(&creates(&desired));
        let observed = Observed::from_recorded(&recorded, &desired.wanted(&recorded));
        let plan_of = |desired: &Desired, recorded: &Recorded, observed: &Observed| {
            plan(desired, recorded, observed, &Policy::default(), None)
        };
        let planned = plan_of(&desired, &recorded, &observed);
        let calm = Calm::after(&planned, &Policy::default(), &desired, SecretHashes::new(), &recorded).unwrap();
        let mut seen = Seen::after(observed, Wanted::default(), []);
        drop((desired, planned));
        criterion.bench_function(&format!("{} resources/plan, one file edited", size.resources), |b| {
            b.iter(|| {
                edit(&mut files[size.files / 2]);
                let desired = Desired::assemble_known(&files, &mut parses);
                let part = Part::of(&calm, parses.edit(), (&desired, &SecretHashes::new()), &recorded, &seen).unwrap();
                part.plan(&calm, (&desired, &part.recorded(&recorded)), &mut seen, plan_of).unwrap()
            });
        });
    }
}

criterion_group!(benches, pieces, edits);
criterion_main!(benches);

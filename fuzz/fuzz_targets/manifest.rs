//! A manifest, whatever it holds, gives resources or problems that can be printed; never a resource out of
//! a broken file, a secret in a message, or a value that would not come back from the platform as it was sent. A sound
//! one can be laid out, and stays so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use versync::model::auth_scheme_config::fields_of;
use versync::model::desired::Desired;
use versync::model::format::format;
use versync::model::manifest::{self, Declared, Target};
use versync::model::source::{Problem, Severity, SourceFile};
use versync_fuzz::{assert_hidden, assert_printable, literal_secrets, rendered};

fuzz_target!(|text: &str| {
    let secrets = literal_secrets(text);
    let (resources, problems) = manifest::parse(&SourceFile::new("a.toml", text));
    problems.iter().for_each(|problem| check_place(problem, text));
    assert_hidden(text, secrets, &rendered(&problems));
    resources.iter().for_each(check_resource);

    let is_broken = problems.iter().any(|problem| problem.severity == Severity::Error);
    let alone = Desired::assemble(&[Ok(SourceFile::new("a.toml", text))]);
    assert_eq!(alone.broken_files.contains("a.toml"), is_broken);
    assert!(!is_broken || alone.resources.is_empty(), "something of a broken file takes part");
    assert!(is_broken || alone.resources.len() + alone.disputed.len() <= resources.len());
    assert_eq!(alone.problems.is_empty(), problems.is_empty() && alone.disputed.is_empty());

    if !is_broken {
        let formatted = format(text).expect("a sound manifest can be laid out");
        assert_eq!(format(&formatted).as_deref(), Ok(formatted.as_str()));
    }

    // Beside its own copy everything is declared twice, so nothing takes part and nothing is an orphan.
    let twice = Desired::assemble(&[Ok(SourceFile::new("a.toml", text)), Ok(SourceFile::new("b.toml", text))]);
    assert!(twice.resources.is_empty());
    assert!(is_broken || resources.iter().all(|resource| twice.disputed.contains(&resource.address)));
    assert_hidden(text, secrets, &rendered(&twice.problems));
});

fn check_place(problem: &Problem, text: &str) {
    let (line, column) = problem.position().expect("a problem of a manifest has a place");
    assert!(line >= 1 && line <= text.matches('\n').count() + 1, "line {line}");
    assert!(column >= 1 && column <= text.len() + 1, "column {column}");
}

fn check_resource(resource: &Declared) {
    assert_printable(&resource.address.to_string());
    if let Target::AuthSchemeConfig { kind, .. } = resource.target {
        for field in fields_of(resource.type_name(), kind).filter(|field| field.name != "type") {
            if let Some(value) = resource.fields.get(field.name) {
                let back = field.normalise(Some(&field.to_wire(value)));
                assert_eq!(&back, value, "{} would differ for ever", field.name);
            }
        }
    }
}

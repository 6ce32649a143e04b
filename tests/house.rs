//! The shape of the house: what may not be imported where, and what a dry run cannot do.

use std::fs;
use std::path::Path;

use versync::io::versori::{Reader, Write};

#[test]
fn the_model_names_no_io_crate() {
    let forbidden = ["tokio", "reqwest", "notify::", "rusqlite", "axum", "tracing", "std::fs", "std::env", "std::net"];
    let clocks = ["std::io", "Instant::now", "SystemTime", "Timestamp::now", "crate::io", "crate::report"];
    let mut read = 0;
    walk(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/model")), &mut |path, text| {
        read += 1;
        for name in forbidden.iter().chain(&clocks) {
            let used = text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains(name));
            assert_eq!(used, None, "{} names {name}", path.display());
        }
    });
    assert!(read > 10, "the model was looked for in the wrong place");
}

/// Compiles only as long as the client of a dry run does not write: with two implementations to choose
/// from, the last line would be ambiguous.
#[test]
fn the_client_of_a_dry_run_cannot_write() {
    trait CannotWrite<Marker> {
        fn holds() -> bool {
            true
        }
    }
    struct Writes;
    impl<T: ?Sized> CannotWrite<()> for T {}
    impl<T: ?Sized + Write> CannotWrite<Writes> for T {}
    assert!(<Reader as CannotWrite<_>>::holds());
}

#[test]
fn no_file_is_longer_than_a_reader_can_take_in() {
    walk(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |path, text| {
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    });
}

fn walk(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

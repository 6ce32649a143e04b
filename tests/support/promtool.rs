use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Ran;

/// Runs `promtool` in a folder with this on its standard input; it has to find nothing to say. Where it is not
/// installed, says so.
pub(crate) fn promtool(folder: &Path, args: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.current_dir(folder).args(args);
    let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        eprintln!("promtool {} is not run: it is not installed here (package prometheus)", args.join(" "));
        return;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.trim()), (Some(0), ""), "promtool {}: {}", args.join(" "), ran.out);
}

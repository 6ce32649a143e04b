//! Plans in files: written by `versync plan --out`, read by `versync apply`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::Builder;

use super::error::CommandError;
use crate::io::store::Tenant;
use crate::model::json::object;
use crate::model::plan::Plan;
use crate::model::saved::{MARKS, SavedPlan, TEMPLATES};
use crate::model::source::Problem;

/// Writes a plan, whole or not at all: its JSON, whose it is, which templates it is about and, where the platform was
/// asked, what was live. It holds no secret, not even a hash of one. It takes the place of nothing but another plan.
pub(super) fn write(
    plan: &Plan,
    is_live: bool,
    tenant: &Tenant,
    path: &Path,
    manifests: &Path,
) -> Result<(), CommandError> {
    let saved_for = object! {"organisation": tenant.organisation, "base_url": tenant.base_url};
    let json = crate::report::json::plan(plan).with("saved_for", saved_for);
    let json = json.with(TEMPLATES, SavedPlan::templates(plan));
    let value = if is_live { json.with(MARKS, SavedPlan::marks(plan)) } else { json };
    check_place(path, manifests)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        // The file is opened here, and written to past its wrapper: errors of `tempfile`'s own name its path, which
        // nobody has asked for.
        let open = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let beside = Builder::new().make_in(folder, open)?;
        let mut file = beside.as_file();
        serde_json::to_writer_pretty(file, &value)?;
        writeln!(file)?;
        file.sync_all()?;
        beside.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| CommandError::at(path, "written", &error))
}

/// Refuses to write over what is no plan, and where a plan would be taken for a manifest.
fn check_place(path: &Path, manifests: &Path) -> Result<(), CommandError> {
    let refuse = |why: &str, help: &str| {
        Err(CommandError::Problems(vec![Problem::in_file(path.to_string_lossy(), why).help(help)]))
    };
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let is_below = |folder: &Path| matches!((fs::canonicalize(folder), fs::canonicalize(manifests)), (Ok(folder), Ok(root)) if folder.starts_with(&root));
    if path.extension().is_some_and(|extension| extension == "toml") && folder.is_some_and(is_below) {
        return refuse("would be taken for a manifest", "save the plan elsewhere, or under a name that ends in .json");
    }
    let is_plan = |text: &str| serde_json::from_str(text).is_ok_and(|json| SavedPlan::read(&json).is_some());
    match fs::read_to_string(path) {
        Ok(text) if is_plan(&text) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => refuse("exists already, and is no saved plan", "choose another name, or remove it first"),
    }
}

/// Takes a saved plan out of what was given to `apply`, where its first word is one: a file that holds JSON, or
/// that is at least no manifest.
pub(super) fn take(targets: &mut Vec<String>, tenant: &Tenant) -> Result<Option<SavedPlan>, CommandError> {
    let Some(path) = targets.first().map(Path::new) else { return Ok(None) };
    if !path.is_file() {
        return Ok(None);
    }
    let refuse = |why: &str, help: &str| {
        let problem = Problem::in_file(path.to_string_lossy(), why);
        CommandError::Problems(vec![problem.help(help)])
    };
    let text = fs::read_to_string(path).map_err(|error| CommandError::at(path, "read", &error))?;
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    if json.is_null() && path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(None);
    }
    let saved =
        SavedPlan::read(&json).ok_or_else(|| refuse("is no saved plan", "write one with `versync plan --out FILE`"))?;
    let saved_for = json!({"organisation": tenant.organisation, "base_url": tenant.base_url});
    if json.get("saved_for").is_some_and(|whose| *whose != saved_for) {
        return Err(refuse(
            "was saved for another organisation or platform",
            "apply it with the settings that it was made with",
        ));
    }
    targets.remove(0);
    Ok(Some(saved))
}

//! The manifests folder: every `*.toml` file below it, read safely.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::regular;
use crate::model::desired::ManifestFile;
use crate::model::document::mask;
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, SourceFile};

/// A larger file is no manifest; reading it could cost any amount of memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// More files than this are taken for a mistake in the setting.
const MAX_FILES: usize = 20_000;

/// The folder cannot be read as a whole. It is then not known what is declared, so nothing is planned.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder.
    #[error("the manifests folder {} does not exist", .0.display())]
    Missing(PathBuf),
    /// There is nothing at a path that the user named.
    #[error("{} does not exist", .0.display())]
    NoSuchPath(PathBuf),
    /// The path leads to something else.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A folder in it cannot be listed.
    #[error("cannot list {}: {source}", .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is changing it.
    #[error("the manifests folder {} is being changed: {why}", .path.display())]
    Unsettled {
        /// The folder.
        path: PathBuf,
        /// How that shows.
        why: String,
    },
    /// There are too many files to be manifests.
    #[error("{} holds more than {MAX_FILES} files", .0.display())]
    TooMany(PathBuf),
}

impl FolderError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            FolderError::Missing(_) | FolderError::NotAFolder(_) => {
                "create it, or name another one with `manifests` in versync.toml or with --manifests DIR"
            }
            FolderError::NoSuchPath(_) => "name files and folders of manifests, or nothing for the whole folder",
            FolderError::Unreadable { .. } => "let the user that runs versync read it",
            FolderError::Unsettled { .. } => {
                "wait until it is done; where git was killed, look at `git status` and remove the lock that it left"
            }
            FolderError::TooMany(_) => "point versync at the folder that holds only manifests",
        }
    }
}

/// A manifest, and where it really is: not a link to it.
#[derive(Debug)]
pub struct Located {
    /// The path.
    pub path: PathBuf,
    /// What is there.
    pub file: ManifestFile,
}

/// Reads every manifest below `root` as [`read_folder`] does, each once, also where links lead to it.
///
/// # Errors
///
/// As [`read_folder`].
pub fn locate_folder(root: &Path) -> Result<Vec<Located>, FolderError> {
    let canonical = canonical(root)?;
    let mut files = BTreeMap::new();
    for (path, kind) in list(&canonical)? {
        if let Some(file) = read(&path, kind, &canonical) {
            files.entry(fs::canonicalize(&path).unwrap_or(path)).or_insert(file);
        }
    }
    Ok(located(files))
}

/// Reads every manifest below `root`, in the order of their names. A file that cannot be read is a
/// [`Problem`] in its place; hidden files and folders are passed over. Links are followed only where
/// they stay within the folder.
///
/// # Errors
///
/// Where the folder itself, or one below it, cannot be listed.
pub fn read_folder(root: &Path) -> Result<Vec<ManifestFile>, FolderError> {
    let canonical = canonical(root)?;
    Ok(list(&canonical)?.filter_map(|(path, kind)| read(&path, kind, &canonical)).collect())
}

/// Makes sure that there is a folder of manifests that can be listed.
///
/// # Errors
///
/// As [`read_folder`].
pub fn check_folder(root: &Path) -> Result<(), FolderError> {
    list(&canonical(root)?).map(drop)
}

/// The folder that a path leads to.
pub(super) fn canonical(root: &Path) -> Result<PathBuf, FolderError> {
    let canonical = match fs::canonicalize(root) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FolderError::Missing(root.to_owned())),
        Err(source) => return Err(FolderError::Unreadable { path: root.to_owned(), source }),
    };
    if canonical.is_dir() { Ok(canonical) } else { Err(FolderError::NotAFolder(root.to_owned())) }
}

/// Reads the files and folders that the user names one by one, as `validate` does. Their names in
/// messages are as given.
///
/// # Errors
///
/// As [`read_folder`].
pub fn read_paths(paths: &[PathBuf]) -> Result<Vec<ManifestFile>, FolderError> {
    Ok(locate_paths(paths)?.into_iter().map(|located| located.file).collect())
}

/// The same, with where they are.
///
/// # Errors
///
/// As [`read_folder`].
pub fn locate_paths(paths: &[PathBuf]) -> Result<Vec<Located>, FolderError> {
    // One file that is named twice, in two spellings, is one file.
    let mut files = BTreeMap::new();
    for path in paths {
        let Ok(target) = fs::canonicalize(path) else { return Err(FolderError::NoSuchPath(path.clone())) };
        if !target.is_dir() {
            let file = read_file(&target, path.to_string_lossy().into_owned());
            files.insert(target, file);
            continue;
        }
        for (path, kind) in list(path)? {
            if let Some(file) = read(&path, kind, Path::new("")) {
                files.insert(fs::canonicalize(&path).unwrap_or(path), file);
            }
        }
    }
    Ok(located(files))
}

fn located(files: BTreeMap<PathBuf, ManifestFile>) -> Vec<Located> {
    files.into_iter().map(|(path, file)| Located { path, file }).collect()
}

/// What a path below the folder is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something whose name is a manifest's.
    Manifest,
    /// A link of such a name.
    Link,
    /// A link to a folder.
    FolderLink,
}

/// Everything below a folder that can matter, by paths, since two names that are no text can look the same.
fn list(folder: &Path) -> Result<impl Iterator<Item = (PathBuf, Kind)>, FolderError> {
    Ok(list_with(folder, |_, _, _| ())?.into_iter().map(|(path, kind, ())| (path, kind)))
}

/// The same, with what is asked about each.
pub(super) fn list_with<T>(
    folder: &Path,
    ask: impl Fn(&DirEntry, &Path, Kind) -> T,
) -> Result<Vec<(PathBuf, Kind, T)>, FolderError> {
    let mut found = Vec::new();
    walk(folder, &ask, &mut found)?;
    Ok(found)
}

/// Names in order, one folder after the other, are paths in order.
fn walk<T>(
    folder: &Path,
    ask: &impl Fn(&DirEntry, &Path, Kind) -> T,
    found: &mut Vec<(PathBuf, Kind, T)>,
) -> Result<(), FolderError> {
    let unreadable = |source| FolderError::Unreadable { path: folder.to_owned(), source };
    let (mut entries, mut named) = (Vec::new(), found.len());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let named_so = is_manifest_name(Path::new(&name));
        let may_lead_on = || entry.file_type().map_or(true, |kind| !kind.is_file());
        if !name.as_encoded_bytes().starts_with(b".") && (named_so || may_lead_on()) {
            entries.push((name, entry));
            named += usize::from(named_so);
        }
        if named > MAX_FILES {
            return Err(FolderError::TooMany(folder.to_owned()));
        }
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (_, entry) in entries {
        let path = entry.path();
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // Removed between the listing and now: it is not there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(FolderError::Unreadable { path, source }),
        };
        if kind.is_dir() {
            match walk(&path, ask, found) {
                Err(FolderError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            continue;
        }
        let named_so = is_manifest_name(&path);
        let kind = match (kind.is_symlink(), named_so) {
            (true, _) if path.is_dir() => Kind::FolderLink,
            (_, false) => continue,
            (true, true) => Kind::Link,
            (false, true) => Kind::Manifest,
        };
        let answer = ask(&entry, &path, kind);
        found.push((path, kind, answer));
        if found.len() > MAX_FILES {
            return Err(FolderError::TooMany(folder.to_owned()));
        }
    }
    Ok(())
}

fn is_manifest_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Reads what is at a path below `root`; nothing where it is no file of its own.
pub(super) fn read(path: &Path, kind: Kind, root: &Path) -> Option<ManifestFile> {
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    match kind {
        Kind::Manifest => Some(read_file(path, name)),
        Kind::Link => Some(read_link(path, root, name)),
        Kind::FolderLink => read_folder_link(path, root, name).err().map(Err),
    }
}

/// A link may not lead out of the folder: what lies there is not the repository's to show.
fn read_link(path: &Path, root: &Path, name: String) -> ManifestFile {
    match fs::canonicalize(path) {
        Ok(target) if is_within(&target, root) => read_file(&target, name),
        Ok(_) => Err(leads_out(name)),
        Err(error) => {
            let problem = Problem::in_file(name, format!("is a link that leads nowhere: {error}"));
            Err(problem.help("put the file itself there, or remove the link"))
        }
    }
}

/// The files behind a link to a folder within the folder are read where they are. Those of a folder outside
/// are not read, and passing over them in silence would make orphans of what they declare.
fn read_folder_link(path: &Path, root: &Path, name: String) -> Result<(), Problem> {
    match fs::canonicalize(path) {
        Ok(target) if !is_within(&target, root) => Err(leads_out(name)),
        _ => Ok(()),
    }
}

fn is_within(target: &Path, root: &Path) -> bool {
    target.starts_with(fs::canonicalize(root).unwrap_or_else(|_| root.to_owned()))
}

fn leads_out(name: String) -> Problem {
    Problem::in_file(name, "is a link that leads out of the folder").help("put the files themselves into the folder")
}

fn read_file(path: &Path, name: String) -> ManifestFile {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err((why, help)) => return Err(Problem::in_file(name, why).help(help)),
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let file = SourceFile::new(name, String::from_utf8_lossy(error.as_bytes()));
            mask(&file);
            let problem = Problem::at(Place::new(&file, at..at + 1), "the file is not UTF-8 text").of(Rule::Unreadable);
            Err(problem.help("save the file as UTF-8"))
        }
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, (String, &'static str)> {
    let unreadable =
        |error| (format!("cannot be read: {error}"), "let the user that runs versync read it, or remove it");
    let (file, about) = regular::open(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(("is not a regular file".to_owned(), "put a file of its own there, or remove it"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len().min(MAX_FILE_BYTES)).unwrap_or_default());
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let why = format!("is larger than {MAX_FILE_BYTES} bytes, too large for a manifest");
        return Err((why, "take it apart: each resource can have a file of its own"));
    }
    Ok(bytes)
}

//! The git commit that the manifests folder is at, read without running git.

use std::fs;
use std::path::{Path, PathBuf};

/// The commit that is checked out where `folder` lies; nothing where it is in no repository, or where
/// its state cannot be read.
pub fn revision(folder: &Path) -> Option<String> {
    let git = git_directory_of(folder)?;
    let head = read_line(&git.join("HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ") else { return is_commit(&head).then_some(head) };
    // A worktree keeps its HEAD to itself and its branches with the main repository.
    let common = read_line(&git.join("commondir")).map_or_else(|| git.clone(), |path| git.join(path));
    let loose = [&git, &common].into_iter().find_map(|place| read_line(&place.join(reference)));
    loose.or_else(|| packed(&common, reference)).filter(|commit| is_commit(commit))
}

/// The directory of the repository that `folder` lies in, if it lies in one.
pub(super) fn git_directory_of(folder: &Path) -> Option<PathBuf> {
    fs::canonicalize(folder).ok()?.ancestors().find_map(git_directory)
}

/// The repository's directory: `.git` itself, or where a `.git` file points, as in worktrees and submodules.
fn git_directory(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let pointer = read_line(&git)?;
    Some(folder.join(pointer.strip_prefix("gitdir: ")?))
}

fn packed(git: &Path, reference: &str) -> Option<String> {
    let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| match line.split_once(' ') {
        Some((commit, name)) if name == reference => Some(commit.to_owned()),
        _ => None,
    })
}

fn read_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

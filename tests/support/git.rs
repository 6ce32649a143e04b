use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Whether there is no git here, which is said: then nothing of it can be tried.
pub(crate) fn git_is_missing() -> bool {
    let missing = Command::new("git").arg("--version").output().is_err();
    if missing {
        eprintln!("not tried: there is no git here");
    }
    missing
}

/// A folder in which real git is run, untouched by what this machine's git is set to.
pub(crate) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The one in this folder.
    pub(crate) fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// A new one with a branch `main`; `format` is that of its commits' names.
    pub(crate) fn init(folder: impl Into<PathBuf>, format: &str) -> Self {
        let repository = Self::at(folder);
        std::fs::create_dir_all(&repository.folder).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch=main", &format!("--object-format={format}")]);
        repository
    }

    /// A clone of this one with everything that is checked out.
    pub(crate) fn clone_to(&self, folder: impl Into<PathBuf>) -> Self {
        let clone = Self::at(folder);
        self.git(&["clone", "--quiet", &self.folder.to_string_lossy(), &clone.folder.to_string_lossy()]);
        clone
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything as it is, and gives the commit's name.
    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        self.head()
    }

    /// The commit that is checked out.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git, which has to succeed, and gives what it printed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.tries(args);
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs git, whatever comes of it.
    pub(crate) fn tries(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Git, to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("HOME", "/nonexistent")]);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "x").env(format!("GIT_{role}_EMAIL"), "x@versync.invalid");
        }
        command
    }
}

/// Points a link elsewhere in one step, as git-sync does.
pub(crate) fn swap(link: &Path, target: &str) {
    let beside = link.with_extension("tmp");
    std::os::unix::fs::symlink(target, &beside).unwrap();
    std::fs::rename(beside, link).unwrap();
}

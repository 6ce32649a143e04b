//! A folder that git brings: what docs/operations.md says about pulling and about git-sync, with real git.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Daemon, Repository, Site, eventually, git_is_missing, swap};

/// Never by itself: what happens in the test happens because of the test.
const NEVER: &str = "sync.interval = \"1h\"\nsync.debounce = \"20ms\"";

fn shop(dynamic: bool) -> String {
    format!(
        "[connection_templates.shop]\nproject = \"storefront\"\nenvironment = \"production\"\n\
         system = \"shopify\"\ndynamic = {dynamic}\n"
    )
}

fn config(id: usize) -> String {
    format!("[auth_scheme_configs.config-{id}]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n")
}

/// A team's repository with a manifest in `manifests/`, and the clone of it that the settings name.
struct Team {
    site: Site,
    origin: Repository,
    clone: Repository,
}

impl Team {
    fn new(settings: &str) -> Self {
        let site = Site::new();
        site.settings(&format!("manifests = \"clone/manifests\"\n{NEVER}\n{settings}"));
        let origin = Repository::init(site.path("origin"), "sha1");
        origin.file("manifests/shop.toml", &shop(true));
        origin.commit();
        let clone = origin.clone_to(site.path("clone"));
        Self { site, origin, clone }
    }

    /// The daemon, which says at which commit each pass was.
    fn daemon(&self) -> Daemon {
        self.site.run(&["-v"])
    }

    fn pull(&self) {
        self.clone.git(&["pull", "--quiet", "--ff-only"]);
    }
}

/// Waits until a pass has ended at this commit.
fn await_pass_at(daemon: &Daemon, commit: &str) {
    let at = |commit| daemon.said("pass ended").iter().any(|pass| pass["revision"] == commit);
    eventually("a pass at the commit", || at(commit));
}

#[test]
fn what_is_pulled_is_applied_and_known_by_its_commit() {
    if git_is_missing() {
        return;
    }
    let team = Team::new("");
    let mut daemon = team.daemon();
    daemon.await_said("created");
    await_pass_at(&daemon, &team.clone.head());
    for dynamic in [false, true] {
        team.origin.file("manifests/shop.toml", &shop(dynamic));
        let tip = team.origin.commit();
        team.pull();
        eventually("the edit", || team.site.template("shop").dynamic == dynamic);
        await_pass_at(&daemon, &tip);
        let history = team.site.versync(&["history", "--json", "-n", "1"]).json();
        assert_eq!(history["changes"][0]["revision"], tip, "{history}");
        let status = team.site.versync(&["status", "--json"]).json();
        assert!(status.to_string().contains(&tip), "{status}");
        // Now and then git packs the names of its branches, and the loose ones are gone.
        team.clone.git(&["gc", "--quiet"]);
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    assert!(daemon.log().iter().all(|entry| entry["level"] != "ERROR"), "{:?}", daemon.log());
}

#[test]
fn a_pull_under_way_is_waited_for() {
    if git_is_missing() {
        return;
    }
    let team = Team::new("sync.prune = true\nsync.delete_grace = \"0s\"");
    // The checkout of manifests takes until it is released; git holds its lock meanwhile.
    let (begun, released) = (team.site.path("begun"), team.site.path("released"));
    let slowly = "cat; touch \"$0\"; while [ ! -e \"$1\" ]; do sleep 0.01; done";
    let smudge = format!("sh -c '{slowly}' {} {}", begun.display(), released.display());
    team.clone.git(&["config", "filter.slow.smudge", &smudge]);
    fs::write(team.clone.path(".git/info/attributes"), "*.toml filter=slow\n").unwrap();
    let daemon = team.daemon();
    daemon.await_said("created");

    // The file is gone until its successor has been written.
    team.origin.git(&["mv", "manifests/shop.toml", "manifests/renamed.toml"]);
    team.origin.file("manifests/renamed.toml", &shop(false));
    let tip = team.origin.commit();
    let mut pull = team.clone.command(&["pull", "--quiet", "--ff-only"]).stdout(Stdio::null()).spawn().unwrap();
    eventually("a checkout under way", || begun.exists());
    let said = daemon.await_said("no pass can be made");
    assert!(said["message"].as_str().unwrap().contains("index.lock is there"), "{said}");
    assert!(team.site.template("shop").dynamic, "half of a commit was applied");
    fs::write(released, "").unwrap();
    assert!(pull.wait().unwrap().success());
    eventually("the edit", || !team.site.template("shop").dynamic);
    await_pass_at(&daemon, &tip);
    assert!(daemon.said("deleted").is_empty());
}

#[test]
fn a_commit_that_takes_most_files_away_is_held_until_the_next_one_brings_them_back() {
    if git_is_missing() {
        return;
    }
    let team =
        Team::new("sync.prune = true\nsync.delete_grace = \"0s\"\nsync.delete_limit = { count = 10, percent = 30 }");
    for id in 0..5 {
        team.origin.file(&format!("manifests/{id}.toml"), &config(id));
    }
    team.origin.commit();
    team.pull();
    let daemon = team.daemon();
    eventually("all", || daemon.said("created").len() == 6);

    (0..5).for_each(|id| fs::remove_file(team.origin.path(&format!("manifests/{id}.toml"))).unwrap());
    team.origin.file("manifests/shop.toml", &shop(false));
    let wrong = team.origin.commit();
    team.pull();
    eventually("what the commit edits", || !team.site.template("shop").dynamic);
    await_pass_at(&daemon, &wrong);
    let status = team.site.versync(&["status", "--json"]).json();
    assert_eq!(status["held"].as_array().map(Vec::len), Some(5), "{status}");

    team.origin.git(&["revert", "--no-edit", "HEAD"]);
    team.pull();
    eventually("the edit undone", || team.site.template("shop").dynamic);
    await_pass_at(&daemon, &team.origin.head());
    assert_eq!(team.site.plan()["summary"]["unchanged"], 6);
    assert!(daemon.said("deleted").is_empty());
}

#[test]
fn a_branch_that_was_force_pushed_is_not_followed() {
    if git_is_missing() {
        return;
    }
    let team = Team::new("");
    let daemon = team.daemon();
    daemon.await_said("created");
    let before = team.clone.head();
    team.origin.file("manifests/shop.toml", &shop(false));
    team.origin.git(&["commit", "--quiet", "--all", "--amend", "--message=other"]);
    assert!(!team.clone.tries(&["pull", "--quiet", "--ff-only"]).status.success());
    assert_eq!((team.clone.head(), team.site.template("shop").dynamic), (before, true));
    // What docs/operations.md says to do then.
    team.clone.git(&["reset", "--quiet", "--hard", "@{upstream}"]);
    eventually("the other history", || !team.site.template("shop").dynamic);
    await_pass_at(&daemon, &team.origin.head());
}

/// As git-sync lays it out: a worktree for each commit, whose `.git` is a file that leads back by a relative path,
/// and a link that is swapped.
#[test]
fn the_swap_of_git_sync_s_link_is_followed() {
    if git_is_missing() {
        return;
    }
    let site = Site::new();
    site.settings(&format!("manifests = \"sync/current/manifests\"\n{NEVER}\nsync.prune = true"));
    let origin = Repository::init(site.path("origin"), "sha1");
    let root = Repository::init(site.path("sync"), "sha1");
    let sync = |old: Option<&str>| {
        let tip = origin.commit();
        root.git(&["fetch", "--quiet", "--no-tags", "--depth=1", &origin.path("").to_string_lossy(), &tip]);
        let tree = format!(".worktrees/{tip}");
        root.git(&["worktree", "add", "--quiet", "--force", "--detach", &tree, &tip]);
        root.file(&format!("{tree}/.git"), &format!("gitdir: ../../.git/worktrees/{tip}\n"));
        swap(&root.path("current"), &tree);
        if let Some(old) = old {
            fs::remove_dir_all(root.path(&format!(".worktrees/{old}"))).unwrap();
            root.git(&["worktree", "prune"]);
            root.git(&["gc", "--quiet", "--prune=now"]);
        }
        tip
    };
    origin.file("manifests/shop.toml", &shop(true));
    let mut at = sync(None);
    let daemon = site.run(&["-v"]);
    daemon.await_said("created");
    await_pass_at(&daemon, &at);
    for dynamic in [false, true, false] {
        origin.file("manifests/shop.toml", &shop(dynamic));
        at = sync(Some(&at));
        eventually("the edit", || site.template("shop").dynamic == dynamic);
        await_pass_at(&daemon, &at);
        let history = site.versync(&["history", "--json", "-n", "1"]).json();
        assert_eq!(history["changes"][0]["revision"], at, "{history}");
    }
    assert!(daemon.log().iter().all(|entry| entry["level"] != "ERROR"), "{:?}", daemon.log());
}

/// Wherever git keeps it, the commit is found; and where there is none, none is made up.
#[test]
fn the_commit_is_found_wherever_git_keeps_it() {
    if git_is_missing() {
        return;
    }
    for format in ["sha1", "sha256"] {
        let site = Site::new();
        let repository = Repository::init(site.path("repository"), format);
        let seen = |folder: &str| {
            site.settings(&format!("manifests = \"{folder}\""));
            site.plan()["revision"].clone()
        };
        fs::create_dir(repository.path("manifests")).unwrap();
        assert_eq!(seen("repository/manifests"), json!(null), "nothing is committed yet");
        repository.file("manifests/shop.toml", &shop(true));
        let first = repository.commit();
        assert_eq!(seen("repository/manifests"), first, "{format}: a branch");
        repository.git(&["pack-refs", "--all"]);
        assert!(!repository.path(".git/refs/heads/main").exists());
        assert_eq!(seen("repository/manifests"), first, "{format}: a packed branch");
        repository.git(&["tag", "--annotate", "--message=x", "v1"]);
        repository.git(&["pack-refs", "--all"]);
        repository.git(&["checkout", "--quiet", "v1"]);
        assert_eq!(seen("repository/manifests"), first, "{format}: a detached head");
        repository.git(&["checkout", "--quiet", "main"]);
        let second = repository.commit();

        repository.git(&["worktree", "add", "--quiet", "-b", "topic/deep", "../tree", &first]);
        assert_eq!(seen("tree/manifests"), first, "{format}: a worktree");
        repository.git(&["pack-refs", "--all"]);
        assert_eq!(seen("tree/manifests"), first, "{format}: a worktree with packed branches");
        assert_eq!(seen("repository/manifests"), second, "{format}: the main one beside it");

        // A submodule's `.git` is a file as well.
        let outer = Repository::init(site.path("outer"), format);
        let inner = repository.path("").to_string_lossy().into_owned();
        outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &inner, "inner"]);
        outer.commit();
        assert_eq!(seen("outer/inner/manifests"), second, "{format}: a submodule");
    }
}

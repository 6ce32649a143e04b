//! `examples/monitoring`: the alerts and the dashboard ask for metrics that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Page, Site, eventually, promtool};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/monitoring");

fn files() -> Vec<PathBuf> {
    fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Every name of a metric of versync's in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("versync_")).map(str::to_owned).collect()
}

#[test]
fn they_ask_for_metrics_that_there_are() {
    let mut site = Site::new();
    site.settings("http.listen = \"127.0.0.1:0\"\nsync.interval = \"50ms\"");
    site.file("a.toml", "[auth_scheme_configs.a]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n");
    fs::create_dir(site.path(".git")).unwrap();
    fs::write(site.path(".git/HEAD"), "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d").unwrap();
    let daemon = site.run(&[]);
    let page = Page::of(&daemon);
    page.await_headline("In sync: 1 resource");
    // Requests are sent again once nobody answers.
    site.sandbox = Site::new().sandbox;
    eventually("a retry", || page.get("/metrics").body.contains("versync_api_retries_total"));
    let metrics = page.get("/metrics").body;
    let there = names(&metrics);
    let revision = "versync_revision_info{revision=\"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\"} 1";
    assert!(metrics.contains(revision), "{metrics}");

    let mut asked = BTreeSet::new();
    for file in files() {
        let found = names(&fs::read_to_string(&file).unwrap());
        let missing: Vec<_> = found.difference(&there).collect();
        assert!(missing.is_empty(), "{}: {missing:?} are not among {there:#?}", file.display());
        asked.extend(found);
    }
    assert!(asked.len() > 10, "{asked:?}");
}

#[test]
fn the_alerts_come_when_they_should() {
    promtool(Path::new(FOLDER), &["check", "rules", "alerts.yml"], "");
    promtool(Path::new(FOLDER), &["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn every_query_of_the_dashboard_can_be_read() {
    let text = fs::read_to_string(Path::new(FOLDER).join("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap().replace("$__rate_interval", "5m").replace("$instance", ".*"))
        .collect();
    assert!(queries.len() >= panels.len() && panels.len() > 10);
    // As rules, so that promtool reads them; what is JSON is YAML too.
    let rules: Vec<Value> =
        queries.iter().enumerate().map(|(n, expr)| json!({"record": format!("q{n}"), "expr": expr})).collect();
    let folder = tempfile::TempDir::new().unwrap();
    let groups = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(folder.path().join("rules.yml"), groups.to_string()).unwrap();
    promtool(folder.path(), &["check", "rules", "rules.yml"], "");
}

//! `validate --format`: the same problems for scripts and for code hosts.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use versync::model::rule::Rule;

use crate::support::{Ran, Site, versync};

const SOUND: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// One problem of each kind, and one that spans lines.
const BROKEN: &str = r#"dinamic = true

[connection_templates."é"]
environments = ["production", "production"]
project = "p"
system = 3
dynamic = """
yes"""

[auth_scheme_configs.a]
type = "oauth2"
system = "s"
description = "d"
token_url = "ftp://a.example"
scopes = []
grant = { type = "password", client_secret = "hunter2" }
"#;

fn broken() -> Site {
    let site = Site::new();
    site.file("ok.toml", SOUND).file("deep/a b.toml", BROKEN).file("z.toml", "client_secret = \"hunter2\nx");
    std::os::unix::fs::symlink("nowhere.toml", site.manifests().join("y.toml")).unwrap();
    site
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn json_is_one_value_with_everything() {
    let site = broken();
    let ran = site.versync(&["validate", "--format", "json", "--color", "always"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    let value = ran.json();
    assert_eq!((&value["format_version"], &value["files"], &value["resources"]), (&json!("1"), &json!(4), &json!(1)));
    let first = &value["problems"][0];
    assert_eq!((&first["severity"], &first["file"]), (&json!("error"), &json!("deep/a b.toml")));
    assert_eq!((&first["line"], &first["column"]), (&json!(1), &json!(1)));
    assert!(first["message"].as_str().unwrap().starts_with("unknown key `dinamic`"), "{first}");
    assert!(value["problems"].as_array().unwrap().len() > 7, "{value}");
    assert!(!ran.out.contains("hunter2") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    let sound = Site::new();
    sound.file("ok.toml", SOUND);
    let ran = sound.versync(&["validate", "--format", "json"]);
    let expected = json!({"format_version": "1", "files": 1, "resources": 1, "problems": []});
    assert_eq!((ran.code, ran.json()), (Some(0), expected));
}

#[test]
fn sarif_has_the_same_problems_each_with_its_rule_and_place() {
    let site = broken();
    let ran = site.versync(&["validate", "--format", "sarif", "--color", "always"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert!(!ran.out.contains("hunter2") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    let (log, plain) = (ran.json(), site.versync(&["validate", "--format", "json"]).json());
    assert_eq!(log["version"], "2.1.0");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(results(&log).len(), plain["problems"].as_array().unwrap().len());
    for (result, problem) in results(&log).iter().zip(plain["problems"].as_array().unwrap()) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!((&result["level"], &result["message"]["text"]), (&problem["severity"], &problem["message"]));
        let place = &result["locations"][0]["physicalLocation"];
        let file = problem["file"].as_str().unwrap().replace(' ', "%20");
        assert_eq!(place["artifactLocation"]["uri"], format!("manifests/{file}"));
        assert_eq!(
            (&place["region"]["startLine"], &place["region"]["startColumn"]),
            (&problem["line"], &problem["column"])
        );
    }
    let used: BTreeSet<&str> = results(&log).iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    let all: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(used, all, "every rule is there for something");
    let region = |rule: &str, line: u64| {
        let found = results(&log)
            .iter()
            .map(|result| (&result["ruleId"], &result["locations"][0]["physicalLocation"]["region"]));
        let mut found = found.filter(|(id, region)| *id == rule && region["startLine"] == line);
        found.next().unwrap_or_else(|| panic!("no {rule} on line {line} in {log:#}")).1.clone()
    };
    let lines = |line: u64, column: u64, end_line: u64, end_column: u64| json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column});
    assert_eq!(region("unknown-key", 1), lines(1, 1, 1, 8));
    assert_eq!(region("wrong-type", 7), lines(7, 11, 8, 7));
    assert_eq!(region("declared-twice", 4), lines(4, 31, 4, 43));
    assert_eq!(region("missing-key", 10), lines(10, 22, 10, 23));
}

#[test]
fn addresses_in_sarif_start_from_the_working_directory() {
    let site = broken();
    let ran = site.versync(&["validate", "--format", "sarif", "manifests/deep", "./manifests/ok.toml"]);
    let uri = |log: &Value| results(log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
    assert_eq!(uri(&ran.json()), "manifests/deep/a%20b.toml");
    let elsewhere = tempfile::TempDir::new().unwrap();
    let mut command = versync(elsewhere.path(), &["validate", "--format", "sarif"]);
    let log = Ran::of(command.arg(site.manifests()).output().unwrap()).json();
    let real = fs::canonicalize(site.manifests()).unwrap();
    assert_eq!(uri(&log), format!("file://{}/deep/a%20b.toml", real.display()));
}

#[test]
fn no_problems_are_an_empty_list() {
    let site = Site::new();
    site.file("ok.toml", SOUND);
    let ran = site.versync(&["validate", "--format", "sarif"]);
    assert_eq!((ran.code, results(&ran.json()).len()), (Some(0), 0));
    assert_eq!(site.versync(&["validate", "--format", "xml"]).code, Some(1));
}

#[test]
fn whoever_asks_for_a_value_gets_one_whatever_is_wrong() {
    let site = Site::new();
    let told = |args: &[&str], why: &str| {
        for format in ["json", "sarif"] {
            let ran = site.versync(&[&["validate", "--format", format], args].concat());
            assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
            assert!(ran.json().to_string().contains(why), "{}", ran.out);
        }
        let ran = site.versync(&[&["validate"], args].concat());
        assert!(ran.code == Some(1) && ran.out.is_empty() && ran.err.contains(why), "{ran:?}");
    };
    told(&["nowhere.toml"], "nowhere.toml does not exist");
    told(&["--manifests", "nowhere"], "the manifests folder nowhere does not exist");
    site.settings("sync.intervall = 3");
    told(&[], "unknown key `intervall` in `sync`");
}

#[test]
fn a_text_can_come_from_stdin() {
    let site = Site::new();
    let ran = site.piped(&["validate", "-"], SOUND);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 file, 1 resource: no problems.\n"), "{ran:?}");
    let ran = site.piped(&["validate", "--format", "json", "-"], "x = 1");
    assert_eq!((ran.code, &ran.json()["problems"][0]["file"]), (Some(1), &json!("stdin")));
}

#[test]
fn a_folder_without_manifests_is_said_to_be_one() {
    let ran = Site::new().versync(&["validate"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "0 files: there is no *.toml, so nothing is declared.\n"));
}

#[test]
fn what_looks_like_a_mistake_is_a_warning() {
    let oauth2 = |grant: &str| {
        format!(
            "[auth_scheme_configs.shop-key]\nsystem = \"s\"\ndescription = \"\"\ntype = \"oauth2\"\nscopes = []\n\
             default_scopes = []\ntoken_url = \"https://a.example\"\ngrant = {{ {grant} }}\n"
        )
    };
    let template = |listed: &str| {
        format!(
            "[connection_templates.t]\nproject = \"p\"\nenvironments = [\"e\", \"f\"]\nsystem = \"s\"\n\
             auth_scheme_configs = [\"{listed}\"]\n"
        )
    };
    let warned = |files: &[&str]| {
        let site = Site::new();
        for (number, text) in files.iter().enumerate() {
            site.file(&format!("{number}.toml"), text);
        }
        let ran = site.versync(&["validate", "--format", "json"]);
        let problems = ran.json()["problems"].as_array().unwrap().clone();
        assert!(problems.iter().all(|problem| problem["severity"] == "warning"), "{problems:?}");
        assert_eq!(ran.code, Some(0));
        problems.iter().map(|it| format!("{}:{} {}", it["line"], it["column"], it["message"])).collect::<Vec<_>>()
    };
    let no_client = "without a client_id no token can be had by this password grant";
    let sound = oauth2("type = \"password\", client_id = \"me\"");
    let found = warned(&[&oauth2("type = \"password\"")]);
    assert!(found.len() == 1 && found[0].starts_with("8:9 ") && found[0].contains(no_client), "{found:?}");
    assert!(warned(&[&sound]).is_empty());
    assert!(warned(&[&oauth2("type = \"client-credentials\"")]).is_empty());

    let found = warned(&[&format!("{sound}{}", template("shop-keys"))]);
    assert!(found.len() == 1 && found[0].starts_with("13:24 ") && found[0].contains("shop-keys"), "{found:?}");
    assert!(found[0].contains("did you mean") && found[0].contains("shop-key\\"), "{found:?}");
    // It may be on the platform already, or another file declares it.
    assert!(warned(&[&format!("{sound}{}", template("stripe"))]).is_empty());
    assert!(warned(&[&sound, &template("shop-keys")]).is_empty());
    let other = sound.replace("shop-key", "shop-keys");
    assert!(warned(&[&format!("{sound}{}", template("shop-keys")), &other]).is_empty());
}

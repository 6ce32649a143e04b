//! `versync fmt`: one way to lay out a manifest, with every comment in its place.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;
use versync::model::format::format;

use crate::support::Site;

const UNTIDY: &str = r#"# What this file is for.
# On two lines.

# About the config.
[ auth_scheme_configs . key ]   # beside the header
in="header"
type = "api-key" # beside the type
# About the name.
name='X-Key'

description = "d"
system = "shopify"
# name = "X-Other"

[connection_templates.shop]
lifecycle = {allow_replace=false, prevent_delete = true,}
auth_scheme_configs = [
  "key", # the first
  # about the second
  "login"
  ]
environments=[ "production","staging" ]



dynamic   =   true
[defaults]
system = "shopify"
project = "storefront"


# At the end of the file.
"#;

const TIDY: &str = r#"# What this file is for.
# On two lines.

[defaults]
project = "storefront"
system = "shopify"

[connection_templates.shop]
environments = ["production", "staging"]

dynamic = true
auth_scheme_configs = [
    "key", # the first
    # about the second
    "login",
]
lifecycle = { prevent_delete = true, allow_replace = false }

# About the config.
[auth_scheme_configs . key]   # beside the header
system = "shopify"

description = "d"
type = "api-key" # beside the type
# About the name.
name = 'X-Key'
in = "header"
# name = "X-Other"

# At the end of the file.
"#;

#[test]
fn a_manifest_has_one_layout_and_keeps_its_comments() {
    let tidy = TIDY.replace("[auth_scheme_configs . key]", "[auth_scheme_configs.key]");
    assert_eq!(format(UNTIDY).unwrap(), tidy);
    assert_eq!(format(&tidy).unwrap(), tidy);
    assert_eq!(format(&UNTIDY.replace('\n', "\r\n")).unwrap(), tidy);
}

#[test]
fn values_and_the_order_of_what_the_user_names_stay() {
    for (before, after) in [
        ("", ""),
        ("\n\n# only a comment\n\n", "# only a comment\n"),
        ("#:schema ./m.json\n[connection_templates.a]\n", "#:schema ./m.json\n\n[connection_templates.a]\n"),
        ("b.c = 1\na.x = 0x1F # hex\nb.a = 2", "b.c = 1\nb.a = 2\na.x = 0x1F # hex\n"),
        ("x = '''\n a\r\n''' # c\ny = \"\\u00e9\"", "x = '''\n a\r\n''' # c\ny = \"\\u00e9\"\n"),
        (
            "[z]\n[connection_templates.b]\n[connection_templates.a]\n",
            "[connection_templates.b]\n\n[connection_templates.a]\n\n[z]\n",
        ),
        ("\u{feff}# bom\n\n[z]\nx=1", "# bom\n\n[z]\nx = 1\n"),
        ("x = [ [ ], {}, [1,2 , ] ]", "x = [[], {}, [1, 2]]\n"),
        ("x = [ # open\n1 # one\n, 2 ]", "x = [\n    # open\n    1, # one\n    2,\n]\n"),
        ("x = [1,\n# last\n]", "x = [\n    1,\n    # last\n]\n"),
        ("x = { b = 1, # b\n a = 2 }", "x = {\n    b = 1, # b\n    a = 2,\n}\n"),
        ("x = { b # key\n = # value\n 1 }", "x = {\n    # key\n    # value\n    b = 1,\n}\n"),
        ("[[x.y]]\nb=1\n[x.y.z]\n[[x.y]]\n[x.y.z]\nc=1", "[[x.y]]\nb = 1\n\n[x.y.z]\n\n[[x.y]]\n\n[x.y.z]\nc = 1\n"),
        (
            "[a]\nx = 1\n# tail of a\n\n[defaults]\n# tail of defaults",
            "[defaults]\n# tail of defaults\n\n[a]\nx = 1\n# tail of a\n",
        ),
        ("# top\n\n# x\nx = 1\n[defaults]\nsystem = \"s\"", "# top\n\n# x\nx = 1\n\n[defaults]\nsystem = \"s\"\n"),
        (
            "auth_scheme_configs.a.grant = { client_id = 'c', type = \"password\" }",
            "auth_scheme_configs.a.grant = { type = \"password\", client_id = 'c' }\n",
        ),
        (
            "[auth_scheme_configs.a.grant]\ntype=\"x\"\n[auth_scheme_configs.a]\nid=\"b\"",
            "[auth_scheme_configs.a]\nid = \"b\"\n\n[auth_scheme_configs.a.grant]\ntype = \"x\"\n",
        ),
    ] {
        let formatted = format(before).unwrap();
        assert_eq!(formatted, after, "{before}");
        assert_eq!(format(&formatted).unwrap(), formatted, "{before}");
    }
    assert!(format("x = [").is_err());
}

#[test]
fn a_list_that_is_too_long_has_one_item_a_line() {
    let item = "\"a-scope-of-some-length\"";
    let long = format!("x = [{}]\n", [item; 5].join(", "));
    let broken = format!("x = [\n{}]\n", format!("    {item},\n").repeat(5));
    assert_eq!(format(&long).unwrap(), broken);
    assert_eq!(format(&broken).unwrap(), broken);
    let short = format!("x = [\n{}]\n", format!("    {item},\n").repeat(4));
    assert_eq!(format(&short).unwrap(), format!("x = [{}]\n", [item; 4].join(", ")));
}

#[test]
fn every_example_is_laid_out_so() {
    let mut seen = 0;
    for folder in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "toml") {
                seen += 1;
                let text = fs::read_to_string(&file).unwrap();
                assert_eq!(format(&text).unwrap(), text, "{}", file.display());
            }
        }
    }
    assert!(seen > 5);
}

fn sound(text: &str) -> String {
    format!("[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"d\"\n{text}\n")
}

#[test]
fn files_are_written_and_those_that_are_no_toml_are_left_alone() {
    let site = Site::new();
    let untidy = sound("type    = \"none\"");
    site.file("a.toml", &untidy)
        .file("deep/b.toml", "[auth_scheme_configs.b]\nz    = 1\ntype = \"none\"\nb = \"hunter2\"\nsystem = 3\n")
        .file("c.toml", "x = [")
        .file("d.toml", sound("type = \"none\"").replace(".a]", ".d]"));
    let path = site.manifests().join("a.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a.toml", site.manifests().join("link.toml")).unwrap();
    let ran = site.versync(&["fmt"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), "Formatted a.toml\nFormatted deep/b.toml\n4 files, 2 formatted, 1 in error.\n"),
        "{ran:?}"
    );
    assert!(ran.err.contains("c.toml") && !ran.err.contains("b.toml"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), sound("type = \"none\""));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(site.manifests().join("link.toml").is_symlink());
    // What nobody knows stays in its order, behind the rest.
    let laid_out = "[auth_scheme_configs.b]\nsystem = 3\ntype = \"none\"\nz = 1\nb = \"hunter2\"\n";
    assert_eq!(fs::read_to_string(site.manifests().join("deep/b.toml")).unwrap(), laid_out);
    assert_eq!(fs::read_dir(site.manifests()).unwrap().count(), 5, "nothing is left behind");
    let ran = site.versync(&["fmt", "manifests/a.toml", "manifests/d.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "2 files, 0 formatted.\n"), "{ran:?}");
}

#[test]
fn a_check_shows_the_difference_and_writes_nothing() {
    let site = Site::new();
    let untidy = sound("type    = \"none\"");
    site.file("a.toml", &untidy);
    let ran = site.versync(&["fmt", "--check"]);
    let shown = "--- a.toml\n+++ a.toml\n@@ -1,4 +1,4 @@\n [auth_scheme_configs.a]\n system = \"s\"\n description = \"d\"\n-type    = \"none\"\n+type = \"none\"\n";
    assert_eq!((ran.code, ran.out), (Some(1), format!("{shown}1 file, 1 to be formatted.\n")));
    assert_eq!(fs::read_to_string(site.manifests().join("a.toml")).unwrap(), untidy);
    site.file("a.toml", sound("client_secret    = \"hunter2\""));
    let ran = site.versync(&["fmt", "--check"]);
    let told = "a.toml is to be formatted. It is in error, so its lines are not shown.\n1 file, 1 to be formatted.\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(1), told, ""));
}

#[test]
fn an_editor_can_pipe_a_text_through() {
    let site = Site::new();
    let (untidy, tidy) = (sound("type    = \"none\""), sound("type = \"none\""));
    let ran = site.piped(&["fmt", "-"], &untidy);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), tidy.as_str(), ""));
    assert_eq!(site.piped(&["fmt", "--check", "-"], &untidy).code, Some(1));
    assert_eq!(site.piped(&["fmt", "--check", "-"], &tidy).code, Some(0));
    let ran = site.piped(&["fmt", "-"], "x = ");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("stdin:1:"), "{}", ran.err);
}

/// A comment or none, and where it stands. Every `#` becomes one of its own.
fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", "\n", "# #\n", "\n\n# #\n", "# #\n\n", "\n  # #\n# #\n"])
}

fn beside() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", " # #", "\t# #", "   # #"])
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "1",
        "true",
        "\"a # no comment\"",
        "'b'",
        "\"\"\"c\n # no comment\n\"\"\"",
        "2020-01-01",
        "1.50",
    ]);
    let gap = || prop::sample::select(vec!["", "", " ", "\n", " # #\n", "\n # #\n"]);
    scalar.prop_map(str::to_owned).prop_recursive(3, 12, 4, move |inner| {
        let item = (gap(), inner.clone(), gap()).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        let list = (prop::collection::vec(item, 0..4), prop::bool::ANY, gap()).prop_map(|(items, comma, end)| {
            let comma = if comma && !items.is_empty() { "," } else { "" };
            format!("[{}{comma}{end}]", items.join(","))
        });
        let keys =
            prop::sample::subsequence(vec!["type", "client_id", "name", "zz", "a.b", "a.c"], 0..4).prop_shuffle();
        let table = (keys, prop::collection::vec((gap(), inner, gap()), 4), gap()).prop_map(|(keys, values, end)| {
            let entries = keys.iter().zip(values);
            let entries: Vec<_> =
                entries.map(|(key, (before, value, after))| format!("{before}{key} = {value}{after}")).collect();
            format!("{{{}{end}}}", entries.join(","))
        });
        prop_oneof![list, table]
    })
}

/// Keys with values, each on its line.
fn body() -> impl Strategy<Value = String> {
    let keys = vec!["project", "system", "type", "description", "in", "name", "dynamic", "zz", "aa", "d.e", "d.f"];
    let keys = prop::sample::subsequence(keys, 0..5).prop_shuffle();
    (keys, prop::collection::vec((space(), value(), beside()), 5)).prop_map(|(keys, lines)| {
        let lines = keys.iter().zip(lines);
        lines.map(|(key, (before, value, comment))| [before, key, "=", &value, comment, "\n"].concat()).collect()
    })
}

fn table() -> impl Strategy<Value = String> {
    let headers = vec![
        "[defaults]",
        "[connection_templates.b]",
        "[connection_templates.a]",
        "[connection_templates.a.lifecycle]",
        "[auth_scheme_configs.x.grant]",
        "[auth_scheme_configs.x]",
        "[auth_scheme_configs]",
        "[[other]]",
        "[[other]]",
        "[other.inner]",
        "[\"quoted key\"]",
    ];
    (space(), prop::sample::select(headers), beside(), body())
        .prop_map(|(before, header, comment, body)| format!("{before}{header}{comment}\n{body}"))
}

/// Numbers the comments, so that each is to be found again.
fn numbered(text: &str) -> (String, usize) {
    let mut parts = text.split("# #");
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for part in parts {
        numbered += &["# comment ", &count.to_string(), ";", part].concat();
        count += 1;
    }
    (numbered, count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_says_something_else_afterwards_and_no_comment_is_lost(
        start in prop_oneof![Just(String::new()), body()], tables in prop::collection::vec(table(), 0..5), end in space(),
    ) {
        let (text, comments) = numbered(&format!("{start}{}{end}", tables.concat()));
        // Not every heap of tables is TOML.
        if let Ok(before) = toml::from_str::<toml::Table>(&text) {
            let formatted = format(&text);
            prop_assert!(formatted.is_ok(), "{:?}\n{}", formatted, text);
            let formatted = formatted.unwrap();
            prop_assert_eq!(toml::from_str::<toml::Table>(&formatted).unwrap(), before, "{}\n{}", text, formatted);
            for comment in 0..comments {
                prop_assert_eq!(formatted.matches(&format!("# comment {comment};")).count(), 1, "{}\n{}", text, formatted);
            }
            let again = format(&formatted).unwrap();
            prop_assert_eq!(&again, &formatted, "{}", text);
        }
    }
}

#[test]
fn a_file_that_no_one_may_write_to_is_named_and_the_others_go_on() {
    let site = Site::new();
    let untidy = |id: &str| sound("type    = \"none\"").replace(".a]", &format!(".{id}]"));
    site.file("a/a.toml", untidy("a")).file("b.toml", untidy("b"));
    let folder: PathBuf = site.manifests().join("a");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let ran = site.versync(&["fmt"]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(ran.out.contains("Formatted b.toml"), "{ran:?}");
    // Root may write everywhere.
    if !rustix::process::geteuid().is_root() {
        assert!(ran.code == Some(1) && ran.err.contains("cannot be written"), "{ran:?}");
    }
}

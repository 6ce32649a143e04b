//! Files that are no TOML: each mistake is said once, where it was made, and what stands there is shown as far as it
//! cannot be a secret.

use versync::model::manifest;
use versync::model::source::{Problem, SourceFile};
use versync::report::problems::{self, Look};

use crate::support::Site;

/// What is said of a text, with places.
fn said(text: &str) -> Vec<String> {
    let (resources, problems) = manifest::parse(&SourceFile::new("a.toml", text));
    assert!(resources.is_empty());
    let said = |problem: &Problem| {
        let (line, column) = problem.position().unwrap();
        format!("{line}:{column} {}", problem.message)
    };
    problems.iter().map(said).collect()
}

fn helps(text: &str) -> Vec<Option<String>> {
    let (_, problems) = manifest::parse(&SourceFile::new("a.toml", text));
    problems.into_iter().map(|problem| problem.help).collect()
}

const REST: &str =
    "dynamic = true\nlifecycle = { ignore = [\"dynamic\"] }\n\n[auth_scheme_configs.b]\ntype = \"none\"\n";

#[test]
fn what_is_left_open_is_said_where_it_begins_and_nothing_that_follows_from_it() {
    for (line, what) in [
        ("environments = [\"a\", \"b\"", "2:16 the list that begins here is not closed"),
        ("grant = { a = 1, b = { c = 2 }", "2:9 the table that begins here is not closed"),
        ("lifecycle = { ignore = [\"a\" }", "2:24 the list that begins here is not closed"),
        ("scopes = [{ name = \"a\" ]", "2:11 the table that begins here is not closed"),
        ("description = \"abc", "2:15 the text that begins here is not closed"),
        ("description = 'abc", "2:15 the text that begins here is not closed"),
        ("description = \"abc\\\"", "2:15 the text that begins here is not closed"),
        ("description = \"\"\"abc", "2:15 the text that begins here is not closed"),
        ("environments = [\"a\", \"b]", "2:22 the text that begins here is not closed"),
        ("environments = [\n  \"a,\n  \"b\",\n]", "3:3 the text that begins here is not closed"),
        ("[connection_templates.c", "2:1 the header that begins here is not closed"),
    ] {
        assert_eq!(said(&format!("[connection_templates.a]\n{line}\n{REST}")), [what], "{line}");
    }
}

#[test]
fn errors_of_other_statements_are_said_as_well() {
    let text = "a = b c\n[x\nd = \"e\" \"f\"\ng = [\"h\"\n\"i\"]\nj = [\"k\",\nl,\nm]\nn = [ # open\n";
    assert_eq!(
        said(text),
        [
            "1:5 a text has to be in quotes",
            "2:1 the header that begins here is not closed",
            "3:9 not valid TOML: unexpected key or value, expected newline, `#`",
            "5:1 not valid TOML: missing comma between array elements, expected `,`",
            "7:1 a text has to be in quotes",
            "8:1 a text has to be in quotes",
            "9:5 the list that begins here is not closed",
        ]
    );
}

#[test]
fn what_follows_from_a_broken_header_or_the_begin_of_a_list_is_not_said_as_well() {
    let table = |header: &str| format!("{header}\nsystem = \"s\"\ntype = \"none\"\n");
    for (text, what) in [
        (table("[a.b]") + &table("a.c]"), "4:4 a header begins with `[`"),
        (table("[a.b]") + &table("[a.c"), "4:1 the header that begins here is not closed"),
        ("a = \n  \"b\",\n  { c = 1 },\n]\nd = 1\n".to_owned(), "1:5 a value is missing here"),
        ("a [\n  \"b\",\n\n  { c = 1 },\n]\nd = 1\n".to_owned(), "1:3 not valid TOML: key with no value, expected `=`"),
    ] {
        assert_eq!(said(&text), [what], "{text}");
    }
    // What is wrong below a broken header is still said, and what is behind the next one.
    let text = table("[a.b]") + "a.c]\nsystem = x\n" + &table("[a.b]");
    assert_eq!(said(&text).len(), 3, "{:?}", said(&text));
}

#[test]
fn what_is_meant_is_said_where_that_is_clear() {
    assert_eq!(helps("client_secret = a b\nname = hunter"), [None, None]);
    for (line, what, help) in [
        ("name = X-Key", "1:8 a text has to be in quotes", Some("write \"X-Key\"")),
        ("debounce = 5m", "1:12 a text has to be in quotes", Some("write \"5m\"")),
        ("dynamic = yes", "1:11 a text has to be in quotes", Some("a flag is true or false")),
        ("client_secret = hunter", "1:17 a text has to be in quotes", None),
        ("a = { client_secrt = hunter }", "1:22 a text has to be in quotes", None),
        ("name = hunter2", "1:8 a text has to be in quotes", None),
        ("project = 01J5", "1:11 a text has to be in quotes", None),
        ("a = “b”", "1:5 these are typographic quotes: use \"", None),
        ("a = [\"b\", ‘c’]", "1:11 these are typographic quotes: use \"", None),
        ("in: \"header\"", "1:3 TOML wants `=` and not `:`", Some("write key = value")),
        ("in : \"header\"", "1:4 TOML wants `=` and not `:`", Some("write key = value")),
        ("a = { b = 1, in: \"header\" }", "1:16 TOML wants `=` and not `:`", Some("write key = value")),
        (
            "a = [\"b, \"c\"]",
            "1:11 a quote is missing before this",
            Some("each text of this line has to begin and end with one"),
        ),
    ] {
        assert_eq!(said(line), [what], "{line}");
        assert_eq!(helps(line)[0].as_deref(), help, "{line}");
    }
}

#[test]
fn what_is_written_twice_names_the_line_of_the_first() {
    let table = "[auth_scheme_configs.shop-key]\nsystem = \"s\"\ntype = \"none\"\n";
    assert_eq!(
        said(&format!("{table}\n{table}\n[auth_scheme_configs.c]\ntype = \"none\"\na.b = 1\na.b = 2\n")),
        [
            "5:22 [auth_scheme_configs.shop-key] is there already, at line 1: a table can be written only once in a file",
            "12:3 `b` is there already, at line 11: a key can be written only once in a table",
        ]
    );
    assert_eq!(
        said("[a]\nb = 1\nb = 2"),
        ["3:1 `b` is there already, at line 2: a key can be written only once in a table"]
    );
    assert_eq!(said("a = { b = 1, b = 2 }"), ["1:14 `b` is written twice in this table"]);
    // Beside other errors.
    assert_eq!(said("a = b\nc = 1\nc = 2").len(), 2);
    // Each table of a list is another one.
    assert_eq!(said("[[a]]\nb = 1\n[[a]]\nb = 1\nb = 2").len(), 1);
    assert_eq!(
        said("a = 1\n[a]\nb = 1"),
        ["2:2 [a] is there already, at line 1: a table can be written only once in a file"]
    );
}

#[test]
fn the_line_is_shown_without_what_may_be_secret_and_the_place_is_marked() {
    let site = Site::new();
    site.file(
        "a.toml",
        "[auth_scheme_configs.shop-key]\nsystem = shopify\nin: \"header\"\nscopes = [\"hunter2\", { required = true, name = a-b } \"hunter2\"]\n\
         client_secret = hunter2\n[auth_scheme_configs.shop-key.x\nlifecycle = { prevent_delete = true, on_drift = \"hunter2\"\n",
    );
    let ran = site.versync(&["validate"]);
    assert!(!ran.out.contains("hunter2"), "{}", ran.out);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn the_texts_of_keys_that_hold_no_secret_are_shown() {
    let site = Site::new();
    let shown = |text: &str| {
        site.file("a.toml", text);
        let out = site.versync(&["validate"]).out;
        assert!(!out.contains("hunter2"), "{text}: {out}");
        let lines = out.lines().filter_map(|line| Some(line.split_once(" | ")?.1.to_owned()));
        lines.collect::<Vec<_>>()
    };
    let config = "[auth_scheme_configs.shop-key]\n";
    let token = "client_secret = { env = \"A\" }\n";
    for (line, what) in [
        ("system = \"shopify\" x", "system = \"shopify\" …"),
        ("system = shopify", "system = shopify"),
        ("environments = [\"a\" \"b\"]", "environments = [\"a\" \"b\"]"),
        ("system = \"hunter2", "system = …"),
        ("system = hunter2", "system = …"),
        ("system = \"s\", \"hunter2", "system = \"s\", …"),
        ("systm = \"hunter2\" x", "systm = …"),
        ("token_url = \"hunter2\" x", "token_url =…"),
        ("description = \"a=hunter2\" x", "description = …"),
        ("description = \"https://hunter2\" x", "description = …"),
        ("environments = [\"hunter2\"", "environments = […"),
    ] {
        assert_eq!(shown(&format!("{config}{line}\n{token}")).first().map(String::as_str), Some(what), "{line}");
    }
    // In a table of secrets, below a header that is not known, and behind a broken secret, nothing is.
    for header in
        ["[auth_scheme_configs.a.grant]", "[api.signing_key]", "[[notify]]", "[a.b", "[a.\"grant\"]", "[token]"]
    {
        assert!(
            shown(&format!("{header}\nsystem = \"hunter2\" x\n{token}")).iter().all(|line| !line.contains("hunter2"))
        );
    }
    assert!(shown(&format!("{config}token = \"x\ny\nsystem = \"hunter2\" x\n")).len() > 1);
    assert!(shown(&format!("{config}grant = {{ type = \"hunter2\" x }}\n")).len() == 1);
}

#[test]
fn what_is_no_text_at_all_costs_no_time() {
    for text in [
        "a = [\n".repeat(20_000),
        format!("a = {}{}", "[".repeat(40_000), "}".repeat(40_000)),
        format!("a = [{}]", "\nb".repeat(40_000)),
        "a = 1\n".repeat(20_000),
        "[a]\n".repeat(20_000),
        "{[".repeat(40_000),
        "\"".repeat(40_001),
    ] {
        assert!(!said(&text).is_empty());
    }
}

#[test]
fn one_slip_of_the_keyboard_shows_no_secret() {
    let text = "[auth_scheme_configs.a]\nsystem = \"s\"\ngrant = { a = \"b\", client_secret = \"hunter2\", c = [\"d\"] }\n\
                token = [\n\"hunter2\", \"hunter2=\"]\nlist = [\"e\"]\nsigning_key = '''\nhunter2 = 1\n[hunter2]\n'''\nf = true\n";
    no_slip_shows_a_secret(text);
    // Between keys whose texts are shown, with an error that is there in any case.
    let text = "[auth_scheme_configs.a]\ndescription = \"d\"\nclient_secret = \"hunter2\"\nname = \"n\"\n\
                grant = { type = \"t\", client_secret = \"hunter2\", id = \"i\" }\nenvironments = [\"e\", \"f\"]\n\
                token = 'hunter2'\nsystem = x\n[auth_scheme_configs.a.grant]\ntype = \"hunter2\"\nid = \"hunter2\"\n\
                [auth_scheme_configs.b]\nproject = \"p\"\ntokne = \"hunter2\"\ntype = \"x\"\n";
    no_slip_shows_a_secret(text);
}

fn no_slip_shows_a_secret(text: &str) {
    let mut tried = 0;
    for at in (0..text.len()).filter(|at| !text[at.saturating_sub(6)..].starts_with("hunter2")) {
        for c in ["", "\"", "'", "[", "]", "{", "}", "=", ",", "#", "\n", ".", "\\", ":"] {
            // Nothing stands for leaving out what is there.
            let behind = at + usize::from(c.is_empty());
            let slipped = format!("{}{c}{}", &text[..at], &text[behind..]);
            let (_, found) = manifest::parse(&SourceFile::new("a.toml", slipped.as_str()));
            let mut out = Vec::new();
            problems::write(&found, Look::PLAIN, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(!out.contains("hunter2"), "{slipped}\n{out}");
            tried += usize::from(!found.is_empty());
        }
    }
    assert!(tried > 1000, "{tried}");
}

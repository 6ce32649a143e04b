//! Reading the folder: every problem of every file, each where it is written.

use std::os::unix::fs::symlink;

use crate::support::{Site, versync};

const SOUND: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// What `validate` prints for one file.
fn validated(text: &str) -> String {
    let site = Site::new();
    site.file("a.toml", text);
    let ran = site.versync(&["validate"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    ran.out
}

#[test]
fn every_problem_of_a_file_is_shown_at_once() {
    insta::assert_snapshot!(validated(
        r#"
[defaults]
projekt = "storefront"

[connection_templates.shop]
environments = ["production", "production", 3]
dinamic = true
dynamic = "yes"
lifecycle = { ignore = ["dynamo"], on_drift = "revrt" }

[auth_scheme_configs.key]
system = "shopify"
connector = "warehouse"
type = "api_key"

[auth_scheme_configs."a/b"]
system = "shopify"
description = ""
type = "jwt-bearer"

[auth_scheme_configs.cert]
type = "certificate"
name = "X"

[connection_template.typo]
"#
    ));
}

#[test]
fn every_problem_says_how_to_mend_it() {
    let template = |keys: &str| {
        format!("[connection_templates.a]\nproject = \"p\"\nenvironment = \"e\"\nsystem = \"s\"\n{keys}\n")
    };
    let config = |keys: &str| format!("[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\n{keys}\n");
    let named =
        |id: &str| format!("[auth_scheme_configs.{id:?}]\nsystem = \"s\"\ndescription = \"\"\ntype = \"none\"\n");
    let oauth2 = |scopes: &str| {
        config(&format!(
            "type = \"oauth2\"\ntoken_url = \"https://a.example\"\nscopes = {scopes}\ndefault_scopes = []\ngrant = {{ type = \"client-credentials\" }}"
        ))
    };
    for (text, help) in [
        (template("name = 3"), "write it in quotes: \"3\""),
        (template("name = 1234567890"), "write it in quotes"),
        (template("name = true"), "write it in quotes: \"true\""),
        (template("name = [\"a\"]"), "write a text in quotes"),
        (template("name = { a = 1 }"), "write a text in quotes"),
        (template("dynamic = 2020-01-01"), "write true or false"),
        (template("auth_scheme_configs = [3]"), "write it in quotes: \"3\""),
        (template("auth_scheme_configs = 3"), "write a list: [\"…\"]"),
        (template("auth_scheme_configs = [\"k\", \"k\"]"), "remove one of the two"),
        (template("lifecycle = 3"), "write a table: lifecycle = { … }"),
        (template("x = "), "write a value behind the `=`: a text in quotes, a number, or true or false"),
        (template("x = \"\u{0}\""), "remove the character"),
        (template("a = \"b\" \"c\""), "write key = value, one on each line"),
        (template("a b"), "write key = value"),
        (template("a = [\"b\" \"c\"]"), "put a comma between them"),
        (format!("a = {}", "[".repeat(300)) + &"]".repeat(300), "nest it less deeply"),
        ("[[connection_templates]]\nname = \"a\"\n".to_owned(), "write [connection_templates.NAME] for each of them"),
        ("connection_templates = 3\n".to_owned(), "write [connection_templates.NAME] for each of them"),
        ("defaults = 3\n".to_owned(), "write a table: [defaults]"),
        (
            config("type = \"api-key\"\nin = \"header\"\nname = \"\""),
            "write name = \"X-Shopify-Access-Token\", for example",
        ),
        (oauth2("[\"a\", \"a\"]"), "remove one of the two"),
        (oauth2("[3]"), "write each of them as \"…\" or { name = \"…\" }"),
        (
            config(
                "type = \"hmac\"\nname = \"a\"\nin = \"query\"\nalgorithm = \"sha1\"\nencoding = \"hex\"\ndigest_inputs = [\"url\", \"url\"]",
            ),
            "remove one of the two",
        ),
        (named(""), "write an id such as my-oauth"),
        (named("."), "write an id such as my-oauth"),
        (named(".."), "write an id such as my-oauth"),
        (named("a/b"), "write an id such as my-oauth"),
        (named(&"a".repeat(300)), "write an id such as my-oauth"),
        (template("name = \"\""), "write what it is called, with nothing in it that cannot be seen"),
        (template("name = \"a\\u0007\""), "write what it is called, with nothing in it that cannot be seen"),
        (
            template("lifecycle = { renamed_from = \"\" }"),
            "write what it is called, with nothing in it that cannot be seen",
        ),
    ] {
        let out = validated(&text);
        let told = out.matches("\n  x ").count() + usize::from(out.starts_with("  x "));
        assert_eq!(told, out.matches("  help: ").count(), "{out}");
        assert!(out.contains(&format!("  help: {help}")), "{help}: {out}");
    }
}

#[test]
fn the_line_of_an_unknown_key_is_shown_where_it_cannot_be_a_secret() {
    let text = r#"
[connection_templates.shop-key]
project = "storefront"
environment = "production"
systm = "netsuite"
dynamik = true # c
since = 2020-01-01
nmae = ["a", "b"]
lifecyle = { prevent_delete = true, count = 3, on_drift = "hunter2" }
tries = 12345
pin = 123456
colour = "hunter2"
project_url = "https://x.example/?a=hunter2"
projects = "me@hunter2"
tokne = true
clientsecret = 12
secrt = 2020-01-01
pasword = [1]
passphrse = 12
logn = true
grnt = { a = 1 }
"#;
    let out = validated(text);
    for line in [
        "systm = \"netsuite\"",
        "dynamik = true # c",
        "since = 2020-01-01",
        "nmae = [\"a\", \"b\"]",
        "lifecyle = { prevent_delete = true, count = 3, on_drift = … }",
        "tries = 12345",
        "pin = …",
        "colour = …",
        "project_url = …",
        "projects = …",
        "tokne = …",
        "clientsecret = …",
        "secrt = …",
        "pasword = …",
        "passphrse = …",
        "logn = …",
        "grnt = { a = … }",
    ] {
        assert!(
            out.lines().any(|shown| shown.split_once(" | ").is_some_and(|(_, shown)| shown == line)),
            "{line}: {out}"
        );
    }
    assert!(!out.contains("hunter2"), "{out}");
    // In a table of secrets nothing is shown.
    let out = validated(
        "[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\ntype = \"oauth2\"\ntoken_url = \"https://a.example\"\nscopes = []\ndefault_scopes = []\ngrant = { type = \"client-credentials\", tpye = \"hunter2\", x = 12 }\n",
    );
    assert!(out.contains("tpye = …, x = … }") && !out.contains("hunter2"), "{out}");
}

#[test]
fn one_identity_in_two_files_names_both_places() {
    let site = Site::new();
    site.file("a.toml", SOUND).file("b/c.toml", format!("\n\n{SOUND}"));
    let ran = site.versync(&["validate"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.out);
    let ran = site.versync(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(site.writes().is_empty(), "neither of the two is applied");
}

#[test]
fn two_spellings_of_one_identity_are_found_once_names_are_looked_up() {
    let site = Site::new();
    site.file("a.toml", SOUND).file("b.toml", SOUND.replace("stripe", versync::sandbox::ids::STRIPE));
    let ran = site.versync(&["plan"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("is declared twice: here and at "), "{}", ran.out);
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_shown() {
    for text in [
        "[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\ntype = \"none\"\nclient_secret = \"hunter2\"\n",
        "[auth_scheme_configs.a]\nclient_secret = \"hunter2\n",
        "[auth_scheme_configs.a]\ntype = \"none\"\nclient_secret = [\"hunter2\"]\n",
        "[auth_scheme_configs.a]\ntype = \"none\"\nclinet_secret = \"hunter2\"\n",
    ] {
        let out = validated(text);
        assert!(!out.contains("hunter2"), "{out}");
    }
}

#[test]
fn an_address_with_a_password_is_refused_and_not_shown() {
    let config = |keys: &str| format!("[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\n{keys}\n");
    let oauth2 = |url: &str| {
        let grant = "grant = { type = \"client-credentials\" }";
        config(&format!("type = \"oauth2\"\nscopes = []\ndefault_scopes = []\n{grant}\ntoken_url = {url}"))
    };
    let oauth1 = |url: &str| {
        let keys = "type = \"oauth1\"\nconsumer_key = \"k\"\nsignature_method = \"sha1\"\ntoken_auth = true";
        config(&format!("{keys}\ntoken_endpoint = {{ url = {url} }}"))
    };
    let user = "url` holds a user or password";
    for (text, why) in [
        (oauth2("\"https://me:hunter2@a.example/t\""), user),
        (oauth2("\"https://hunter2@a.example/t\""), user),
        (oauth2("\"https:me:hunter2@a.example/t\""), user),
        (oauth2("\"https:\\\\\\\\me:hunter2@a.example/t\""), user),
        (oauth2("\"http://me:hunter2@a.example/t\""), user),
        (oauth2("\"https://me:hunter2/x@a.example/t\""), "url` is not a URL"),
        (oauth2("\"me:hunter2@a.example/t\""), "url` is not a URL"),
        (oauth1("\"https://me:hunter2@{shop}.example/t\""), user),
        (oauth1("\"{scheme}://me:hunter2@a.example/t\""), user),
        (oauth1("\"https://me:hunter2@a.example/t\", oops = 1"), user),
        (config("type = \"oath2\"\ntoken_url = \"https://me:hunter2@a.example\"").replace('\n', " "), "not valid TOML"),
        (
            "auth_scheme_configs.a = { type = \"oath2\", token_url = \"https://me:hunter2@a.example\" }\n".to_owned(),
            "oath2",
        ),
    ] {
        let out = validated(&text);
        assert!(out.contains(why), "{text}\n{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
}

#[test]
fn a_secret_among_the_parameters_is_refused_and_not_shown() {
    let oauth2 = |url: &str, more: &str| {
        format!(
            "[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\ntype = \"oauth2\"\nscopes = []\ndefault_scopes = []\n\
             grant = {{ type = \"client-credentials\" }}\ntoken_url = \"https://a.example/t{url}\"\n{more}\n"
        )
    };
    for (text, why) in [
        (oauth2("", "additional_token_params = \"client_secret=hunter2\""), "holds a secret: \"client_secret\""),
        (oauth2("", "additional_token_params = \"audience=x&client%5fassertion=hunter2\""), "\"client_assertion\""),
        (oauth2("", "additional_authorize_params = \"a=b&password=hunter2\""), "holds a secret: \"password\""),
        (oauth2("?api-key=hunter2", ""), "holds a secret among its parameters"),
    ] {
        let out = validated(&text);
        assert!(out.contains(why), "{text}\n{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
    let fine = "additional_token_params = \"token_type=x&audience=https%3A%2F%2Fb.example\"";
    let site = Site::new();
    site.file("a.toml", oauth2("?tenant=1", fine));
    assert_eq!(site.versync(&["validate"]).code, Some(0));
}

#[test]
fn what_something_is_called_by_cannot_be_empty() {
    let config = |keys: &str| format!("[auth_scheme_configs.a]\nsystem = \"s\"\ndescription = \"\"\n{keys}\n");
    let key = |rest: &str| config(&format!("type = \"api-key\"\nin = \"query\"\n{rest}"));
    let hmac = |rest: &str| {
        config(&format!("type = \"hmac\"\nin = \"query\"\nalgorithm = \"sha1\"\nencoding = \"hex\"\n{rest}"))
    };
    let oauth1 =
        |rest: &str| config(&format!("type = \"oauth1\"\nsignature_method = \"sha1\"\ntoken_auth = true\n{rest}"));
    let oauth2 = |scopes: &str, client: &str, rest: &str| {
        let grant = format!("grant = {{ type = \"password\", {client} }}");
        let url = "token_url = \"https://a.example/t\"";
        config(&format!("type = \"oauth2\"\n{url}\nscopes = {scopes}\ndefault_scopes = []\n{grant}\n{rest}"))
    };
    let me = "client_id = \"me\"";
    let endpoint = "token_endpoint = { url = \"https://a.example\", additional_params = [{ name = \"\", location = \"body\", usages = \"unknown\" }] }";
    for (text, place, what) in [
        (key("name = \"\""), "6:8", "`auth_scheme_configs.a.name` is empty"),
        (key("name = \"a\\n\""), "6:8", "`auth_scheme_configs.a.name` holds a character that cannot be seen"),
        (hmac("name = \"\"\ndigest_inputs = [\"url\"]"), "8:8", "`auth_scheme_configs.a.name` is empty"),
        (hmac("name = \"s\"\ndigest_inputs = []"), "9:17", "`auth_scheme_configs.a.digest_inputs` is empty"),
        (oauth1("consumer_key = \"\""), "7:16", "`auth_scheme_configs.a.consumer_key` is empty"),
        (oauth1(&format!("consumer_key = \"k\"\n{endpoint}")), "8:77", "additional_params.name` is empty"),
        (oauth2("[\"\"]", me, ""), "6:11", "the name \"\" is empty"),
        (oauth2("[{ name = \"\" }]", me, ""), "6:20", "`auth_scheme_configs.a.scopes.name` is empty"),
        (oauth2("[]", "client_id = \"\"", ""), "8:42", "`auth_scheme_configs.a.grant.client_id` is empty"),
        (oauth2("[]", "client_secret = { env = \"\" }", ""), "8:54", "client_secret.env` is empty"),
        (oauth2("[]", "client_secret = { file = \"\" }", ""), "8:55", "client_secret.file` is empty"),
        (oauth2("[]", me, "mtls_credential_id = \"\""), "9:22", "`auth_scheme_configs.a.mtls_credential_id` is empty"),
        (
            "[connection_templates.t]\nproject = \"p\"\nenvironment = \"e\"\nsystem = \"s\"\nauth_scheme_configs = [\"\"]\n".to_owned(),
            "5:24",
            "the name \"\" is empty",
        ),
    ] {
        let out = validated(&text);
        assert!(out.contains(what) && out.contains(&format!("[a.toml:{place}]")), "{text}\n{out}");
        assert!(out.contains("1 file: 1 problem."), "{out}");
    }
}

#[test]
fn a_default_that_is_wrong_is_one_problem() {
    let rest =
        "[connection_templates.t]\nenvironment = \"e\"\n[auth_scheme_configs.a]\ndescription = \"\"\ntype = \"none\"\n";
    for defaults in ["project = \"\"\nsystem = \"s\"", "project = \"p\"\nsystem = 3"] {
        let out = validated(&format!("[defaults]\n{defaults}\n{rest}"));
        assert!(out.contains("1 file: 1 problem."), "{out}");
    }
}

#[test]
fn a_template_was_not_renamed_from_its_own_name() {
    let text = "[connection_templates.t]\nproject = \"p\"\nenvironment = \"e\"\nsystem = \"s\"\nlifecycle.renamed_from = \"t\"\n";
    let out = validated(text);
    assert!(out.contains("`renamed_from` names the template itself") && out.contains("[a.toml:5:26]"), "{out}");
}

#[test]
fn what_help_gives_can_be_copied_and_leads_on() {
    let config = |line: &str| format!("[auth_scheme_configs.c]\nsystem = \"s\"\ndescription = \"\"\n{line}\n");
    for (line, said) in [
        ("type = \"api-key\"\nname = \"X\"", "help: add in = \"header\"; it takes query, header, cookie\n"),
        ("", "help: add type = \"api-key\"; it takes none, api-key, "),
        (
            "type = \"basic-auth\"\nname = \"X\"",
            "help: it goes with type = \"api-key\" or \"hmac\", and this is \"basic-auth\"\n",
        ),
        ("type = \"none\"\ngrant = {}", "help: it goes with type = \"oauth2\", and this is \"none\"\n"),
        ("type = \"none\"\nsistem = \"s\"", "help: did you mean `system`?\n"),
    ] {
        let out = validated(&config(line));
        assert!(out.contains(said) && out.contains("1 file: 1 problem."), "{out}");
    }
    for (id, flaw) in [
        ("01J0C0NNWAREH0VSE00000000", "it has 25 characters, not 26"),
        ("01J0C0NNWAREH0VSEU00000000", "a ULID has digits and capital letters only, without I, L, O and U, and begins"),
    ] {
        let out = validated(&config("type = \"none\"").replace("system = \"s\"", &format!("connector = \"{id}\"")));
        assert!(out.contains(&format!("connector \"{id}\" is not a ULID: {flaw}")), "{out}");
    }
}

#[test]
fn how_a_value_of_the_wrong_type_is_written_right_is_said() {
    let template = |line: &str| format!("[connection_templates.t]\nproject = \"p\"\nsystem = \"s\"\n{line}\n");
    for (line, help) in [
        ("environment = [\"a\"]", "use `environments` for several"),
        ("environments = \"staging\"", "write [\"staging\"]"),
        ("environments = \"no word\"", "write it as [\"…\"]"),
        ("environment = \"e\"\ndynamic = \"true\"", "write true or false, without quotes"),
    ] {
        let out = validated(&template(line));
        assert!(out.contains(&format!("help: {help}")) && out.contains("1 file: 1 problem."), "{out}");
    }
    let site = Site::new();
    for (setting, help) in [
        ("sync.delete_limit = 10", "write { count = 10 }"),
        ("sync.debounce = 250", "write it with its unit: \"250ms\" or \"250s\", for example"),
    ] {
        site.settings(setting);
        let ran = site.versync(&["validate"]);
        assert!(ran.code == Some(1) && ran.err.contains(help), "{ran:?}");
    }
}

#[test]
fn a_list_of_the_wrong_things_is_not_also_called_empty() {
    let text = "[connection_templates.t]\nproject = \"p\"\nsystem = \"s\"\nenvironments = [3]\n";
    assert!(validated(text).contains("1 file: 1 problem."));
}

#[test]
fn a_literal_secret_of_a_grant_that_has_none_is_one_problem() {
    let keys = "system = \"s\"\ndescription = \"\"\ntype = \"oauth2\"\ntoken_url = \"https://a.example\"\nscopes = []";
    for secret in ["\"hunter2\"", "{ value = \"hunter2\" }"] {
        let grant = format!("grant = {{ client_secret = {secret}, type = \"client-credentials\" }}");
        let out = validated(&format!("[auth_scheme_configs.a]\n{keys}\ndefault_scopes = []\n{grant}\n"));
        assert!(out.contains("a client-credentials grant has no client_secret"), "{out}");
        assert!(out.contains("1 file: 1 problem.") && !out.contains("hunter2"), "{out}");
    }
}

#[test]
fn files_that_are_no_manifests_are_passed_over_or_named() {
    let site = Site::new();
    site.file("deep/er/ok.toml", SOUND)
        .file("notes.md", "not toml")
        .file(".hidden.toml", "x = [")
        .file(".git/a.toml", "x = [");
    assert!(site.versync(&["validate"]).out.contains("1 file, 1 resource: no problems."));
    site.file("latin.toml", b"a = \"\xe4\"\n");
    site.file("bom.toml", format!("\u{feff}{}", SOUND.replace("ok", "bom").replace('\n', "\r\n")));
    symlink("/etc/hostname", site.manifests().join("out.toml")).unwrap();
    symlink("nowhere.toml", site.manifests().join("dangling.toml")).unwrap();
    symlink("deep/er", site.manifests().join("folder")).unwrap();
    std::fs::create_dir(site.manifests().join("dir.toml")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, site.manifests().join("pipe.toml"), 0o600.into()).unwrap();
    site.file("large.toml", vec![b'#'; 1024 * 1024 + 1]);
    let ran = site.versync(&["validate"]);
    assert_eq!(ran.code, Some(1));
    let out = ran.out.replace(site.manifests().to_str().unwrap(), "MANIFESTS");
    insta::assert_snapshot!(out);
}

#[test]
fn a_folder_that_is_not_there_is_a_clear_error() {
    let site = Site::new();
    for command in [&["plan"][..], &["apply", "--yes"], &["validate"], &["run"]] {
        let ran = site.versync(&[&["--manifests", "nowhere"], command].concat());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("the manifests folder nowhere does not exist"), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn validate_takes_files_and_folders_and_needs_no_settings() {
    let site = Site::new();
    std::fs::remove_file(site.path("versync.toml")).unwrap();
    site.file("a.toml", SOUND).file("b/c.toml", "x = 1\n");
    let run = |args: &[&str]| versync(&site.path("."), args).output().unwrap();
    assert!(run(&["validate", "manifests/a.toml"]).status.success());
    let out = run(&["validate", "manifests/a.toml", "manifests/b"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stdout).unwrap().contains("manifests/b/c.toml:1:1"));
    assert_eq!(run(&["validate", "manifests/none.toml"]).status.code(), Some(1));
}

#[test]
fn nothing_below_the_folder_is_passed_over_in_silence() {
    use std::os::unix::ffi::OsStrExt;

    let site = Site::new();
    let outside = tempfile::TempDir::new().unwrap();
    symlink(outside.path(), site.manifests().join("elsewhere")).unwrap();
    for (n, byte) in [0xfe, 0xff].into_iter().enumerate() {
        let name = std::ffi::OsStr::from_bytes(&[b'n', byte, b'.', b't', b'o', b'm', b'l']).to_owned();
        std::fs::write(site.manifests().join(name), SOUND.replace("ok", &format!("n{n}"))).unwrap();
    }
    let out = site.versync(&["validate"]).out;
    assert!(out.contains("elsewhere is a link that leads out of the folder"), "{out}");
    assert!(out.contains("3 files: 1 problem."), "{out}");
}

#[test]
fn a_file_that_is_named_twice_is_one_file() {
    let site = Site::new();
    site.file("a.toml", SOUND);
    symlink("a.toml", site.manifests().join("b.toml")).unwrap();
    let absolute = site.manifests().join("a.toml");
    let ran = site.versync(&["validate", "manifests/a.toml", absolute.to_str().unwrap(), "manifests/b.toml"]);
    assert_eq!(ran.out, "1 file, 1 resource: no problems.\n");
}

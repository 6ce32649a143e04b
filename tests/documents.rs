//! What the README and `docs` show is what there is: every link leads somewhere, every command is one, what is shown of
//! its output is its output, and every file that is shown is sound.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Parser;
use rustix::process::Signal;
use serde_json::Value;
use versync::args::Args;
use versync::model::source::SourceFile;
use versync::settings::{DEFAULT_INTERVAL, Settings};

use crate::support::documents::{Block, Document, Toml, documents};
use crate::support::{Daemon, Ran, Site};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the examples of manifests ask their users to set.
const SECRETS: [(&str, &str); 2] = [("EXAMPLE_CLIENT_SECRET", "x"), ("EXAMPLE_CONSUMER_SECRET", "y")];

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut followed = 0;
    for document in &documents {
        let folder = Path::new(ROOT).join(&document.name).parent().unwrap().to_owned();
        for link in document.links.iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(path, at)| (path, Some(at)));
            let target = if path.is_empty() { Path::new(ROOT).join(&document.name) } else { folder.join(path) };
            let target = target.canonicalize().unwrap_or_else(|error| panic!("{}: {link}: {error}", document.name));
            let target = target.strip_prefix(ROOT).unwrap_or_else(|_| panic!("{}: {link} leads out", document.name));
            if let Some(anchor) = anchor {
                let there = documents.iter().find(|it| Path::new(&it.name) == target);
                let anchors = &there.unwrap_or_else(|| panic!("{}: {link} is no document", document.name)).anchors;
                assert!(anchors.contains(anchor), "{}: {link} is none of {anchors:#?}", document.name);
            }
            followed += 1;
        }
    }
    assert!(followed > 50, "links were looked for in the wrong place: {followed}");
    // Whoever opens the README finds every document from there.
    let readme = documents.iter().find(|it| it.name == "README.md").unwrap();
    for document in documents.iter().filter(|it| it.name != "README.md") {
        let is_linked = readme.links.iter().any(|link| link.split('#').next() == Some(&document.name));
        assert!(is_linked, "the README does not link {}", document.name);
    }
}

#[test]
fn every_command_is_one() {
    let mut parsed = 0;
    for document in documents() {
        let blocks = document.blocks.iter().filter(|block| ["sh", "console"].contains(&block.language.as_str()));
        let lines: Vec<(&str, &str)> =
            blocks.flat_map(|block| shell(block).map(|line| (&*block.place, line))).collect();
        let spans = document.spans.iter().map(|span| (&*document.name, &**span));
        for (place, text) in lines.into_iter().chain(spans) {
            for command in commands(text) {
                let usage = used(&command);
                let result = Args::try_parse_from(usage.split_whitespace());
                // Help is no mistake.
                let is_one = result.as_ref().map_or_else(|error| error.exit_code() == 0, |_| true);
                assert!(is_one, "{place}: {command} ({usage}): {}", result.unwrap_err());
                parsed += 1;
            }
        }
    }
    assert!(parsed > 60, "commands were looked for in the wrong place: {parsed}");
}

#[test]
fn every_session_prints_what_it_says() {
    let mut run = 0;
    for document in documents() {
        for block in document.blocks("console") {
            let (script, expected) = session(block);
            let site = Site::new();
            let printed = in_a_shell(&site, &format!("{}\n{script}", setting(&document, block)));
            assert!(agrees(&expected, &printed), "{}:\n{expected}\nis not what is printed:\n{printed}", block.place);
            run += 1;
        }
    }
    assert!(run >= 8, "{run}");
}

/// The README's first command, and what is said below it, up to the end.
#[test]
fn the_first_minute_goes_as_it_is_told() {
    let readme = Document::read("README.md");
    let command = commands(shell(readme.blocks("sh")[0]).next().unwrap()).remove(0);
    assert_eq!(readme.blocks("sh")[1].text, "cargo test\n");
    let args: Vec<&str> = command.split_whitespace().skip(1).collect();
    let site = Site::new();
    fs::remove_file(site.path("versync.toml")).unwrap();
    fs::create_dir_all(site.path("examples/quickstart")).unwrap();
    for file in fs::read_dir(Path::new(ROOT).join("examples/quickstart")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), site.path("examples/quickstart").join(file.file_name())).unwrap();
    }
    let mut daemon = Daemon::start(site.command(&args));
    daemon.await_out("Plan: 6 to create, 2 unmanaged; 0 unchanged.");
    daemon.await_out("/shop behind versync's back:\n  curl ");
    let file = site.path("examples/quickstart/shop.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("dynamic = true", "dynamic = false")).unwrap();
    daemon.await_out("    ~ dynamic  true → false");
    let out = daemon.out();
    // Also what was printed before the edit is drift after it.
    let curl = out.lines().find(|line| line.starts_with("  curl ") && line.contains("-X PUT")).unwrap();
    if Command::new("curl").arg("--version").output().is_ok() {
        assert!(Command::new("sh").args(["-c", curl]).output().unwrap().status.success(), "{curl}");
        let said = daemon.await_said("drift: connection_template.storefront/");
        let message = said["message"].as_str().unwrap();
        assert!(
            message.contains(
                "/shop was changed on the platform: name: \"renamed-by-hand\" (declared: \"shop\"); reverted"
            ),
            "{message}"
        );
    } else {
        eprintln!("nothing is changed behind its back: there is no curl here");
    }
    assert_eq!(daemon.stop(Signal::INT).0, Some(0));
    assert!(!site.path(".versync").exists(), "nothing is left");
}

/// The blocks of commands that need nothing but versync.
#[test]
fn what_can_be_run_runs() {
    let mut run = 0;
    for document in documents() {
        for block in document.blocks("sh").into_iter().filter(|block| shell(block).all(|it| it.starts_with("versync ")))
        {
            let site = Site::new();
            let printed = in_a_shell(&site, &format!("{PROLOGUE}set -e\n{}\necho and went through", block.text));
            assert!(printed.ends_with("and went through\n"), "{}: {printed}", block.place);
            run += 1;
        }
    }
    assert!(run > 0);
}

#[test]
fn every_file_that_is_shown_is_sound() {
    let mut seen = 0;
    for document in documents() {
        for block in &document.blocks {
            match block.language.as_str() {
                "toml" if block.toml() == Toml::Manifest => applies(block),
                "toml" if block.toml() == Toml::Settings => drop(settings_of(block)),
                "toml" if block.toml() == Toml::World => serves(block),
                "toml" => assert!(block.text.parse::<toml::Table>().is_ok(), "{}", block.place),
                "json" => assert!(serde_json::from_str::<Value>(&block.text).is_ok(), "{}", block.place),
                // `* * * * * USER COMMAND`: the line for cron.
                "text" => assert!(block.text.starts_with("* * * * * versync-pull git "), "{}", block.place),
                // Looked at by tests of their own.
                "sh" | "console" | "ini" => continue,
                other => panic!("{}: nothing checks a block of {other:?}", block.place),
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

/// Each is put where it says, beside the unit of the package.
#[test]
fn systemd_understands_what_is_shown_of_it() {
    let site = Site::new();
    let mut units = vec!["versync.service".to_owned()];
    let ours = fs::read_to_string(Path::new(ROOT).join("systemd/versync.service")).unwrap();
    fs::write(site.path(&units[0]), ours.replace("/usr/bin/versync", env!("CARGO_BIN_EXE_versync"))).unwrap();
    for document in documents() {
        for block in document.blocks("ini") {
            let name = block.text.lines().next().and_then(|line| line.strip_prefix("# /etc/systemd/system/"));
            let name = name.unwrap_or_else(|| panic!("{}: where does it go?", block.place));
            fs::create_dir_all(site.path(name).parent().unwrap()).unwrap();
            fs::write(site.path(name), &block.text).unwrap();
            units.extend(name.contains("@.").then(|| name.replace("@.", "@instance.")));
        }
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).args(units.iter().map(|unit| site.path(unit)));
    let folder = site.path(".").canonicalize().unwrap();
    match verify.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display())).output() {
        Ok(output) => assert_eq!(Ran::of(output).err, ""),
        Err(_) => eprintln!("not verified: there is no systemd-analyze here"),
    }
}

/// The README's block of settings gives every key, and the value that it has by default.
#[test]
fn the_defaults_are_those_that_are_told() {
    let readme = Document::read("README.md");
    let block = readme.blocks("toml").into_iter().find(|block| block.heading == "Settings").unwrap();
    let mut told = settings_of(block);
    // Where it is not given, it depends on the command.
    assert_eq!(told.sync.interval.take(), Some(DEFAULT_INTERVAL));
    assert_eq!(told, settings_of(&Block { text: String::new(), ..block.clone() }));
    let site = Site::new();
    let schema = site.versync(&["schema", "settings"]).json();
    for key in keys_of(&schema) {
        assert!(block.text.contains(&key), "the settings do not tell of {key}");
    }
}

/// Every key of the settings by its last name, those of lists of tables aside, which have a section of their own.
fn keys_of(schema: &Value) -> Vec<String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let below = |(key, inner): (&String, &Value)| {
        if inner["properties"].is_object() { keys_of(inner) } else { vec![key.clone()] }
    };
    properties.flat_map(below).collect()
}

/// `docs/manifests.md` names, for each type, the keys that the type has, and shows in bold which it cannot do without.
#[test]
fn the_keys_of_each_type_are_those_that_are_told() {
    let document = Document::read("docs/manifests.md");
    let site = Site::new();
    let schema = site.versync(&["schema", "manifest"]).json();
    let config = &schema["properties"]["auth_scheme_configs"]["additionalProperties"];
    let common = ["id", "system", "connector", "description", "type", "lifecycle"];
    let rules = config["allOf"].as_array().unwrap().iter();
    let mut types = 0;
    for rule in rules.filter(|rule| rule["if"]["not"]["required"][0] == "connector") {
        let Some(name) = rule["if"]["properties"]["type"]["const"].as_str() else { continue };
        let refused = rule["then"]["properties"].as_object().unwrap();
        let keys = config["properties"].as_object().unwrap().keys();
        let mut known: Vec<&str> = keys.map(String::as_str).filter(|key| !common.contains(key)).collect();
        known.retain(|key| refused.get(*key) != Some(&Value::Bool(false)));
        let rows = document.tables.iter().find(|(heading, _)| heading == name).map_or(&[][..], |(_, rows)| &rows[1..]);
        let cells = || rows.iter().flat_map(|row| row[0].split(", "));
        let mut told: Vec<&str> = cells().map(|cell| cell.trim_matches(['*', '`'])).collect();
        known.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, known, "{name}");
        let bold: Vec<&str> = cells().filter_map(|cell| cell.strip_prefix("**`")?.strip_suffix("`**")).collect();
        for required in rule["then"]["required"].as_array().unwrap() {
            assert!(bold.contains(&required.as_str().unwrap()), "{name}: {required}");
        }
        types += 1;
    }
    assert_eq!(types, 7);
}

/// Help and the manual are made of one definition; this is what a reader of either can rely on.
#[test]
fn the_manual_says_what_help_says() {
    let site = Site::new();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let folder = site.path("man");
    assert_eq!(site.versync(&["man", "--out", folder.to_str().unwrap()]).code, Some(0));
    for command in <Args as clap::CommandFactory>::command().get_subcommands() {
        let page = fs::read_to_string(folder.join(format!("versync-{}.1", command.get_name()))).unwrap();
        let escapes = [("\\*(Aq", "'"), ("\\-", "-"), ("\\\\", "\\"), ("\\fB", ""), ("\\fI", ""), ("\\fR", "")];
        let page = escapes.iter().fold(page, |page, (escape, plain)| page.replace(escape, plain));
        let page = words(&page);
        let mut said = vec![command.get_about().unwrap().to_string()];
        said.extend(command.get_arguments().filter_map(|arg| arg.get_help()).map(|help| help.to_string()));
        let examples = command.get_after_long_help().unwrap().to_string();
        said.extend(examples.lines().map(str::to_owned));
        for line in said {
            assert!(page.contains(&words(&line)), "{}: {line:?} is not in {page}", command.get_name());
        }
    }
}

/// What a session of the documents begins with: a sandbox, and what the quickstart declares, applied.
const PROLOGUE: &str = "cp -r $VERSYNC_SOURCE/examples/quickstart manifests; versync apply --yes > /dev/null\n";

/// What has happened before the session that stands below this heading.
fn setting(document: &Document, block: &Block) -> String {
    // Both begin with nothing.
    if ["A tour", "Your own organisation"].contains(&block.heading.as_str()) {
        return String::new();
    }
    let more = match (document.name.as_str(), block.heading.as_str()) {
        (_, "Deletes are held") => {
            "export VERSYNC_SYNC__PRUNE=true; rm manifests/shop.toml; versync apply --yes > /dev/null\n"
        }
        (_, "Something exists already") => {
            "printf '%s\\n' '[connection_templates.legacy-erp]' 'project = \"storefront\"' 'environment = \"staging\"' \
             'system = \"netsuite\"' 'dynamic = true' > manifests/erp.toml\n"
        }
        (_, "Git was killed in the folder") => "mkdir manifests/.git\n",
        (_, "Rotating a secret") => {
            "(umask 077; printf one > manifests/client-secret)\n\
             sed -n '/shopify-oauth/,/^$/p' $VERSYNC_SOURCE/examples/oauth2/oauth2.toml |\n\
             sed -e '/^pkce/d; /^additional/d; s/{ env = .* } }/{ file = \"client-secret\" } }/' > manifests/oauth.toml\n\
             versync apply --yes > /dev/null\n"
        }
        _ => "",
    };
    format!("{PROLOGUE}{more}")
}

/// Runs a script in the site's folder, against its sandbox: what it prints.
fn in_a_shell(site: &Site, script: &str) -> String {
    fs::remove_dir_all(site.manifests()).unwrap();
    fs::remove_file(site.path("versync.toml")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_versync")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let script = format!("exec 2>&1\n{}", script.replace("http://127.0.0.1:7357/api", &site.sandbox.base_url()));
    let mut shell = Command::new("sh");
    shell.args(["-uc", &script]).current_dir(site.path(".")).env_clear().env("PATH", path).env("VERSYNC_SOURCE", ROOT);
    shell.env("VERSYNC_API__BASE_URL", site.sandbox.base_url());
    shell.env("VERSYNC_API__ORGANISATION", versync::sandbox::ids::ORGANISATION);
    shell.env("VERSYNC_API__TOKEN__ENV", "SANDBOX_TOKEN").env("SANDBOX_TOKEN", "sandbox");
    Ran::of(shell.output().unwrap()).out
}

/// The commands of a session, and what they print.
fn session(block: &Block) -> (String, String) {
    let (mut script, mut expected) = (String::new(), String::new());
    for line in block.text.split_inclusive('\n') {
        match line.strip_prefix("$ ") {
            // The test has a sandbox of its own.
            Some(command) if command.starts_with("versync sandbox") => {}
            Some(command) => script += command,
            None => expected += line,
        }
    }
    (script, expected)
}

/// Whether a text is as it is shown, where `…` stands for anything.
fn agrees(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// The lines of a block that a shell would run.
fn shell(block: &Block) -> impl Iterator<Item = &str> {
    let is_console = block.language == "console";
    let lines =
        block.text.lines().filter_map(move |line| if is_console { line.strip_prefix("$ ") } else { Some(line) });
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Every `versync …` that a line runs, without what stands before and behind it.
fn commands(line: &str) -> Vec<String> {
    let line = line.split("  #").next().unwrap_or(line);
    let parts = line.split("&&").flat_map(|part| part.split([';', '>', '&'])).flat_map(|part| part.split(" | "));
    let command = |part: &str| {
        let mut words = part.split_whitespace().peekable();
        if let Some(args) = part.trim().strip_prefix("cargo run ").and_then(|rest| rest.split_once("-- ")) {
            return Some(format!("versync {}", args.1));
        }
        // What is set for it, and who runs it.
        while words
            .next_if(|word| *word == "sudo" || word.split_once('=').is_some_and(|it| is_variable(it.0)))
            .is_some()
        {}
        let words: Vec<&str> = words.collect();
        (words.len() > 1 && words[0] == "versync").then(|| words.join(" "))
    };
    parts.filter_map(command).collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// A command as somebody uses it: of what may be given everything, of alternatives the first, and of placeholders that
/// do not take any text, one that they take.
fn used(command: &str) -> String {
    let (mut used, mut depth, mut is_alternative) = (String::new(), 0, false);
    for c in command.chars() {
        match c {
            '[' => depth += 1,
            ']' => (depth, is_alternative) = (depth - 1, false),
            '|' => is_alternative = true,
            ' ' if depth == 0 => is_alternative = false,
            _ => {}
        }
        used.push(if is_alternative || ['[', ']', '…', '\''].contains(&c) { ' ' } else { c });
    }
    let word = |word| match word {
        "SHELL" => "bash",
        "ADDR" => "127.0.0.1:0",
        "FAULTS" => "lost=2",
        "N" => "7",
        "COMMAND" => "plan",
        word => word,
    };
    used.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// A manifest is valid, can be applied to the sandbox, and is then in sync.
fn applies(block: &Block) {
    let site = Site::new();
    site.file("shown.toml", &block.text);
    let run = |args: &[&str]| {
        let mut command = site.command(args);
        command.envs(SECRETS);
        Ran::of(command.output().unwrap())
    };
    for args in [&["validate"][..], &["apply", "--yes"], &["plan", "--detailed-exitcode"]] {
        let ran = run(args);
        assert_eq!(ran.code, Some(0), "{}: {args:?}: {ran:?}", block.place);
    }
}

/// A sandbox begins with a world, and all that is in it can be imported.
fn serves(block: &Block) {
    let site = Site::new();
    fs::remove_file(site.path("versync.toml")).unwrap();
    fs::write(site.path("world.toml"), &block.text).unwrap();
    let mut server = site.command(&["sandbox", "--world", "world.toml", "--listen", "127.0.0.1:0"]);
    let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = said.take_while(|line| !line.starts_with("It runs until")).collect::<Vec<_>>().join("\n");
    let exports = told.lines().filter_map(|line| line.trim().strip_prefix("export ")).flat_map(str::split_whitespace);
    let variables: Vec<(&str, &str)> = exports.filter_map(|export| export.split_once('=')).collect();
    let run = |args: &[&str]| {
        let ran = Ran::of(site.command(args).envs(variables.iter().copied()).output().unwrap());
        assert_eq!(ran.code, Some(0), "{}: {args:?}: {ran:?}\n{told}", block.place);
        ran.out
    };
    let all = ["--project", "storefront", "--system", "shopify", "--connector", "01J0C0NNWAREH0VSE000000000"];
    let out = run(&[&["import", "--out", "manifests"][..], &all].concat());
    assert!(out.contains("Recorded 3 resources"), "{out}");
    run(&["plan", "--detailed-exitcode"]);
    server.kill().unwrap();
    server.wait().unwrap();
}

/// The settings that a block gives, which have to be sound.
fn settings_of(block: &Block) -> Settings {
    let file = SourceFile::new("versync.toml", block.with_an_organisation());
    Settings::parse(&file, &[], Path::new(".").to_owned()).unwrap_or_else(|error| panic!("{}: {error:?}", block.place))
}

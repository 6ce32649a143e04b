//! `versync init`: the first settings and the first manifest, checked against the platform.

mod ask;

use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::error::CommandError;
use super::{Exit, Terminal, context, import, new_files};
use crate::args::{Global, Import, Init as Args};
use crate::io::secrets::{self, SecretError};
use crate::io::versori::{ApiError, Client, Credential, ErrorKind, Named, Read, Reader};
use crate::model::address::{Scope, is_ulid};
use crate::model::document::SecretRef;
use crate::model::export::written;
use crate::model::first::{self, FirstSettings};
use crate::model::observed::Project;
use crate::model::source::{Problem, SourceFile, nearest};
use crate::model::wording::counted;
use crate::report::escape;
use crate::settings::Settings;
use url::Url;

const KEEP: &str = "nothing was written: remove it, or name another place with --config FILE and --manifests DIR";

const ORGANISATION: &str = "the organisation's id is a ULID: 26 characters, as in the platform's address bar";

/// More names than these are not listed.
const MOST_LISTED: usize = 20;

pub(super) async fn init(global: &Global, args: Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    if global.sandbox {
        let help = "try `versync --sandbox run`, or start `versync sandbox` and give init its --base-url";
        return Err(refused("what --sandbox starts ends with its process: there is nothing to set up", help));
    }
    // Where the other commands look first.
    let variable = std::env::var_os("VERSYNC_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = global.config.clone().or(variable).unwrap_or_else(|| PathBuf::from("versync.toml"));
    new_files::refuse_existing([path.as_path()], KEEP)?;
    let base = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let asks = !args.yes && io::stdin().is_terminal();
    let token = match token(&args) {
        None => token_of_variables(base)?,
        given => given,
    };
    refuse_missing(&args, token.as_ref(), asks)?;
    let organisation = match &args.organisation {
        Some(given) if is_ulid(given) => given.clone(),
        Some(given) => return Err(refused(&format!("{given:?} is no organisation's id"), ORGANISATION)),
        None => ask::until("The organisation's id", None, |given| {
            if is_ulid(given) { Ok(given.to_owned()) } else { Err(ORGANISATION.to_owned()) }
        })?,
    };
    let token = match token {
        Some(token) => token,
        None => ask::until(
            "Where is its API key: env NAME, file PATH or credential NAME",
            Some("env VERSORI_API_KEY"),
            |given| usable(given, base),
        )?,
    };
    let manifests = manifests_from(global.manifests.as_deref(), base)?;
    let first = FirstSettings {
        organisation: &organisation,
        token: &token,
        base_url: args.base_url.as_deref(),
        manifests: &manifests,
    };
    let settings_text = first.to_toml();
    let file = SourceFile::new(path.to_string_lossy(), settings_text.as_str());
    let settings = Settings::parse(&file, &[], base.to_owned())?;
    let api = Reader::new(Client::new(context::connection(&settings)?)?);
    let projects = api.projects().await.map_err(|error| no_api(error, &settings.api.base_url))?;
    let project = choose("project", args.project.as_deref(), &projects, asks)?;
    let environments = environments(api.project(&project.id).await?);
    let environment = choose("environment", args.environment.as_deref(), &environments, asks)?;
    let scope = Scope { project: project.id.clone(), environment: environment.id.clone() };
    let live = api.templates(&scope, None).await?;
    let all = api.systems().await?;
    let systems: Vec<String> = all.iter().map(|system| as_written(system, &all)).collect();
    let is_used = |system: &Named| live.iter().any(|template| template.system == system.id);
    let used: Vec<String> = all.iter().filter(|it| is_used(it)).map(|system| as_written(system, &all)).collect();
    let (project_written, environment_written) =
        (as_written(&project, &projects), as_written(&environment, &environments));
    let manifest = settings.manifests.join(first::file_name(&project.name));
    let text = first::manifest(&project_written, &environment_written, &systems);
    new_files::refuse_existing([path.as_path(), manifest.as_path()], KEEP)?;
    fs::create_dir_all(&settings.manifests).map_err(|error| CommandError::at(&settings.manifests, "made", &error))?;
    new_files::write(&[(manifest.clone(), text.as_str()), (path.clone(), settings_text.as_str())], KEEP)?;
    say(&format!("Wrote {} and {}", path.display(), plain(&manifest).display()))?;
    let out = settings.manifests.clone();
    // Everything is written: who answers no more gets the hint.
    let what = what_exists(live.len(), &project_written, &environment_written, &used);
    let wants = || asks && wants_import(&what).unwrap_or(false);
    if !live.is_empty() && (args.import || wants()) {
        let global = Global { config: Some(path), manifests: None, ..global.clone() };
        let (projects, environments) = (vec![project_written], vec![environment_written]);
        let import = Import { projects, environments, systems: used, connectors: Vec::new(), out };
        return import::import(&global, import, terminal).await;
    }
    if !live.is_empty() {
        let (project, environment) = (escape(&project_written), escape(&environment_written));
        let systems: Vec<String> = used.iter().map(|system| format!(" --system {:?}", escape(system))).collect();
        let systems = systems.concat();
        say(&format!(
            "{}: `versync import --project {project:?} --environment {environment:?}{systems} --out {}` writes manifests",
            escape(&what),
            plain(&out).display()
        ))?;
    }
    say("Next: declare something there, and look at what `versync plan` makes of it.")?;
    Ok(Exit::Done)
}

fn refused(message: &str, help: &str) -> CommandError {
    CommandError::Problems(vec![Problem::general(message).help(help)])
}

fn say(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{line}").map_err(CommandError::output)
}

/// Without anybody to ask, everything has to be given.
fn refuse_missing(args: &Args, token: Option<&SecretRef>, asks: bool) -> Result<(), CommandError> {
    let given = [
        ("--organisation ULID", args.organisation.is_some()),
        ("--project NAME", args.project.is_some()),
        ("--environment NAME", args.environment.is_some()),
        ("--token-env NAME, --token-file PATH or --token-credential NAME", token.is_some()),
    ];
    let missing: Vec<&str> = given.into_iter().filter(|(_, given)| !given).map(|(flag, _)| flag).collect();
    if asks || missing.is_empty() {
        return Ok(());
    }
    let why = if args.yes { "with --yes nothing is asked" } else { "there is no terminal to ask on" };
    Err(refused(&format!("{why}, and not everything is given"), &format!("add {}", missing.join("; "))))
}

fn token(args: &Args) -> Option<SecretRef> {
    let env = args.token_env.clone().map(SecretRef::Env);
    let file = args.token_file.clone().map(SecretRef::File);
    env.or(file).or_else(|| args.token_credential.clone().map(SecretRef::Credential))
}

/// Where the variables say that the key is, which count for every other command.
fn token_of_variables(base: &Path) -> Result<Option<SecretRef>, CommandError> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let variables: Vec<(String, String)> = std::env::vars_os().filter_map(text).collect();
    let settings = Settings::parse(&SourceFile::new("versync.toml", ""), &variables, base.to_owned())?;
    Ok(match settings.api.credential {
        Some(Credential::Token { reference, .. }) => Some(reference),
        Some(Credential::SigningKey(_)) | None => None,
    })
}

/// What answers is not the API: its path is missing, as a rule.
fn no_api(error: ApiError, base_url: &Url) -> CommandError {
    if error.kind != ErrorKind::NotFound || base_url.path() != "/" {
        return error.into();
    }
    refused(&error.to_string(), &format!("the platform's API is below /api: give --base-url {base_url}api"))
}

/// A reference as it is typed, to something that can be read.
fn usable(given: &str, base: &Path) -> Result<SecretRef, String> {
    let reference = reference(given)?;
    match secrets::read(&reference, base) {
        Ok(_) => Ok(reference),
        // Whoever has it set elsewhere begins again there.
        Err(ref error @ (SecretError::Unset(ref name) | SecretError::Variable { ref name, .. })) => {
            Err(format!("{error}: name another, or end this, export {name} and try again"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A reference as it is typed. A word alone is the variable of that name, if there is one.
fn reference(given: &str) -> Result<SecretRef, String> {
    if std::env::var_os(given).is_some() {
        return Ok(SecretRef::Env(given.to_owned()));
    }
    match given.split_once(char::is_whitespace).map(|(kind, rest)| (kind, rest.trim().to_owned())) {
        Some(("env", name)) => Ok(SecretRef::Env(name)),
        Some(("file", path)) => Ok(SecretRef::File(path)),
        Some(("credential", name)) => Ok(SecretRef::Credential(name)),
        // Somebody may have pasted the key itself: it is not shown again.
        _ => Err("write where it is, not the key itself: env NAME, file PATH or credential NAME".to_owned()),
    }
}

/// The folder of manifests as the settings have to write it: what is given is meant from here.
fn manifests_from(given: Option<&Path>, base: &Path) -> Result<String, CommandError> {
    let Some(given) = given else { return Ok("manifests".to_owned()) };
    let path = if base == Path::new(".") {
        given.to_owned()
    } else {
        std::path::absolute(given).map_err(|error| CommandError::at(given, "found", &error))?
    };
    path.into_os_string()
        .into_string()
        .map_err(|path| refused(&format!("{} is not UTF-8 text", path.display()), "choose another folder"))
}

/// A path as people write it.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// By its name where that means this one alone.
fn as_written(named: &Named, all: &[Named]) -> String {
    written(&named.id, &named.name, all.iter().map(|other| other.name.as_str())).to_owned()
}

fn environments(project: Project) -> Vec<Named> {
    project.environments.into_iter().map(|(id, name)| Named { id, name }).collect()
}

/// The one that is given, by its name or id; or the one that somebody picks.
fn choose(what: &str, given: Option<&str>, all: &[Named], asks: bool) -> Result<Named, CommandError> {
    let names: Vec<&str> = all.iter().map(|named| named.name.as_str()).collect();
    let mut listed = names.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_LISTED {
        listed.push_str(", …");
    }
    let find = |given: &str| -> Result<Named, String> {
        let meant: Vec<&Named> = all.iter().filter(|named| named.id == given || named.name == given).collect();
        match (meant.as_slice(), nearest(given, &names)) {
            ([one], _) => Ok((*one).clone()),
            ([], Some(near)) => Err(format!("there is no {what} {given:?}: did you mean {near:?}?")),
            ([], None) => Err(format!("there is no {what} {given:?}: there are {listed}")),
            ([..], _) => Err(format!("several are called {given:?}: give one's id")),
        }
    };
    if all.is_empty() {
        return Err(refused(
            &format!("the platform shows no {what}"),
            "make one there first, or check whose token it is",
        ));
    }
    match given {
        Some(given) => find(given).map_err(|why| refused(&why, "nothing was written")),
        None if asks => {
            let only = if let [one] = all { Some(one.name.as_str()) } else { None };
            ask::until(&format!("Which {what} ({listed})"), only, find)
        }
        None => Err(refused(&format!("no {what} is given"), &format!("there are {listed}"))),
    }
}

/// `storefront/staging has 1 connection template already, on netsuite`
fn what_exists(live: usize, project: &str, environment: &str, systems: &[String]) -> String {
    let what = counted(live, "connection template");
    let on = if systems.is_empty() { String::new() } else { format!(", on {}", systems.join(", ")) };
    format!("{project}/{environment} has {what} already{on}")
}

fn wants_import(what: &str) -> Result<bool, CommandError> {
    let question =
        format!("{what}. Write manifests for that, and for the auth scheme configs of its systems (yes or no)");
    ask::until(&question, Some("yes"), |given| match given {
        "yes" | "y" => Ok(true),
        "no" | "n" => Ok(false),
        _ => Err("yes or no".to_owned()),
    })
}

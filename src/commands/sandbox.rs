//! `versync sandbox`: the platform's stand-in as a server, and what `--sandbox` prints about it.

use std::io::{self, Write};

use super::Exit;
use super::error::CommandError;
use crate::args::{Global, Sandbox as Args};
use crate::io::signals::{Signal, Signals};
use crate::model::address::Address;
use crate::report::escape;
use crate::sandbox::{Sandbox, SandboxError, Seen, World};

pub(super) async fn sandbox(global: &Global, args: &Args) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen().map_err(|source| CommandError::Io { what: "listening to signals", source })?;
    let file = args.world.as_ref().map(|path| path.display().to_string());
    let failed = |error: SandboxError| CommandError::Sandbox { file: file.clone(), error };
    let world = match &args.world {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| failed(SandboxError::Unreadable(error)))?;
            World::from_toml(&text).map_err(failed)?
        }
        None => World::seeded(),
    };
    let sandbox = Sandbox::start(args.listen, world).map_err(|error| CommandError::Sandbox { file: None, error })?;
    sandbox.set_faults(args.faults.clone().map(|faults| faults.seeded(args.fault_seed)));
    if !global.quiet {
        sandbox.on_answer(say_write);
    }
    let mut out = io::stdout().lock();
    introduce(&sandbox, &mut out).and_then(|()| explain_use(&sandbox, &mut out)).map_err(CommandError::output)?;
    drop(out);
    while signals.next().await != Signal::Stop {}
    Ok(Exit::Done)
}

/// What was sent to change something, and what was answered. Whoever does not read it misses nothing.
fn say_write(seen: &Seen) {
    let Seen { method, path, status, .. } = seen;
    if !["GET", "HEAD"].contains(&method.as_str()) {
        // In one piece: a line in five takes longer than the answer, and others could come between.
        let line = format!("{method} {}: {status}\n", escape(path));
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Says where the sandbox is and what is in it.
pub(super) fn introduce(sandbox: &Sandbox, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "The sandbox stands in for the platform at {}", sandbox.base_url())?;
    let (entries, token) = sandbox.world(|world| (world.summary(), world.token().to_owned()));
    for entry in entries {
        writeln!(out, "  {entry}")?;
    }
    writeln!(out, "  token: {token}")?;
    writeln!(out)?;
    out.flush()
}

fn explain_use(sandbox: &Sandbox, out: &mut dyn Write) -> io::Result<()> {
    let (organisation, token) = sandbox.world(|world| (world.organisation().to_owned(), world.token().to_owned()));
    writeln!(out, "To point versync at it, in another shell:")?;
    writeln!(out, "  export VERSYNC_API__BASE_URL={}", sandbox.base_url())?;
    writeln!(out, "  export VERSYNC_API__ORGANISATION={organisation}")?;
    writeln!(out, "  export VERSYNC_API__TOKEN__ENV=SANDBOX_TOKEN SANDBOX_TOKEN={token}")?;
    writeln!(out, "It runs until it is interrupted.")?;
    out.flush()
}

/// How to change something behind versync's back; nothing as long as versync has made nothing.
pub(super) fn suggest_drift(sandbox: &Sandbox) -> Option<String> {
    let (template, names, organisation, token) = sandbox.world(|world| {
        // What the world began with is not versync's, so it would not be put right.
        let seeded = World::seeded().templates();
        let made = world.templates().into_iter().find(|template| seeded.iter().all(|old| old.id != template.id));
        (made, world.summary(), world.organisation().to_owned(), world.token().to_owned())
    });
    let template = template?;
    let name_of = |id: &str| names.iter().find(|entry| entry.id == id).map(|entry| entry.name.clone());
    let address = Address::ConnectionTemplate {
        project: name_of(&template.project)?,
        environment: name_of(&template.environment)?,
        name: template.name,
    };
    let url = format!(
        "{}/v2/o/{organisation}/projects/{}/connection-templates/{}",
        sandbox.base_url(),
        template.project,
        template.id
    );
    let curl = format!("curl -sS -H 'Authorization: Bearer {token}'");
    // A name that no file gives it, so it is drift whatever has been edited meanwhile.
    Some(format!(
        "\
Edit a file in the folder and see it applied. Or change {} behind versync's back:
  {curl} -H 'Content-Type: application/json' -X PUT -d '{{\"name\": \"renamed-by-hand\"}}' {url}
  {curl} -X DELETE {url}
and see it put right within seconds. Ctrl-C ends it.
",
        escape(&address.to_string())
    ))
}

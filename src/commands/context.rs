//! What commands have in common: settings with the flags laid over them, logs, and the platform or its
//! stand-in.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use secrecy::SecretString;
use tracing::Level;
use url::Url;

use super::Terminal;
use super::bars::Bars;
use super::bell::Bell;
use super::error::CommandError;
use crate::args::Global;
use crate::io::aside;
use crate::io::drift_log::DriftLog;
use crate::io::folder::Folder;
use crate::io::logs::{self, Logs, Prepared};
use crate::io::manifests::check_folder;
use crate::io::secrets::DigestKey;
use crate::io::store::{Journal, Store, Tenant};
use crate::io::versori::{Client, Connection, Credentials, Meter, Nobody, Reader, Writer};
use crate::model::plan::Plan;
use crate::model::planner::Policy;
use crate::model::source::SourceFile;
use crate::reconcile::{DryRun, Progress, Writing};
use crate::sandbox::{Sandbox, World};
use crate::settings::{Log, LogFormat, Settings};

/// Everything that a command needs.
pub(super) struct Context {
    pub(super) settings: Settings,
    /// The stand-in, where the command runs against it.
    pub(super) sandbox: Option<Sandbox>,
    /// Nothing where no request is ever made.
    connection: Option<Connection>,
    tenant: Tenant,
    pub(super) logs: Logs,
    /// Counts every request of this process.
    meter: Meter,
    /// Who is told how far a pass has got.
    progress: Option<Rc<dyn Progress>>,
}

/// Who speaks in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The daemon, whose level the settings say.
    Daemon,
    /// A command that changes something: a person looks on, and files are kept.
    Hand,
    /// A command that only looks, maybe as another user than the one whom the log files belong to.
    Onlooker,
}

impl Context {
    /// Reads settings and the token, starts the logs and, with `--sandbox`, the stand-in.
    pub(super) fn new(global: &Global, terminal: &Terminal, speaker: Speaker) -> Result<Self, CommandError> {
        let mut context = Self::offline(global, terminal, speaker)?;
        context.connection = Some(match &context.sandbox {
            Some(sandbox) => sandbox_connection(&context.settings, sandbox),
            None => connection(&context.settings)?,
        });
        Ok(context)
    }

    /// The same for a command that makes no request, and so needs no token.
    pub(super) fn offline(global: &Global, terminal: &Terminal, speaker: Speaker) -> Result<Self, CommandError> {
        let settings = settings(global)?;
        let usual = if speaker == Speaker::Daemon { settings.log.level } else { Level::WARN };
        let directory = settings.log.directory.clone().filter(|_| speaker != Speaker::Onlooker);
        // Whoever sits before a terminal does not look into the journal for what their command says.
        let by_hand = speaker != Speaker::Daemon && settings.log.format == LogFormat::Journald;
        let format = if by_hand { LogFormat::Auto } else { settings.log.format };
        let log = Log { format, directory, ..settings.log };
        let logs = logs::start(&log, level(global, usual), terminal.err.color)?;
        let sandbox = if global.sandbox { Some(start_sandbox()?) } else { None };
        let tenant = match &sandbox {
            Some(sandbox) => tenant_of(&sandbox_connection(&settings, sandbox)),
            None => tenant(&organisation(&settings)?, &settings.api.base_url),
        };
        // The daemon's log is all that it shows of its passes; where a log is asked for, it would be torn by a bar.
        let waits = speaker != Speaker::Daemon && !global.quiet && global.verbose == 0;
        let progress = waits.then(|| Bars::on_stderr(terminal)).flatten();
        Ok(Self { settings, sandbox, connection: None, tenant, logs, meter: Meter::default(), progress })
    }

    /// The settings as they are now, sound and ready to take the place of these; nothing where they are the same.
    /// The sandbox lives with its settings.
    pub(super) fn changed(&self, global: &Global) -> Result<Option<Changed>, CommandError> {
        let settings = settings(global)?;
        if settings == self.settings || self.sandbox.is_some() {
            return Ok(None);
        }
        let connection = connection(&settings)?;
        Client::new(connection.clone())?;
        check_folder(&settings.manifests)?;
        if settings.state != self.settings.state {
            return Err(CommandError::NeedsRestart { what: "state" });
        }
        if tenant_of(&connection) != self.tenant {
            return Err(CommandError::NeedsRestart { what: "api.organisation or api.base_url" });
        }
        Bell::check(&settings)?;
        // Opened once more when the settings count; what is in the way has to be known before.
        drift_log(&settings, "run", false)?;
        let logs = Logs::prepare(&settings.log, level(global, settings.log.level))?;
        Ok(Some(Changed { settings, connection, logs }))
    }

    /// Uses other settings from now on.
    pub(super) fn change(&mut self, Changed { settings, connection, logs }: Changed) {
        self.logs.change(logs);
        if settings.log.format != self.settings.log.format {
            tracing::warn!("log.format has changed, and counts from the next start");
        }
        (self.settings, self.connection) = (settings, Some(connection));
    }

    /// The audit trail of drift, for the command of this name, where the settings ask for one. `writes` is whether
    /// the command does something about drift.
    pub(super) fn drift_log(&self, command: &'static str, writes: bool) -> Result<Option<DriftLog>, CommandError> {
        drift_log(&self.settings, command, writes)
    }

    /// The policy that the settings ask for, for the given targets.
    pub(super) fn policy(&self, targets: Vec<String>) -> Policy {
        let sync = &self.settings.sync;
        let targets = targets.into_iter().map(|target| self.below_manifests(target)).collect();
        Policy {
            on_drift: sync.on_drift,
            adopt: sync.adopt,
            prune: sync.prune,
            delete_limit: sync.delete_limit,
            targets,
            saved: None,
            lists_unmanaged: false,
        }
    }

    /// Whose objects this is about.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Where the state is kept; the sandbox's is not.
    pub(super) fn state(&self) -> Option<&Path> {
        self.sandbox.is_none().then_some(&*self.settings.state)
    }

    /// What counts the requests.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    fn connection(&self) -> Result<Connection, CommandError> {
        match &self.connection {
            Some(connection) => Ok(connection.clone()),
            None => connection(&self.settings),
        }
    }

    fn client(&self) -> Result<Client, CommandError> {
        Ok(Client::new(self.connection()?)?.counted_by(self.meter.clone()))
    }

    /// The folder that declares everything.
    pub(super) fn folder(&self) -> Folder {
        Folder::new(&self.settings.manifests)
    }

    /// Hands that only look.
    pub(super) fn dry_run(&self) -> Result<DryRun<'_, Reader>, CommandError> {
        Ok(self.looking_through(Reader::new(self.client()?)))
    }

    /// Hands that look at what is recorded, and have nobody to ask.
    pub(super) fn unasked(&self) -> DryRun<'_, Nobody> {
        self.looking_through(Nobody)
    }

    fn looking_through<A>(&self, api: A) -> DryRun<'_, A> {
        let state = self.state().map(|state| (state, self.tenant.clone()));
        DryRun { api, state, progress: self.progress.clone() }
    }

    /// Hands that write, for the command of this name; `consent` is asked before anything is written. The
    /// state of the sandbox lives as long as the process. Opened beside this thread, which may do something meanwhile.
    pub(super) async fn writing<C: FnMut(&Plan) -> bool>(
        &self,
        command: &str,
        consent: C,
    ) -> Result<Writing<Writer, C>, CommandError> {
        let (store, digest_key, client) = match self.sandbox {
            Some(_) => (Store::in_memory(&self.tenant)?, DigestKey::random()?, self.client()?),
            None => {
                let (state, tenant) = (self.settings.state.clone(), self.tenant.clone());
                let (connection, command) = (self.connection()?, command.to_owned());
                let open = move || {
                    // Only who holds the state makes the key.
                    let others = || (DigestKey::read_or_make(&state), Client::new(connection));
                    Store::open_and(&state, &tenant, &command, others)
                };
                let (store, (key, client)) = aside(open).await?;
                (store, key?, client?.counted_by(self.meter.clone()))
            }
        };
        let api = Writer::new(client);
        let concurrency = self.settings.api.concurrency;
        Ok(Writing { api, store, digest_key, consent, concurrency, progress: self.progress.clone() })
    }

    /// A file or folder that a target names by its path is known to the plan by its name below the manifests
    /// folder, whether it is still there or not.
    fn below_manifests(&self, target: String) -> String {
        let (Ok(path), Ok(root)) = (real_path(Path::new(&target)), fs::canonicalize(&self.settings.manifests)) else {
            return target;
        };
        match path.strip_prefix(root) {
            Ok(below) if below.as_os_str().is_empty() => "*".to_owned(),
            Ok(below) if path.is_dir() => format!("{}/", below.to_string_lossy()),
            Ok(below) => below.to_string_lossy().into_owned(),
            Err(_) => target,
        }
    }
}

/// Settings that can take the place of others.
pub(super) struct Changed {
    pub(super) settings: Settings,
    connection: Connection,
    logs: Prepared,
}

fn settings(global: &Global) -> Result<Settings, CommandError> {
    let mut settings = Settings::load(global.config.as_deref(), std::env::vars_os())?;
    if let Some(manifests) = &global.manifests {
        settings.manifests.clone_from(manifests);
    }
    Ok(settings)
}

fn drift_log(settings: &Settings, command: &'static str, writes: bool) -> Result<Option<DriftLog>, CommandError> {
    let directory = settings.log.directory.as_deref();
    Ok(directory.map(|directory| DriftLog::open(directory, command, writes)).transpose()?)
}

fn tenant(organisation: &str, base_url: &Url) -> Tenant {
    Tenant { organisation: organisation.to_owned(), base_url: base_url.as_str().trim_end_matches('/').to_owned() }
}

fn tenant_of(connection: &Connection) -> Tenant {
    tenant(&connection.organisation, &connection.base_url)
}

/// A path without links on the way. What it leads to may be gone, and the folders above it.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Err(_), Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Ok(real_path(parent)?.join(name))
        }
        (real, ..) => real,
    }
}

/// The folder of manifests, for a command that needs nothing else.
pub(super) fn manifests(global: &Global) -> Result<PathBuf, CommandError> {
    match &global.manifests {
        Some(manifests) => Ok(manifests.clone()),
        None => Ok(Settings::load(global.config.as_deref(), std::env::vars_os())?.manifests),
    }
}

/// What comes in on stdin, as a file.
pub(super) fn stdin() -> Result<Arc<SourceFile>, CommandError> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|source| CommandError::Io { what: "reading from stdin", source })?;
    Ok(SourceFile::new("stdin", text))
}

/// The state directory and what it tells, if there is a state yet, for a command that needs nothing else. With
/// `--sandbox` there is none.
pub(super) fn state(global: &Global, command: &'static str) -> Result<(PathBuf, Option<Journal>), CommandError> {
    if global.sandbox {
        return Err(CommandError::NoStateInSandbox { command });
    }
    let Settings { state, api, .. } = settings(global)?;
    let journal = Journal::open(&state)?;
    if let (Some(journal), Some(organisation)) = (&journal, &api.organisation) {
        journal.check(&tenant(organisation, &api.base_url))?;
    }
    Ok((state, journal))
}

fn level(global: &Global, usual: Level) -> Level {
    match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => usual,
        (false, 1) => Level::DEBUG,
        (false, _) => Level::TRACE,
    }
}

fn organisation(settings: &Settings) -> Result<String, CommandError> {
    settings.api.organisation.clone().ok_or(CommandError::Missing {
        what: "api.organisation",
        help: "set organisation = \"ULID\" below [api] in versync.toml, or try versync out with --sandbox",
    })
}

pub(super) fn connection(settings: &Settings) -> Result<Connection, CommandError> {
    let api = &settings.api;
    let organisation = organisation(settings)?;
    let Some(credential) = api.credential.clone() else {
        let help = "set token = { env = \"NAME\" } or signing_key below [api] in versync.toml, or try versync out with --sandbox";
        return Err(CommandError::Missing { what: "api.token", help });
    };
    Ok(Connection {
        base_url: api.base_url.clone(),
        organisation,
        credentials: Arc::new(Credentials::read(credential, &settings.base)?),
        concurrency: api.concurrency,
        requests_per_second: api.requests_per_second,
        timeout: api.timeout,
        ca_certificate: api.ca_certificate.clone(),
    })
}

fn start_sandbox() -> Result<Sandbox, CommandError> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Sandbox::start(anywhere, World::seeded()).map_err(|error| CommandError::Sandbox { file: None, error })
}

fn sandbox_connection(settings: &Settings, sandbox: &Sandbox) -> Connection {
    let (organisation, token) = sandbox.world(|world| (world.organisation().to_owned(), world.token().to_owned()));
    let mut base_url = settings.api.base_url.clone();
    // The sandbox writes its own URL, so this cannot fail; if it did, the request would say so.
    if let Ok(url) = Url::parse(&sandbox.base_url()) {
        base_url = url;
    }
    Connection {
        base_url,
        organisation,
        credentials: Arc::new(Credentials::fixed(SecretString::from(token), "the sandbox")),
        concurrency: settings.api.concurrency,
        requests_per_second: settings.api.requests_per_second,
        timeout: settings.api.timeout,
        ca_certificate: None,
    }
}

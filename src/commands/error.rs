//! Why a command could not do its work, said once, at the edge.

use std::io::{self, Write};

use crate::io::logs::LogError;
use crate::io::manifests::FolderError;
use crate::io::secrets::DigestKeyError;
use crate::io::store::StoreError;
use crate::io::versori::{ApiError, CredentialError};
use crate::io::webhook::WebhookError;
use crate::model::approval::ApprovalError;
use crate::model::rule::Rule;
use crate::model::source::Problem;
use crate::reconcile::PassError;
use crate::report::escape;
use crate::report::problems::{self, Look};
use crate::report::voice::in_one_line;
use crate::sandbox::SandboxError;
use crate::settings::SettingsError;
use crate::status_page::ListenError;

/// A command's failure.
#[derive(Debug)]
pub(super) enum CommandError {
    /// The settings are wrong.
    Settings(SettingsError),
    /// What was asked for cannot be done.
    Problems(Vec<Problem>),
    /// A setting is missing that this command needs.
    Missing { what: &'static str, help: &'static str },
    /// There is no token.
    Credential(CredentialError),
    /// Something has to be confirmed, and there is nobody to ask.
    NobodyToAsk,
    /// The user said no.
    Declined,
    /// No plan could be made.
    Pass(PassError),
    /// The folder cannot be read.
    Folder(FolderError),
    /// The recorded state cannot be used.
    Store(StoreError),
    /// Secrets cannot be compared.
    Key(DigestKeyError),
    /// There is nothing to approve.
    Approval(ApprovalError),
    /// The command is about a state, and the sandbox's ends with its process.
    NoStateInSandbox { command: &'static str },
    /// The client cannot be set up.
    Api(ApiError),
    /// The sandbox cannot be started.
    Sandbox { file: Option<String>, error: SandboxError },
    /// The status page cannot be served.
    Listen(ListenError),
    /// Logs cannot be written.
    Log(LogError),
    /// A receiver of notices cannot be told.
    Notify(WebhookError),
    /// A setting that a running daemon cannot change.
    NeedsRestart { what: &'static str },
    /// Something of the system's.
    Io { what: &'static str, source: io::Error },
}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => {
        $(impl From<$source> for CommandError {
            fn from(error: $source) -> Self {
                CommandError::$variant(error)
            }
        })*
    };
}

from! {
    SettingsError => Settings,
    PassError => Pass,
    FolderError => Folder,
    StoreError => Store,
    DigestKeyError => Key,
    ApprovalError => Approval,
    ApiError => Api,
    CredentialError => Credential,
    LogError => Log,
    ListenError => Listen,
}

impl CommandError {
    /// Something that the user named cannot be read or written.
    pub(super) fn at(path: &std::path::Path, what: &str, source: &io::Error) -> Self {
        CommandError::Problems(vec![Problem::in_file(path.to_string_lossy(), format!("cannot be {what}: {source}"))])
    }

    /// What went wrong, as a list of problems.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        match self {
            CommandError::Settings(SettingsError { problems, .. }) | CommandError::Problems(problems) => problems,
            other => {
                let (message, help) = other.words();
                let problem = Problem::general(message).of(Rule::Unreadable);
                vec![Problem { help: help.map(str::to_owned), ..problem }]
            }
        }
    }

    /// Output could not be written.
    pub(super) fn output(source: io::Error) -> Self {
        CommandError::Io { what: "writing the output", source }
    }

    /// Whether the reader of the output has gone away.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, CommandError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says on stderr what went wrong. Whoever reads no output any more needs no message either.
    pub(super) fn complain(&self, look: Look) {
        if !self.is_broken_pipe() {
            let _ = self.write(look, &mut io::stderr().lock());
        }
    }

    /// Says what went wrong and how to mend it.
    fn write(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        match self {
            CommandError::Settings(error) => return problems::write(&error.problems, look, out),
            CommandError::Problems(list) => return problems::write(list, look, out),
            CommandError::Pass(PassError::Api { problems: others, .. }) => problems::write(others, look, out)?,
            _ => {}
        }
        let (message, help) = self.words();
        problems::write_error(&message, help, look, out)
    }

    /// The same on one line, for a log.
    pub(super) fn in_one_line(&self) -> String {
        match self {
            CommandError::Settings(SettingsError { problems, .. }) | CommandError::Problems(problems) => {
                problems.iter().map(in_one_line).collect::<Vec<_>>().join("; ")
            }
            _ => {
                let (message, help) = self.words();
                let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
                format!("{}{help}", escape(&message))
            }
        }
    }

    /// What went wrong, and what the user can do about it.
    fn words(&self) -> (String, Option<&str>) {
        match self {
            // Their problems say more.
            CommandError::Settings(_) | CommandError::Problems(_) => ("something is wrong".to_owned(), None),
            CommandError::Missing { what, help } => (format!("{what} is not set"), Some(help)),
            CommandError::Credential(error) => (error.to_string(), Some(error.help())),
            CommandError::NobodyToAsk => (
                "there is no terminal to ask on whether to apply".to_owned(),
                Some("look at `versync plan` first, then give --yes"),
            ),
            CommandError::Declined => ("not applied".to_owned(), None),
            CommandError::Pass(error) => (error.to_string(), error.help()),
            CommandError::Folder(error) => (error.to_string(), Some(error.help())),
            CommandError::Store(error) => (error.to_string(), Some(error.help())),
            CommandError::Key(error) => (error.to_string(), Some(error.help())),
            CommandError::Approval(error) => (error.to_string(), Some(error.help())),
            CommandError::NoStateInSandbox { command } => (
                format!("`versync {command}` has nothing to look at with --sandbox"),
                Some("the sandbox and its state live only as long as the process that was started with --sandbox"),
            ),
            CommandError::Api(error) => (error.to_string(), error.help()),
            CommandError::Sandbox { file, error } => {
                let place = file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
                let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
                (format!("{place}{error}{source}"), None)
            }
            CommandError::Listen(error) => {
                (error.to_string(), Some("choose an address of this machine, and a port that nothing else listens on"))
            }
            CommandError::Log(error) => (error.to_string(), Some("log.directory in the settings says where they go")),
            CommandError::Notify(error) => {
                let help =
                    "the url in [[notify]] refers to where the receiver's address is, which begins with https://";
                (format!("nobody can be notified: {error}"), Some(help))
            }
            CommandError::NeedsRestart { what } => {
                (format!("{what} cannot change while versync runs"), Some("restart it"))
            }
            CommandError::Io { what, source } => (format!("{what}: {source}"), None),
        }
    }
}

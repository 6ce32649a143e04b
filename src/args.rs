//! The command line. The only place that knows flags.

mod examples;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::sandbox::Faults;

/// Keeps the Versori platform's connection templates and auth scheme configs equal to what a folder of
/// TOML files declares.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, disable_help_flag = true)]
#[command(after_help = "`versync help COMMAND` says more about one of them, with examples.")]
pub struct Args {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
pub struct Global {
    /// The settings file [default: $VERSYNC_CONFIG, else ./versync.toml, else /etc/versync/versync.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The folder of manifests, in place of the one that the settings name
    #[arg(long, global = true, value_name = "DIR")]
    pub manifests: Option<PathBuf>,

    /// Run against a stand-in of the platform within this process: no account, no token, no network
    #[arg(long, global = true)]
    pub sandbox: bool,

    /// When to use colours; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Say only what went wrong; results are printed all the same
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub help: Option<bool>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What to do. Each sentence is read in help, in the manual and in the README, whose table is made of them.
#[derive(Debug, Subcommand)]
#[allow(clippy::doc_markdown, reason = "the comments are what help prints")]
pub enum Command {
    /// The daemon: watch, reconcile, detect drift, until SIGTERM
    ///
    /// It makes a pass whenever a file changes, and every `sync.interval`. SIGHUP makes one at once, and SIGINT ends it
    /// too. With `--dry-run` it prints each difference once and writes nothing.
    Run(Run),
    /// Show what would be done, and change nothing
    ///
    /// `--out` saves it for `apply`, over nothing but an older plan; `--no-refresh` compares with what was last applied,
    /// without any request; `-v` also names what is live and unmanaged.
    Plan(Plan),
    /// Do what the plan shows, once
    ///
    /// It asks on a terminal; without one, `--yes` is required. Of a saved plan, only what has not moved since is done,
    /// and the rest is named.
    Apply(Apply),
    /// Check files without any network: every file, every problem
    ///
    /// What looks like a mistake is a warning; `-` reads from stdin. `json` is one value with the problems as in
    /// `plan --json`, `sarif` what code hosts mark the lines of a change with.
    Validate(Validate),
    /// Lay out manifests in one way, keeping every comment
    ///
    /// `[defaults]`, templates, configs; keys in the order of the examples; every comment where it belongs. Lists of
    /// more than 120 columns have one item a line. A file that is not valid TOML is left alone. `--check` shows what
    /// would change, writes nothing, and exits with 1 where anything would; `-` reads from stdin and writes to stdout.
    Fmt(Fmt),
    /// Write the first settings and the first manifest, checked against the platform
    ///
    /// It asks for what neither flags nor `VERSYNC_API__` variables say, writes over no existing file, and offers to
    /// import what exists.
    Init(Init),
    /// Write manifests for what exists, and record it
    ///
    /// There is one file for each system or connector, and none is written over an existing one. Within the watched
    /// folder they are recorded, so the next plan is empty; elsewhere nothing is, since what is recorded and in no
    /// watched file counts as removed. Secrets, which the platform never shows, become commented-out references.
    Import(Import),
    /// Show whether a daemon runs, how the last pass went, what is held and why, what has drifted, and what is wrong
    Status(Status),
    /// Show everything that is known of one resource: what is declared, recorded and live, and why what happens
    ///
    /// There is a verdict on each field, what the next pass does and why, and how to get what is held on its way. A part
    /// of the address is enough where no other has it.
    Explain(Explain),
    /// Show what was changed, when, why and by which revision: newest first
    ///
    /// Which fields, whether the files or drift caused it, where it is declared, and the git revision of the folder; 20
    /// changes by default, with `-n 0` all that are kept (10 000).
    History(History),
    /// Let the deletes through that are held, once
    ///
    /// Those that the last `apply` or `run` held; with a hash, those of a plan, which ends with that command: see
    /// docs/operations.md#deletes-are-held
    Approve(Approve),
    /// Print a JSON Schema, with which editors check and complete files
    ///
    /// How they are told of it: see docs/manifests.md#editors
    Schema(Schema),
    /// Print completions for a shell: bash, zsh, fish and others
    Completions(Completions),
    /// Print the manual pages, or write them to a folder
    ///
    /// With `--out` there is a file for each command.
    Man(Man),
    /// Serve the platform's stand-in, for trying things and for tests
    ///
    /// `--faults 429=5,lost=2` makes so many of a hundred requests go wrong, to rehearse it, the same ones for the same
    /// `--fault-seed`; `versync sandbox --help` names the faults.
    Sandbox(Sandbox),
}

/// `versync run`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::RUN)]
pub struct Run {
    /// Print the differences as things change, and write nothing to the platform
    #[arg(long)]
    pub dry_run: bool,
}

/// `versync plan`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::PLAN)]
pub struct Plan {
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,

    /// Save the plan to a file, for `versync apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Exit with 2 when changes are pending
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Compare with the recorded state only, without asking the platform
    #[arg(long)]
    pub no_refresh: bool,

    /// Addresses (* stands for any text) or files; everything by default
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
}

/// `versync apply`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::APPLY)]
pub struct Apply {
    /// Do not ask; needed without a terminal
    #[arg(long)]
    pub yes: bool,

    /// Print the plan and what came of it as JSON
    #[arg(long)]
    pub json: bool,

    /// A saved plan, of which only what is still as it was is applied, and what to limit it to: addresses (* stands for
    /// any text) or files; everything by default
    #[arg(value_name = "PLAN_FILE|TARGET")]
    pub targets: Vec<String>,
}

/// `versync validate`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::VALIDATE)]
pub struct Validate {
    /// What to print: text for people, json for scripts, sarif for code hosts
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// Files or folders [default: the folder of manifests]; - reads from stdin
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `versync fmt`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::FMT)]
pub struct Fmt {
    /// Write nothing: show what would change, and exit with 1 where anything would
    #[arg(long)]
    pub check: bool,

    /// Files or folders [default: the folder of manifests]; - reads from stdin and writes to stdout
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Each problem with its line, for people.
    Text,
    /// One JSON value.
    Json,
    /// SARIF 2.1.0, with which code hosts mark the lines of a change.
    Sarif,
}

/// `versync init`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::INIT)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(group = clap::ArgGroup::new("token").args(["token_env", "token_file", "token_credential"]))]
pub struct Init {
    /// The organisation's id
    #[arg(long, value_name = "ULID", env = "VERSYNC_API__ORGANISATION", hide_env_values = true)]
    pub organisation: Option<String>,

    /// The project to begin with, by its name or id
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,

    /// Its environment to begin with, by its name or id
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,

    /// The API key is in this environment variable
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,

    /// The API key is in this file; relative paths start from the settings' folder
    #[arg(long, value_name = "PATH")]
    pub token_file: Option<String>,

    /// The API key is a credential of this name, in $CREDENTIALS_DIRECTORY
    #[arg(long, value_name = "NAME")]
    pub token_credential: Option<String>,

    /// Another platform than the usual one: a sandbox, for example
    #[arg(long, value_name = "URL", env = "VERSYNC_API__BASE_URL", hide_env_values = true)]
    pub base_url: Option<String>,

    /// Write manifests for the connection templates that the environment has already, and for the auth scheme configs of
    /// their systems
    #[arg(long)]
    pub import: bool,

    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
}

/// `versync import`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::IMPORT)]
pub struct Import {
    /// Import the connection templates of a project's environment, or of all its environments
    #[arg(long = "project", value_name = "PROJECT")]
    pub projects: Vec<String>,

    /// The environment; the n-th one is of the n-th project, or all are of the one project
    #[arg(long = "environment", value_name = "ENVIRONMENT")]
    pub environments: Vec<String>,

    /// Import the auth scheme configs of a system, by its name or id
    #[arg(long = "system", value_name = "SYSTEM")]
    pub systems: Vec<String>,

    /// Import the auth scheme configs of a connector, by its id
    #[arg(long = "connector", value_name = "CONNECTOR")]
    pub connectors: Vec<String>,

    /// The folder to write to, best the watched one or one in it; never over an existing file
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `versync status`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::STATUS)]
pub struct Status {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `versync explain`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::EXPLAIN)]
pub struct Explain {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,

    /// Compare with the recorded state only, without asking the platform
    #[arg(long)]
    pub no_refresh: bool,

    /// The resource's address, or a part of it that no other has
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// `versync history`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::HISTORY)]
pub struct History {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,

    /// How many changes; 0 for all that are kept, the newest 10000
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub count: usize,
}

/// `versync approve`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::APPROVE)]
pub struct Approve {
    /// The hash that a plan ends with, or that --json shows; the first 8 digits are enough for what `apply` or `run` has
    /// held [default: what the last of them held]
    #[arg(value_name = "PLAN_HASH")]
    pub plan_hash: Option<String>,
}

/// `versync schema`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::SCHEMA)]
pub struct Schema {
    /// Of which files
    #[arg(value_name = "manifest|settings")]
    pub of: SchemaOf,
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Manifests.
    Manifest,
    /// versync.toml.
    Settings,
}

/// `versync completions`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::COMPLETIONS)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `versync man`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::MAN)]
pub struct Man {
    /// A folder to write a page for each command to, in place of printing them all
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `versync sandbox`
#[derive(Debug, clap::Args)]
#[command(after_long_help = examples::SANDBOX)]
pub struct Sandbox {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7357")]
    pub listen: SocketAddr,

    /// A TOML file with the world to begin with, in place of the built-in one: see docs/sandbox.md
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,

    /// Make so many of a hundred requests go wrong, for example `429=5,500=5,reset=2,lost=2,slow=5,html=1`: refused with
    /// Retry-After, failed with a page of HTML, cut off before or after they were executed, answered late, or with
    /// HTML
    #[arg(long, value_name = "FAULTS")]
    pub faults: Option<Faults>,

    /// Which requests go wrong: the same seed and order of requests, the same faults
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fault_seed: u64,
}

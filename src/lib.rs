//! versync keeps the Versori platform's connection templates and auth scheme configs equal to what a
//! folder of TOML files declares.
//!
//! # The map
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`args`] | the command line; the only place that knows flags |
//! | [`settings`] | `versync.toml` and the environment → `Settings` |
//! | [`commands`] | a file for each command; thin |
//! | [`reconcile`] | one pass: read → observe → plan → apply → report; every command calls this one function |
//! | [`daemon`] | the only long-lived `select!`: something happens → a pass |
//! | [`model`] | pure: what was declared, recorded and observed, and the plan that follows |
//! | [`io`] | adapters: the folder, the watch, secrets, the recorded state, signals, systemd, logs, the platform's two APIs |
//! | [`report`] | plans and reports as text, JSON and log lines |
//! | [`sandbox`] | the platform's stand-in |
//! | [`status_page`] | what a running daemon shows over HTTP: the page, its JSON, and metrics; read only |
//!
//! Imports run `main → commands, daemon → reconcile → {io, report, model}`; `io → model`;
//! `report → model`; `model → model`; `commands → status_page → {io, report, model}`. A test fails when `model` names an I/O crate.
//!
//! # How a pass goes
//!
//! [`io::folder`] reads the folder, and tells while the platform answers whether nothing has moved in it; otherwise all of
//! it is done once more. [`model::desired`] makes resources and problems of the files, and the folder gives the secrets
//! that they refer to.
//! [`model::desired::Desired::wanted`] says what has to be looked at, [`io::versori::observe()`] looks, and
//! [`io::store`] tells what was last applied. [`model::planner::plan`] compares the three and gives a
//! [`model::plan::Plan`], a value that everything else reads: [`report`] prints it, and
//! [`reconcile`] executes its steps with a plain `match`, writing down what it is about to make and
//! remembering every success as it comes, beside the thread that sends. [`model::guard`] and [`model::flapping`] hold what
//! may not happen now.
//!
//! What does not change from pass to pass is kept in a [`reconcile::Memory`]: what names mean, what files say
//! ([`model::parses`]), and what was [`model::seen`]. By that, answers are known again that say the same, and pages of lists
//! are asked for side by side where they began the last time. After an edit, as long as the pass before it has left nothing
//! to do, only the [`model::part`] of the world that the edit is about is looked at and planned. Otherwise the plan is first
//! made of what was seen, and then only what that is about is looked at. Edited files are read shortly before their pass,
//! while the debounce runs, so that it begins with the platform. The first look of all begins as soon as it is known where
//! something is recorded, while the rest of the record and the files are read.
//!
//! [`model::explain`] tells of one resource what the planner compared and what follows, and [`model::blame`] at which
//! line of which file the platform refuses something.
//!
//! Where a pass and the loop meet the disk, the system and the platform, a trait stands between them:
//! [`io::folder::Manifests`], [`io::store::Books`], [`io::watch::Hints`], [`io::versori::Read`] and
//! [`io::versori::Write`]. `tests/simulation` puts itself in the place of all of them.
//!
//! What keeps a dry run from writing is a type: its [`reconcile::DryRun`] hands hold a client that has
//! no methods that write.

pub mod args;
pub mod commands;
pub mod daemon;
pub mod io;
pub mod model;
pub mod reconcile;
pub mod report;
pub mod sandbox;
pub mod settings;
pub mod status_page;

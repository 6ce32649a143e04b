//! What versync promises, tried on the real binary: real files, real sockets, a real `SQLite` file.
//! One file for each topic; `support` has the builders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where it fails")]

mod ahead;
mod apply;
mod approve;
mod ci;
mod converge;
mod cut_off;
mod daemon;
mod documents;
mod examples;
mod explain;
mod faults;
mod fmt;
mod gitops;
mod history;
mod hostile;
mod house;
mod http;
mod import;
mod init;
mod kill;
mod lifecycle;
mod logs;
mod manifests;
mod monitoring;
mod names;
mod notify;
mod plan;
mod readme;
mod references;
mod replace;
mod retries;
mod saved;
mod schema;
mod schemes;
mod secrets;
mod service;
mod session;
mod settings;
mod simulation;
mod state;
mod status;
mod status_page;
mod support;
mod syntax;
mod takeovers;
mod terminal;
mod texts;
mod tls;
mod tokens;
mod validate;
mod watch;

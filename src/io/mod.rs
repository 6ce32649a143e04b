//! Adapters to the world outside. They read and write; what it means is decided in [`crate::model`].

pub mod drift_log;
pub mod folder;
pub mod logs;
pub mod manifests;
mod regular;
pub mod revision;
pub mod secrets;
pub mod signals;
pub mod snapshot;
pub mod store;
pub mod systemd;
pub mod versori;
pub mod watch;
pub mod webhook;

//! The pure heart: what the things are, what was declared, recorded and observed, and what follows.
//!
//! Nothing here reads a file, a clock, the environment or the network; the same inputs always give
//! the same plan. A test fails when a file below this one names an I/O crate.

pub mod address;
pub mod advice;
pub mod approval;
pub mod auth_scheme_config;
pub mod backoff;
pub mod blame;
pub mod connection_template;
pub mod desired;
pub mod document;
pub mod drift;
pub mod echo;
pub mod explain;
pub mod export;
mod fields;
pub mod first;
pub mod flapping;
pub mod format;
pub mod guard;
pub mod history;
pub mod intent;
pub mod json;
pub mod json_schema;
pub mod ledger;
pub mod manifest;
pub mod notice;
pub mod observed;
pub mod parses;
pub mod part;
pub mod pass;
pub mod plan;
pub mod planner;
pub mod recorded;
pub mod rule;
pub mod saved;
pub mod schedule;
pub mod schema;
pub mod seen;
pub mod source;
pub mod status;
pub mod summary;
pub mod three_way;
pub mod wording;

//! Plans and reports for people and for programs. Everything is written to a `&mut dyn Write`; nothing
//! here decides anything.

pub mod board;
pub mod diff;
mod difference;
mod escape;
pub mod explain;
mod headline;
pub mod history;
pub mod json;
pub mod line;
pub mod notice;
mod paper;
pub mod problems;
pub mod sarif;
pub mod status;
pub mod text;
pub mod voice;

pub use escape::escape;

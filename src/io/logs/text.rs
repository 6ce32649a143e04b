//! Messages for people: one line each.

use std::fmt::{self, Debug, Write};

use anstyle::{AnsiColor, Style};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::journal::priority;
use crate::report::escape;

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// The time and the level.
    Clock,
    /// The level as syslog numbers it, in angle brackets. The reader has a clock.
    Priority,
}

/// Formats a message on one line. Fields are left out: ours repeat what the words say. Those of other crates,
/// which do not, follow the message.
#[derive(Debug)]
pub(super) struct Text(pub(super) Stamp);

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        match self.0 {
            Stamp::Priority => write!(out, "<{}>", priority(level))?,
            Stamp::Clock => {
                let (dim, bold) = if out.has_ansi_escapes() {
                    (Style::new().dimmed(), color(level).on_default())
                } else {
                    (Style::new(), Style::new())
                };
                write!(out, "{dim}")?;
                SystemTime.format_time(&mut out)?;
                write!(out, "{dim:#} {bold}{level:>5}{bold:#} ")?;
            }
        }
        let mut words = Words::default();
        event.record(&mut words);
        let is_ours = event.metadata().target().starts_with("versync");
        let rest = if is_ours { "" } else { &words.rest };
        writeln!(out, "{}{}", escape(&words.message), escape(rest))
    }
}

/// An event taken apart.
#[derive(Default)]
struct Words {
    message: String,
    rest: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }
}

fn color(level: Level) -> AnsiColor {
    match level {
        Level::ERROR => AnsiColor::Red,
        Level::WARN => AnsiColor::Yellow,
        Level::INFO => AnsiColor::Green,
        Level::DEBUG => AnsiColor::Blue,
        Level::TRACE => AnsiColor::Magenta,
    }
}

//! Questions, a line each.

use std::io::{self, BufRead, Write};

use crate::commands::error::CommandError;
use crate::report::escape;

/// Asks until the answer will do. An empty one means `default`, where there is one; the end of input ends it all.
pub(super) fn until<T>(
    question: &str,
    default: Option<&str>,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<T, CommandError> {
    let offer = default.map(|default| format!(" [{}]", escape(default))).unwrap_or_default();
    loop {
        let mut err = io::stderr().lock();
        write!(err, "{}{offer}: ", escape(question)).and_then(|()| err.flush()).map_err(CommandError::output)?;
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.map_err(|source| CommandError::Io { what: "reading the answer", source })? == 0 {
            return Err(CommandError::Io { what: "reading the answer", source: io::ErrorKind::UnexpectedEof.into() });
        }
        let answer = answer.trim();
        let answer = if answer.is_empty() { default.unwrap_or_default() } else { answer };
        match check(answer) {
            Ok(value) => return Ok(value),
            Err(why) => writeln!(err, "  {}", escape(&why)).map_err(CommandError::output)?,
        }
    }
}

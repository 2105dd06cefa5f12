//! Results on stdout, notes on stderr.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Prints a result to stdout: as one line of JSON, or as `render` shows it to people.
pub(crate) fn print_result<T: Serialize>(result: &T, json: bool, render: impl Fn(&T) -> String) -> Result<()> {
    if json {
        print_line(&serde_json::to_string(result).context("the result cannot be written as JSON")?)
    } else {
        print_line(&render(result))
    }
}

/// Prints to stdout. A reader that has closed the pipe (`yard … | head`) is no error.
pub(crate) fn print_line(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("stdout cannot be written"),
        _ => Ok(()),
    }
}

/// Prints one line to stderr. A closed stderr is no reason to stop working, so an error is ignored.
pub(crate) fn print_note(line: impl AsRef<str>) {
    writeln!(std::io::stderr(), "{}", line.as_ref()).ok();
}

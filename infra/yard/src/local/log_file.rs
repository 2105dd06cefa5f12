//! The end of a log, for an error message.

use std::fs;
use std::path::Path;

/// The last lines of a file; empty if it cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read(path).map(|raw| String::from_utf8_lossy(&raw).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

//! Progress on stderr. The report alone is written to stdout.

/// Prints a line.
#[allow(clippy::print_stderr)]
pub(crate) fn show(line: &str) {
    eprintln!("{line}");
}

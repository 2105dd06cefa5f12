//! What `yard` is doing, said on stderr: a spinner on a terminal, one plain line per step elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A step under way. Dropped without [`Step::done`], it leaves nothing behind on a terminal: the error speaks.
#[derive(Debug)]
pub(crate) struct Step {
    what: &'static str,
    started: Instant,
    spinner: Option<ProgressBar>,
}

/// Says that a step begins.
pub(crate) fn step(what: &'static str) -> Step {
    let spinner = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or(ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    });
    Step { what, started: Instant::now(), spinner }
}

impl Step {
    /// Says how it ended.
    pub(crate) fn done(self, outcome: impl AsRef<str>) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        let took = self.started.elapsed();
        let took =
            if took < Duration::from_secs(1) { String::new() } else { format!(" ({:.1} s)", took.as_secs_f64()) };
        note(format!("{:<9} {}{took}", self.what, outcome.as_ref()));
    }

    /// Lets a long step show where it is, on a terminal.
    pub(crate) fn detail(&self, detail: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{} {detail}", self.what));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// One line on stderr. A closed stderr is no reason to stop working.
pub(crate) fn note(line: impl AsRef<str>) {
    writeln!(std::io::stderr(), "{}", line.as_ref()).ok();
}

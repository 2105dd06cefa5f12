//! What `yard` is doing, shown on stderr: a spinner on a terminal, one plain line per step elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::output::print_note;

/// Steps shorter than this show no duration.
const MIN_SHOWN_DURATION: Duration = Duration::from_secs(1);

/// A step that is under way. If it is dropped without [`Step::done`], only the error that follows is shown.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Step {
    /// Starts a step, with a spinner if stderr is a terminal.
    pub(crate) fn new(name: &'static str) -> Self {
        let spinner = if std::io::stderr().is_terminal() { Some(spinner(name)) } else { None };
        Self { name, started: Instant::now(), spinner }
    }

    /// Ends the step and prints its outcome and duration.
    pub(crate) fn done(self, outcome: impl AsRef<str>) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        let elapsed = self.started.elapsed();
        let duration =
            if elapsed < MIN_SHOWN_DURATION { String::new() } else { format!(" ({:.1} s)", elapsed.as_secs_f64()) };
        print_note(format!("{:<9} {}{duration}", self.name, outcome.as_ref()));
    }

    /// Shows how far a long step is. Only on a terminal.
    pub(crate) fn detail(&self, detail: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{} {detail}", self.name));
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

fn spinner(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or(ProgressStyle::default_spinner());
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

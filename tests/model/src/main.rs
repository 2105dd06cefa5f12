//! Checks every model and prints the results: `switchyard-model [--json] [--counterexamples] [MODEL...]`.
#![allow(clippy::print_stdout)] // that is what it is for

use std::process::ExitCode;

use switchyard_model::cases::{Case, SeededBug};
use switchyard_model::checker::CheckReport;

fn main() -> ExitCode {
    let (options, models): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let option = |name: &str| options.iter().any(|option| option == name);
    let cases =
        Case::all().into_iter().filter(|case| models.is_empty() || models.iter().any(|name| name == case.model));
    let (mut states, mut unexpected) = (0, 0);
    for case in cases {
        let report = case.check();
        states += report.states;
        unexpected += usize::from(!case.is_as_expected(&report));
        println!("{}", if option("--json") { json_line(&case, &report) } else { table_row(&case, &report) });
        if option("--counterexamples") || !case.is_as_expected(&report) {
            print_counterexamples(&report);
        }
    }
    if !option("--json") {
        println!("{states} states; {unexpected} unexpected results");
    }
    ExitCode::from(u8::from(unexpected > 0))
}

fn table_row(case: &Case, report: &CheckReport) -> String {
    let result = match (&case.bug, case.is_as_expected(report)) {
        (None, true) => "all properties hold".to_owned(),
        (None, false) => "VIOLATED".to_owned(),
        (Some(SeededBug { name, violates }), true) => format!("{name} violates: {violates}"),
        (Some(SeededBug { name, violates }), false) => format!("{name} is NOT FOUND: {violates}"),
    };
    let (model, setting, states, seconds) = (case.model, &case.setting, report.states, report.elapsed.as_secs_f64());
    format!("{model:<9} {setting:<36} {states:>9} states {seconds:>6.1} s  {result}")
}

/// A line of JSON. All text in it is ASCII, which Rust's `Debug` writes as JSON does.
fn json_line(case: &Case, report: &CheckReport) -> String {
    let (bug, violates) = match &case.bug {
        Some(SeededBug { name, violates }) => (format!("{name:?}"), format!("{violates:?}")),
        None => ("null".to_owned(), "null".to_owned()),
    };
    let (model, setting, states, seconds) = (case.model, &case.setting, report.states, report.elapsed.as_secs_f64());
    // The last entry of a counterexample is the state at its end.
    let found = report.violations.iter().find(|violation| !violation.counterexample.is_empty());
    let steps = found.map_or(0, |violation| violation.counterexample.len() - 1);
    let as_expected = case.is_as_expected(report);
    format!(
        r#"{{"model":{model:?},"setting":{setting:?},"bug":{bug},"violates":{violates},"states":{states},"seconds":{seconds:.3},"steps":{steps},"as_expected":{as_expected}}}"#
    )
}

fn print_counterexamples(report: &CheckReport) {
    for violation in &report.violations {
        println!("    {}\n      {}", violation.property, violation.counterexample.join("\n      "));
    }
}

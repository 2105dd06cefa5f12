//! Explores every model and shows what came of it: `switchyard-model [--json] [--ways] [MODEL]`.
#![allow(clippy::print_stdout)] // that is what it is for

use std::process::ExitCode;

use switchyard_model::cases::{self, Case};
use switchyard_model::explore::Explored;

fn main() -> ExitCode {
    let (options, models): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let option = |name: &str| options.iter().any(|option| option == name);
    let cases =
        cases::all().into_iter().filter(|case| models.is_empty() || models.iter().any(|model| model == case.model));
    let (mut states, mut unexpected) = (0, 0);
    for case in cases {
        let explored = case.explore();
        states += explored.states;
        unexpected += usize::from(!case.is_as_expected(&explored));
        println!("{}", if option("--json") { json(&case, &explored) } else { row(&case, &explored) });
        for broken in explored.broken.iter().filter(|_| option("--ways") || !case.is_as_expected(&explored)) {
            println!("    {}\n      {}", broken.name, broken.way.join("\n      "));
        }
    }
    if !option("--json") {
        println!("{states} states; {unexpected} of these are not as they should be");
    }
    ExitCode::from(u8::from(unexpected > 0))
}

fn row(case: &Case, explored: &Explored) -> String {
    let Explored { states, took, .. } = explored;
    let found = match (&case.flaw, case.is_as_expected(explored)) {
        (None, true) => "all holds".to_owned(),
        (None, false) => "BROKEN".to_owned(),
        (Some((flaw, breaks)), true) => format!("{flaw} breaks: {breaks}"),
        (Some((flaw, breaks)), false) => format!("{flaw} is NOT FOUND: {breaks}"),
    };
    let (model, setting, seconds) = (case.model, &case.setting, took.as_secs_f64());
    format!("{model:<9} {setting:<20} {states:>9} states {seconds:>6.1} s  {found}")
}

/// A line of JSON. All text in it is ASCII that Rust writes as JSON does.
fn json(case: &Case, explored: &Explored) -> String {
    let (flaw, breaks) = match &case.flaw {
        Some((flaw, breaks)) => (format!("{flaw:?}"), format!("{breaks:?}")),
        None => ("null".to_owned(), "null".to_owned()),
    };
    let (model, setting, states, seconds) = (case.model, &case.setting, explored.states, explored.took.as_secs_f64());
    let steps = explored.broken.iter().find(|broken| !broken.way.is_empty()).map_or(0, |broken| broken.way.len() - 1);
    let as_expected = case.is_as_expected(explored);
    format!(
        r#"{{"model":{model:?},"setting":{setting:?},"flaw":{flaw},"breaks":{breaks},"states":{states},"seconds":{seconds:.3},"steps":{steps},"as_expected":{as_expected}}}"#
    )
}

//! `yard preflight`: names what would fail or hurt in a deployment, before it is tried.

mod checks;
mod findings;
mod limits;
mod read;

use std::collections::HashMap;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::commands::preflight::checks::{Check, State, checks};
use crate::terminal::output::print_result;
use crate::terminal::table;

#[derive(Debug, Args)]
pub(crate) struct PreflightArgs {
    /// A parameter that the template will be deployed with, such as SenderAddress=orders@shop.example; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl PreflightArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let cloud = context.cloud(self.region.region).await?;
        let given: HashMap<String, String> = self.parameters.into_iter().collect();
        let report = Report { target: cloud.describe(), checks: checks(&read::read(&cloud, given).await) };
        print_result(&report, self.json.json, Report::render)?;
        Ok(Completion::from_success(report.checks.iter().all(|check| check.state != State::Fails)))
    }
}

fn parse_parameter(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The result of all checks.
#[derive(Debug, Serialize)]
struct Report {
    /// The stack and its place.
    target: String,
    checks: Vec<Check>,
}

impl Report {
    /// For people: a table, and below it what to do.
    fn render(&self) -> String {
        let cells = |check: &Check| {
            vec![check.name.to_owned(), check.state.as_str().to_owned(), check.found.clone(), check.needed.clone()]
        };
        let rows: Vec<_> = self.checks.iter().map(cells).collect();
        let table = table::render(&["check", "state", "found", "needed"], &[], &rows);
        let table = table::paint(&table, &["ok"], &["fails"], &["hurts", "unknown"]);
        let with_todo = self.checks.iter().filter(|check| !check.todo.is_empty()).collect::<Vec<_>>();
        let groups = with_todo.chunk_by(|one, next| one.todo == next.todo);
        let todos = groups.map(|group| {
            let names: Vec<&str> = group.iter().map(|check| check.name).collect();
            format!("{}: {}", names.join(", "), group[0].todo)
        });
        std::iter::once(table).chain(todos).collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_value_may_contain_an_equals_sign() {
        let parsed = parse_parameter("JwtIssuer=https://id.example/?a=b").unwrap();
        assert_eq!(parsed, ("JwtIssuer".into(), "https://id.example/?a=b".into()));
        assert!(parse_parameter("SenderAddress").is_err());
    }

    #[test]
    fn report_has_a_row_per_check_and_advice_below() {
        let check = |name, state, todo: &str| Check {
            name,
            state,
            found: "one".into(),
            needed: "two".into(),
            todo: todo.into(),
        };
        let checks = vec![check("ses-rate", State::Hurts, "Ask for more."), check("region", State::Ok, "")];
        let report = Report { target: String::new(), checks };
        let expected = "check     state  found  needed\nses-rate  hurts  one    two\nregion    ok     one    two\n\n\
            ses-rate: Ask for more.";
        assert_eq!(report.render(), expected);
    }
}

//! Rules for jobs, the functions that a schedule starts.

use super::reading::{items, number, of_type, own_name, properties, statements, target};
use serde_json::Value;
use std::collections::BTreeSet;

const DAY: u64 = 24 * 60 * 60;

/// A job `<consumer>-<job>` has its own schedule, uses only its consumer's table, and has an alarm for missing runs.
pub(super) fn jobs(resources: &Value, binaries: &BTreeSet<String>) -> Vec<String> {
    of_type(resources, "AWS::Lambda::Function")
        .filter_map(|(id, function)| Some((id, function, own_name(function).filter(|name| binaries.contains(*name))?)))
        .flat_map(|(id, function, name)| {
            let table = format!("local-{}", name.split('-').next().unwrap_or_default());
            let has_table = function["Environment"]["Variables"]["TABLE_NAME"] == table.as_str();
            let may = target(&function["Role"]).is_some_and(|role| works_on(resources, role, &table));
            [
                (has_table && may, "works on another table than its consumer's"),
                (has_schedule(resources, id), "is not started by a schedule of its own"),
                (has_silence_alarm(resources, id), "has no alarm that reports when it stops running"),
            ]
            .into_iter()
            .filter(|(kept, _)| !kept)
            .map(move |(_, complaint)| format!("{id}: {complaint}"))
        })
        .collect()
}

/// Whether the role touches this table and its index, and no other. A policy can be attached to it.
fn works_on(resources: &Value, role: &str, table: &str) -> bool {
    let is_of_role = |id: &str| {
        id == role || items(&resources[id]["Properties"]["Roles"]).any(|attached| target(attached) == Some(role))
    };
    let own = format!(":table/{table}");
    let is_own = |resource: &Value| match resource.as_str() {
        Some(arn) => arn.strip_suffix("/index/pending").unwrap_or(arn).ends_with(&own),
        None => properties(resources, resource)["TableName"] == table,
    };
    let mut tables = statements(resources)
        .filter(|(id, statement)| is_of_role(id) && statement.to_string().contains("dynamodb:"))
        .flat_map(|(_, statement)| items(&statement["Resource"]))
        .peekable();
    tables.peek().is_some() && tables.all(is_own)
}

fn has_schedule(resources: &Value, function: &str) -> bool {
    of_type(resources, "AWS::Scheduler::Schedule").any(|(_, schedule)| {
        let may = target(&schedule["Target"]["RoleArn"]).is_some_and(|role| {
            let mut allowed = statements(resources).filter(|(id, _)| *id == role);
            allowed.any(|(_, s)| s["Action"] == "lambda:InvokeFunction" && target(&s["Resource"]) == Some(function))
        });
        let on = schedule["State"].is_null() || schedule["State"] == "ENABLED";
        target(&schedule["Target"]["Arn"]) == Some(function) && may && on
    })
}

/// The alarm needs a period of at least three runs, so that one late run does not trigger it. For so long after its creation, and
/// while the schedules are off, it must not fire.
fn has_silence_alarm(resources: &Value, function: &str) -> bool {
    let every = of_type(resources, "AWS::Scheduler::Schedule")
        .find(|(_, schedule)| target(&schedule["Target"]["Arn"]) == Some(function))
        .and_then(|(_, schedule)| seconds(schedule["ScheduleExpression"].as_str()?));
    of_type(resources, "AWS::CloudWatch::Alarm").any(|(id, alarm)| {
        let watches = alarm["MetricName"] == "Invocations" && alarm["TreatMissingData"] == "breaching";
        let period = number(&alarm["Period"]) * number(&alarm["EvaluationPeriods"]);
        let warm_up = 60 * number(&alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"]);
        watches
            && target(&alarm["Dimensions"][0]["Value"]) == Some(function)
            && resources[id]["Condition"] == "SchedulesRun"
            && warm_up >= period
            && every.is_some_and(|every| period >= 3 * every)
    })
}

/// `rate(5 minutes)` in seconds.
fn seconds(rate: &str) -> Option<u64> {
    let (count, unit) = rate.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let unit = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => DAY,
        _ => return None,
    };
    Some(count.parse::<u64>().ok()? * unit)
}

//! What a consumer hears of: the types of the events that the bus's rules pass on to its queue.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::Cloud;

/// The types that any rule of this bus passes on to this queue; none if one of them passes on whatever there is.
pub(crate) async fn read(cloud: &Cloud, bus: &str, queue_arn: &str) -> Result<BTreeSet<String>> {
    let request = cloud.eventbridge.list_rule_names_by_target().event_bus_name(bus).target_arn(queue_arn);
    let answer = request.send().await.with_context(|| format!("the rules of the bus {bus} cannot be listed"))?;
    let patterns = try_join_all(answer.rule_names().iter().map(|rule| pattern(cloud, bus, rule))).await?;
    let types = patterns.iter().map(|pattern| types_of(pattern)).collect::<Result<Vec<_>>>()?;
    Ok(types.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default().into_iter().flatten().collect())
}

async fn pattern(cloud: &Cloud, bus: &str, rule: &str) -> Result<String> {
    let answer = cloud.eventbridge.describe_rule().event_bus_name(bus).name(rule).send().await;
    let answer = answer.with_context(|| format!("the rule {rule} cannot be read"))?;
    answer.event_pattern.with_context(|| format!("the rule {rule} has no pattern"))
}

/// The types that a pattern names, if it names any. An alternative that asks for more than source and type passes on only some
/// events of its type, and does not count.
fn types_of(pattern: &str) -> Result<Option<Vec<String>>> {
    #[derive(Deserialize)]
    struct Pattern {
        #[serde(rename = "detail-type")]
        types: Option<Vec<String>>,
        #[serde(rename = "$or", default)]
        alternatives: Vec<Pattern>,
        detail: Option<serde::de::IgnoredAny>,
    }
    let pattern: Pattern = serde_json::from_str(pattern).context("a rule's pattern names its types in no way known")?;
    if pattern.alternatives.is_empty() {
        return Ok(pattern.types);
    }
    let whole = pattern.alternatives.into_iter().filter(|alternative| alternative.detail.is_none());
    let types: Option<Vec<_>> = whole.map(|alternative| alternative.types).collect();
    Ok(types.map(|types| types.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patterns_types_are_those_it_names() {
        let check = |pattern: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|types| types.iter().map(|&name| name.to_owned()).collect());
            assert_eq!(types_of(pattern).ok(), Some(expected), "{pattern}");
        };
        check(r#"{"source":["switchyard.fraud"],"detail-type":["A","B"]}"#, Some(&["A", "B"]));
        check(r#"{"source":["switchyard.fraud"]}"#, None);
        let some = r#"{"detail-type":["C"],"detail":{"n":[1]}}"#;
        check(&format!(r#"{{"$or":[{{"detail-type":["A"]}},{{"detail-type":["B"]}},{some}]}}"#), Some(&["A", "B"]));
        assert!(types_of(r#"{"detail-type":[{"prefix":"Order"}]}"#).is_err());
    }
}

//! What a consumer subscribes to: the types of the events that the bus's rules send to its queue.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::aws::clients::Cloud;

/// The types that the rules of this bus send to this queue. Empty if one of the rules sends every event.
pub(crate) async fn read(cloud: &Cloud, bus: &str, queue_arn: &str) -> Result<BTreeSet<String>> {
    let request = cloud.eventbridge.list_rule_names_by_target().event_bus_name(bus).target_arn(queue_arn);
    let answer = request.send().await.with_context(|| format!("the rules of the bus {bus} cannot be listed"))?;
    let patterns = try_join_all(answer.rule_names().iter().map(|rule| read_pattern(cloud, bus, rule))).await?;
    let types = patterns.iter().map(|pattern| parse_event_types(pattern)).collect::<Result<Vec<_>>>()?;
    Ok(types.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default().into_iter().flatten().collect())
}

async fn read_pattern(cloud: &Cloud, bus: &str, rule: &str) -> Result<String> {
    let answer = cloud.eventbridge.describe_rule().event_bus_name(bus).name(rule).send().await;
    let answer = answer.with_context(|| format!("the rule {rule} cannot be read"))?;
    answer.event_pattern.with_context(|| format!("the rule {rule} has no pattern"))
}

/// The types that a pattern names, if it names any. An alternative with a condition on `detail` sends only some events of its type,
/// so its type does not count.
fn parse_event_types(pattern: &str) -> Result<Option<Vec<String>>> {
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
    let unconditional = pattern.alternatives.into_iter().filter(|alternative| alternative.detail.is_none());
    let types: Option<Vec<_>> = unconditional.map(|alternative| alternative.types).collect();
    Ok(types.map(|types| types.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_pattern_gives_unconditional_types_only() {
        let check = |pattern: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|types| types.iter().map(|&name| name.to_owned()).collect());
            assert_eq!(parse_event_types(pattern).ok(), Some(expected), "{pattern}");
        };
        check(r#"{"source":["switchyard.fraud"],"detail-type":["A","B"]}"#, Some(&["A", "B"]));
        check(r#"{"source":["switchyard.fraud"]}"#, None);
        let conditional = r#"{"detail-type":["C"],"detail":{"n":[1]}}"#;
        check(
            &format!(r#"{{"$or":[{{"detail-type":["A"]}},{{"detail-type":["B"]}},{conditional}]}}"#),
            Some(&["A", "B"]),
        );
        assert!(parse_event_types(r#"{"detail-type":[{"prefix":"Order"}]}"#).is_err());
    }
}

//! Reads an expanded template: references between resources, and values.

use serde_json::Value;
use std::collections::BTreeSet;

/// A function that a queue is mapped to, by the properties of the three resources.
pub(in crate::infra) struct Consumer<'a> {
    pub(in crate::infra) name: &'a str,
    pub(in crate::infra) mapping: &'a Value,
    pub(in crate::infra) queue: &'a Value,
    pub(in crate::infra) function: &'a Value,
}

pub(in crate::infra) fn consumers(resources: &Value) -> impl Iterator<Item = Consumer<'_>> {
    of_type(resources, "AWS::Lambda::EventSourceMapping").filter_map(move |(_, mapping)| {
        let source = &resources[target(&mapping["EventSourceArn"])?];
        let name = target(&mapping["FunctionName"])?;
        let function = &resources[name]["Properties"];
        (source["Type"] == "AWS::SQS::Queue").then_some(Consumer {
            name,
            mapping,
            queue: &source["Properties"],
            function,
        })
    })
}

/// Every dead-letter queue: of a queue, of a rule, of a mapping.
pub(in crate::infra) fn dead_letter_queues(resources: &Value) -> BTreeSet<&str> {
    let of_queues =
        of_type(resources, "AWS::SQS::Queue").map(|(_, queue)| &queue["RedrivePolicy"]["deadLetterTargetArn"]);
    let of_mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
        .map(|(_, mapping)| &mapping["DestinationConfig"]["OnFailure"]["Destination"]);
    let of_rules = of_type(resources, "AWS::Events::Rule")
        .flat_map(|(_, rule)| items(&rule["Targets"]))
        .map(|rule_target| &rule_target["DeadLetterConfig"]["Arn"]);
    of_queues.chain(of_mappings).chain(of_rules).filter_map(target).collect()
}

pub(in crate::infra) fn statements(resources: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let inline = of_type(resources, "AWS::IAM::Role")
        .flat_map(|(id, role)| items(&role["Policies"]).map(move |policy| (id, policy)));
    let attached =
        ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"].into_iter().flat_map(|kind| of_type(resources, kind));
    inline
        .chain(attached)
        .flat_map(|(id, policy)| items(&policy["PolicyDocument"]["Statement"]).map(move |statement| (id, statement)))
}

pub(in crate::infra) fn of_type<'a>(
    resources: &'a Value,
    kind: &'static str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = resources.as_object().into_iter().flatten();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
}

/// CloudFormation takes one item for a list of one.
pub(in crate::infra) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice).iter().filter(|item| !item.is_null())
}

/// The resource that a `Ref` or `Fn::GetAtt` names.
pub(in crate::infra) fn target(value: &Value) -> Option<&str> {
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
}

pub(in crate::infra) fn properties<'a>(resources: &'a Value, reference: &Value) -> &'a Value {
    target(reference).map_or(&Value::Null, |id| &resources[id]["Properties"])
}

pub(in crate::infra) fn has_star(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('*'),
        Value::Array(list) => list.iter().any(has_star),
        Value::Object(members) => members.values().any(has_star),
        _ => false,
    }
}

/// A template has numbers as numbers or as text; an absent value is zero.
pub(in crate::infra) fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

/// A function's name without its stack's.
pub(in crate::infra) fn own_name(function: &Value) -> Option<&str> {
    function["FunctionName"].as_str()?.strip_prefix("local-")
}

//! Which calls a fault is applied to.

use serde::{Deserialize, Serialize};

use crate::{AwsCall, Fault};

/// A fault, and the calls that it is applied to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The service's name. `*` matches any text, here and in the operation.
    #[serde(default = "any")]
    pub service: String,
    /// The operation's name.
    #[serde(default = "any")]
    pub operation: String,
    /// Text that the body must contain, such as a table's name.
    #[serde(default)]
    pub containing: String,
    /// The share of matching calls that fail, from 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many matching calls pass before the first one fails.
    #[serde(default)]
    pub skip: u64,
    /// How many calls fail at most. Default: no limit.
    #[serde(default)]
    pub count: Option<u64>,
    /// How the calls fail.
    pub fault: Fault,
}

fn any() -> String {
    "*".to_owned()
}

fn always() -> f64 {
    1.0
}

impl Rule {
    /// Applies the fault to every call of this service and operation; `*` matches any text in both.
    pub fn new(service: &str, operation: &str, fault: Fault) -> Self {
        let (service, operation) = (service.to_owned(), operation.to_owned());
        Self { service, operation, containing: String::new(), probability: 1.0, skip: 0, count: None, fault }
    }

    /// At most this many calls fail.
    pub fn times(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// This many matching calls pass first.
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Each matching call fails with this probability.
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Only calls with this text in their body match.
    pub fn containing(self, text: &str) -> Self {
        Self { containing: text.to_owned(), ..self }
    }

    pub(crate) fn matches(&self, call: &AwsCall) -> bool {
        pattern_matches(&self.service, &call.service)
            && pattern_matches(&self.operation, &call.operation)
            && contains(&call.body, self.containing.as_bytes())
            && self.fault.applies_to(call)
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// Whether the pattern matches the whole text; `*` matches any text.
fn pattern_matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && pattern_matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::*;

    #[test]
    fn star_in_a_pattern_matches_any_text() {
        let check = |pattern, text, expected| assert_eq!(pattern_matches(pattern, text), expected, "{pattern} {text}");
        check("*", "", true);
        check("*", "PutItem", true);
        check("Put*", "PutItem", true);
        check("*Item", "PutItem", true);
        check("P*I*m", "PutItem", true);
        check("Put", "PutItem", false);
        check("*Items", "PutItem", false);
    }

    #[test]
    fn rule_json_has_defaults_and_rejects_unknown_fields() {
        let parse = |text: &str| serde_json::from_str::<Rule>(text);
        let rule = parse(r#"{"operation": "Put*", "fault": {"kind": "delay", "ms": 50}, "count": 2}"#).unwrap();
        assert_eq!(rule, Rule::new("*", "Put*", Fault::Delay { ms: 50 }).times(2));
        assert_eq!(parse(r#"{"fault": {"kind": "drop"}}"#).unwrap(), Rule::new("*", "*", Fault::DropResponse));
        assert!(parse(r#"{"fault": {"kind": "burn"}}"#).is_err());
        assert!(parse(r#"{"fault": {"kind": "drop"}, "propability": 0.5}"#).is_err());
    }

    #[test]
    fn fault_applies_only_to_calls_that_can_fail_that_way() {
        let call = |operation: &str, body: &'static str| AwsCall {
            service: "dynamodb".into(),
            operation: operation.into(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let conflict = |item: Option<&str>| Fault::Conflict { item: item.map(str::to_owned), code: None };
        let rule = |fault| Rule::new("dynamodb", "*", fault);
        let put = call("PutItem", r#"{"Item":{"pk":{"S":"A"}}}"#);
        let transaction = call("TransactWriteItems", r#"{"TransactItems":[{"Put":{"Item":{"pk":{"S":"A"}}}}]}"#);
        assert!(rule(conflict(None)).matches(&put) && rule(conflict(Some("\"A\""))).matches(&transaction));
        assert!(!rule(conflict(Some("\"B\""))).matches(&put) && !rule(conflict(Some("\"B\""))).matches(&transaction));
        assert!(!rule(conflict(None)).matches(&call("GetItem", "{}")));
        assert!(!rule(Fault::Partial { entry: None, code: None }).matches(&put));
        assert!(
            rule(Fault::DropResponse).containing("\"A\"").matches(&put)
                && !rule(Fault::DropResponse).containing("\"B\"").matches(&put)
        );
    }
}

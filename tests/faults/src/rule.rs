//! Which calls a fault befalls.

use serde::{Deserialize, Serialize};

use crate::{Call, Fault};

/// A fault, and the calls that it befalls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The service's name; `*` stands for any text, in it and in the operation.
    #[serde(default = "anything")]
    pub service: String,
    /// The operation's name.
    #[serde(default = "anything")]
    pub operation: String,
    /// Text that the body must hold, such as a table's name.
    #[serde(default)]
    pub containing: String,
    /// Of the calls that fit, how many it befalls: 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// So many calls that fit are spared first.
    #[serde(default)]
    pub skip: u64,
    /// How many calls it befalls at most; any number, if not said.
    #[serde(default)]
    pub count: Option<u64>,
    /// What happens to them.
    pub fault: Fault,
}

fn anything() -> String {
    "*".to_owned()
}

fn always() -> f64 {
    1.0
}

impl Rule {
    /// This fault for every call of this kind.
    pub fn new(service: &str, operation: &str, fault: Fault) -> Self {
        let (service, operation) = (service.to_owned(), operation.to_owned());
        Self { service, operation, containing: String::new(), probability: 1.0, skip: 0, count: None, fault }
    }

    /// Only so many times.
    pub fn times(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Only after so many that are spared.
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Only some, at random.
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Only calls with this text in their body.
    pub fn containing(self, text: &str) -> Self {
        Self { containing: text.to_owned(), ..self }
    }

    pub(crate) fn fits(&self, call: &Call) -> bool {
        matches(&self.service, &call.service)
            && matches(&self.operation, &call.operation)
            && contains(&call.body, self.containing.as_bytes())
            && self.fault.applies_to(call)
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// Whether a pattern fits a whole text; `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let check = |pattern, text, expected| assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        check("*", "", true);
        check("*", "PutItem", true);
        check("Put*", "PutItem", true);
        check("*Item", "PutItem", true);
        check("P*I*m", "PutItem", true);
        check("Put", "PutItem", false);
        check("*Items", "PutItem", false);
    }

    #[test]
    fn a_rule_is_read_from_json_with_its_defaults_and_nothing_unknown() {
        let read = |text: &str| serde_json::from_str::<Rule>(text);
        let rule = read(r#"{"operation": "Put*", "fault": {"kind": "delay", "ms": 50}, "count": 2}"#).unwrap();
        assert_eq!(rule, Rule::new("*", "Put*", Fault::Delay { ms: 50 }).times(2));
        assert_eq!(read(r#"{"fault": {"kind": "drop"}}"#).unwrap(), Rule::new("*", "*", Fault::DropResponse));
        assert!(read(r#"{"fault": {"kind": "burn"}}"#).is_err());
        assert!(read(r#"{"fault": {"kind": "drop"}, "propability": 0.5}"#).is_err());
    }

    #[test]
    fn a_fault_befalls_only_calls_that_can_have_it() {
        let call = |operation: &str, body: &'static str| Call {
            service: "dynamodb".into(),
            operation: operation.into(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let conflict = |item: Option<&str>| Fault::Conflict { item: item.map(str::to_owned), code: None };
        let rule = |fault| Rule::new("dynamodb", "*", fault);
        let put = call("PutItem", r#"{"Item":{"pk":{"S":"A"}}}"#);
        let transaction = call("TransactWriteItems", r#"{"TransactItems":[{"Put":{"Item":{"pk":{"S":"A"}}}}]}"#);
        assert!(rule(conflict(None)).fits(&put) && rule(conflict(Some("\"A\""))).fits(&transaction));
        assert!(!rule(conflict(Some("\"B\""))).fits(&put) && !rule(conflict(Some("\"B\""))).fits(&transaction));
        assert!(!rule(conflict(None)).fits(&call("GetItem", "{}")));
        assert!(!rule(Fault::Partial { entry: None, code: None }).fits(&put));
        assert!(
            rule(Fault::DropResponse).containing("\"A\"").fits(&put)
                && !rule(Fault::DropResponse).containing("\"B\"").fits(&put)
        );
    }
}

//! What happened to each mail, read from the calls of the email consumer. An order has a mail per event, each with a lease of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use switchyard_faults::AwsCall;

/// By the id of the event that the mail is about, in the order in which the calls took effect.
pub(crate) type EmailJournal = BTreeMap<String, Vec<EmailEvent>>;

/// A call that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmailEvent {
    /// A worker has acquired the lease.
    LeaseAcquired {
        /// When the call took effect.
        at: Timestamp,
        /// When the lease ends.
        until: Timestamp,
    },
    /// SES has accepted a mail.
    Sent {
        /// Whether the response reached the worker.
        delivered: bool,
    },
    /// The lease was completed: the mail is recorded as sent.
    Completed,
    /// The mail was marked as done without being sent, since another one replaces it.
    Superseded,
}

impl EmailEvent {
    /// The event that a call means for a mail, if any, with the id of the mail's event. Only rows of the email consumer have leases.
    pub(crate) fn from_call(call: &AwsCall, delivered: bool, now: Timestamp) -> Option<(String, Self)> {
        match call.operation.as_str() {
            "SendEmail" => Some((tagged_event(&call.json())?, Self::Sent { delivered })),
            "UpdateItem" => {
                let body = call.json();
                Some((event_of_key(&body["Key"])?, Self::from_lease_update(&body, now)?))
            }
            _ => None,
        }
    }
}

impl EmailEvent {
    /// A claim sets the lease's end to a value; completing it sets `processed_at` on the owner's condition; another mail that takes
    /// the place of this one sets `superseded_by`.
    fn from_lease_update(update: &Value, now: Timestamp) -> Option<Self> {
        if update["UpdateExpression"].as_str()?.contains("superseded_by") {
            return Some(Self::Superseded);
        }
        if let Some(until) = update["ExpressionAttributeValues"][":until"]["N"].as_str() {
            let until = Timestamp::from_millisecond(until.parse().ok()?).ok()?;
            return Some(Self::LeaseAcquired { at: now, until });
        }
        let names = update["ExpressionAttributeNames"].as_object()?;
        let uses = |name: &str| names.values().any(|value| value == name);
        if uses("processed_at") && uses("owner") { Some(Self::Completed) } else { None }
    }
}

fn tagged_event(request: &Value) -> Option<String> {
    let tag = request["EmailTags"].as_array()?.iter().find(|tag| tag["Name"] == "event_id")?;
    Some(tag["Value"].as_str()?.to_owned())
}

fn event_of_key(key: &Value) -> Option<String> {
    key["sk"]["S"].as_str()?.strip_prefix("EVENT#").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(operation: &str, body: &Value, expected: Option<EmailEvent>) {
        let call = AwsCall { service: "x".into(), operation: operation.into(), body: body.to_string().into() };
        let now = Timestamp::from_second(9).unwrap();
        let expected = expected.map(|event| ("evt_1".to_owned(), event));
        assert_eq!(EmailEvent::from_call(&call, true, now), expected, "{operation}");
    }

    #[test]
    fn lease_send_and_completion_calls_become_email_events() {
        let mail = json!({"EmailTags": [{"Name": "event_id", "Value": "evt_1"}, {"Name": "order_id", "Value": "o"}]});
        check("SendEmail", &mail, Some(EmailEvent::Sent { delivered: true }));
        let (at, until) = (Timestamp::from_second(9).unwrap(), Timestamp::from_second(5).unwrap());
        let key = json!({"pk": {"S": "ORDER#ord_1"}, "sk": {"S": "EVENT#evt_1"}});
        let claim = json!({"Key": key, "UpdateExpression": "SET #owner = :owner", "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":until": {"N": "5000"}}});
        check("UpdateItem", &claim, Some(EmailEvent::LeaseAcquired { at, until }));
        let update =
            |names: Value| json!({"Key": key, "UpdateExpression": "SET #0 = :v0", "ExpressionAttributeNames": names});
        check("UpdateItem", &update(json!({"#0": "processed_at", "#1": "owner"})), Some(EmailEvent::Completed));
        check("UpdateItem", &update(json!({"#0": "lease_until", "#1": "owner"})), None);
        let superseded = json!({"Key": key, "UpdateExpression": "SET superseded_by = :by, processed_at = :at REMOVE #owner",
            "ExpressionAttributeNames": {"#owner": "owner"}});
        check("UpdateItem", &superseded, Some(EmailEvent::Superseded));
        check("GetItem", &claim, None);
    }
}

//! Stands at the proxy: kills the caller where a rule says so, and keeps a journal of leases and mails.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use switchyard_faults::{Call, Watcher};

use crate::process;

/// What happened to an order's mail, in the order in which it took effect.
pub(crate) type Journal = BTreeMap<String, Vec<Entry>>;

/// One thing that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A worker has got the lease.
    Claimed {
        /// When it did.
        at: Timestamp,
        /// When the lease ends.
        until: Timestamp,
    },
    /// SES has taken a mail.
    Sent {
        /// Whether its caller can know.
        heard: bool,
    },
    /// The lease was completed: the mail counts as sent.
    Completed,
}

/// What the proxy tells.
#[derive(Default)]
pub(crate) struct Witness {
    journal: Mutex<Journal>,
    killed: Mutex<BTreeMap<String, u64>>,
    /// The process whose children are functions.
    cloud: OnceLock<u32>,
}

impl Witness {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Says which process runs the functions; before that nobody is killed.
    pub(crate) fn knows(&self, cloud: u32) {
        // Said once.
        self.cloud.set(cloud).ok();
    }

    pub(crate) fn journal(&self) -> Journal {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many processes of which function were killed.
    pub(crate) fn killed(&self) -> BTreeMap<String, u64> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, order_id: &str, entry: Entry) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.entry(order_id.to_owned()).or_default().push(entry);
    }
}

/// As the proxy wants it.
pub(crate) struct AtProxy(pub(crate) Arc<Witness>);

impl Watcher for AtProxy {
    fn answered(&self, call: &Call, status: u16, heard: bool) {
        if status < 300
            && let Some((order_id, entry)) = read(call, heard, Timestamp::now())
        {
            self.0.note(&order_id, entry);
        }
    }

    fn kill(&self, caller: SocketAddr) -> bool {
        let process = self.0.cloud.get().and_then(|cloud| process::at_the_end_of(caller, *cloud));
        let Some(process) = process.filter(|process| process::kill(process.pid)) else {
            return false;
        };
        let mut killed = self.0.killed.lock().unwrap_or_else(PoisonError::into_inner);
        *killed.entry(process.function).or_default() += 1;
        true
    }
}

/// What a call means for a mail, if anything. Only the email consumer's rows have leases.
fn read(call: &Call, heard: bool, now: Timestamp) -> Option<(String, Entry)> {
    let order = |key: &Value| key["pk"]["S"].as_str()?.strip_prefix("ORDER#").map(str::to_owned);
    match call.operation.as_str() {
        "SendEmail" => {
            let body = call.json();
            let tag = body["EmailTags"].as_array()?.iter().find(|tag| tag["Name"] == "order_id")?;
            Some((tag["Value"].as_str()?.to_owned(), Entry::Sent { heard }))
        }
        "PutItem" => {
            let item = &call.json()["Item"];
            let until = Timestamp::from_millisecond(item["lease_until"]["N"].as_str()?.parse().ok()?).ok()?;
            Some((order(item)?, Entry::Claimed { at: now, until }))
        }
        "UpdateItem" => {
            let body = call.json();
            let names = body["ExpressionAttributeNames"].as_object()?;
            let completes = |name: &str| names.values().any(|value| value == name);
            (completes("processed_at") && completes("owner")).then(|| Some((order(&body["Key"])?, Entry::Completed)))?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(operation: &str, body: &Value, expected: Option<Entry>) {
        let call = Call { service: "x".into(), operation: operation.into(), body: body.to_string().into() };
        let now = Timestamp::from_second(9).unwrap();
        let expected = expected.map(|entry| ("ord_1".to_owned(), entry));
        assert_eq!(read(&call, true, now), expected, "{operation}");
    }

    #[test]
    fn claims_mails_and_completions_are_told_apart_from_all_else() {
        let mail = json!({"EmailTags": [{"Name": "event_id", "Value": "e"}, {"Name": "order_id", "Value": "ord_1"}]});
        check("SendEmail", &mail, Some(Entry::Sent { heard: true }));
        let row = json!({"Item": {"pk": {"S": "ORDER#ord_1"}, "lease_until": {"N": "5000"}}});
        let (at, until) = (Timestamp::from_second(9).unwrap(), Timestamp::from_second(5).unwrap());
        check("PutItem", &row, Some(Entry::Claimed { at, until }));
        check("PutItem", &json!({"Item": {"pk": {"S": "ORDER#ord_1"}}}), None);
        let update = |names: Value| json!({"Key": {"pk": {"S": "ORDER#ord_1"}}, "ExpressionAttributeNames": names});
        check("UpdateItem", &update(json!({"#0": "processed_at", "#1": "owner"})), Some(Entry::Completed));
        check("UpdateItem", &update(json!({"#0": "lease_until", "#1": "owner"})), None);
        check("GetItem", &row, None);
    }
}

//! The hooks of the fault proxy: record what happens to mails, and kill the caller's process where a rule says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use switchyard_faults::{AwsCall, ProxyHooks};

use crate::email_journal::{EmailEvent, EmailJournal};
use crate::outage::alarm::Sample;
use crate::process::FunctionProcess;

/// What the proxy's hooks have recorded.
#[derive(Default)]
pub(crate) struct CallRecorder {
    journal: Mutex<EmailJournal>,
    killed: Mutex<BTreeMap<String, u64>>,
    publisher_ages: Mutex<Vec<Sample>>,
    /// The local cloud's process. Functions are its children.
    cloud_pid: OnceLock<u32>,
}

impl CallRecorder {
    /// Sets the process that runs the functions. Before that no process is killed.
    pub(crate) fn set_cloud_pid(&self, pid: u32) {
        // A run starts one cloud, so the cell is empty here.
        self.cloud_pid.set(pid).ok();
    }

    pub(crate) fn journal(&self) -> EmailJournal {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the metric `IteratorAge` of the publisher would be at each of its calls, in milliseconds.
    pub(crate) fn publisher_ages(&self) -> Vec<Sample> {
        self.publisher_ages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Killed processes by function.
    pub(crate) fn killed(&self) -> BTreeMap<String, u64> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ProxyHooks for CallRecorder {
    fn call_received(&self, call: &AwsCall) {
        let now = Timestamp::now();
        if let Some(oldest) = oldest_event(call) {
            let value = now.duration_since(oldest).as_secs_f64() * 1000.0;
            self.publisher_ages.lock().unwrap_or_else(PoisonError::into_inner).push(Sample { at: now, value });
        }
    }

    fn call_completed(&self, call: &AwsCall, status: u16, delivered: bool) {
        if status < 300
            && let Some((event_id, event)) = EmailEvent::from_call(call, delivered, Timestamp::now())
        {
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            journal.entry(event_id).or_default().push(event);
        }
    }

    fn kill_caller(&self, caller: SocketAddr) -> bool {
        let process = self.cloud_pid.get().and_then(|cloud| FunctionProcess::find(caller, *cloud));
        let Some(process) = process.filter(|process| yard::kill_process(process.pid)) else {
            return false;
        };
        let mut killed = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        *killed.entry(process.function).or_default() += 1;
        true
    }
}

/// When the oldest event of a call of the publisher occurred.
///
/// On AWS the metric is the age of a batch's last record, and the stream delivers the same batch until the publisher succeeds. Orders
/// that are placed seconds apart are in a batch each, so the metric is the age of the oldest record that waits. The local cloud adds
/// younger records to the batch with each delivery.
fn oldest_event(call: &AwsCall) -> Option<Timestamp> {
    if call.operation != "PutEvents" {
        return None;
    }
    let request = call.json();
    let entries = request["Entries"].as_array()?.iter();
    let details = entries.filter_map(|entry| serde_json::from_str::<Value>(entry["Detail"].as_str()?).ok());
    details.filter_map(|detail| detail["metadata"]["occurred_at"].as_str()?.parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn age_of_publisher_is_that_of_its_oldest_event() {
        let entry = |time: &str| json!({"Detail": json!({"metadata": {"occurred_at": time}}).to_string()});
        let body = json!({"Entries": [entry("2026-11-21T09:00:05Z"), entry("2026-11-21T09:00:01Z"), {"Detail": "{"}]});
        let call = |operation: &str| AwsCall {
            service: "events".into(),
            operation: operation.into(),
            body: body.to_string().into(),
        };
        assert_eq!(oldest_event(&call("PutEvents")), "2026-11-21T09:00:01Z".parse().ok());
        assert_eq!(oldest_event(&call("PutRule")), None);
    }
}

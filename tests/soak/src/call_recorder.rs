//! The hooks of the fault proxy: record what happens to mails, and kill the caller's process where a rule says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use switchyard_faults::{AwsCall, ProxyHooks};

use crate::email_journal::{EmailEvent, EmailJournal};
use crate::process::FunctionProcess;

/// What the proxy's hooks have recorded.
#[derive(Default)]
pub(crate) struct CallRecorder {
    journal: Mutex<EmailJournal>,
    killed: Mutex<BTreeMap<String, u64>>,
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

    /// Killed processes by function.
    pub(crate) fn killed(&self) -> BTreeMap<String, u64> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ProxyHooks for CallRecorder {
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

//! Processes that outlive `yard`. A marker on their command line identifies them, so that a recycled pid is never signalled.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

/// How long a process may take to end after a signal.
const GRACE_PERIOD: Duration = Duration::from_secs(5);

/// Ends one process as a crash would: SIGKILL leaves it no time to clean up. False if it could not be signalled.
pub fn kill_process(pid: u32) -> bool {
    to_pid(pid).is_some_and(|pid| rustix::process::kill_process(pid, Signal::KILL).is_ok())
}

/// Whether the process exists and has `marker` on its command line.
pub(crate) fn is_ours(pid: u32, marker: &str) -> bool {
    command_line(pid).is_some_and(|line| line.contains(marker))
}

/// Ends the process group led by `pid`: by SIGTERM, and by SIGKILL if that is not enough. Does nothing if the process is not ours.
pub(crate) async fn end(pid: u32, marker: &str) -> Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        if !is_ours(pid, marker) {
            return Ok(());
        }
        signal_group(pid, signal);
        let deadline = Instant::now() + GRACE_PERIOD;
        while is_ours(pid, marker) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
    }
    if is_ours(pid, marker) {
        bail!("process {pid} does not end: end it by hand");
    }
    Ok(())
}

/// Signals the whole group, because the local cloud's functions are children of its process.
fn signal_group(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        // An error is ignored: the group may have ended by now, and the caller looks whether it still exists.
        kill_process_group(pid, signal).ok();
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let raw = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&raw).replace('\0', " "));
    }
    let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn process_without_marker_is_not_ours() {
        assert!(!is_ours(std::process::id(), "no such marker"));
        assert!(!is_ours(u32::MAX, ""));
    }

    #[tokio::test]
    async fn only_process_with_marker_is_ended() {
        let marker = format!("switchyard-test-{}", std::process::id());
        let mut child =
            Command::new("sh").args(["-c", "while :; do sleep 1; done", &marker]).process_group(0).spawn().unwrap();
        // Its command line is there a moment after the process.
        while !is_ours(child.id(), &marker) {
            sleep(Duration::from_millis(1)).await;
        }
        end(child.id(), "another marker").await.unwrap();
        assert!(child.try_wait().unwrap().is_none());

        let pid = child.id();
        let waiter = std::thread::spawn(move || child.wait());
        end(pid, &marker).await.unwrap();
        assert!(!waiter.join().unwrap().unwrap().success());
        assert!(!is_ours(pid, &marker));
    }

    #[test]
    fn kill_process_ends_running_child() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(kill_process(child.id()));
        assert!(!child.wait().unwrap().success());
        assert!(!kill_process(0) && !kill_process(u32::MAX), "no process has these ids");
    }
}

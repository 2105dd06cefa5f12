//! Processes that outlive `yard`: told apart by a marker on their command line, so that a recycled pid is never signalled.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Whether the process exists and has `marker` on its command line.
pub(crate) fn is_ours(pid: u32, marker: &str) -> bool {
    command_line(pid).is_some_and(|line| line.contains(marker))
}

/// Ends the process group led by `pid`, gently first; does nothing when that process is not ours.
pub(crate) async fn end(pid: u32, marker: &str) -> Result<()> {
    for signal in ["TERM", "KILL"] {
        if !is_ours(pid, marker) {
            return Ok(());
        }
        signal_group(pid, signal)?;
        let deadline = Instant::now() + GRACE;
        while is_ours(pid, marker) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
    }
    if is_ours(pid, marker) {
        bail!("process {pid} does not end: end it by hand");
    }
    Ok(())
}

/// The group, because the local cloud's functions are its children.
fn signal_group(pid: u32, signal: &str) -> Result<()> {
    // The shell's own `kill`: it is everywhere, while std has no signals and the standalone tool is a package of its own.
    Command::new("sh")
        .args(["-c", r#"kill -s "$0" -- "-$1""#, signal, &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        // Its exit code tells only whether the group was still there, and the caller looks at that itself.
        .map(drop)
        .context("sh cannot be started")
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
    fn a_process_without_the_marker_is_not_ours() {
        assert!(!is_ours(std::process::id(), "no such marker"));
        assert!(!is_ours(u32::MAX, ""));
    }

    #[tokio::test]
    async fn only_a_marked_process_is_ended() {
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
}

//! Processes of the local cloud, as Linux shows them: which one is at the other end of a connection, and ending it.
//! Elsewhere none is found, so that none is killed.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

/// A function's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Such as `switchyard-tax`.
    pub(crate) function: String,
}

/// The child of this process that a connection on this machine comes from.
pub(crate) fn at_the_end_of(connection: SocketAddr, parent: u32) -> Option<Process> {
    let socket = format!("socket:[{}]", inode(connection)?);
    children(parent).into_iter().find(|process| {
        let open = fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target.as_os_str() == socket.as_str())
    })
}

/// Ends it as a crash would: it has no time for anything.
pub(crate) fn kill(pid: u32) -> bool {
    let killed = Command::new("sh").args(["-c", "kill -s KILL \"$0\"", &pid.to_string()]).status();
    killed.is_ok_and(|status| status.success())
}

/// The inode of the socket that this address of 127.0.0.1 belongs to. Lines: `sl local remote state … uid timeout inode`.
fn inode(address: SocketAddr) -> Option<String> {
    let local = format!("0100007F:{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let line = table.lines().map(str::split_whitespace).find(|line| line.clone().nth(1) == Some(&local))?;
    line.map(str::to_owned).nth(9).filter(|inode| inode != "0")
}

fn children(parent: u32) -> Vec<Process> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).filter_map(function).collect()
}

/// The fourth word of `/proc/<pid>/stat`; the second is a name in brackets, which may hold anything.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn function(pid: u32) -> Option<Process> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
    let function = variables.find_map(|variable| variable.strip_prefix("AWS_LAMBDA_FUNCTION_NAME="))?.to_owned();
    Some(Process { pid, function })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_leads_to_the_child_that_made_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // A child that connects and waits; bash has connections built in.
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read -u 3");
        let mut child =
            Command::new("bash").args(["-c", &connect]).env("AWS_LAMBDA_FUNCTION_NAME", "f").spawn().unwrap();
        let (_connection, caller) = listener.accept().unwrap();
        let found = at_the_end_of(caller, std::process::id());
        assert_eq!(found, Some(Process { pid: child.id(), function: "f".into() }));
        assert_eq!(at_the_end_of(caller, 1), None, "it is nobody else's child");
        assert!(kill(child.id()));
        assert!(!child.wait().unwrap().success());
    }
}

//! Function processes of the local cloud, found in Linux's `/proc`. On other systems none is found, so none is killed.

use std::fs;
use std::net::SocketAddr;

/// The process of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionProcess {
    pub(crate) pid: u32,
    /// The function's name, such as `switchyard-tax`.
    pub(crate) function: String,
}

impl FunctionProcess {
    /// The child of `parent` that has opened this connection. Only connections within this machine can be found.
    pub(crate) fn find(connection: SocketAddr, parent: u32) -> Option<Self> {
        let socket = format!("socket:[{}]", socket_inode(connection)?);
        children(parent).into_iter().find(|process| {
            let open_files = fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten().flatten();
            let mut targets = open_files.filter_map(|file| fs::read_link(file.path()).ok());
            targets.any(|target| target.as_os_str() == socket.as_str())
        })
    }

    fn from_pid(pid: u32) -> Option<Self> {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let variables = environment.split(|byte| *byte == 0);
        let mut variables = variables.filter_map(|variable| std::str::from_utf8(variable).ok());
        let function = variables.find_map(|variable| variable.strip_prefix("AWS_LAMBDA_FUNCTION_NAME="))?.to_owned();
        Some(Self { pid, function })
    }
}

/// The inode of the socket with this address of 127.0.0.1. A line of the table is `sl local remote state … uid timeout
/// inode`.
fn socket_inode(address: SocketAddr) -> Option<String> {
    let local = format!("0100007F:{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let line = table.lines().map(str::split_whitespace).find(|line| line.clone().nth(1) == Some(&local))?;
    line.map(str::to_owned).nth(9).filter(|inode| inode != "0")
}

fn children(parent: u32) -> Vec<FunctionProcess> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_pid(*pid) == Some(parent)).filter_map(FunctionProcess::from_pid).collect()
}

/// The fourth field of `/proc/<pid>/stat`. The second field is a name in brackets, which may contain any character.
fn parent_pid(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;
    use std::process::Command;

    use yard::kill_process;

    use super::*;

    #[test]
    fn connection_leads_to_the_child_process_that_opened_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // A child that connects and waits; bash has connections built in.
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read -u 3");
        let mut child =
            Command::new("bash").args(["-c", &connect]).env("AWS_LAMBDA_FUNCTION_NAME", "f").spawn().unwrap();
        let (_connection, caller) = listener.accept().unwrap();
        let found = FunctionProcess::find(caller, std::process::id());
        assert_eq!(found, Some(FunctionProcess { pid: child.id(), function: "f".into() }));
        assert_eq!(FunctionProcess::find(caller, 1), None, "it is the child of this process only");
        assert!(kill_process(child.id()));
        assert!(!child.wait().unwrap().success());
    }
}

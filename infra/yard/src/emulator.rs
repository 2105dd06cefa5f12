//! The emulator's process: where it listens, what it is told, and when it is ready.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::cloud::{LOCAL_KEY, LOCAL_REGION};
use crate::instance::MAIN;
use crate::{Instance, Project, fetch};

/// The port of AWS emulators by custom, used by the main instance when it is free.
const CUSTOMARY_PORT: u16 = 4566;

/// The port asked for; else the customary one for the main instance; else any that is free.
pub(crate) fn choose_port(instance: &Instance, wanted: Option<u16>) -> Result<u16> {
    if let Some(port) = wanted {
        return free(port)
            .with_context(|| format!("port {port} is taken: choose another with --port, or leave it away"));
    }
    if instance.name == MAIN
        && let Ok(port) = free(CUSTOMARY_PORT)
    {
        return Ok(port);
    }
    free(0).context("no free port on 127.0.0.1")
}

/// Starts it in a process group of its own, so that it outlives this command and its terminal.
pub(crate) fn spawn(project: &Project, instance: &Instance, port: u16, endpoint: Option<&str>) -> Result<Child> {
    let log = File::create(instance.log()).context("the emulator's log cannot be made")?;
    let endpoint = endpoint.map_or_else(|| format!("http://127.0.0.1:{port}"), str::to_owned);
    // Functions inherit the emulator's environment, so it gets only what is named here.
    Command::new(project.tool("python"))
        .args(["-X", &instance.marker(), "-m", "ministack"])
        .env_clear()
        .envs(["PATH", "HOME", "LANG"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .envs([
            ("BIND_HOST", "127.0.0.1"),
            ("GATEWAY_PORT", &port.to_string()),
            ("AUTH", "true"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ACCESS_KEY_ID", LOCAL_KEY),
            ("AWS_SECRET_ACCESS_KEY", LOCAL_KEY),
            ("AWS_REGION", LOCAL_REGION),
            ("AWS_DEFAULT_REGION", LOCAL_REGION),
        ])
        .env("TMPDIR", instance.dir.join("tmp"))
        .current_dir(&instance.dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("the emulator's log cannot be opened")?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .context("the emulator cannot be started: run `yard tools`")
}

/// Waits until it answers, or has ended.
pub(crate) async fn await_ready(instance: &Instance, endpoint: &str, child: &mut Child) -> Result<()> {
    let page = format!("{endpoint}/_ministack/ready");
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().context("the emulator cannot be watched")? {
            bail!(
                "the emulator ended at once ({status}); its log {}:\n{}",
                instance.log().display(),
                tail(&instance.log(), 15)
            );
        }
        if fetch(&page).await.is_ok_and(|reply| reply.is_success()) {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!(
        "the emulator does not answer at {page}; its log {}:\n{}",
        instance.log().display(),
        tail(&instance.log(), 15)
    )
}

/// The last lines of a file, for an error message.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).map(|raw| String::from_utf8_lossy(&raw).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn free(port: u16) -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr().map(|address| address.port())
}

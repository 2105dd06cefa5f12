//! The emulator's process: starts it, waits until it answers, ends it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::aws::clients::{LOCAL_KEY, LOCAL_REGION};
use crate::aws::http::fetch;
use crate::local::instance::{Instance, MAIN, RunningInstance};
use crate::local::log_file::last_lines;
use crate::local::process;
use crate::local::project::Project;

/// The usual port of AWS emulators. The main instance uses it if it is free.
const USUAL_PORT: u16 = 4566;

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How many lines of the log an error message shows.
const SHOWN_LOG_LINES: usize = 15;

/// Starts the emulator and waits until it answers. Functions call AWS at the emulator itself, unless `functions_endpoint` names
/// another address.
pub(crate) async fn start(
    project: &Project,
    instance: &Instance,
    stack: &str,
    port: Option<u16>,
    functions_endpoint: Option<&str>,
) -> Result<RunningInstance> {
    let port = choose_port(instance, port)?;
    instance.clear()?;
    let dir = &instance.dir;
    fs::create_dir_all(dir.join("tmp")).with_context(|| format!("{} cannot be made", dir.display()))?;
    let mut child = spawn(project, instance, port, functions_endpoint)?;
    let running = RunningInstance { pid: child.id(), port, stack: stack.to_owned() };
    instance.record(&running)?;
    if let Err(error) = await_ready(instance, &running.endpoint(), &mut child).await {
        process::end(running.pid, &instance.marker()).await?;
        return Err(error);
    }
    Ok(running)
}

/// Ends the emulator and removes the instance's state. True if it was running.
pub(crate) async fn stop(instance: &Instance) -> Result<bool> {
    let running = instance.running();
    if let Some(running) = &running {
        process::end(running.pid, &instance.marker()).await?;
        // The log is kept beside the folder, to be read after a failure.
        fs::rename(instance.log(), instance.dir.with_extension("log")).ok();
    }
    instance.clear()?;
    Ok(running.is_some())
}

/// The wanted port; else the usual one for the main instance; else any that is free.
fn choose_port(instance: &Instance, wanted: Option<u16>) -> Result<u16> {
    if let Some(port) = wanted {
        return find_free_port(port)
            .with_context(|| format!("port {port} is taken: choose another with --port, or leave it away"));
    }
    if instance.name == MAIN
        && let Ok(port) = find_free_port(USUAL_PORT)
    {
        return Ok(port);
    }
    find_free_port(0).context("no free port on 127.0.0.1")
}

/// This port if it is free; any free port for 0.
fn find_free_port(port: u16) -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr().map(|address| address.port())
}

/// Starts the process in a group of its own, so that it outlives this command and its terminal.
fn spawn(project: &Project, instance: &Instance, port: u16, functions_endpoint: Option<&str>) -> Result<Child> {
    let log = File::create(instance.log()).context("the emulator's log cannot be made")?;
    let endpoint = functions_endpoint.map_or_else(|| format!("http://127.0.0.1:{port}"), str::to_owned);
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

/// Waits until the emulator answers. Fails if its process ends, or after [`START_TIMEOUT`].
async fn await_ready(instance: &Instance, endpoint: &str, child: &mut Child) -> Result<()> {
    let page = format!("{endpoint}/_ministack/ready");
    let log = instance.log();
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().context("the emulator cannot be watched")? {
            let end = last_lines(&log, SHOWN_LOG_LINES);
            bail!("the emulator ended at once ({status}); its log {}:\n{end}", log.display());
        }
        if fetch(&page).await.is_ok_and(|response| response.is_success()) {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    let end = last_lines(&log, SHOWN_LOG_LINES);
    bail!("the emulator does not answer at {page}; its log {}:\n{end}", log.display())
}

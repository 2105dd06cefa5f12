//! A local cloud: one emulator process, its address, and a folder with its state.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::cloud::{LOCAL_KEY, LOCAL_REGION};
use crate::{Project, api, process};

/// The port of AWS emulators by custom, used by the main instance when it is free.
const CUSTOMARY_PORT: u16 = 4566;

/// The instance used unless another is named.
pub(crate) const MAIN: &str = "main";

/// A local cloud by name, running or not.
#[derive(Debug, Clone)]
pub struct Instance {
    pub name: String,
    /// The folder with its state: `.local/<name>`.
    pub dir: PathBuf,
    project: Project,
}

/// One that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub pid: u32,
    pub port: u16,
    /// The stack that is or will be in it.
    pub stack: String,
}

impl Running {
    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Instance {
    /// The instance of that name.
    pub fn named(project: &Project, name: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
            bail!("{name:?} is no name for an instance: use 1 to 32 of a-z, 0-9 and -");
        }
        let dir = project.path(".local").join(name);
        Ok(Self {
            name: name.to_owned(),
            dir,
            project: project.clone(),
        })
    }

    /// Its process, if it runs. What a crash or a reboot left behind counts for nothing.
    pub fn running(&self) -> Option<Running> {
        let read = |file: &str| fs::read_to_string(self.dir.join(file)).ok();
        let pid = read("pid")?.trim().parse().ok()?;
        let port = read("port")?.trim().parse().ok()?;
        let stack = read("stack")?.trim().to_owned();
        process::is_ours(pid, &self.marker()).then_some(Running { pid, port, stack })
    }

    /// Keeps two commands from changing one instance at once; released when dropped.
    pub fn lock(&self) -> Result<File> {
        let path = self.dir.with_extension("lock");
        fs::create_dir_all(self.project.path(".local")).context("the folder .local cannot be made")?;
        let file = File::create(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        if file.try_lock().is_err() {
            crate::progress::note(format!("waiting for another yard that works on instance {}", self.name));
            file.lock()
                .with_context(|| format!("{} cannot be locked", path.display()))?;
        }
        Ok(file)
    }

    /// Starts the emulator and waits until it answers.
    pub async fn start(&self, stack: &str, port: Option<u16>) -> Result<Running> {
        let port = self.choose_port(port)?;
        self.clear()?;
        fs::create_dir_all(self.dir.join("tmp")).with_context(|| format!("{} cannot be made", self.dir.display()))?;
        let mut child = self.spawn(port)?;
        let running = Running {
            pid: child.id(),
            port,
            stack: stack.to_owned(),
        };
        for (file, text) in [
            ("pid", running.pid.to_string()),
            ("port", port.to_string()),
            ("stack", stack.to_owned()),
        ] {
            fs::write(self.dir.join(file), text)
                .with_context(|| format!("{} cannot be written", self.dir.display()))?;
        }
        self.await_ready(&running, &mut child).await?;
        Ok(running)
    }

    /// Ends the emulator and forgets its state. True if there was one.
    pub async fn stop(&self) -> Result<bool> {
        let running = self.running();
        if let Some(running) = &running {
            process::end(running.pid, &self.marker()).await?;
            // Kept beside the folder: whoever takes an instance down after a failure wants to read it.
            fs::rename(self.log(), self.dir.with_extension("log")).ok();
        }
        self.clear()?;
        Ok(running.is_some())
    }

    /// Where the emulator and its functions write what they have to say.
    pub fn log(&self) -> PathBuf {
        self.dir.join("ministack.log")
    }

    /// On the emulator's command line, and on no other's.
    fn marker(&self) -> String {
        format!("switchyard={}", self.dir.display())
    }

    fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    fn choose_port(&self, wanted: Option<u16>) -> Result<u16> {
        if let Some(port) = wanted {
            return free(port)
                .with_context(|| format!("port {port} is taken: choose another with --port, or leave it away"));
        }
        if self.name == MAIN
            && let Ok(port) = free(CUSTOMARY_PORT)
        {
            return Ok(port);
        }
        free(0).context("no free port on 127.0.0.1")
    }

    fn spawn(&self, port: u16) -> Result<Child> {
        let log = File::create(self.log()).context("the emulator's log cannot be made")?;
        let endpoint = format!("http://127.0.0.1:{port}");
        // Functions inherit the emulator's environment, so it gets only what is named here.
        Command::new(self.project.tool("python"))
            .args(["-X", &self.marker(), "-m", "ministack"])
            .env_clear()
            .envs(
                ["PATH", "HOME", "LANG"]
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
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
            .env("TMPDIR", self.dir.join("tmp"))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the emulator's log cannot be opened")?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("the emulator cannot be started: run `yard tools`")
    }

    async fn await_ready(&self, running: &Running, child: &mut Child) -> Result<()> {
        let page = format!("{}/_ministack/ready", running.endpoint());
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().context("the emulator cannot be watched")? {
                bail!(
                    "the emulator ended at once ({status}); its log {}:\n{}",
                    self.log().display(),
                    tail(&self.log(), 15)
                );
            }
            if api::fetch(&page).await.is_ok_and(|reply| reply.is_success()) {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "the emulator does not answer at {page}; its log {}:\n{}",
            self.log().display(),
            tail(&self.log(), 15)
        )
    }
}

/// The last lines of a file, for an error message.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path)
        .map(|raw| String::from_utf8_lossy(&raw).into_owned())
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn free(port: u16) -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?
        .local_addr()
        .map(|address| address.port())
}

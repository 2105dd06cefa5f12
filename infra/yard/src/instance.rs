//! A local cloud: one emulator process, its address, and a folder with its state.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{Cloud, Project, emulator, process};

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
pub struct RunningInstance {
    pub pid: u32,
    pub port: u16,
    /// The stack that is or will be in it.
    pub stack: String,
}

impl RunningInstance {
    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Clients for its stack, as the root user.
    pub fn cloud(&self) -> Cloud {
        Cloud::local(self.stack.clone(), self.endpoint())
    }
}

impl Instance {
    /// The instance of that name.
    pub fn new(project: &Project, name: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
            bail!("{name:?} is no name for an instance: use 1 to 32 of a-z, 0-9 and -");
        }
        let dir = project.path(".local").join(name);
        Ok(Self { name: name.to_owned(), dir, project: project.clone() })
    }

    /// Its process, if it runs. What a crash or a reboot left behind counts for nothing.
    pub fn running(&self) -> Option<RunningInstance> {
        let read = |file: &str| fs::read_to_string(self.dir.join(file)).ok();
        let pid = read("pid")?.trim().parse().ok()?;
        let port = read("port")?.trim().parse().ok()?;
        let stack = read("stack")?.trim().to_owned();
        process::is_ours(pid, &self.marker()).then_some(RunningInstance { pid, port, stack })
    }

    /// Keeps two commands from changing one instance at once; released when dropped.
    pub fn lock(&self) -> Result<File> {
        let path = self.dir.with_extension("lock");
        fs::create_dir_all(self.project.path(".local")).context("the folder .local cannot be made")?;
        let file = File::create(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        if file.try_lock().is_err() {
            crate::progress::note(format!("waiting for another yard that works on instance {}", self.name));
            file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
        }
        Ok(file)
    }

    /// Starts the emulator and waits until it answers. Functions call AWS at the emulator itself, unless another address is named.
    pub async fn start(
        &self,
        stack: &str,
        port: Option<u16>,
        functions_endpoint: Option<&str>,
    ) -> Result<RunningInstance> {
        let port = emulator::choose_port(self, port)?;
        self.clear()?;
        fs::create_dir_all(self.dir.join("tmp")).with_context(|| format!("{} cannot be made", self.dir.display()))?;
        let mut child = emulator::spawn(&self.project, self, port, functions_endpoint)?;
        let running = RunningInstance { pid: child.id(), port, stack: stack.to_owned() };
        for (file, text) in [("pid", running.pid.to_string()), ("port", port.to_string()), ("stack", stack.to_owned())]
        {
            fs::write(self.dir.join(file), text)
                .with_context(|| format!("{} cannot be written", self.dir.display()))?;
        }
        if let Err(error) = emulator::await_ready(self, &running.endpoint(), &mut child).await {
            process::end(running.pid, &self.marker()).await?;
            return Err(error);
        }
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

    /// On the emulator's command line, and on no other's: hence the slash, or `main` would be found in `main2`.
    pub(crate) fn marker(&self) -> String {
        format!("switchyard={}/", self.dir.display())
    }

    /// Removes the folder. Functions that outlive the emulator for a moment may still write into it.
    fn clear(&self) -> Result<()> {
        let mut tries = 0..20;
        loop {
            match fs::remove_dir_all(&self.dir) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && tries.next().is_some() => {}
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} cannot be removed", self.dir.display()));
                }
                _ => return Ok(()),
            }
        }
    }
}

//! A local cloud by name: its folder, and the process and address that are recorded there.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::aws::clients::Cloud;
use crate::local::process;
use crate::local::project::Project;
use crate::terminal::output::print_note;

/// The instance used unless another is named.
pub(crate) const MAIN: &str = "main";

/// How often an instance's folder is removed again because something was still written into it.
const MAX_CLEAR_RETRIES: u32 = 20;

/// A local cloud by name, running or not.
#[derive(Debug, Clone)]
pub struct Instance {
    pub name: String,
    /// The folder with its state: `.local/<name>`.
    pub dir: PathBuf,
}

/// An instance whose emulator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningInstance {
    pub pid: u32,
    pub port: u16,
    /// The name of the stack that is or will be deployed in it.
    pub stack: String,
}

impl RunningInstance {
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Clients for its stack, as the root user.
    pub fn cloud(&self) -> Cloud {
        Cloud::local(self.stack.clone(), self.endpoint())
    }
}

impl Instance {
    /// The instance of that name. Fails if the name is not 1 to 32 of `a-z`, `0-9` and `-`.
    pub fn new(project: &Project, name: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
            bail!("{name:?} is no name for an instance: use 1 to 32 of a-z, 0-9 and -");
        }
        Ok(Self { name: name.to_owned(), dir: project.path(".local").join(name) })
    }

    /// Its process, if it runs. A record that a crash or a reboot left behind does not count.
    pub fn running(&self) -> Option<RunningInstance> {
        let read = |file: &str| fs::read_to_string(self.dir.join(file)).ok();
        let pid = read("pid")?.trim().parse().ok()?;
        let port = read("port")?.trim().parse().ok()?;
        let stack = read("stack")?.trim().to_owned();
        if process::is_ours(pid, &self.marker()) { Some(RunningInstance { pid, port, stack }) } else { None }
    }

    /// Keeps two commands from changing the instance at the same time. The lock ends when the file is dropped.
    pub fn lock(&self) -> Result<File> {
        let path = self.dir.with_extension("lock");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context("the folder .local cannot be made")?;
        }
        let file = File::create(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        if file.try_lock().is_err() {
            print_note(format!("waiting for another yard that works on instance {}", self.name));
            file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
        }
        Ok(file)
    }

    /// The log of the emulator and of the functions in it.
    pub fn log(&self) -> PathBuf {
        self.dir.join("ministack.log")
    }

    /// A text on the emulator's command line and on no other's. It ends in a slash, since `main` would be found in `main2`.
    pub(crate) fn marker(&self) -> String {
        format!("switchyard={}/", self.dir.display())
    }

    /// Writes down which process runs it, for [`Instance::running`].
    pub(crate) fn record(&self, running: &RunningInstance) -> Result<()> {
        let RunningInstance { pid, port, stack } = running;
        for (file, text) in [("pid", pid.to_string()), ("port", port.to_string()), ("stack", stack.clone())] {
            fs::write(self.dir.join(file), text)
                .with_context(|| format!("{} cannot be written", self.dir.display()))?;
        }
        Ok(())
    }

    /// Removes the folder. Functions that outlive the emulator for a moment may still write into it, hence the retries.
    pub(crate) fn clear(&self) -> Result<()> {
        let mut retries = 0;
        loop {
            match fs::remove_dir_all(&self.dir) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && retries < MAX_CLEAR_RETRIES => {
                    retries += 1;
                }
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} cannot be removed", self.dir.display()));
                }
                _ => return Ok(()),
            }
        }
    }
}

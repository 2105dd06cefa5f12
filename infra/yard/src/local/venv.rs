//! The pinned Python tools, in `.venv`.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use tokio::process::Command;

use crate::local::project::Project;
use crate::terminal::progress::Step;

/// The oldest Python that every tool in `infra/requirements.txt` runs on.
const MIN_PYTHON: (u32, u32) = (3, 10);

/// Names of the Python program, tried in this order.
const PYTHON_NAMES: [&str; 7] =
    ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Installs what `infra/requirements.txt` pins, unless it is installed already.
pub(crate) async fn install(project: &Project) -> Result<()> {
    let pins = project.path("infra/requirements.txt");
    let wanted = std::fs::read_to_string(&pins).with_context(|| format!("{} cannot be read", pins.display()))?;
    let stamp = project.path(".venv/switchyard-tools.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let step = Step::new("tools");
    let python = project.tool("python");
    if read_version(&python).await.is_none_or(|found| found < MIN_PYTHON) {
        step.detail("creating .venv");
        let system = find_python().await?;
        let venv = [&system, &PathBuf::from("-m"), &"venv".into(), &"--clear".into(), &project.path(".venv")];
        run(&venv, "python cannot make .venv: on Debian and Ubuntu, install the package python3-venv").await?;
    }
    step.detail("installing infra/requirements.txt");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"].map(PathBuf::from);
    let install: Vec<&PathBuf> = std::iter::once(&python).chain(&pip).chain(std::iter::once(&pins)).collect();
    run(&install, "the tools cannot be installed: check the network, then run `yard tools` again").await?;
    std::fs::write(&stamp, wanted).context(".venv cannot be written")?;
    step.done("installed in .venv");
    Ok(())
}

async fn run(command: &[&PathBuf], advice: &str) -> Result<()> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let output = Command::new(program).args(arguments).output().await.with_context(|| advice.to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(anyhow!("{}", String::from_utf8_lossy(&printed).trim_end().to_owned()).context(advice.to_owned()))
}

async fn find_python() -> Result<PathBuf> {
    let mut too_old = None;
    for name in PYTHON_NAMES {
        match read_version(&PathBuf::from(name)).await {
            Some(found) if found >= MIN_PYTHON => return Ok(name.into()),
            Some((major, minor)) => too_old = Some(format!("{name} is {major}.{minor}")),
            None => {}
        }
    }
    let (major, minor) = MIN_PYTHON;
    match too_old {
        Some(found) => bail!("Python {major}.{minor} or newer is needed, and {found}: install a newer one"),
        None => bail!("Python {major}.{minor} or newer is needed, and there is none: install python3"),
    }
}

async fn read_version(python: &PathBuf) -> Option<(u32, u32)> {
    let script = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(python).args(["-c", script]).output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_versions_compare_as_numbers() {
        assert!(parse_version("3 11\n").unwrap() >= MIN_PYTHON);
        assert!(parse_version("3 9").unwrap() < MIN_PYTHON);
        assert_eq!(parse_version("Python 3.11"), None);
    }
}

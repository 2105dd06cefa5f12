//! Builds the functions and copies them to where the template expects them.

use std::fs::{self, File, FileTimes};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::local::project::{Binary, Project};
use crate::terminal::progress::Step;

/// Builds what an instance runs, as `make up` does: the functions and `yard`, which are the workspace's default members.
pub(crate) async fn build(project: &Project) -> Result<()> {
    let step = Step::new("build");
    let status = Command::new("cargo")
        .args(["build", "--quiet"])
        .current_dir(project.path(""))
        .status()
        .await
        .context("cargo cannot be started: install Rust from https://rustup.rs")?;
    if !status.success() {
        bail!("the build failed: its errors are above");
    }
    step.done("built with cargo");
    Ok(())
}

/// Copies every function's binary to `target/lambda/<name>/bootstrap`, and `yard` itself to `.local/bin/yard`.
pub(crate) async fn install_binaries(project: &Project) -> Result<Vec<Binary>> {
    let (built, binaries) = project.binaries().await?;
    for binary in &binaries {
        if !binary.path.is_file() {
            bail!("{} is not built: run `cargo build`, or leave --no-build away", binary.path.display());
        }
        copy_if_changed(&binary.path, &project.path("target/lambda").join(&binary.name).join("bootstrap"))?;
    }
    let built_yard = built.join("yard");
    let source =
        if built_yard.is_file() { built_yard } else { std::env::current_exe().context("yard cannot find itself")? };
    let installed = project.path(".local/bin/yard");
    if source != installed {
        copy_if_changed(&source, &installed)?;
    }
    Ok(binaries)
}

/// Copies the file unless size and time of modification are equal. A copy and not a link: `cargo lambda build` writes into the same
/// place, and through a link it would write into cargo's own file.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("{} cannot be copied to {}", from.display(), to.display());
    let source = from.metadata().with_context(failed)?;
    let modified = source.modified().with_context(failed)?;
    let same =
        to.metadata().is_ok_and(|there| there.len() == source.len() && there.modified().is_ok_and(|t| t == modified));
    if same {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    // Copied under another name and renamed, since the old file may be a running program.
    let aside = to.with_extension("new");
    fs::copy(from, &aside).with_context(failed)?;
    let times = FileTimes::new().set_modified(modified);
    File::options().write(true).open(&aside).and_then(|file| file.set_times(times)).with_context(failed)?;
    fs::rename(&aside, to).with_context(failed)
}

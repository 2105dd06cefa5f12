//! `sam deploy` of the template into a local cloud, skipped when nothing has changed since the last one.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cloud::{LOCAL_KEY, LOCAL_REGION};
use crate::emulator::tail;
use crate::{Binary, Instance, Project, RunningInstance, progress, stack};

/// What was deployed last, in the instance's folder.
const STAMP: &str = "deployed";

/// The folder that a deployment reads beside the binaries.
const INFRA: [&str; 2] = ["infra/template.yaml", "infra/samconfig.toml"];

/// Deploys unless template, settings and binaries are those of the last deployment and that stack is still in order.
pub(crate) async fn deploy(
    project: &Project,
    instance: &Instance,
    running: &RunningInstance,
    binaries: &[Binary],
    parameters: &[String],
) -> Result<()> {
    let step = progress::step("deploy");
    let stamp = instance.dir.join(STAMP);
    let print = fingerprint(project, binaries)? + &parameters.join("\n");
    let cloud = running.cloud();
    let in_order =
        stack::state(&cloud).await?.is_some_and(|state| state.ends_with("_COMPLETE") && !state.contains("ROLLBACK"));
    if in_order && fs::read_to_string(&stamp).is_ok_and(|deployed| deployed == print) {
        step.done(format!("stack {} is unchanged", running.stack));
        return Ok(());
    }
    let log = instance.dir.join("deploy.log");
    let output = sam_deploy(project, instance, running, parameters)
        .output()
        .await
        .context("sam cannot be started: run `yard tools`")?;
    fs::write(&log, [output.stdout, output.stderr].concat()).context("the log of the deployment cannot be written")?;
    if !output.status.success() {
        bail!("sam deploy failed; the end of {}:\n{}", log.display(), tail(&log, 30));
    }
    fs::write(&stamp, print).context("the instance's folder cannot be written")?;
    step.done(format!("stack {} with sam", running.stack));
    Ok(())
}

fn sam_deploy(project: &Project, instance: &Instance, running: &RunningInstance, parameters: &[String]) -> Command {
    let mut command = Command::new(project.tool("sam"));
    command
        .args(["deploy", "--config-env", "local", "--stack-name", &running.stack, "--region", LOCAL_REGION])
        .arg("--template-file")
        .arg(project.path("infra/template.yaml"))
        .arg("--config-file")
        .arg(project.path("infra/samconfig.toml"))
        .args(["--language-extensions", "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"])
        .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-progressbar"])
        .args(["--parameter-overrides", &format!("Architecture={}", architecture()), "LocalCloud=true"])
        .args(parameters)
        .env("AWS_ENDPOINT_URL", running.endpoint())
        .env("AWS_ACCESS_KEY_ID", LOCAL_KEY)
        .env("AWS_SECRET_ACCESS_KEY", LOCAL_KEY)
        .env("AWS_REGION", LOCAL_REGION)
        .env("AWS_DEFAULT_REGION", LOCAL_REGION)
        // Nothing of the operator's real account may reach a local deployment.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .env("SAM_CLI_TELEMETRY", "0")
        .env("NO_COLOR", "1")
        .env("TMPDIR", instance.dir.join("tmp"))
        .current_dir(project.path("infra"));
    command
}

/// The name that Lambda has for this machine's processor.
fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

/// The text of the small files, and size and time of the binaries: cargo touches those only when it links them anew.
fn fingerprint(project: &Project, binaries: &[Binary]) -> Result<String> {
    let mut print = String::new();
    for file in INFRA.map(|file| project.path(file)) {
        print += &fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    for binary in binaries {
        let (size, time) = size_and_time(&binary.path)?;
        writeln!(print, "{} {size} {time}", binary.name)?;
    }
    Ok(print)
}

fn size_and_time(path: &Path) -> Result<(u64, u128)> {
    let failed = || format!("{} cannot be read", path.display());
    let metadata = path.metadata().with_context(failed)?;
    let modified = metadata.modified().with_context(failed)?;
    Ok((metadata.len(), modified.duration_since(UNIX_EPOCH).with_context(failed)?.as_nanos()))
}

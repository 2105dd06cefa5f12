//! `sam deploy` of the template into a local cloud, skipped if nothing has changed since the last deployment.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::aws::clients::{LOCAL_KEY, LOCAL_REGION};
use crate::local::instance::{Instance, RunningInstance};
use crate::local::log_file::last_lines;
use crate::local::project::{Binary, Project};
use crate::stack::deployed;
use crate::terminal::progress::Step;

/// The file in the instance's folder with the fingerprint of the last deployment.
const FINGERPRINT_FILE: &str = "deployed";

/// The files that a deployment reads beside the binaries.
const INFRA_FILES: [&str; 2] = ["infra/template.yaml", "infra/samconfig.toml"];

/// Deploys, unless template, settings, parameters and binaries are those of the last deployment and its stack is still complete.
pub(crate) async fn deploy(
    project: &Project,
    instance: &Instance,
    running: &RunningInstance,
    binaries: &[Binary],
    parameters: &[String],
) -> Result<()> {
    let step = Step::new("deploy");
    let fingerprint_file = instance.dir.join(FINGERPRINT_FILE);
    let wanted = fingerprint(project, binaries)? + &parameters.join("\n");
    let cloud = running.cloud();
    let status = deployed::read_status(&cloud).await?;
    let complete = status.is_some_and(|status| status.ends_with("_COMPLETE") && !status.contains("ROLLBACK"));
    if complete && fs::read_to_string(&fingerprint_file).is_ok_and(|deployed| deployed == wanted) {
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
        bail!("sam deploy failed; the end of {}:\n{}", log.display(), last_lines(&log, 30));
    }
    fs::write(&fingerprint_file, wanted).context("the instance's folder cannot be written")?;
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

/// Lambda's name for this machine's processor.
fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

/// The text of [`INFRA_FILES`], and size and time of the binaries: cargo changes those only when it links again.
fn fingerprint(project: &Project, binaries: &[Binary]) -> Result<String> {
    let mut fingerprint = String::new();
    for file in INFRA_FILES.map(|file| project.path(file)) {
        fingerprint += &fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    for binary in binaries {
        let (size, time) = size_and_time(&binary.path)?;
        writeln!(fingerprint, "{} {size} {time}", binary.name)?;
    }
    Ok(fingerprint)
}

fn size_and_time(path: &Path) -> Result<(u64, u128)> {
    let failed = || format!("{} cannot be read", path.display());
    let metadata = path.metadata().with_context(failed)?;
    let modified = metadata.modified().with_context(failed)?;
    Ok((metadata.len(), modified.duration_since(UNIX_EPOCH).with_context(failed)?.as_nanos()))
}

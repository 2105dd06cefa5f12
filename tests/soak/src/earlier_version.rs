//! An earlier version of this repository: checked out, built, and deployed by its own `yard`.
//!
//! Only this much must be the same in every version: the options of `yard up` that are used here, the fields of
//! `infra/catalog.json`, and the files in which `yard` records a running instance.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::process::Command;
use yard::{Instance, Project, RunningInstance};

use crate::products::Product;

/// The pinned tools of a version. Two versions with the same pins share their `.venv`.
const PINS: &str = "infra/requirements.txt";

/// A commit in a folder of its own under `target/upgrade`.
pub(crate) struct EarlierVersion {
    /// The commit, abbreviated.
    pub(crate) commit: String,
    root: PathBuf,
    /// Cargo's target folder for all earlier versions.
    target: PathBuf,
}

impl EarlierVersion {
    /// Checks the revision out, without changes of an earlier run.
    pub(crate) async fn check_out(project: &Project, revision: &str) -> Result<Self> {
        let repository = project.path("");
        let commit = find_commit(&repository, revision).await?;
        let folder = project.path("target/upgrade");
        let root = folder.join(&commit);
        if root.join(".git").exists() {
            git(&root, &["checkout", "--quiet", "--force", "--detach", &commit]).await?;
        } else {
            let path = root.to_str().context("the path of the repository is not UTF-8")?;
            // By force: git still knows the folder if `cargo clean` has removed it.
            git(&repository, &["worktree", "add", "--quiet", "--force", "--detach", path, &commit]).await?;
        }
        let version = Self { commit, root, target: folder.join("build") };
        version.share_tools(project)?;
        Ok(version)
    }

    /// The local instance with this name in that version's folder. Both versions work on it.
    pub(crate) fn instance(&self, name: &str) -> Instance {
        Instance { name: name.to_owned(), dir: self.root.join(".local").join(name) }
    }

    /// Builds what that version deploys.
    pub(crate) async fn build(&self) -> Result<()> {
        let mut cargo = Command::new("cargo");
        // Built once, so what incremental builds need would only fill the disk.
        cargo.args(["build", "--quiet"]).env("CARGO_INCREMENTAL", "0");
        self.run(cargo, "the earlier version cannot be built").await
    }

    /// Starts a local cloud on this port and deploys that version with these products. Its functions call AWS at
    /// `functions_endpoint`.
    pub(crate) async fn deploy(
        &self,
        instance: &Instance,
        port: u16,
        functions_endpoint: &str,
        products: &[Product],
    ) -> Result<RunningInstance> {
        let catalog = serde_json::to_vec(&products.iter().map(catalog_entry).collect::<Result<Vec<_>>>()?)?;
        fs::write(self.root.join("infra/catalog.json"), catalog).context("the catalog cannot be written")?;
        let mut yard = Command::new(self.target.join("debug/yard"));
        yard.args(["--instance", &instance.name, "up", "--no-build", "--port", &port.to_string()]);
        yard.args(["--functions-endpoint", functions_endpoint, "--parameter", "Schedules=DISABLED"]);
        self.run(yard, "the earlier version cannot be deployed").await?;
        instance.running().with_context(|| {
            format!("the yard of {} does not record its instance in {}", self.commit, instance.dir.display())
        })
    }

    /// Links this version's tools, if that version pins the same. If not, its `yard` installs its own.
    fn share_tools(&self, project: &Project) -> Result<()> {
        let read =
            |path: PathBuf| fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()));
        let (venv, link) = (project.path(".venv"), self.root.join(".venv"));
        if venv.exists() && !link.exists() && read(self.root.join(PINS))? == read(project.path(PINS))? {
            std::os::unix::fs::symlink(&venv, &link).context(".venv cannot be linked")?;
        }
        Ok(())
    }

    async fn run(&self, mut command: Command, failure: &str) -> Result<()> {
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null()).kill_on_drop(true);
        // This process writes its report to stdout, and nothing else.
        let status = command.stdout(std::io::stderr()).status().await.with_context(|| failure.to_owned())?;
        ensure!(status.success(), "{failure} ({}): its errors are above", self.commit);
        Ok(())
    }
}

/// The full hash of a revision.
async fn find_commit(repository: &Path, revision: &str) -> Result<String> {
    let name = format!("{revision}^{{commit}}");
    if let Ok(commit) = git(repository, &["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).await {
        return Ok(commit);
    }
    let shallow = git(repository, &["rev-parse", "--is-shallow-repository"]).await;
    match shallow.context("an upgrade needs a clone of the repository, with its history")?.as_str() {
        "true" => bail!("{revision} is not in this clone, which is shallow: run `git fetch --unshallow --tags`"),
        _ => bail!("there is no commit {revision} in this repository: name another one with FROM=…"),
    }
}

/// Runs git, and returns what it has printed.
async fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().await;
    let output = output.context("git cannot be started: install it")?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        bail!("git {} failed: {}", arguments.join(" "), printed.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn catalog_entry(product: &Product) -> Result<Value> {
    // Parsed and not converted, so that the price keeps its two places.
    let price: Value = serde_json::from_str(&product.price.to_string()).context("a price that is not a number")?;
    Ok(json!({
        "sku": product.sku,
        "name": format!("Product {}", product.sku),
        "price_usd": price,
        "taxable": product.taxable,
        "stock": product.stock,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("switchyard-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    async fn commit(folder: &Path) -> String {
        let author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let command = ["commit", "--quiet", "--allow-empty", "--message", "a commit"];
        git(folder, &[&author[..], &command].concat()).await.unwrap();
        git(folder, &["rev-parse", "HEAD"]).await.unwrap()
    }

    #[tokio::test]
    async fn commit_missing_from_shallow_clone_has_its_own_error() {
        let (full, shallow) = (repository("full"), repository("shallow"));
        git(&full, &["init", "--quiet"]).await.unwrap();
        let (first, _) = (commit(&full).await, commit(&full).await);
        let url = format!("file://{}", full.display());
        git(&shallow, &["clone", "--quiet", "--depth", "1", &url, "."]).await.unwrap();

        assert_eq!(find_commit(&full, &first[..9]).await.unwrap(), first);
        let error = async |folder, revision: &str| find_commit(folder, revision).await.unwrap_err().to_string();
        assert!(error(&full, "no-such-tag").await.contains("there is no commit no-such-tag"));
        assert!(error(&shallow, &first).await.contains("git fetch --unshallow"));
        for folder in [full, shallow] {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn catalog_entry_keeps_the_cents_of_its_price() {
        let product = Product { sku: "A".into(), price: rust_decimal::Decimal::new(1990, 2), taxable: true, stock: 7 };
        let text = catalog_entry(&product).unwrap().to_string();
        assert!(text.contains("\"price_usd\":19.9") && text.contains("\"stock\":7"), "{text}");
    }
}

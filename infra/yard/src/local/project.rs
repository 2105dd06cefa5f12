//! The checkout of Switchyard that `yard` works in: its folders, and the binaries that become functions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

/// The root of the repository.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

/// A binary of a package under `functions/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The name of the binary, and of its folder under `target/lambda/`.
    pub name: String,
    /// Its debug build.
    pub path: PathBuf,
}

impl Project {
    /// The repository around the current directory, else the one `yard` was built from.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir().context("the current directory cannot be read")?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        here.ancestors()
            .chain(built_from)
            .find(|folder| folder.join("infra/yard/Cargo.toml").is_file())
            .map(|root| Self { root: root.to_owned() })
            .with_context(|| format!("{} is not inside a checkout of Switchyard: change into one", here.display()))
    }

    /// A path inside the repository.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// A tool installed by `yard tools`.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.path(".venv/bin").join(name)
    }

    /// The folder with the binaries of cargo's development profile, and the binaries of every function.
    pub async fn binaries(&self) -> Result<(PathBuf, Vec<Binary>)> {
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
            .current_dir(&self.root)
            .output()
            .await
            .context("cargo cannot be started: install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("the answer of cargo metadata cannot be read")?;
        let built = metadata.target_directory.join("debug");
        let binaries = function_binaries(&metadata, &self.path("functions"), &built);
        Ok((built, binaries))
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

fn function_binaries(metadata: &Metadata, functions: &Path, built: &Path) -> Vec<Binary> {
    let mut binaries: Vec<Binary> = metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path.starts_with(functions))
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| Binary { name: target.name.clone(), path: built.join(&target.name) })
        .collect();
    binaries.sort_by(|one, other| one.name.cmp(&other.name));
    binaries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_under_functions_are_deployed() {
        let metadata = serde_json::json!({
            "target_directory": "/w/target",
            "packages": [
                {"manifest_path": "/w/functions/tax/Cargo.toml",
                 "targets": [{"name": "tax", "kind": ["lib"]}, {"name": "tax", "kind": ["bin"]}]},
                {"manifest_path": "/w/functions/warehouse/Cargo.toml",
                 "targets": [{"name": "warehouse", "kind": ["bin"]}, {"name": "closer", "kind": ["bin"]}]},
                {"manifest_path": "/w/functions/chassis/Cargo.toml", "targets": [{"name": "chassis", "kind": ["lib"]}]},
                {"manifest_path": "/w/infra/yard/Cargo.toml", "targets": [{"name": "yard", "kind": ["bin"]}]},
            ],
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let binaries = function_binaries(&metadata, Path::new("/w/functions"), Path::new("/w/target/debug"));
        let names: Vec<&str> = binaries.iter().map(|binary| binary.name.as_str()).collect();
        assert_eq!(names, ["closer", "tax", "warehouse"]);
        assert_eq!(binaries[1].path, Path::new("/w/target/debug/tax"));
    }

    #[test]
    fn project_is_found_from_inside_the_crate() {
        assert!(Project::find().unwrap().path("infra/yard").is_dir());
    }
}

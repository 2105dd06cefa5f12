//! The files of the repository, as git tracks them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file; the path is relative to the repository.
#[derive(Debug, Clone)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// The source files of one crate, by module path: empty for the root, `["commit", "plan"]` for `src/commit/plan.rs`.
pub type CrateFiles = BTreeMap<Vec<String>, File>;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All tracked files with one of these extensions (or names, such as `Makefile`).
pub fn read_tracked(extensions: &[&str]) -> Vec<File> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    let wanted = |path: &&str| extensions.contains(&path.rsplit(['.', '/']).next().unwrap_or_default());
    let paths = paths.split('\0').filter(|path| !path.is_empty()).filter(wanted);
    // A tracked file may have been deleted in the work tree.
    let read =
        |path: &str| Some(File { path: path.to_owned(), text: std::fs::read_to_string(root().join(path)).ok()? });
    paths.filter_map(read).collect()
}

/// Every crate of the repository that has a `src` folder: its folder and its files.
pub fn crates() -> Vec<(String, CrateFiles)> {
    let manifests = read_tracked(&["toml"]).into_iter().filter(|file| file.path.ends_with("Cargo.toml"));
    let folders = manifests.map(|file| file.path.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned());
    let crates = folders.map(|folder| (folder.clone(), crate_files(&folder))).filter(|(_, files)| !files.is_empty());
    let crates: Vec<_> = crates.collect();
    assert!(crates.len() > 10, "only {} crates were found", crates.len());
    crates
}

/// The files of the crate in this folder, without its test files and binaries.
pub fn crate_files(folder: &str) -> CrateFiles {
    let source = format!("{folder}/src/");
    let source = source.trim_start_matches('/');
    let files: Vec<_> = read_tracked(&["rs"]).into_iter().filter(|file| file.path.starts_with(source)).collect();
    let has_library = files.iter().any(|file| file.path == format!("{source}lib.rs"));
    let mut modules = CrateFiles::new();
    for file in files {
        let relative = &file.path[source.len()..];
        let is_other_crate = relative.starts_with("bin/") || (has_library && relative == "main.rs");
        if !is_other_crate && !relative.ends_with("tests.rs") {
            modules.insert(module_path(relative), file);
        }
    }
    modules
}

/// `commit/mod.rs` and `commit.rs` are the module `commit`; `lib.rs` and `main.rs` are the root.
pub fn module_path(relative: &str) -> Vec<String> {
    let mut path: Vec<String> = relative.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let is_folder_or_root = path.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str()));
    if is_folder_or_root {
        path.pop();
    }
    path
}

//! The template as CloudFormation sees it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A template of `infra` with its loops expanded and SAM's resources translated, for these parameters (`Name=value`).
pub fn expand(template: &str, parameters: &[&str]) -> Value {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = Command::new(root.join(".venv/bin/python"))
        .arg(root.join("tests/expand.py"))
        .arg(root.join("infra").join(template))
        .args(parameters)
        .output()
        .expect(".venv/bin/python runs; `make test` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("expand.py prints JSON")
}

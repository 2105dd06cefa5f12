//! The tests that ARCHITECTURE.md names as evidence for its guarantees.

use super::repository::File;

/// `module::test` names between backquotes in the section about guarantees.
pub fn test_names(architecture: &str) -> Vec<String> {
    let section = architecture.split("\n## Guarantees").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let quoted = section.split('`').skip(1).step_by(2);
    let names = quoted.filter(|name| name.rsplit_once("::").is_some_and(|(_, test)| !["", "test"].contains(&test)));
    names.map(str::to_owned).collect()
}

/// The names without a test. `model::` stands for `tests/model/tests/protocols.rs`; other names are paths in `tests/src`.
pub fn missing(names: &[String], sources: &[File]) -> Vec<String> {
    let is_missing = |name: &&String| {
        let (module, test) = name.rsplit_once("::").unwrap_or(("", name));
        let file = match module {
            "model" => "tests/model/tests/protocols.rs".to_owned(),
            _ => format!("tests/src/{}.rs", module.replace("::", "/")),
        };
        let function = format!("fn {test}(");
        !sources.iter().any(|source| source.path == file && source.text.contains(&function))
    };
    names.iter().filter(is_missing).cloned().collect()
}

//! What no compiler can hold: how the sources look.

use std::fs;
use std::path::{Path, PathBuf};

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![root.join("events"), root.join("functions"), root.join("infra/yard"), root.join("tests")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 50);
    sources
}

#[test]
fn every_file_starts_with_a_module_comment() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{}", path.display());
    }
}

#[test]
fn no_file_contains_a_todo_mark() {
    let marks = ["TO", "FIX", "X"].iter().zip(["DO", "ME", "XX"]).map(|(a, b)| format!("{a}{b}")).collect::<Vec<_>>();
    for (path, text) in sources() {
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{mark} in {}", path.display());
        }
    }
}

#[test]
fn function_main_has_at_most_ten_lines() {
    for (path, text) in sources() {
        let is_function = path.components().any(|part| part.as_os_str() == "functions");
        if is_function && path.ends_with("src/main.rs") {
            assert!(text.lines().count() <= 10, "{}", path.display());
        }
    }
}

#[test]
fn every_test_named_by_guarantees_exists() {
    let sources = sources();
    let promises = include_str!("../../../ARCHITECTURE.md");
    let promises = promises.split("## Guarantees").nth(1).unwrap().split("\n## ").next().unwrap();
    let names = promises.split('`').skip(1).step_by(2).filter_map(|name| Some((name, name.rsplit_once("::")?)));
    let names: Vec<_> = names.filter(|(_, (_, test))| !test.is_empty() && *test != "test").collect();
    assert!(names.len() > 20, "{names:?}");
    for (name, (module, test)) in names {
        let file = module.rsplit("::").next().unwrap();
        let file = if file == "model" { "protocols" } else { file };
        let found = sources.iter().any(|(path, text)| {
            let inside =
                path.components().any(|part| Path::new(part.as_os_str()).file_stem().is_some_and(|stem| stem == file));
            inside && text.contains(&format!("fn {test}("))
        });
        assert!(found, "{name}");
    }
}

//! Rules for the sources that no compiler checks. Each rule takes its input as arguments and returns the violations.

mod guarantees;
mod imports;
mod layers;
mod planted;
mod repository;
mod test_names;
mod vocabulary;

use repository::{read_tracked, root};

#[test]
fn every_file_starts_with_a_module_comment() {
    let sources = rust_sources();
    let bad: Vec<_> = sources.iter().filter(|file| !file.text.starts_with("//! ")).map(|file| &file.path).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn no_file_contains_a_todo_mark() {
    // In two halves, so that this file does not contain them.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"]].map(|halves| halves.concat());
    for file in rust_sources() {
        for mark in &marks {
            assert!(!file.text.contains(mark.as_str()), "{mark} in {}", file.path);
        }
    }
}

#[test]
fn function_main_has_at_most_ten_lines() {
    for file in rust_sources() {
        if file.path.starts_with("functions/") && file.path.ends_with("src/main.rs") {
            assert!(file.text.lines().count() <= 10, "{}", file.path);
        }
    }
}

#[test]
fn every_test_named_by_guarantees_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let names = guarantees::test_names(&text);
    assert!(names.len() > 20, "{names:?}");
    assert_eq!(guarantees::missing(&names, &rust_sources()), Vec::<String>::new());
}

#[test]
fn no_file_contains_a_banned_word() {
    assert_violations_empty(&vocabulary::violations(&read_tracked(&vocabulary::EXTENSIONS)));
}

#[test]
fn no_function_name_is_longer_than_60_characters() {
    assert_violations_empty(&test_names::too_long(&rust_sources()));
}

#[test]
fn common_search_words_find_tests() {
    assert_violations_empty(&test_names::words_without_test(&rust_sources()));
}

#[test]
fn no_crate_has_an_import_cycle() {
    let crates = repository::crates();
    let cycles = crates.iter().flat_map(|(folder, files)| {
        let cycles = imports::cycles(&imports::edges(files));
        cycles.into_iter().map(move |cycle| format!("{folder}: {cycle}"))
    });
    assert_violations_empty(&cycles.collect::<Vec<_>>());
}

#[test]
fn no_import_leads_to_a_higher_folder() {
    let violations: Vec<_> = layers::LAYERED_CRATES
        .iter()
        .flat_map(|(folder, layers)| layers::violations(&imports::edges(&repository::crate_files(folder)), layers))
        .collect();
    assert_violations_empty(&violations);
}

fn rust_sources() -> Vec<repository::File> {
    let sources = read_tracked(&["rs"]);
    assert!(sources.len() > 50, "only {} Rust files are tracked", sources.len());
    sources
}

fn assert_violations_empty(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

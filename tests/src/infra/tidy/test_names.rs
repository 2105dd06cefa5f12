//! Names of functions and tests.

use super::repository::File;

/// The longest permitted name of a function, in characters.
const MAX_NAME_LENGTH: usize = 60;

/// Each of these words must find at least one test by its name.
const SEARCH_WORDS: [&str; 6] = ["retry", "timeout", "dlq", "visibility", "stale", "duplicate"];

pub fn too_long(sources: &[File]) -> Vec<String> {
    let long = |file: &File| {
        let names = function_names(&file.text).filter(|name| name.len() > MAX_NAME_LENGTH);
        names.map(|name| format!("{}: fn {name} has {} characters", file.path, name.len())).collect::<Vec<_>>()
    };
    sources.iter().flat_map(long).collect()
}

pub fn words_without_test(sources: &[File]) -> Vec<String> {
    let names: Vec<_> = sources.iter().flat_map(|file| tests(&file.text)).collect();
    let is_unused = |word: &&&str| !names.iter().any(|name| name.split('_').any(|part| part == **word));
    SEARCH_WORDS.iter().filter(is_unused).map(|word| format!("no test has the word {word} in its name")).collect()
}

/// The functions that follow a `#[test]` or `#[tokio::test]` attribute, inside of macros, too.
fn tests(text: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut has_attribute = false;
    for line in text.lines() {
        has_attribute |= line.contains("#[test]") || line.contains("#[tokio::test");
        if let (true, Some(name)) = (has_attribute, function_names(line).next()) {
            tests.push(name);
            has_attribute = false;
        }
    }
    tests
}

/// The names after the keyword `fn`.
fn function_names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let functions = text.split("fn ").zip(text.split("fn ").skip(1));
    let functions = functions.filter(move |(before, _)| !before.ends_with(is_name)).map(|(_, after)| after);
    functions
        .map(move |after| after.split(|c: char| !is_name(c)).next().unwrap_or_default())
        .filter(|name| !name.is_empty())
}

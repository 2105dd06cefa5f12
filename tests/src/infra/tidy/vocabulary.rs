//! Words that are not used in names and prose, because the field has a standard term or a plainer word exists.

use super::repository::File;

/// The checked files: extensions, and whole names.
pub const EXTENSIONS: [&str; 6] = ["rs", "md", "yaml", "yml", "sh", "Makefile"];

/// Banned as whole words in any case, and as parts of identifiers in snake and camel case.
const BANNED: [&str; 41] = [
    "told",
    "tell",
    "tells",
    "telling",
    "hear",
    "hears",
    "heard",
    "hearing",
    "lie",
    "lies",
    "lay",
    "bury",
    "buried",
    "unburied",
    "burial",
    "befall",
    "befalls",
    "befell",
    "fate",
    "fates",
    "mischief",
    "blame",
    "guilty",
    "trouble",
    "patience",
    "wish",
    "standing",
    "strike",
    "storm",
    "calm",
    "witness",
    "wares",
    "ware",
    "whoever",
    "whichever",
    "nobody",
    "somebody",
    "someone",
    "tale",
    "straw",
    "twin",
];

/// Banned as names of types only.
const BANNED_TYPES: [&str; 2] = ["Asked", "Elder"];

/// File, word, reason.
const ALLOWED: [(&str, &str, &str); 1] =
    [("tests/src/infra/tidy/", "", "this rule and its own test contain the words")];

pub fn violations(files: &[File]) -> Vec<String> {
    let in_line = |file: &File, number: usize, line: &str| {
        let types = line.split(|c: char| !c.is_alphanumeric()).filter(|word| BANNED_TYPES.contains(word));
        let banned = words(line).into_iter().filter(|word| BANNED.contains(&word.as_str()));
        let banned = banned.chain(types.map(str::to_owned));
        let banned = banned.filter(|word| !is_allowed(&file.path, word));
        banned.map(|word| format!("{}:{number}: {word}", file.path)).collect::<Vec<_>>()
    };
    let in_file = |file: &File| {
        let lines = (1..).zip(file.text.lines());
        lines.flat_map(|(number, line)| in_line(file, number, line)).collect::<Vec<_>>()
    };
    files.iter().flat_map(in_file).collect()
}

fn is_allowed(path: &str, word: &str) -> bool {
    ALLOWED.iter().any(|(prefix, allowed, _)| path.starts_with(prefix) && (allowed.is_empty() || *allowed == word))
}

/// The words of a line in lower case; `OrderStatusEvent` and `order_status_event` are three words each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last_was_lower = false;
    for c in line.chars() {
        if !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && last_was_lower) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphabetic(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        last_was_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

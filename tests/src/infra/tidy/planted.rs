//! Each rule finds a violation that is planted in made-up files.

use super::repository::{CrateFiles, File, module_path};
use super::{guarantees, imports, layers, test_names, vocabulary};

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}

fn sources(files: &[(&str, &str)]) -> CrateFiles {
    files.iter().map(|(path, text)| (module_path(path), file(path, text))).collect()
}

#[test]
fn banned_words_are_found_in_prose_and_identifiers() {
    let text =
        "// It was told.\nlet order_fate = 1;\nstruct HeardEvent;\nlet hardware = strikethrough;\nAsked::new(asked);";
    let found = vocabulary::violations(&[file("a.rs", text)]);
    assert_eq!(found, ["a.rs:1: told", "a.rs:2: fate", "a.rs:3: heard", "a.rs:5: Asked"]);
}

#[test]
fn long_function_name_is_found() {
    let (short, long) = ("a".repeat(60), "b".repeat(61));
    let found = test_names::too_long(&[file("a.rs", &format!("fn {short}() {{}} async fn {long}<T>() {{}}"))]);
    assert_eq!(found, [format!("a.rs: fn {long} has 61 characters")]);
}

#[test]
fn search_word_without_test_is_found() {
    let text = "#[test]\nfn retry_timeout_dlq() {}\n#[tokio::test]\n#[ignore]\nasync fn stale_visibility() {}\nfn duplicate() {}";
    let found = test_names::words_without_test(&[file("a.rs", text)]);
    assert_eq!(found, ["no test has the word duplicate in its name"]);
}

#[test]
fn guarantee_without_test_is_found() {
    let names = guarantees::test_names("\n## Guarantees\n`a::b::exists`, `a::b::gone`, `module::test`\n## Next `c::d`");
    let found = guarantees::missing(&names, &[file("tests/src/a/b.rs", "fn exists() {}")]);
    assert_eq!(found, ["a::b::gone"]);
}

#[test]
fn import_cycle_is_found_through_reexports_and_inline_paths() {
    let files = sources(&[
        ("lib.rs", "mod a; mod b; mod c; pub use b::B;"),
        ("a.rs", "use crate::B; pub struct A;"),
        ("b.rs", "pub struct B; fn f() -> super::c::C { crate::c::C }"),
        ("c/mod.rs", "mod d; pub use d::C;"),
        ("c/d.rs", "pub struct C(crate::a::A);"),
    ]);
    let found = imports::cycles(&imports::edges(&files));
    assert_eq!(found, ["cycle: a imports b", "cycle: b imports c/d", "cycle: c/d imports a"]);
}

#[test]
fn imports_of_test_code_and_reexports_are_no_cycle() {
    let files = sources(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::B; pub struct A(std::fmt::Error);"),
        ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
    ]);
    assert_eq!(imports::cycles(&imports::edges(&files)), Vec::<String>::new());
}

#[test]
fn import_from_a_higher_folder_is_found() {
    let files = sources(&[
        ("lib.rs", "mod top; mod low; pub use top::x::X;"),
        ("top/mod.rs", "pub mod x;"),
        ("top/x.rs", "use crate::low::y; pub struct X;"),
        ("low/mod.rs", "pub mod y;"),
        ("low/y.rs", "use crate::X;"),
    ]);
    let found = layers::violations(&imports::edges(&files), &[&["top"], &["low"]]);
    assert_eq!(found, ["low/y imports top/x, a higher layer"]);
}

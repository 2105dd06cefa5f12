//! Input that was made to break a parser, a mail header or a terminal.

/// A product name that would end a mail header, reverse the text around it and hide parts of itself.
pub const HOSTILE_NAME: &str = "Pay\u{200b}Pal \u{202e}gum\u{2066}\r\nBcc: eve@example.com";
/// What is printed of [`HOSTILE_NAME`].
pub const PRINTED_NAME: &str = "PayPal gum Bcc: eve@example.com";

/// A placeholder for `[[[[…]]]]` in tables of test cases.
pub const DEEP: &str = "<deep>";

/// JSON that is nested 10,000 times.
pub fn deep_json() -> String {
    "[".repeat(10_000) + &"]".repeat(10_000)
}

/// Replaces every occurrence of `part`. Panics if there is none.
pub fn replace_with_hostile(good: &str, part: &str, hostile: &str) -> String {
    let bad = good.replace(part, &hostile.replace(DEEP, &deep_json()));
    assert_ne!(bad, good, "{part}");
    bad
}

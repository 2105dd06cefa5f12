//! Makes text from outside safe, and formats amounts and dates.

use jiff::Timestamp;
use switchyard_events::Usd;

/// Formats an amount as in the United States: `$1,234.50`, `-$3.00`.
pub fn format_usd(amount: Usd) -> String {
    let text = amount.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let (dollars, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::with_capacity(dollars.len() * 4 / 3);
    for (index, digit) in dollars.chars().enumerate() {
        if index > 0 && (dollars.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{cents}")
}

/// Formats a time with the name of the month, so that day and month cannot be confused: `26 May 2026, 14:23 UTC`.
pub fn format_date(time: Timestamp) -> String {
    time.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// Converts text to one line of visible characters, at most `max_chars` long; longer text ends with `…`. The result cannot start
/// a new line or header, change the direction of surrounding text, or contain invisible characters.
pub fn single_line(text: &str, max_chars: usize) -> String {
    let visible: String =
        text.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<_> = visible.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= max_chars {
        return text;
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Characters that are invisible or change the display of others: bidirectional controls, zero-width spaces and joiners, fillers,
/// tags. These are Unicode's `Default_Ignorable_Code_Point` (<https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt>) and the
/// interlinear annotations, without the variation selectors, which choose the display of an emoji.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Formats an amount by arithmetic, one group of thousands after the other.
    fn naive(cents: i64) -> String {
        let (mut dollars, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
        let mut text = format!(".{rest:02}");
        while dollars >= 1000 {
            text = format!(",{:03}{text}", dollars % 1000);
            dollars /= 1000;
        }
        format!("{}${dollars}{text}", if cents < 0 { "-" } else { "" })
    }

    proptest! {
        #[test]
        fn format_usd_equals_a_naive_computation(cents in prop_oneof![any::<i64>(), -200_000..200_000i64]) {
            prop_assert_eq!(format_usd(Usd::from_cents(cents)), naive(cents));
        }

        #[test]
        fn single_line_is_short_visible_and_idempotent(text in any::<String>(), max_chars in 1..80usize) {
            let once = single_line(&text, max_chars);
            prop_assert!(once.chars().count() <= max_chars);
            let bad = once.chars().find(|c| c.is_control() || is_invisible(*c) || (c.is_whitespace() && *c != ' '));
            prop_assert_eq!(bad, None);
            prop_assert_eq!(single_line(&once, max_chars), once);
        }
    }

    #[test]
    fn format_usd_has_two_decimals_and_thousands_commas() {
        for (cents, expected) in [
            (0, "$0.00"),
            (5, "$0.05"),
            (99_999, "$999.99"),
            (123_450, "$1,234.50"),
            (100_000_000_000_000, "$1,000,000,000,000.00"),
            (-300, "-$3.00"),
        ] {
            assert_eq!(format_usd(Usd::from_cents(cents)), expected);
        }
        assert_eq!(format_usd(Usd::parse("7").unwrap()), "$7.00");
    }

    #[test]
    fn format_date_names_the_month() {
        assert_eq!(format_date("2026-05-26T14:23:01Z".parse().unwrap()), "26 May 2026, 14:23 UTC");
        assert_eq!(format_date("2027-01-01T01:05:00+02:00".parse().unwrap()), "31 December 2026, 23:05 UTC");
    }

    #[test]
    fn single_line_removes_deceptive_characters() {
        for (input, expected) in [
            ("Mug\r\nBcc: eve@example.com", "Mug Bcc: eve@example.com"),
            ("a\u{2028}b\u{85}c\u{b}d\0e", "a b c d e"),
            ("invoice\u{202e}gnp.exe", "invoicegnp.exe"),
            ("Pay\u{200b}Pal\u{2066}\u{feff}", "PayPal"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
            ("Sencha 煎茶, crème", "Sencha 煎茶, crème"),
            ("heart \u{2764}\u{fe0f}", "heart \u{2764}\u{fe0f}"),
            ("\u{200d}\u{3164}", ""),
        ] {
            assert_eq!(single_line(input, 60), expected, "{input:?}");
        }
        assert_eq!(single_line("abc def ghi", 5), "abc…");
    }
}

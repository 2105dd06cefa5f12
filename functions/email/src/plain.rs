//! Text from outside made harmless, money and dates made readable.

use jiff::Timestamp;
use switchyard_events::Usd;

/// An amount as people in the United States write it: `$1,234.50`, `-$3.00`.
pub fn money(amount: Usd) -> String {
    let text = amount.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let (dollars, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::with_capacity(dollars.len() * 4 / 3);
    for (place, digit) in dollars.chars().enumerate() {
        if place > 0 && (dollars.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{cents}")
}

/// A moment with its day in words, so that no reader takes the day for the month: `26 May 2026, 14:23 UTC`.
pub fn date(time: Timestamp) -> String {
    time.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// One line of visible text, at most so many characters long. It can start no new line of a text or header, reverse no text
/// around it, and hide nothing.
pub fn line(text: &str, most: usize) -> String {
    let visible: String =
        text.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<_> = visible.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Characters that show nothing or change how others show: bidirectional controls, zero-width spaces and joiners, fillers, tags.
/// Unicode's `Default_Ignorable_Code_Point` (<https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt>) and the
/// interlinear annotations, less the variation selectors, which choose the picture of an emoji.
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

    /// The same by arithmetic: thousands, one after the other.
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
        fn money_is_written_as_arithmetic_says(cents in prop_oneof![any::<i64>(), -200_000..200_000i64]) {
            prop_assert_eq!(money(Usd::from_cents(cents)), naive(cents));
        }

        #[test]
        fn a_line_is_one_line_and_short_and_stays_as_it_is(text in any::<String>(), most in 1..80usize) {
            let once = line(&text, most);
            prop_assert!(once.chars().count() <= most);
            let bad = once.chars().find(|c| c.is_control() || is_invisible(*c) || (c.is_whitespace() && *c != ' '));
            prop_assert_eq!(bad, None);
            prop_assert_eq!(line(&once, most), once);
        }
    }

    #[test]
    fn money_has_two_decimals_and_a_comma_at_the_thousands() {
        for (cents, expected) in [
            (0, "$0.00"),
            (5, "$0.05"),
            (99_999, "$999.99"),
            (123_450, "$1,234.50"),
            (100_000_000_000_000, "$1,000,000,000,000.00"),
            (-300, "-$3.00"),
        ] {
            assert_eq!(money(Usd::from_cents(cents)), expected);
        }
        assert_eq!(money(Usd::parse("7").unwrap()), "$7.00");
    }

    #[test]
    fn a_date_has_its_month_in_words() {
        assert_eq!(date("2026-05-26T14:23:01Z".parse().unwrap()), "26 May 2026, 14:23 UTC");
        assert_eq!(date("2027-01-01T01:05:00+02:00".parse().unwrap()), "31 December 2026, 23:05 UTC");
    }

    #[test]
    fn what_could_deceive_is_taken_out_of_a_line() {
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
            assert_eq!(line(input, 60), expected, "{input:?}");
        }
        assert_eq!(line("abc def ghi", 5), "abc…");
    }
}

//! Aligned columns for people, with colour only on a terminal.

use std::io::IsTerminal;

use switchyard_events::Usd;

/// Rows under their headings. The columns listed in `right` hold numbers and are aligned to the right.
pub(crate) fn render(headings: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain(std::iter::once(&headings)).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&headings).chain(rows).map(line).collect::<Vec<_>>().join("\n")
}

/// An amount with thousands separators, such as `$1,234.50`.
pub(crate) fn dollars(amount: Usd) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{cents}")
}

/// Colours whole words of a rendered table: green, red, yellow.
pub(crate) fn paint(text: &str, green: &[&str], red: &[&str], yellow: &[&str]) -> String {
    if !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
        return text.to_owned();
    }
    let coloured = |word: &str| {
        let colour = [(green, 32), (red, 31), (yellow, 33)].into_iter().find(|(words, _)| words.contains(&word.trim()));
        colour.map_or_else(
            || word.to_owned(),
            |(_, code)| word.replace(word.trim(), &format!("\x1b[{code}m{}\x1b[0m", word.trim())),
        )
    };
    text.split_inclusive([' ', '\n']).map(coloured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_columns_are_aligned() {
        let rows = [vec!["tax".to_owned(), "9".to_owned()], vec!["analytics".to_owned(), "120".to_owned()]];
        assert_eq!(render(&["consumer", "n"], &[1], &rows), "consumer     n\ntax          9\nanalytics  120");
    }

    #[test]
    fn dollars_have_thousands_separators() {
        let check = |cents, expected: &str| assert_eq!(dollars(Usd::from_cents(cents)), expected);
        check(5, "$0.05");
        check(99_999, "$999.99");
        check(100_000, "$1,000.00");
        check(123_456_789_012, "$1,234,567,890.12");
        check(-100_000_001, "-$1,000,000.01");
    }
}

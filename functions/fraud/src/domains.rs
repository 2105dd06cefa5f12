//! Throw-away mailboxes.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One domain a line; the head of the file says where from and of which day.
const LIST: &str = include_str!("disposable_domains.txt");

static DOMAINS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect());

/// Whether a domain (in lower case), or one that it lies under, hands out throw-away mailboxes.
pub(crate) fn is_disposable(domain: &str) -> bool {
    let under = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
    std::iter::once(domain).chain(under).any(|name| DOMAINS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_domain_and_all_under_it_are_disposable_and_others_are_not() {
        for (domain, expected) in [
            ("mailinator.com", true),
            ("team.mailinator.com", true),
            ("notmailinator.com", false),
            ("mailinator.com.example.com", false),
            ("example.com", false),
            ("com", false),
            ("", false),
        ] {
            assert_eq!(is_disposable(domain), expected, "{domain}");
        }
    }

    #[test]
    fn the_list_says_its_day_and_holds_each_domain_once_in_lower_case() {
        assert!(LIST.lines().next().unwrap().contains("2026-"));
        let domains: Vec<_> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(domains.is_sorted() && domains.len() == DOMAINS.len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        assert!(domains.iter().all(|domain| domain.contains('.') && domain.chars().all(plain)), "{domains:?}");
    }
}

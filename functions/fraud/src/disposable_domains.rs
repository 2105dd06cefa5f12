//! Domains of disposable e-mail addresses.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One domain per line. The first lines of the file name its source and date.
const LIST: &str = include_str!("disposable_domains.txt");

static DOMAINS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect());

/// Whether a domain (in lower case) or one of its parent domains is on the list.
pub(crate) fn is_disposable(domain: &str) -> bool {
    let under = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
    std::iter::once(domain).chain(under).any(|name| DOMAINS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_domains_and_their_subdomains_are_disposable() {
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
    fn domain_list_is_dated_sorted_unique_and_lower_case() {
        assert!(LIST.lines().next().unwrap().contains("2026-"));
        let domains: Vec<_> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(domains.is_sorted() && domains.len() == DOMAINS.len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        assert!(domains.iter().all(|domain| domain.contains('.') && domain.chars().all(plain)), "{domains:?}");
    }
}

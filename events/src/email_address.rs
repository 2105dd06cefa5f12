//! [`EmailAddress`].

use crate::InvalidValue;
use crate::ids::text_type;

/// Longest address, in bytes (RFC 5321, §4.5.3.1.3: a path of 256 includes two brackets).
const MAX_BYTES: usize = 254;

text_type!(
    /// A mail address as the web platform defines one (WHATWG HTML, "valid email address"), with a dot in the domain,
    /// at most 254 bytes. Display names, quotes and control characters are refused, so that an address cannot inject a
    /// mail header.
    EmailAddress, r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+$", validate
);

impl EmailAddress {
    /// The part after the `@`, in lower case.
    pub fn domain(&self) -> String {
        let (_, domain) = self.as_str().rsplit_once('@').unwrap_or_default();
        domain.to_ascii_lowercase()
    }
}

fn validate(text: &str) -> Result<(), InvalidValue> {
    let invalid = || InvalidValue::new("must be a mail address such as name@example.com, at most 254 characters");
    let (local, domain) = text.split_once('@').ok_or_else(invalid)?;
    let local_ok = (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
    if text.len() > MAX_BYTES || !local_ok || !domain_ok {
        return Err(invalid());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_address_rejects_header_injection() {
        for good in ["ada@example.com", "a.b+c@sub.example.co", "o'hara@example.com"] {
            assert!(EmailAddress::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "a b@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "\"a\"@example.com",
            "Ada <ada@example.com>",
            "ada@-x.com",
            "ada@exa mple.com",
            "a@b@c.com",
            "ad\u{202e}a@example.com",
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}

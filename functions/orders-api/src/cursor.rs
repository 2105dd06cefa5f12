//! [`Cursor`]: a place in a customer's list of orders, as the client repeats it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orders::ListedOrder;
use switchyard_chassis::Key;
use switchyard_events::fingerprint;

/// The number of characters of a [`fingerprint`].
const CHECK_CHARS: usize = 26;
/// The longest cursor. A sort key has a time and an id of at most 64 characters.
const MAX_CHARS: usize = 256;

/// The row after which the next page begins.
///
/// A client may not read more into a cursor than that. It contains a hash over partition and row, so that a cursor of another list,
/// or a changed one, is refused instead of answered with a page that makes no sense. The hash is not what protects other lists: the
/// partition always comes from the caller's own identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) Key);

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let Self(Key { pk, sk }) = self;
        URL_SAFE_NO_PAD.encode(format!("{}{sk}", check(pk, sk)))
    }

    /// Parses a cursor of the list in this partition.
    pub(crate) fn parse(text: &str, partition: &str) -> Result<Self, String> {
        let invalid = || "must be the next_cursor of a page of this list".to_owned();
        if text.len() > MAX_CHARS {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let text = String::from_utf8(bytes).map_err(|_| invalid())?;
        let (given, sk) = text.split_at_checked(CHECK_CHARS).ok_or_else(invalid)?;
        if given != check(partition, sk) || !sk.starts_with(ListedOrder::SK_PREFIX) {
            return Err(invalid());
        }
        Ok(Self(Key::new(partition, sk)))
    }
}

fn check(pk: &str, sk: &str) -> String {
    fingerprint(&["cursor", pk, sk])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_valid_only_in_its_own_list() {
        let sk = "ORDER#2026-05-26T14:23:01.123Z#ord_8h2a";
        let cursor = Cursor(Key::new("USER#caller#usr_1", sk));
        let text = cursor.encode();
        assert_eq!(Cursor::parse(&text, "USER#caller#usr_1"), Ok(cursor));
        for other in ["USER#caller#usr_2", "USER#other#usr_1", ""] {
            assert!(Cursor::parse(&text, other).is_err(), "{other}");
        }
        let changed =
            URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.decode(&text).unwrap().iter().rev().copied().collect::<Vec<_>>());
        let no_row = Cursor(Key::new("USER#caller#usr_1", "PROFILE")).encode();
        for bad in ["", "e30", "%", "ORDER#", &changed, &no_row, &text[1..], &format!("{text}A"), &"A".repeat(300)] {
            assert!(Cursor::parse(bad, "USER#caller#usr_1").is_err(), "{bad}");
        }
    }
}

//! The attributes of a dead letter.

use std::collections::HashMap;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;
use switchyard_events::Metadata;

/// The longest reason that a dead letter carries. All attributes and the body share SQS's limit per message.
const MAX_REASON_BYTES: usize = 1024;

/// Why a message was dead-lettered: the same attributes on every dead letter, for people and for `yard`.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetter<'a> {
    /// The consumer that could not apply it.
    pub consumer: &'a str,
    /// A short, stable name of the cause.
    pub code: &'a str,
    /// What is wrong and what to do, without personal data.
    pub reason: &'a str,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was first received, in milliseconds since 1970, if known.
    pub first_received_at: Option<&'a str>,
    /// The event's metadata, if it could be read.
    pub metadata: Option<&'a Metadata>,
}

impl DeadLetter<'_> {
    /// The attributes, to be sent with the body as it was.
    pub fn attributes(&self) -> Result<HashMap<String, MessageAttributeValue>, BuildError> {
        let fingerprint = switchyard_events::fingerprint(&[self.consumer, self.code, &without_digits(self.reason)]);
        let from_metadata = |read: fn(&Metadata) -> &str| self.metadata.map(read).unwrap_or_default().to_owned();
        let pairs = [
            ("error_code", self.code.to_owned()),
            ("error", truncate(self.reason, MAX_REASON_BYTES).to_owned()),
            ("fingerprint", fingerprint),
            ("consumer", self.consumer.to_owned()),
            ("receive_count", self.receive_count.to_string()),
            ("first_received_at", self.first_received_at.unwrap_or_default().to_owned()),
            ("event_id", from_metadata(|metadata| metadata.event_id.as_str())),
            ("correlation_id", from_metadata(|metadata| metadata.correlation_id.as_str())),
        ];
        let known = pairs.into_iter().filter(|(_, text)| !text.is_empty());
        known.map(|(name, text)| Ok((name.to_owned(), string(&text)?))).collect()
    }
}

/// A text attribute. Characters that SQS does not accept
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, 2026-11-21) are replaced by `?`,
/// since SQS would refuse the whole message.
fn string(text: &str) -> Result<MessageAttributeValue, BuildError> {
    let not_accepted = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{fffe}' || c == '\u{ffff}';
    let text = text.replace(not_accepted, "?");
    MessageAttributeValue::builder().data_type("String").string_value(text).build()
}

/// At most this many bytes of a text, cut between two characters.
fn truncate(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// A reason without its numbers, so that the same error in another place has the same fingerprint.
fn without_digits(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dlq_attribute_has_no_character_that_sqs_refuses() {
        let reason = "bad \u{0}\u{1b}[31m text\nin two lines, \u{fffe}é";
        let letter = DeadLetter {
            consumer: "tax",
            code: "on_purpose",
            reason,
            receive_count: 1,
            first_received_at: None,
            metadata: None,
        };
        let attributes = letter.attributes().unwrap();
        assert_eq!(attributes["error"].string_value(), Some("bad ??[31m text\nin two lines, ?é"));
    }
}

//! What a dead letter says about itself.

use std::collections::HashMap;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;
use switchyard_events::Metadata;

/// Why a message is dead: the same attributes on every dead letter, for people and for `yard`.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetter<'a> {
    /// Who gave it up.
    pub consumer: &'a str,
    /// A short, stable name of the cause.
    pub code: &'a str,
    /// What is wrong and what to do, without personal data.
    pub reason: &'a str,
    /// How often it was tried.
    pub receive_count: u32,
    /// When it was first tried, in milliseconds since 1970, if that is known.
    pub first_received_at: Option<&'a str>,
    /// The event's metadata, if it could be read.
    pub metadata: Option<&'a Metadata>,
}

impl DeadLetter<'_> {
    /// The attributes, to be sent with the body as it was.
    pub fn attributes(&self) -> Result<HashMap<String, MessageAttributeValue>, BuildError> {
        let fingerprint = switchyard_events::fingerprint(&[self.consumer, self.code, &shape(self.reason)]);
        let of_event = |read: fn(&Metadata) -> &str| self.metadata.map(read).unwrap_or_default().to_owned();
        let pairs = [
            ("error_code", self.code.to_owned()),
            ("error", cut(self.reason, 1024).to_owned()),
            ("fingerprint", fingerprint),
            ("consumer", self.consumer.to_owned()),
            ("receive_count", self.receive_count.to_string()),
            ("first_received_at", self.first_received_at.unwrap_or_default().to_owned()),
            ("event_id", of_event(|metadata| metadata.event_id.as_str())),
            ("correlation_id", of_event(|metadata| metadata.correlation_id.as_str())),
        ];
        let known = pairs.into_iter().filter(|(_, text)| !text.is_empty());
        known.map(|(name, text)| Ok((name.to_owned(), string(&text)?))).collect()
    }
}

/// A text attribute, without the characters that SQS takes in none
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, 2026-11-21): because of one of
/// them it would refuse the message, and its reason with it.
fn string(text: &str) -> Result<MessageAttributeValue, BuildError> {
    let refused = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{fffe}' || c == '\u{ffff}';
    let text = text.replace(refused, "?");
    MessageAttributeValue::builder().data_type("String").string_value(text).build()
}

/// The first bytes of a text, not cutting a character.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// A reason without its numbers, so that the same fault in another place has the same fingerprint.
fn shape(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_holds_what_sqs_would_refuse() {
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

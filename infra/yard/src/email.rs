//! `yard email`: the confirmation that was sent for an order.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use switchyard_events::{EventId, Fact, OrderPlaced};

use crate::exit::{self, FAILED};
use crate::rows::{applied, order, text};
use crate::{Cloud, Stack, fetch};

/// The consumer that sends.
const CONSUMER: &str = "email";

/// What is known of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    pub order_id: String,
    /// What SES calls the message.
    pub reference: String,
    /// When it was handed to SES (RFC 3339).
    pub sent_at: String,
    /// The mail itself, where it can be seen: a local cloud keeps what was sent, SES does not.
    pub mail: Option<Mail>,
}

/// What the customer got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Confirmation {
    /// Reads what the email consumer noted, and the mail if there is a copy.
    pub async fn read(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Self> {
        let table = &stack.consumer(CONSUMER)?.table;
        let event_id = EventId::derive(OrderPlaced::TYPE, order_id, 1).to_string();
        let Some(row) = applied(cloud, table, format!("ORDER#{order_id}"), &[event_id]).await? else {
            order(cloud, stack, order_id).await?;
            let advice = format!("no confirmation of {order_id} has been sent yet; yard trace {order_id} shows why");
            return Err(exit::with(FAILED, advice));
        };
        let field = |name: &str| text(&row, name).unwrap_or_default();
        let (reference, sent_at) = (field("reference"), field("processed_at"));
        let mail = find(&mailbox(cloud).await?, &reference);
        Ok(Self { order_id: order_id.to_owned(), reference, sent_at, mail })
    }

    /// Writes the HTML part to a file.
    pub fn save_html(&self, file: &Path) -> Result<()> {
        let Some(mail) = &self.mail else {
            bail!("there is no HTML to be written: {NO_COPY}");
        };
        std::fs::write(file, &mail.html).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// For people.
    pub fn render(&self) -> String {
        let Self { order_id, reference, sent_at, .. } = self;
        let sent = format!("order {order_id}  sent {sent_at}  SES message {reference}");
        match &self.mail {
            Some(mail) => format!("{sent}\n\n{}", mail.render()),
            None => format!("{sent}\n{NO_COPY}"),
        }
    }
}

/// Why there is no mail to be shown.
const NO_COPY: &str = "SES keeps no copy of what it sent.";

impl Mail {
    fn render(&self) -> String {
        let Self { from, subject, text, .. } = self;
        format!("From:    {from}\nTo:      {}\nSubject: {subject}\n\n{}", self.to.join(", "), text.trim_end())
    }
}

/// Every mail that the local cloud has taken, as it shows them; none on AWS, since SES keeps no copies.
pub async fn mailbox(cloud: &Cloud) -> Result<Vec<Value>> {
    let Some(endpoint) = &cloud.endpoint else {
        return Ok(Vec::new());
    };
    let page = fetch(&format!("{endpoint}/_ministack/ses/messages")).await?.json();
    Ok(messages(&page).cloned().collect())
}

/// The mails of all accounts.
fn messages(page: &Value) -> impl Iterator<Item = &Value> {
    let accounts = page["messages"].as_object().into_iter().flat_map(serde_json::Map::values);
    accounts.filter_map(Value::as_array).flatten()
}

/// The mail that SES calls this.
fn find<'a>(mailbox: impl IntoIterator<Item = &'a Value>, reference: &str) -> Option<Mail> {
    let message = mailbox.into_iter().find(|message| message["MessageId"] == reference)?;
    let field = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let to = message["To"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Some(Mail {
        from: field("Source"),
        to: to.collect(),
        subject: field("Subject"),
        text: field("BodyText"),
        html: field("BodyHtml"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn confirmation(mail: Option<Mail>) -> Confirmation {
        let sent_at = "2026-05-26T14:23:04.000Z".to_owned();
        Confirmation { order_id: "ord_1".into(), reference: "m2@ses".into(), sent_at, mail }
    }

    #[test]
    fn a_mail_is_found_by_what_ses_calls_it() {
        let message = |id: &str| {
            json!({"MessageId": id, "Source": "orders@example.com", "To": ["ada@example.com"], "Subject": "Your order",
                "BodyText": "Thank you\n", "BodyHtml": "<p>Thank you</p>"})
        };
        let page = json!({"messages": {"000000000000": [message("m1@ses"), message("m2@ses")]}});
        let mail = find(messages(&page), "m2@ses");
        assert_eq!(
            confirmation(mail).render(),
            "order ord_1  sent 2026-05-26T14:23:04.000Z  SES message m2@ses\n\n\
             From:    orders@example.com\nTo:      ada@example.com\nSubject: Your order\n\nThank you"
        );
        assert_eq!(find(messages(&page), "m3@ses"), None);
        assert_eq!(find(messages(&json!({})), "m1@ses"), None);
    }

    #[test]
    fn on_aws_reference_and_time_are_all_there_is() {
        let known = confirmation(None);
        assert!(known.render().ends_with("SES message m2@ses\nSES keeps no copy of what it sent."));
        assert!(known.save_html(Path::new("/dev/null")).is_err());
    }
}

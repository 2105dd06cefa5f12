//! `yard email`: shows the last mail that was sent for an order: the one about its cancellation, or the first one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use switchyard_events::{EventId, Fact, OrderCancelled, OrderPlaced};

use crate::aws::clients::Cloud;
use crate::aws::http::fetch;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::stack::deployed::Stack;
use crate::stack::items::{find_marker, read_order, text};
use crate::terminal::output::print_result;

/// The consumer that sends mails.
const CONSUMER: &str = "email";

/// Why there is no mail to be shown.
const NO_COPY: &str = "SES keeps no copy of what it sent.";

#[derive(Debug, Args)]
pub(crate) struct EmailArgs {
    order_id: String,
    /// Write the HTML part to a file, to be looked at in a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl EmailArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let sent = LastMail::read(&cloud, &stack, &self.order_id).await?;
        print_result(&sent, self.json.json, LastMail::render)?;
        if let Some(file) = &self.html {
            sent.save_html(file)?;
        }
        Ok(Completion::Done)
    }
}

/// The last mail that was sent for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastMail {
    pub order_id: String,
    /// The type of the event that the mail is about: `OrderPlaced` or `OrderCancelled`.
    pub event_type: &'static str,
    /// SES's id of the message.
    pub reference: String,
    /// When SES accepted it (RFC 3339).
    pub sent_at: String,
    /// The mail itself, if there is a copy: a local cloud keeps what was sent, SES does not.
    pub mail: Option<Mail>,
}

/// The mail as the customer received it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl LastMail {
    /// Reads the email consumer's markers, and the mail if there is a copy. Fails if no mail has been sent yet.
    pub async fn read(cloud: &Cloud, stack: &Stack, order_id: &str) -> Result<Self> {
        let table = &stack.consumer(CONSUMER)?.table;
        for (event_type, sequence) in [(OrderCancelled::TYPE, 6), (OrderPlaced::TYPE, 1)] {
            let event_id = EventId::derive(event_type, order_id, sequence).to_string();
            let marker = find_marker(cloud, table, format!("ORDER#{order_id}"), &[event_id]).await?;
            // A first mail that was superseded by a cancellation has no reference.
            let reference = marker.as_ref().and_then(|marker| text(marker, "reference"));
            let (Some(marker), Some(reference)) = (marker, reference) else { continue };
            let sent_at = text(&marker, "processed_at").unwrap_or_default();
            let mail = find_mail(&mailbox(cloud).await?, &reference);
            return Ok(Self { order_id: order_id.to_owned(), event_type, reference, sent_at, mail });
        }
        read_order(cloud, &stack.orders_table, order_id).await?;
        bail!("no mail about {order_id} has been sent yet; yard trace {order_id} shows why");
    }

    /// Writes the HTML part to a file. Fails if there is no copy of the mail.
    pub fn save_html(&self, file: &Path) -> Result<()> {
        let Some(mail) = &self.mail else {
            bail!("there is no HTML to be written: {NO_COPY}");
        };
        std::fs::write(file, &mail.html).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// For people.
    pub fn render(&self) -> String {
        let Self { order_id, event_type, reference, sent_at, .. } = self;
        let sent = format!("order {order_id}  {event_type}  sent {sent_at}  SES message {reference}");
        match &self.mail {
            Some(mail) => format!("{sent}\n\n{}", mail.render()),
            None => format!("{sent}\n{NO_COPY}"),
        }
    }
}

impl Mail {
    fn render(&self) -> String {
        let Self { from, subject, text, .. } = self;
        format!("From:    {from}\nTo:      {}\nSubject: {subject}\n\n{}", self.to.join(", "), text.trim_end())
    }
}

/// Every mail that the local cloud has accepted, as its page shows them. Empty on AWS, since SES keeps no copies.
pub async fn mailbox(cloud: &Cloud) -> Result<Vec<Value>> {
    let Some(endpoint) = &cloud.endpoint else {
        return Ok(Vec::new());
    };
    let page = fetch(&format!("{endpoint}/_ministack/ses/messages")).await?.json();
    Ok(messages(&page).cloned().collect())
}

/// The mails of all accounts on the local cloud's page.
fn messages(page: &Value) -> impl Iterator<Item = &Value> {
    let accounts = page["messages"].as_object().into_iter().flat_map(serde_json::Map::values);
    accounts.filter_map(Value::as_array).flatten()
}

/// The mail with this SES message id.
fn find_mail<'a>(mailbox: impl IntoIterator<Item = &'a Value>, reference: &str) -> Option<Mail> {
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

    fn last_mail(mail: Option<Mail>) -> LastMail {
        let (sent_at, event_type) = ("2026-05-26T14:23:04.000Z".to_owned(), OrderPlaced::TYPE);
        LastMail { order_id: "ord_1".into(), event_type, reference: "m2@ses".into(), sent_at, mail }
    }

    #[test]
    fn mail_is_found_by_ses_message_id() {
        let message = |id: &str| {
            json!({"MessageId": id, "Source": "orders@example.com", "To": ["ada@example.com"], "Subject": "Your order",
                "BodyText": "Thank you\n", "BodyHtml": "<p>Thank you</p>"})
        };
        let page = json!({"messages": {"000000000000": [message("m1@ses"), message("m2@ses")]}});
        let mail = find_mail(messages(&page), "m2@ses");
        assert_eq!(
            last_mail(mail).render(),
            "order ord_1  OrderPlaced  sent 2026-05-26T14:23:04.000Z  SES message m2@ses\n\n\
             From:    orders@example.com\nTo:      ada@example.com\nSubject: Your order\n\nThank you"
        );
        assert_eq!(find_mail(messages(&page), "m3@ses"), None);
        assert_eq!(find_mail(messages(&json!({})), "m1@ses"), None);
    }

    #[test]
    fn sent_mail_without_copy_shows_reference_and_time() {
        let known = last_mail(None);
        assert!(known.render().ends_with("SES message m2@ses\nSES keeps no copy of what it sent."));
        assert!(known.save_html(Path::new("/dev/null")).is_err());
    }
}

//! Sends a confirmation of every order, as text and HTML, through SES.
//!
//! * [`Email`]: the business: compose, send, say what became of it
//! * [`Mail`]: what the customer reads, made of `templates/`
//! * `config`: who it comes from
//! * `ses`: the client, which never sends twice on its own account
//! * `refusal`: what each answer of SES means for the message
//! * [`plain`]: text from outside made harmless, money and dates made readable

mod config;
mod mail;
pub mod plain;
mod refusal;
mod ses;

use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageTag};
use switchyard_chassis::{Clients, Env, Failure, Received, Sender, Sent};
use switchyard_events::OrderPlaced;

use crate::config::Config;
pub use crate::mail::{Mail, Templates};

/// Mails a confirmation to whoever placed an order.
pub struct Email {
    ses: aws_sdk_sesv2::Client,
    config: Config,
    templates: Templates,
}

impl Sender for Email {
    const NAME: &'static str = "email";
    type Event = OrderPlaced;

    async fn send(&self, order: &Received<OrderPlaced>) -> Result<Sent, Failure> {
        let mail = self.templates.compose(order)?;
        let request = self.request(order, mail).map_err(Failure::retry)?;
        let accepted = request.send().await.map_err(|error| refusal::failure(&error))?;
        Ok(Sent { reference: accepted.message_id.unwrap_or_default() })
    }
}

impl Email {
    /// Reads `SENDER_ADDRESS` and `SES_CONFIGURATION_SET`.
    pub fn from_env(env: &mut Env, clients: &Clients) -> Self {
        Self { ses: ses::client(clients), config: Config::from_env(env), templates: Templates::default() }
    }

    fn request(&self, order: &Received<OrderPlaced>, mail: Mail) -> Result<SendEmailFluentBuilder, BuildError> {
        let body = Body::builder().text(utf8(mail.text)?).html(utf8(mail.html)?).build();
        let message = Message::builder().subject(utf8(mail.subject)?).body(body).build();
        let to = Destination::builder().to_addresses(order.email.reveal().as_str());
        Ok(self
            .ses
            .send_email()
            .from_email_address(self.config.sender.as_str())
            .set_configuration_set_name(self.config.configuration_set.as_ref().map(ToString::to_string))
            .destination(to.build())
            .content(EmailContent::builder().simple(message).build())
            .email_tags(tag("event_id", order.metadata.event_id.as_str())?)
            .email_tags(tag("order_id", order.order_id.as_str())?))
    }
}

fn utf8(text: String) -> Result<Content, BuildError> {
    Content::builder().charset("UTF-8").data(text).build()
}

/// A tag, by which SES's own events about the mail (bounce, complaint, delivery) name the order. A tag may hold ASCII letters,
/// digits, `_` and `-` (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html>, 2026-11-21); our ids may also hold `.`.
fn tag(name: &str, value: &str) -> Result<MessageTag, BuildError> {
    let value = value.replace(|c: char| !config::is_ses_name(c), "-");
    MessageTag::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests;

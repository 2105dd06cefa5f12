//! Sends a mail when an order has been received, and one when it is cancelled, as text and HTML, through SES.
//!
//! Each mail has a lease of its own, in the row of its event. The first mail is never sent after the second: before the mail about a
//! cancellation is sent, the row of the first mail is marked as done, under the condition that this mail was not sent and is not being
//! sent. If it is being sent, the second mail waits for the end of that lease. If `OrderPlaced` arrives after that mark, it is a duplicate.
//! So a customer gets both mails in this order, or only the second.
//!
//! Write units: 2 for an order, 3 for a cancellation (the mark, the lease, its completion). No mail needs a read.
//!
//! * [`Email`]: the sender; it composes a mail, sends it and classifies the result
//! * [`Mail`], [`Templates`]: a mail, rendered from `templates/`
//! * `config`: the sender address and the configuration set
//! * `ses`: the client, which does not retry a call that may have sent the mail
//! * `ses_error`: which errors of SES are retried and which are rejected
//! * [`text`]: makes text from outside safe, and formats amounts and dates

mod config;
mod ses;
mod ses_error;
mod templates;
pub mod text;

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageTag};
use aws_smithy_runtime_api::http::StatusCode;
use switchyard_chassis::{Clients, Env, Failure, Received, SendError, Sender, Sent};
use switchyard_events::{EventId, Fact, OrderPlaced, PlacedOrCancelled};

use crate::config::Config;

pub use templates::{Mail, Templates};

/// The email consumer: writes to the e-mail address of each order.
pub struct Email {
    ses: aws_sdk_sesv2::Client,
    config: Config,
    templates: Templates,
}

impl Sender for Email {
    const NAME: &'static str = "email";
    type Event = PlacedOrCancelled;

    async fn send(&self, event: &Received<PlacedOrCancelled>) -> Result<Sent, SendError> {
        let mail = self.templates.compose(event)?;
        let request = self.request(event, mail).map_err(Failure::retry)?;
        let accepted = request.send().await.map_err(|error| ses_error::classify(&error))?;
        Ok(Sent { reference: accepted.message_id.unwrap_or_default() })
    }

    /// The mail about a cancellation supersedes the first one. An order has one `OrderPlaced`, with sequence 1.
    fn supersedes(&self, event: &Received<PlacedOrCancelled>) -> Option<EventId> {
        match &event.event {
            PlacedOrCancelled::Placed(_) => None,
            PlacedOrCancelled::Cancelled(cancelled) => {
                Some(EventId::derive(OrderPlaced::TYPE, cancelled.order.order_id.as_str(), 1))
            }
        }
    }

    /// Reads the sender's identity, which has no effect. Any answer but an internal error shows that SES works, throttling included:
    /// SES allows many calls of this kind only once a second, such as
    /// <https://docs.aws.amazon.com/ses/latest/APIReference/API_GetSendQuota.html> (2026-11-21). A missing permission shows nothing:
    /// IAM is asked before SES.
    async fn probe(&self) -> Result<(), Failure> {
        let request = self.ses.get_email_identity().email_identity(self.config.sender.as_str());
        let without_retries = aws_sdk_sesv2::Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(without_retries).send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if is_answer_of_ses(error.raw().status()) => Ok(()),
            Err(error) => Err(Failure::retry(format!("SES GetEmailIdentity: {}", error.code().unwrap_or("no answer")))),
        }
    }
}

impl Email {
    /// Reads `SENDER_ADDRESS` and `SES_CONFIGURATION_SET`.
    pub fn from_env(env: &mut Env, clients: &Clients) -> Self {
        Self { ses: ses::client(clients), config: Config::from_env(env), templates: Templates::default() }
    }

    fn request(&self, event: &Received<PlacedOrCancelled>, mail: Mail) -> Result<SendEmailFluentBuilder, BuildError> {
        let order = event.order();
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
            .email_tags(tag("event_id", event.metadata.event_id.as_str())?)
            .email_tags(tag("order_id", order.order_id.as_str())?))
    }
}

fn is_answer_of_ses(status: StatusCode) -> bool {
    status.is_client_error() && status.as_u16() != 403
}

fn utf8(text: String) -> Result<Content, BuildError> {
    Content::builder().charset("UTF-8").data(text).build()
}

/// A tag, by which SES's own events about the mail (bounce, complaint, delivery) name the order. A tag may contain ASCII letters,
/// digits, `_` and `-` (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html>, 2026-11-21). Our ids may
/// also contain `.`, which becomes `-`.
fn tag(name: &str, value: &str) -> Result<MessageTag, BuildError> {
    let value = value.replace(|c: char| !config::is_ses_name(c), "-");
    MessageTag::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests;

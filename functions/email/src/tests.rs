//! The requests to SES, and how often they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use switchyard_events::{DomainEvent, parse_body};

use super::*;

/// A fake SES. It returns the given statuses and error names one after the other, and then repeats the last. Status 0 is a timeout.
#[derive(Debug, Clone)]
struct FakeSes {
    answers: &'static [(u16, &'static str)],
    calls: Arc<AtomicUsize>,
}

impl HttpConnector for FakeSes {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let (status, error) = self.answers[call.min(self.answers.len() - 1)];
        if status == 0 {
            return HttpConnectorFuture::ready(Err(ConnectorError::timeout("no answer".into())));
        }
        let body = match status {
            200 => r#"{"MessageId":"0100-example"}"#,
            _ => r#"{"message":"not for ada@example.com"}"#,
        };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        response.headers_mut().insert("x-amzn-errortype", error);
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn email(answers: &'static [(u16, &'static str)]) -> (Email, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let ses = FakeSes { answers, calls: Arc::clone(&calls) };
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "s", None, None, "test")))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(ses.clone())));
    let mut env = Env::from_lookup(|name| match name {
        "SENDER_ADDRESS" => Some("orders@switchyard.example".into()),
        "SES_CONFIGURATION_SET" => Some("orders".into()),
        _ => None,
    });
    let email = Email::from_env(&mut env, &Clients::from_sdk(sdk.build()));
    (env.finish(email).unwrap(), calls)
}

fn received(sample: &str) -> Received<PlacedOrCancelled> {
    let body = format!(r#"{{"detail":{sample}}}"#);
    let envelope = parse_body(&body).unwrap();
    let event = PlacedOrCancelled::parse(&envelope).unwrap();
    let metadata = envelope.metadata;
    Received { event, received_at: metadata.occurred_at, metadata, receive_count: 1 }
}

fn order() -> Received<PlacedOrCancelled> {
    received(include_str!("../../../events/samples/OrderPlaced.v1.json"))
}

#[tokio::test]
async fn request_has_sender_recipient_config_set_and_tags() {
    let (email, _) = email(&[(200, "")]);
    let order = received(include_str!("../tests/samples/hostile.OrderPlaced.v1.json"));
    let mail = email.templates.compose(&order).unwrap();
    let request = email.request(&order, mail.clone()).unwrap();
    let input = request.as_input();
    assert_eq!(input.get_from_email_address().as_deref(), Some("orders@switchyard.example"));
    assert_eq!(input.get_configuration_set_name().as_deref(), Some("orders"));
    let to = input.get_destination().as_ref().unwrap();
    assert_eq!(to.to_addresses(), ["o'hara+{{x}}@example.com"]);
    assert!(to.cc_addresses().is_empty() && to.bcc_addresses().is_empty());
    let tags = input.get_email_tags().as_deref().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| (tag.name(), tag.value())).collect();
    assert_eq!(tags, [("event_id", order.metadata.event_id.as_str()), ("order_id", "ord_h-0st1le")]);
    let message = input.get_content().as_ref().unwrap().simple().unwrap();
    let utf8 = |content: Option<&Content>| {
        let content = content.unwrap();
        assert_eq!(content.charset(), Some("UTF-8"));
        content.data().to_owned()
    };
    assert_eq!(utf8(message.subject()), mail.subject);
    assert_eq!(utf8(message.body().unwrap().text()), mail.text);
    assert_eq!(utf8(message.body().unwrap().html()), mail.html);
}

#[test]
fn cancellation_supersedes_the_mail_of_its_order_only() {
    let (email, _) = email(&[(200, "")]);
    let cancelled = received(include_str!("../../../events/samples/OrderCancelled.v1.json"));
    assert_eq!(email.supersedes(&cancelled), Some(order().metadata.event_id));
    assert_eq!(email.supersedes(&order()), None);
}

#[tokio::test]
async fn ses_message_id_is_returned_as_reference() {
    let (email, calls) = email(&[(200, "")]);
    let sent = email.send(&order()).await.unwrap();
    assert_eq!(sent.reference, "0100-example");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn throttled_mail_is_retried_by_the_client() {
    let (email, calls) = email(&[(429, "TooManyRequestsException"), (400, "ThrottlingException"), (200, "")]);
    assert!(email.send(&order()).await.is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn mail_that_may_be_sent_is_not_retried_by_the_client() {
    for (answers, expected) in [
        (&[(500, "InternalFailure"), (200, "")], SendError::NotSent(Failure::retry("SES: InternalFailure"))),
        (&[(503, "ServiceUnavailable"), (200, "")], SendError::NotSent(Failure::retry("SES: ServiceUnavailable"))),
        (
            &[(0, ""), (200, "")],
            SendError::OutcomeUnknown(Failure::retry("the connection to SES broke; the mail may have been sent")),
        ),
    ] {
        let (email, calls) = email(answers);
        assert_eq!(email.send(&order()).await.unwrap_err(), expected);
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{expected}");
    }
}

#[tokio::test]
async fn rejected_message_does_not_quote_the_address() {
    let (email, _) = email(&[(400, "MessageRejected")]);
    let SendError::NotSent(Failure::Reject { code, reason }) = email.send(&order()).await.unwrap_err() else {
        panic!("not rejected");
    };
    assert_eq!(code, "message_rejected");
    assert!(!reason.contains('@'), "{reason}");
}

#[tokio::test]
async fn probe_fails_only_if_ses_does_not_work() {
    for (status, error, works) in [
        (200, "", true),
        (404, "NotFoundException", true),
        (429, "TooManyRequestsException", true),
        (403, "AccessDeniedException", false),
        (500, "InternalFailure", false),
        (0, "", false),
    ] {
        let answers: &'static [(u16, &'static str)] = vec![(status, error)].leak();
        let (email, calls) = email(answers);
        assert_eq!(email.probe().await.is_ok(), works, "{status} {error}");
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{status}: it is asked once");
    }
}

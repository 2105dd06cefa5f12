//! Properties that must hold for any input: the fuzz targets and the property tests of the integration suite check them.
#![allow(dead_code)] // each fuzz target uses one of them

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use publisher::StreamEvent;
use switchyard_events::{
    CancellationRequested, DomainEvent, Envelope, Fact, NexusThresholdCrossed, OrderCancelled, OrderConfirmed,
    OrderFlagged, OrderPlaced, OrderRejected, PickWaveReleased, PickWithdrawalRefused, PickWithdrawn, parse_body,
};

/// The body of a queue message is an event, which survives a round trip through JSON; or an error, which repeats no e-mail address.
///
/// # Panics
/// If the property is violated; so do the others.
pub fn queue_body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert_round_trip::<OrderPlaced>(text);
    assert_round_trip::<OrderConfirmed>(text);
    assert_round_trip::<OrderFlagged>(text);
    assert_round_trip::<OrderRejected>(text);
    assert_round_trip::<CancellationRequested>(text);
    assert_round_trip::<PickWithdrawn>(text);
    assert_round_trip::<PickWithdrawalRefused>(text);
    assert_round_trip::<OrderCancelled>(text);
    assert_round_trip::<PickWaveReleased>(text);
    assert_round_trip::<NexusThresholdCrossed>(text);
}

fn assert_round_trip<F: Fact + DomainEvent + PartialEq + std::fmt::Debug>(text: &str) {
    let parse = |text: &str| parse_body(text).and_then(|raw| Ok((F::parse(&raw)?, raw.metadata)));
    match parse(text) {
        Ok((data, mut metadata)) => {
            // Data of an older version was converted to this one.
            metadata.version = F::VERSION;
            let envelope = Envelope { metadata, data };
            let detail = serde_json::to_string(&envelope).expect("an event that was parsed can be serialized");
            assert_eq!(parse(&format!("{{\"detail\":{detail}}}")), Ok((envelope.data, envelope.metadata)));
        }
        Err(error) => assert_no_email_address(&error.to_string()),
    }
}

/// The body of a checkout request is a cart, or a problem with a status from 400 to 499, which repeats no e-mail address. The first
/// byte decides whether the rest counts as base64.
pub fn checkout_body(bytes: &[u8]) {
    let mut request = ApiGatewayV2httpRequest::default();
    request.is_base64_encoded = bytes.first().is_some_and(|byte| byte % 2 == 1);
    let body = bytes.get(1..).unwrap_or_default();
    request.body = Some(String::from_utf8_lossy(body).into_owned());
    if let Err(problem) = checkout::validate(&request) {
        let response = serde_json::to_value(&problem).expect("a problem can be serialized");
        assert!(response["status"].as_u64().is_some_and(|status| (400..500).contains(&status)), "{response}");
        assert_no_email_address(&response.to_string());
    }
}

/// No call of the publisher exceeds the limits of `PutEvents`: 10 entries; 256 KiB together, or 1,000,000 bytes for a single one.
pub fn stream_record(bytes: &[u8]) {
    let Ok(batch) = serde_json::from_slice::<StreamEvent>(bytes) else { return };
    let (calls, _dead) = publisher::plan_calls(batch);
    for call in &calls {
        assert!((1..=10).contains(&call.len()));
        assert!(call.iter().sum::<usize>() <= if call.len() == 1 { 1_000_000 } else { 256 * 1024 });
    }
}

/// An e-mail address is personal data, which no error may repeat. The example address of our own error messages is allowed.
fn assert_no_email_address(message: &str) {
    assert!(!message.replace("name@example.com", "").contains('@'), "{message}");
}

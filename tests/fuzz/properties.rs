//! What must hold for whatever arrives: shared by the fuzz targets and by the property tests of the integration suite.
#![allow(dead_code)] // each fuzz target uses one of them

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use publisher::StreamEvent;
use switchyard_events::{
    DomainEvent, Envelope, Fact, NexusThresholdCrossed, OrderConfirmed, OrderFlagged, OrderPlaced, PickWaveReleased,
    parse_body,
};

/// A queue's message is an event that means the same when written and read again, or an error that repeats nothing of it.
pub fn queue_body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    reads::<OrderPlaced>(text);
    reads::<OrderConfirmed>(text);
    reads::<OrderFlagged>(text);
    reads::<PickWaveReleased>(text);
    reads::<NexusThresholdCrossed>(text);
}

fn reads<F: Fact + DomainEvent + PartialEq + std::fmt::Debug>(text: &str) {
    let read = |text: &str| parse_body(text).and_then(|raw| Ok((F::parse(&raw)?, raw.metadata)));
    match read(text) {
        Ok((data, metadata)) => {
            let envelope = Envelope { metadata, data };
            let again =
                format!("{{\"detail\":{}}}", serde_json::to_string(&envelope).expect("what was read can be written"));
            assert_eq!(read(&again), Ok((envelope.data, envelope.metadata)));
        }
        Err(error) => repeats_no_address(&error.to_string()),
    }
}

/// A request is a cart, or a problem with a client's status that repeats nothing of it.
pub fn checkout_body(bytes: &[u8]) {
    let mut request = ApiGatewayV2httpRequest::default();
    request.is_base64_encoded = bytes.first().is_some_and(|byte| byte % 2 == 1);
    let body = bytes.get(1..).unwrap_or_default();
    request.body = Some(String::from_utf8_lossy(body).into_owned());
    if let Err(problem) = checkout::validate(&request) {
        let answer = serde_json::to_value(&problem).expect("a problem can be written");
        assert!(answer["status"].as_u64().is_some_and(|status| (400..500).contains(&status)), "{answer}");
        repeats_no_address(&answer.to_string());
    }
}

/// Every entry of a stream's batch is in exactly one call, no call is larger than EventBridge takes, and what is no entry is dead.
pub fn stream_record(bytes: &[u8]) {
    let Ok(batch) = serde_json::from_slice::<StreamEvent>(bytes) else { return };
    let (calls, _dead) = publisher::plan_calls(batch);
    for call in &calls {
        assert!((1..=10).contains(&call.len()));
        assert!(call.iter().sum::<usize>() <= if call.len() == 1 { 1_000_000 } else { 256 * 1024 });
    }
}

/// An address in a message is personal, and must not come out of it in an error. Our own example may.
fn repeats_no_address(said: &str) {
    assert!(!said.replace("name@example.com", "").contains('@'), "{said}");
}

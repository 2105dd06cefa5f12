//! The properties of the fuzz targets, checked with bodies that are nearly valid.

#[path = "../../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use proptest::sample::{Index, select};

const ORDER_PLACED: &str = include_str!("../../../events/samples/OrderPlaced.v1.json");
const SAMPLES: &[&str] = &[
    include_str!("../../../events/samples/CancellationRequested.v1.json"),
    include_str!("../../../events/samples/NexusThresholdCrossed.v1.json"),
    include_str!("../../../events/samples/OrderCancelled.v1.json"),
    include_str!("../../../events/samples/OrderConfirmed.v1.json"),
    include_str!("../../../events/samples/OrderFlagged.v1.json"),
    include_str!("../../../events/samples/OrderRejected.v1.json"),
    include_str!("../../../events/samples/PickWaveReleased.v1.json"),
    include_str!("../../../events/samples/PickWithdrawalRefused.v1.json"),
    include_str!("../../../events/samples/PickWithdrawn.v1.json"),
    ORDER_PLACED,
];
const CART: &str = r#"{"user_id":"usr_1","email":"ada@example.com","items":[{"sku":"MUG-01","quantity":2}],
    "ship_to":{"country":"US","region":"CA","postal_code":"94107"}}"#;

/// Fragments that have broken parsers before.
const NASTY: &[&str] = &[
    "null",
    "-0",
    "-0.0",
    "1e400",
    "1e-400",
    "NaN",
    "Infinity",
    "0.1",
    "99999999999999999999",
    "\"\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{202e}\"",
    "\"\u{200b}\"",
    "\"a#b\"",
    "\"ada@example.com\\r\\nBcc: eve@example.com\"",
    "[]",
    "{}",
    "[[[[",
    "}}}}",
    "\\",
    "\"9999-12-31T23:59:59Z\"",
    "\"-009999-01-01T00:00:00Z\"",
    "true",
    ",",
    ":",
];

/// A text with some of its parts replaced by a nasty fragment, doubled, or removed.
fn nearly_valid(text: &'static str) -> impl Strategy<Value = String> {
    let change = (any::<Index>(), 0..12_usize, 0..3_u8, select(NASTY));
    proptest::collection::vec(change, 0..4).prop_map(move |changes| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, length, kind, nasty) in changes {
            let start = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (start + length).min(bytes.len());
            let stretch = bytes[start..end].to_vec();
            let with = match kind {
                0 => nasty.as_bytes().to_vec(),
                1 => [stretch.clone(), stretch].concat(),
                _ => Vec::new(),
            };
            bytes.splice(start..end, with);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn queue_body_is_event_or_error_without_values(sample in select(SAMPLES).prop_flat_map(nearly_valid)) {
        properties::queue_body(format!("{{\"detail\":{sample}}}").as_bytes());
    }

    #[test]
    fn checkout_body_is_cart_or_problem_without_values(cart in nearly_valid(CART), encoded in any::<bool>()) {
        properties::checkout_body(&[&[u8::from(encoded)], cart.as_bytes()].concat());
    }

    #[test]
    fn outbox_entries_fit_put_events_limits(
        sample in nearly_valid(ORDER_PLACED), copies in 0..30_usize, rows in 0..4_usize
    ) {
        let entry = format!(r#"{{"source":"switchyard.checkout","detail_type":"OrderPlaced","detail":{sample}}}"#);
        let outbox = format!("[{}]", vec![entry; copies].join(","));
        let image = serde_json::json!({"outbox": {"S": outbox}});
        let row = serde_json::json!({"eventName": "INSERT", "dynamodb": {"NewImage": image}});
        properties::stream_record(serde_json::json!({"Records": vec![row; rows]}).to_string().as_bytes());
    }
}

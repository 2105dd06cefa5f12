//! The contract on disk: samples round-trip unchanged, and schemas match the types and only grow.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p switchyard-events` writes the schemas of changed types.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails

use std::fs;
use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use serde_json::Value;
use switchyard_events::{
    CancellationRequested, DomainEvent, Envelope, EventId, Fact, NexusThresholdCrossed, OrderCancelled, OrderConfirmed,
    OrderFlagged, OrderPlaced, OrderRejected, PickWaveReleased, PickWithdrawalRefused, PickWithdrawn, parse_body,
};

fn path_in(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)
}

fn file_name<T: Fact>() -> String {
    format!("{}.v{}.json", T::TYPE, T::VERSION)
}

fn sample<T: Fact>() -> String {
    fs::read_to_string(path_in("samples", &file_name::<T>())).expect("every fact has a sample")
}

fn assert_round_trip<T: Fact + DomainEvent>() {
    let text = sample::<T>();
    let body = format!(r#"{{"version":"0","detail-type":"{}","detail":{text}}}"#, T::TYPE);
    let raw = parse_body(&body).unwrap();
    let envelope = Envelope { data: T::parse(&raw).unwrap(), metadata: raw.metadata };
    // Compared as text, not as `Value`: 101.50 must not come back as 101.5.
    assert_eq!(serde_json::to_string(&envelope).unwrap(), compact(&text));
}

/// Removes the white space between tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            if in_string {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return true;
            }
            in_string = c == '"';
            !c.is_whitespace()
        })
        .collect()
}

fn schema<T: Fact>() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Envelope<T>>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["title"] = Value::from(format!("{} version {}", T::TYPE, T::VERSION));
    schema
}

/// Compares the schema on disk with the type. With `UPDATE_SCHEMAS=1` it writes the schema, unless the change is not
/// additive.
fn assert_schema_matches<T: Fact>() {
    let path = path_in("schemas", &file_name::<T>());
    let now = schema::<T>();
    let before: Option<Value> = fs::read_to_string(&path).ok().map(|text| serde_json::from_str(&text).unwrap());
    if let Some(before) = &before {
        let breaking = breaking_changes("", before, &now);
        assert!(breaking.is_empty(), "{} breaks its readers or its archive; raise VERSION: {breaking:#?}", T::TYPE);
    }
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    } else {
        assert_eq!(
            before.as_ref(),
            Some(&now),
            "run UPDATE_SCHEMAS=1 cargo test -p switchyard-events and commit {}",
            path.display()
        );
    }
}

/// The changes that are not additive: a property is removed, a rule is changed or added, or more fields are required.
fn breaking_changes(path: &str, before: &Value, now: &Value) -> Vec<String> {
    let (Value::Object(old), Value::Object(new)) = (before, now) else {
        return if before == now { vec![] } else { vec![format!("{path}: {before} became {now}")] };
    };
    let mut breaking = vec![];
    for (key, old_value) in old {
        let here = format!("{path}/{key}");
        match (key.as_str(), new.get(key)) {
            ("required", Some(new_value)) if old_value != new_value => {
                breaking.push(format!("{here}: required fields changed"));
            }
            ("title" | "description" | "required", _) => {}
            (_, None) => breaking.push(format!("{here}: removed")),
            (_, Some(new_value)) => breaking.extend(breaking_changes(&here, old_value, new_value)),
        }
    }
    // Inside `properties` and `$defs` a new name is an addition; anywhere else it is a new rule that old events may
    // violate.
    let names = path.ends_with("/properties") || path.ends_with("/$defs");
    let added = new.keys().filter(|key| !old.contains_key(*key) && !names && *key != "description");
    breaking.extend(added.map(|key| format!("{path}/{key}: a new rule")));
    breaking
}

macro_rules! contract_tests {
    ($($module:ident: $fact:ty),*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn sample_round_trips_unchanged() {
                assert_round_trip::<$fact>();
            }

            #[test]
            fn schema_matches_type_and_only_grows() {
                assert_schema_matches::<$fact>();
            }

            #[test]
            fn older_versions_are_read() {
                assert_older_versions_are_read::<$fact>();
            }

            #[test]
            fn sample_is_valid_by_schema() {
                let sample: Value = serde_json::from_str(&sample::<$fact>()).unwrap();
                let schema = schema::<$fact>();
                let validator = jsonschema::draft202012::new(&schema).unwrap();
                let errors: Vec<_> = validator.iter_errors(&sample).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert!(errors.is_empty(), "{errors:#?}");
            }
        }
    )*};
}

contract_tests!(
    order_placed: OrderPlaced,
    order_confirmed: OrderConfirmed,
    order_flagged: OrderFlagged,
    order_rejected: OrderRejected,
    cancellation_requested: CancellationRequested,
    pick_withdrawn: PickWithdrawn,
    pick_withdrawal_refused: PickWithdrawalRefused,
    order_cancelled: OrderCancelled,
    pick_wave_released: PickWaveReleased,
    nexus_threshold_crossed: NexusThresholdCrossed
);

/// The files of older versions are never changed: events of these versions still exist.
fn assert_older_versions_are_read<T: Fact + DomainEvent>() {
    for version in 1..T::VERSION {
        let name = format!("{}.v{version}.json", T::TYPE);
        let text = fs::read_to_string(path_in("samples", &name)).expect("a version keeps its sample");
        let schema = fs::read_to_string(path_in("schemas", &name)).expect("a version keeps its schema");
        let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
        assert!(validator.is_valid(&serde_json::from_str(&text).unwrap()), "{name} does not match its schema");
        let body = format!(r#"{{"detail":{text}}}"#);
        let raw = parse_body(&body).unwrap();
        let fact = T::parse(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
        // As the current version, it is read to the same fact again.
        let json = serde_json::to_string(&fact).unwrap();
        let metadata = serde_json::to_string(&raw.metadata).unwrap();
        let metadata = metadata.replacen(&format!("\"version\":{version}"), &format!("\"version\":{}", T::VERSION), 1);
        let body = format!(r#"{{"detail":{{"metadata":{metadata},"data":{json}}}}}"#);
        let again = T::parse(&parse_body(&body).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), json, "{name}");
    }
}

#[test]
fn version_above_the_readers_own_is_unknown() {
    let text = compact(&sample::<PickWaveReleased>());
    let error = |version: u32| {
        let body = format!(r#"{{"detail":{}}}"#, text.replacen("\"version\":2", &format!("\"version\":{version}"), 1));
        PickWaveReleased::parse(&parse_body(&body).unwrap()).err().map(|error| error.code())
    };
    let current = PickWaveReleased::VERSION;
    assert_eq!(
        [error(0), error(current), error(current + 1)],
        [Some("unknown_version"), None, Some("unknown_version")]
    );
}

#[test]
fn breaking_schema_changes_are_detected() {
    let before = schema::<OrderPlaced>();
    let mut without = before.clone();
    without["properties"].as_object_mut().unwrap().remove("data");
    let mut stricter = before.clone();
    stricter["required"].as_array_mut().unwrap().push("extra".into());
    let mut other = before.clone();
    other["$defs"]["OrderLine"]["properties"]["name"]["type"] = "number".into();
    for breaking in [&without, &stricter, &other] {
        assert!(!breaking_changes("", &before, breaking).is_empty());
    }
    let mut more = before.clone();
    more["$defs"]["OrderLine"]["properties"]["gift"] = serde_json::json!({"type": "boolean"});
    assert_eq!(breaking_changes("", &before, &more), Vec::<String>::new());
}

/// The result of parsing the `OrderPlaced` sample with one text replaced: `ok` or the error.
fn parse_changed(from: &str, to: &str) -> String {
    let text = compact(&sample::<OrderPlaced>());
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from} is not in the sample");
    let body = format!(r#"{{"detail":{changed}}}"#);
    match parse_body(&body).and_then(|raw| OrderPlaced::parse(&raw)) {
        Ok(_) => "ok".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn invalid_event_error_names_field_without_value() {
    let check = |from, to, expected: &str| {
        let error = parse_changed(from, to);
        assert!(error.starts_with(expected), "{from} -> {to}: {error}");
        assert!(!error.contains("ada@example.com"), "{error}");
    };
    check("\"version\":1", "\"version\":2", "detail.metadata.version: OrderPlaced version 2 is not known, only 1 to 1");
    check("OrderPlaced", "OrderMislaid", "detail.metadata.event_type: this consumer does not read OrderMislaid");
    check("\"total_usd\":101.50", "\"total_usd\":101.51", "detail.data: total_usd is not the sum");
    check("\"total_usd\":101.50", "\"total_usd\":\"ada@example.com\"", "detail.data.total_usd: must be an amount");
    check(
        "\"quantity\":2",
        "\"quantity\":\"ada@example.com\"",
        "detail.data.items[0].quantity: invalid type: string …, expected",
    );
    check("\"quantity\":2", "\"quantity\":0", "detail.data.items[0].quantity: must be a whole number");
    check("\"id\":\"ord_8h2a\"", "\"id\":\"ord_other\"", "detail.metadata.aggregate: does not name");
    check("\"sequence\":1", "\"sequence\":7", "detail.metadata.event_id: is not derived");
    check("ada@example.com", "ada@example.com\\nBcc: x@y.zz", "detail.data.email: must be a mail address");
    check("placed_at\":\"2026-05-26", "placed_at\":\"2026-05-28", "detail.data.placed_at: is more than a day after");
    check("TEA-07", "MUG-01", "detail.data: items must name each sku once");
    check("\"metadata\"", "\"meta\"", "detail: missing field `metadata`");
}

#[test]
fn sample_event_ids_are_derived() {
    for (event_type, aggregate, sequence) in [
        ("OrderPlaced", "ord_8h2a", 1),
        ("OrderConfirmed", "ord_8h2a", 2),
        ("OrderFlagged", "ord_8h2a", 2),
        ("OrderRejected", "ord_8h2a", 3),
        ("CancellationRequested", "ord_8h2a", 4),
        ("PickWithdrawn", "ord_8h2a", 5),
        ("PickWithdrawalRefused", "ord_8h2a", 5),
        ("OrderCancelled", "ord_8h2a", 6),
        ("PickWaveReleased.v2", "20260526T142530Z-k3f9a2", 1),
        ("PickWaveReleased", "20260526T1420Z", 1),
        ("NexusThresholdCrossed", "US-CA.2026", 1),
    ] {
        let (event_type, version) = event_type.split_once('.').unwrap_or((event_type, "v1"));
        let text = fs::read_to_string(path_in("samples", &format!("{event_type}.{version}.json"))).unwrap();
        let derived = EventId::derive(event_type, aggregate, sequence);
        assert!(text.contains(derived.as_str()), "{event_type}: {derived}");
    }
}

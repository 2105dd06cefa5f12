//! The contract on disk: samples round-trip unchanged, and schemas match the types and only grow.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p switchyard-events` writes the schemas of changed types.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchyard_events::{
    CancellationRequested, DomainEvent, Envelope, EventId, Fact, Metadata, NexusThresholdCrossed, OlderData,
    OrderCancelled, OrderConfirmed, OrderFlagged, OrderId, OrderPlaced, OrderRejected, ParseError, PickWaveReleased,
    PickWithdrawalRefused, PickWithdrawn, parse_body,
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
        assert_read_as_current::<T>(&text);
    }
}

/// An event of an older version is read, and as the current version it is read to the same fact again.
fn assert_read_as_current<T: Fact + DomainEvent>(older: &str) {
    let body = format!(r#"{{"detail":{older}}}"#);
    let raw = parse_body(&body).unwrap();
    let fact = T::parse(&raw).unwrap();
    let metadata = Metadata { version: T::VERSION, ..raw.metadata };
    let json = serde_json::to_string(&Envelope { metadata, data: &fact }).unwrap();
    let body = format!(r#"{{"detail":{json}}}"#);
    let again = T::parse(&parse_body(&body).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&fact).unwrap());
}

/// A fact whose first version had a score in percent as text.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Scored {
    order_id: OrderId,
    score: u8,
    #[schemars(with = "String")]
    decided_at: Timestamp,
}

impl Fact for Scored {
    const TYPE: &'static str = "Scored";
    const VERSION: u32 = 3;
    const AGGREGATE: &'static str = "order";

    fn aggregate_id(&self) -> &str {
        self.order_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("decided_at", self.decided_at)
    }

    fn upcast(older: OlderData<'_>) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        struct Version1 {
            order_id: OrderId,
            percent: String,
            decided_at: Timestamp,
        }
        if older.version > 1 {
            return Err(older.unknown_version::<Self>());
        }
        let Version1 { order_id, percent, decided_at } = older.parse()?;
        Ok(Self { order_id, score: percent.trim_end_matches('%').parse().unwrap_or_default(), decided_at })
    }
}

fn scored(version: u32, data: &str) -> String {
    let event_id = EventId::derive("Scored", "ord_1", 2);
    format!(
        r#"{{"metadata":{{"event_id":"{event_id}","event_type":"Scored","version":{version},"occurred_at":"2026-05-26T14:23:02Z",
        "producer":"fraud","correlation_id":"x","causation_id":null,"traceparent":null,
        "aggregate":{{"type":"order","id":"ord_1","sequence":2}}}},"data":{data}}}"#
    )
}

#[test]
fn every_version_up_to_the_readers_own_is_read_if_it_converts() {
    let first = r#"{"order_id":"ord_1","percent":"85%","decided_at":"2026-05-26T14:23:02Z"}"#;
    let current = r#"{"order_id":"ord_1","score":85,"decided_at":"2026-05-26T14:23:02Z"}"#;
    assert_read_as_current::<Scored>(&scored(1, first));
    let read = |version, data| {
        let body = format!(r#"{{"detail":{}}}"#, scored(version, data));
        Scored::parse(&parse_body(&body).unwrap()).map(|fact| fact.score).map_err(|error| error.code())
    };
    assert_eq!((read(1, first), read(3, current)), (Ok(85), Ok(85)));
    assert_eq!(read(1, current), Err("malformed"));
    for unknown in [0, 2, 4] {
        assert_eq!(read(unknown, current), Err("unknown_version"), "{unknown}");
    }
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
        ("PickWaveReleased", "20260526T1420Z", 1),
        ("NexusThresholdCrossed", "US-CA.2026", 1),
    ] {
        let text = fs::read_to_string(path_in("samples", &format!("{event_type}.v1.json"))).unwrap();
        let derived = EventId::derive(event_type, aggregate, sequence);
        assert!(text.contains(derived.as_str()), "{event_type}: {derived}");
    }
}

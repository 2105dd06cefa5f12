//! [`Fact`]: what a service emits.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{InvalidValue, ParseError, json};

/// Something that happened. Each fact has one type and one version, and one service emits it.
///
/// ```
/// use jiff::Timestamp;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use switchyard_events::{Fact, InvalidValue, OrderId};
///
/// /// An order has left the warehouse. Emitted by `warehouse`, sequence 7 of the order.
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct OrderShipped {
///     order_id: OrderId,
///     parcels: u32,
///     #[schemars(with = "String", extend("format" = "date-time"))]
///     shipped_at: Timestamp,
/// }
///
/// impl Fact for OrderShipped {
///     const TYPE: &'static str = "OrderShipped";
///     const VERSION: u32 = 1;
///     const AGGREGATE: &'static str = "order";
///
///     fn aggregate_id(&self) -> &str {
///         self.order_id.as_str()
///     }
///
///     fn timestamp_field(&self) -> (&'static str, Timestamp) {
///         ("shipped_at", self.shipped_at)
///     }
///
///     fn validate(&self) -> Result<(), InvalidValue> {
///         if self.parcels == 0 {
///             return Err(InvalidValue::new("parcels must be at least 1"));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Fact: Serialize + DeserializeOwned + JsonSchema {
    /// The event's type, in the past tense (`DetailType` on the bus).
    const TYPE: &'static str;
    /// The version of the schema. A change that is not additive raises it.
    const VERSION: u32;
    /// The kind of the thing that the fact is about, in lower case, such as `order`.
    const AGGREGATE: &'static str;

    /// The identifier of the thing that the fact is about.
    fn aggregate_id(&self) -> &str;

    /// The field that says when the fact happened: its name in the JSON data, and its value.
    fn timestamp_field(&self) -> (&'static str, Timestamp);

    /// Converts data of an older version to this version. A fact whose `VERSION` is above 1 implements it for every older version: events
    /// of these versions are still in queues, in dead-letter queues, in outboxes and in the archive.
    ///
    /// Must be pure: the same data always gives the same fact, or a repeated event would have another effect.
    fn upcast(older: OlderData<'_>) -> Result<Self, ParseError> {
        Err(older.unknown_version::<Self>())
    }

    /// Checks rules that the types of the fields cannot express, such as a total that must be the sum of its lines.
    fn validate(&self) -> Result<(), InvalidValue> {
        Ok(())
    }
}

/// The data of an event whose version is older than the one that this consumer was built with.
#[derive(Debug, Clone, Copy)]
pub struct OlderData<'a> {
    /// The version of the data: at least 1, and less than the fact's `VERSION`.
    pub version: u32,
    pub(crate) json: &'a str,
}

impl OlderData<'_> {
    /// Parses the data as the type that the fact had in this version.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        json::parse("detail.data", self.json)
    }

    /// The error of a version that a fact cannot convert.
    pub fn unknown_version<T: Fact>(&self) -> ParseError {
        ParseError::UnknownVersion { event_type: T::TYPE.into(), found: self.version, known: T::VERSION }
    }
}

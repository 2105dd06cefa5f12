//! The facts that Switchyard's services tell each other, and the small types they are made of.
//!
//! * [`Envelope`]: what lies on the bus, one shape for every event
//! * [`Fact`]: something that happened, which a service may emit; [`DomainEvent`]: what a consumer can read
//! * [`OrderPlaced`], [`OrderConfirmed`], [`OrderFlagged`], [`PickWaveReleased`], [`NexusThresholdCrossed`]: the facts,
//!   one file each
//! * [`Usd`], [`OrderId`], [`Sku`], [`Quantity`], [`EmailAddress`], [`Address`]: values that cannot be invalid
//! * [`Redacted`]: personal data, which never reaches a log
//! * [`OutboxEntry`]: an event on its way, stored in the row that caused it

#![warn(missing_docs)]

mod address;
mod email_address;
mod envelope;
mod fact;
mod ids;
mod money;
mod nexus_threshold_crossed;
mod order_confirmed;
mod order_flagged;
mod order_placed;
mod outbox;
mod pick_wave_released;
mod redacted;
mod time;

pub use address::{Address, CountryCode, PostalCode, RegionCode, Subdivision};
pub use email_address::EmailAddress;
pub use envelope::{Aggregate, Cause, Envelope, Metadata, RawEnvelope, parse_body, safe_field_name};
pub use fact::{DomainEvent, Fact, MAX_CLOCK_SKEW, ParseError};
pub use ids::{AggregateId, CorrelationId, EventId, InvalidValue, OrderId, Quantity, Sku, UserId, WaveId, fingerprint};
pub use money::Usd;
pub use nexus_threshold_crossed::{CountedSales, NexusThresholdCrossed, RequiredThresholds};
pub use order_confirmed::OrderConfirmed;
pub use order_flagged::{FlagReason, OrderFlagged};
pub use order_placed::{MAX_ORDER_LINES, OrderLine, OrderPlaced};
pub use outbox::OutboxEntry;
pub use pick_wave_released::{Pick, PickWaveReleased};
pub use redacted::Redacted;

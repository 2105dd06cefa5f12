//! The events that Switchyard's services exchange, and the value types that events consist of.
//!
//! * [`Envelope`]: the JSON object on the bus, with the same shape for every event
//! * [`Fact`]: a type that a service can emit; [`DomainEvent`]: a type that a consumer can parse; [`PlacedOrCancelled`]: both
//!   events of a consumer that can undo what it did for an order
//! * [`OrderPlaced`], [`OrderConfirmed`], [`OrderFlagged`], [`OrderRejected`], [`CancellationRequested`], [`PickWithdrawn`],
//!   [`PickWithdrawalRefused`], [`OrderCancelled`], [`PickWaveReleased`], [`NexusThresholdCrossed`]: the facts, one file each
//! * [`Usd`], [`OrderId`], [`Sku`], [`Quantity`], [`EmailAddress`], [`Address`]: values that are valid once they exist
//! * [`Redacted`]: personal data, which is never logged
//! * [`OutboxEntry`]: an event that waits to be published, stored in the row that caused it
//!
//! # Add an event
//!
//! 1. Write the type in a file of its own and implement [`Fact`] for it; the example there compiles.
//! 2. Export it in this file, and add it to `contract_tests!` in `tests/contract.rs`.
//! 3. Write `samples/<Type>.v<version>.json`, an envelope with this fact. The tests say which `event_id` it must have.
//! 4. `UPDATE_SCHEMAS=1 cargo test -p switchyard-events` writes `schemas/<Type>.v<version>.json`. Commit it.
//!
//! The same command updates a schema after a change. It refuses a change that is not additive. For such a change, raise
//! [`Fact::VERSION`], keep the sample and the schema of the version before, and implement [`Fact::upcast`]: readers accept every
//! version from 1 to their own. Deploy the subscribers before the producer.

#![warn(missing_docs)]

mod address;
mod cancellation_requested;
mod domain_event;
mod email_address;
mod envelope;
mod fact;
mod ids;
mod json;
mod money;
mod nexus_threshold_crossed;
mod order_cancelled;
mod order_confirmed;
mod order_flagged;
mod order_placed;
mod order_rejected;
mod outbox;
mod parse_error;
mod pick_wave_released;
mod pick_withdrawal_refused;
mod pick_withdrawn;
mod placed_or_cancelled;
mod redacted;
mod time;

pub use address::{Address, CountryCode, PostalCode, RegionCode, Subdivision, US_REGIONS, check_region};
pub use cancellation_requested::CancellationRequested;
pub use domain_event::{DomainEvent, MAX_CLOCK_SKEW};
pub use email_address::EmailAddress;
pub use envelope::{Aggregate, Cause, Envelope, Metadata, RawEnvelope, parse_body};
pub use fact::{Fact, OlderData};
pub use ids::{AggregateId, CorrelationId, EventId, InvalidValue, OrderId, Quantity, Sku, UserId, WaveId, fingerprint};
pub use json::safe_field_name;
pub use money::Usd;
pub use nexus_threshold_crossed::{CountedSales, NexusThresholdCrossed, RequiredThresholds};
pub use order_cancelled::{CancellationReason, OrderCancelled};
pub use order_confirmed::OrderConfirmed;
pub use order_flagged::{FlagReason, OrderFlagged};
pub use order_placed::{MAX_ORDER_LINES, OrderLine, OrderPlaced};
pub use order_rejected::{OrderRejected, RejectionCause};
pub use outbox::OutboxEntry;
pub use parse_error::ParseError;
pub use pick_wave_released::{Pick, PickWaveReleased};
pub use pick_withdrawal_refused::PickWithdrawalRefused;
pub use pick_withdrawn::PickWithdrawn;
pub use placed_or_cancelled::PlacedOrCancelled;
pub use redacted::Redacted;

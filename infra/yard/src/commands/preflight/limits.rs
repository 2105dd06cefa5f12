//! What the template needs at its default limits, and the limits of AWS that a deployment can meet.

/// Requests per second that the API accepts by default (parameter `ApiRate` of `infra/template.yaml`).
pub(crate) const DEFAULT_API_RATE: f64 = 250.0;

/// Events per order: `OrderPlaced` and `OrderConfirmed`. A wave is one event for many orders.
pub(crate) const EVENTS_PER_ORDER: f64 = 2.0;

/// Deliveries per order: one SQS message each (README, section Cost).
pub(crate) const DELIVERIES_PER_ORDER: f64 = 7.0;

/// Executions of an account. The throttle of `GET /orders/{id}` leaves 70 % of them free, for whatever the clients wait.
/// Default of AWS; a new account may have 10 or 50 (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>,
/// 2026-11-21).
pub(crate) const LAMBDA_CONCURRENCY: u32 = 1_000;

/// Executions that no function may reserve. Lambda refuses `ReservedConcurrentExecutions` that would leave fewer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>, 2026-11-21).
pub(crate) const MIN_UNRESERVED: u32 = 100;

/// Mails per second that two batches of the email function at a time can send (`Concurrency` in `infra/template.yaml`).
pub(crate) const MAILS_PER_SECOND: f64 = 14.0;

/// Mails per day. The sandbox allows 200, and production access depends on the account
/// (<https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>, 2026-11-21).
pub(crate) const MAILS_PER_DAY: f64 = 50_000.0;

/// The part of the daily quota that may be used already.
pub(crate) const MAX_USED_QUOTA: f64 = 0.9;

/// EventBridge's codes in Service Quotas (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>, 2026-11-21).
/// The defaults differ by region: from 400 to 10,000 calls of `PutEvents`, and from 750 to 18,750 invocations per second.
pub(crate) const PUT_EVENTS_QUOTA: &str = "L-9B653E91";
/// See [`PUT_EVENTS_QUOTA`].
pub(crate) const INVOCATIONS_QUOTA: &str = "L-5540C5E3";

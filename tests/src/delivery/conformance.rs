//! The chassis' conformance suite, run for every consumer.

use std::collections::BTreeSet;
use std::fs;

use jiff::SignedDuration;
use switchyard_chassis::conformance::{
    self as suite, ConsumerHarness, FaultyConsumer, InjectedFault, body, event_id, order,
};
use switchyard_chassis::{Apply, Batch, Clients, Env, Failure, Leased};
use switchyard_events::{CancellationReason, DomainEvent, EventId, OrderPlaced, parse_body};

use crate::support::{
    DEDUP, TestStack, cancellation_requested, order_cancelled, order_confirmed, order_flagged, order_rejected,
    pick_withdrawal_refused, wave_released,
};

/// The event into which a fault is injected.
fn second(harness: &ConsumerHarness) -> EventId {
    event_id(&(harness.event)(2))
}

fn rejection() -> InjectedFault {
    InjectedFault::Fail(Failure::reject("on_purpose", "a fault on purpose"))
}

/// The `n`th event about an order's status; the types take turns.
fn status_event(n: u32) -> String {
    let (id, other) = (format!("ord_conformance{n}"), format!("ord_conformance{}", n + 100));
    let at = "2026-05-26T14:23:02Z".parse().unwrap();
    match n % 4 {
        0 => body(&order_flagged(&id, at)),
        1 => body(&order_confirmed(&id, 2, at)),
        3 => body(&pick_withdrawal_refused(&id, &format!("wave{n}"), at)),
        _ => body(&wave_released(&format!("wave{n}"), &[&id, &other], at)),
    }
}

/// The `n`th order; the second event is the cancellation of the first order.
fn score_event(n: u32) -> String {
    if n != 2 {
        return order(n);
    }
    let order = OrderPlaced::parse(&parse_body(&order(1)).unwrap()).unwrap();
    let at = order.placed_at;
    body(&order_cancelled(order, CancellationReason::Requested, at))
}

/// The `n`th event about a pick; the types take turns.
fn pick_event(n: u32) -> String {
    let id = format!("ord_conformance{n}");
    let at = "2026-05-26T14:23:02Z".parse().unwrap();
    match n % 4 {
        0 => body(&order_confirmed(&id, 2, at)),
        1 => order(n),
        2 => body(&cancellation_requested(&id, at)),
        _ => body(&order_rejected(&id, at)),
    }
}

/// The `n`th order, or for every third number its cancellation without the order.
fn order_or_cancellation(n: u32) -> String {
    let placed = order(n);
    if !n.is_multiple_of(3) {
        return placed;
    }
    let order = OrderPlaced::parse(&parse_body(&placed).unwrap()).unwrap();
    let at = order.placed_at;
    body(&order_cancelled(order, CancellationReason::Requested, at))
}

/// The same for email, whose cancellations also mark the order's own event. The suite counts the marks of the first three events.
fn order_or_late_cancellation(n: u32) -> String {
    if n > 3 { order_or_cancellation(n) } else { order(n) }
}

/// A batch of a consumer whose effect is stored in its table.
macro_rules! transactional {
    ($consumer:expr) => {
        |_stack: &TestStack, harness: &ConsumerHarness, fault: InjectedFault| {
            let consumer = FaultyConsumer { inner: $consumer, event_id: second(harness), fault };
            Batch::transactional(consumer, harness.table.clone(), harness.queue.clone(), DEDUP, harness.clock.clone())
        }
    };
}

/// A batch of the email consumer, which sends under a lease.
fn email(
    stack: &TestStack,
    harness: &ConsumerHarness,
    fault: InjectedFault,
) -> Batch<Leased<FaultyConsumer<::email::Email>>> {
    let sender = stack.deployed.consumer("email").unwrap().sender.clone();
    let mut env = Env::from_lookup(move |name| sender.clone().filter(|_| name == "SENDER_ADDRESS"));
    let inner = ::email::Email::from_env(&mut env, &Clients::from_sdk(stack.cloud.config.clone()));
    env.finish(()).unwrap();
    let sender = FaultyConsumer { inner, event_id: second(harness), fault };
    let lease = SignedDuration::from_secs(2);
    Batch::leased(sender, harness.table.clone(), harness.queue.clone(), lease, DEDUP, harness.clock.clone())
}

/// Calls to DynamoDB and capacity units of a batch of one event and of a batch of ten.
pub(crate) type Costs = [(u32, f64); 2];

/// The `n`th event; an order gets a user of its own.
fn event_of_new_user(event: fn(u32) -> String, n: u32) -> String {
    event(n).replace("usr_91xc", &format!("usr_{n}"))
}

/// Every order pays for these calls and units, so a change of the numbers must be intended.
async fn costs<A: Apply>(harness: &ConsumerHarness, batch: &Batch<A>) -> Costs {
    let mut costs = Vec::new();
    for events in [vec![100], (200..210).collect::<Vec<_>>()] {
        let bodies: Vec<_> = events.into_iter().map(|n| event_of_new_user(harness.event, n)).collect();
        assert!(harness.process(batch, harness.receive(&bodies).await).await.is_empty());
        costs.push((batch.cost().calls, batch.cost().units));
    }
    [costs[0], costs[1]]
}

macro_rules! conforms {
    ($($name:ident: $event:expr, $batch:expr, $costs:expr;)*) => {
        /// The consumers that the suite is run for.
        const COVERED: &[&str] = &[$(stringify!($name)),*];

        /// What every consumer costs.
        pub(crate) const COSTS: &[(&str, Costs)] = &[$((stringify!($name), $costs)),*];

        $(mod $name {
            use super::*;

            async fn harness(stack: &TestStack) -> ConsumerHarness {
                ConsumerHarness::new(&stack.cloud.config, concat!("conformance-", stringify!($name))).await.with_events($event)
            }

            #[tokio::test]
            async fn cost_of_one_and_of_ten_events_is_as_documented() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                let documented: Costs = $costs;
                assert_eq!(costs(&harness, &$batch(&stack, &harness, InjectedFault::None)).await, documented);
            }

            #[tokio::test]
            async fn duplicate_changes_nothing() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                suite::duplicate_changes_nothing(&harness, &$batch(&stack, &harness, InjectedFault::None)).await;
            }

            #[tokio::test]
            async fn poison_goes_to_dlq_and_neighbours_are_applied() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                suite::poison_goes_to_dlq_and_neighbours_are_applied(&harness, &$batch(&stack, &harness, InjectedFault::None)).await;
            }

            #[tokio::test]
            async fn panic_fails_only_its_own_record() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                let (broken, whole) = ($batch(&stack, &harness, InjectedFault::Panic), $batch(&stack, &harness, InjectedFault::None));
                suite::panic_fails_only_its_own_record(&harness, &broken, &whole).await;
            }

            #[tokio::test]
            async fn rejected_record_goes_to_dlq_with_its_code() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                suite::rejected_record_goes_to_dlq_with_its_code(&harness, &$batch(&stack, &harness, rejection())).await;
            }

            #[tokio::test]
            async fn retries_exhausted_goes_to_dlq_with_reason() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                suite::retries_exhausted_goes_to_dlq_with_reason(&harness, &$batch(&stack, &harness, InjectedFault::Panic)).await;
            }

            #[tokio::test]
            async fn two_workers_leave_what_one_leaves() {
                let stack = TestStack::shared().await;
                let (together, alone) = (harness(&stack).await, harness(&stack).await);
                let (batch, single) = ($batch(&stack, &together, InjectedFault::None), $batch(&stack, &alone, InjectedFault::None));
                suite::two_workers_leave_what_one_leaves(&together, &batch, &alone, &single).await;
            }

            #[tokio::test]
            async fn timeout_returns_every_message() {
                let stack = TestStack::shared().await;
                let harness = harness(&stack).await;
                suite::timeout_returns_every_message(&harness, &$batch(&stack, &harness, InjectedFault::None)).await;
            }
        })*
    };
}

conforms! {
    analytics: order_or_cancellation, transactional!(::analytics::Analytics), [(1, 8.0), (1, 26.0)];
    email: order_or_late_cancellation, super::email, [(2, 2.0), (23, 23.0)]; // 3 for each of three cancellations
    fraud: score_event, transactional!(::fraud::Fraud::with_threshold(::fraud::FlagThreshold::default()).unwrap()), [(2, 4.0), (2, 40.0)];
    orders: status_event, transactional!(::orders::Orders), [(1, 1.0), (2, 20.0)];
    recommendations: order_or_cancellation, transactional!(::recommendations::Recommendations), [(1, 8.0), (1, 26.0)];
    tax: order_or_cancellation, transactional!(::tax::Tax::default()), [(1, 4.0), (1, 22.0)];
    warehouse: pick_event, transactional!(::warehouse::Warehouse), [(1, 2.0), (4, 22.0)];
}

/// A new consumer must be added to the suite.
#[test]
fn conformance_covers_every_consumer() {
    let functions = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let consumers = fs::read_dir(functions).unwrap().map(|entry| entry.unwrap().path()).filter(|folder| {
        let lib = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        lib.contains("impl Consumer for") || lib.contains("impl Sender for")
    });
    let consumers: BTreeSet<_> =
        consumers.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(COVERED.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), consumers);
}

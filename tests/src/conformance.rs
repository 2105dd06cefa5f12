//! The chassis' conformance suite, run for every consumer.

use std::collections::BTreeSet;
use std::fs;

use jiff::SignedDuration;
use switchyard_chassis::conformance::{
    self as suite, ConsumerHarness, FaultyConsumer, InjectedFault, body, event_id, order,
};
use switchyard_chassis::{Apply, Batch, Clients, DedupConfig, Env, Failure, Leased};
use switchyard_events::EventId;

use crate::facts;
use crate::world::World;

const MEMORY: DedupConfig = DedupConfig { marker_ttl_days: 90 };

/// The event that a fault strikes.
fn second(bench: &ConsumerHarness) -> EventId {
    event_id(&(bench.event)(2))
}

fn on_purpose() -> InjectedFault {
    InjectedFault::Fail(Failure::reject("on_purpose", "a fault on purpose"))
}

/// The `n`th of the facts that are told about orders, of each kind in turn.
fn fate(n: u32) -> String {
    let (id, other) = (format!("ord_conformance{n}"), format!("ord_conformance{}", n + 100));
    let at = "2026-05-26T14:23:02Z".parse().unwrap();
    match n % 3 {
        0 => body(&facts::flagged(&id, at)),
        1 => body(&facts::confirmed(&id, 2, at)),
        _ => body(&facts::released(&format!("wave{n}"), &[&id, &other], at)),
    }
}

/// A batch of a consumer whose effect lies in its table.
macro_rules! transactional {
    ($consumer:expr) => {
        |_world: &World, bench: &ConsumerHarness, fault: InjectedFault| {
            let consumer = FaultyConsumer { inner: $consumer, event_id: second(bench), fault };
            Batch::transactional(consumer, bench.table.clone(), bench.queue.clone(), MEMORY, bench.clock.clone())
        }
    };
}

/// A batch of the one consumer that sends.
fn email(
    world: &World,
    bench: &ConsumerHarness,
    fault: InjectedFault,
) -> Batch<Leased<FaultyConsumer<::email::Email>>> {
    let sender = world.stack.consumer("email").unwrap().sender.clone();
    let mut env = Env::from_lookup(move |name| sender.clone().filter(|_| name == "SENDER_ADDRESS"));
    let inner = ::email::Email::from_env(&mut env, &Clients::from_sdk(world.cloud.config.clone()));
    env.finish(()).unwrap();
    let sender = FaultyConsumer { inner, event_id: second(bench), fault };
    let lease = SignedDuration::from_secs(2);
    Batch::leased(sender, bench.table.clone(), bench.queue.clone(), lease, MEMORY, bench.clock.clone())
}

/// What a batch of one and a batch of ten cost: calls to DynamoDB and capacity units.
type Costs = [(u32, f64); 2];

/// The `n`th event, of a user of its own where it is an order.
fn stranger(event: fn(u32) -> String, n: u32) -> String {
    event(n).replace("usr_91xc", &format!("usr_{n}"))
}

/// Every call and every unit is paid for at every order: a change of these numbers should be meant.
async fn costs<A: Apply>(bench: &ConsumerHarness, batch: &Batch<A>) -> Costs {
    let mut costs = Vec::new();
    for events in [vec![100], (200..210).collect::<Vec<_>>()] {
        let bodies: Vec<_> = events.into_iter().map(|n| stranger(bench.event, n)).collect();
        assert!(bench.process(batch, bench.receive(&bodies).await).await.is_empty());
        costs.push((batch.cost().calls, batch.cost().units));
    }
    [costs[0], costs[1]]
}

macro_rules! conforms {
    ($($name:ident: $event:expr, $batch:expr, $costs:expr;)*) => {
        /// The consumers that the suite is run for.
        const COVERED: &[&str] = &[$(stringify!($name)),*];

        $(mod $name {
            use super::*;

            async fn bench(world: &World) -> ConsumerHarness {
                ConsumerHarness::new(&world.cloud.config, concat!("conformance-", stringify!($name))).await.with_events($event)
            }

            #[tokio::test]
            async fn a_batch_of_one_and_one_of_ten_cost_what_is_documented() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                let documented: Costs = $costs;
                assert_eq!(costs(&bench, &$batch(&world, &bench, InjectedFault::None)).await, documented);
            }

            #[tokio::test]
            async fn a_duplicate_changes_nothing() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::duplicate_changes_nothing(&bench, &$batch(&world, &bench, InjectedFault::None)).await;
            }

            #[tokio::test]
            async fn poison_goes_to_the_dead_letters_and_its_neighbours_are_done() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::poison_goes_to_dlq_and_neighbours_are_applied(&bench, &$batch(&world, &bench, InjectedFault::None)).await;
            }

            #[tokio::test]
            async fn a_panic_is_its_own_records_failure() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                let (broken, whole) = ($batch(&world, &bench, InjectedFault::Panic), $batch(&world, &bench, InjectedFault::None));
                suite::panic_fails_only_its_own_record(&bench, &broken, &whole).await;
            }

            #[tokio::test]
            async fn a_rejected_record_is_dead_with_its_code() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::rejected_record_goes_to_dlq_with_its_code(&bench, &$batch(&world, &bench, on_purpose())).await;
            }

            #[tokio::test]
            async fn the_last_receive_is_dead_with_its_reason() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::retries_exhausted_goes_to_dlq_with_reason(&bench, &$batch(&world, &bench, InjectedFault::Panic)).await;
            }

            #[tokio::test]
            async fn two_workers_at_once_leave_what_one_leaves() {
                let world = World::shared().await;
                let (together, alone) = (bench(&world).await, bench(&world).await);
                let (batch, single) = ($batch(&world, &together, InjectedFault::None), $batch(&world, &alone, InjectedFault::None));
                suite::two_workers_leave_what_one_leaves(&together, &batch, &alone, &single).await;
            }

            #[tokio::test]
            async fn without_time_everything_is_handed_back() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::timeout_returns_every_message(&bench, &$batch(&world, &bench, InjectedFault::None)).await;
            }
        })*
    };
}

conforms! {
    analytics: order, transactional!(::analytics::Analytics), [(1, 8.0), (1, 26.0)];
    email: order, super::email, [(2, 2.0), (20, 20.0)];
    fraud: order, transactional!(::fraud::Fraud::with_threshold(::fraud::FlagThreshold::default()).unwrap()), [(2, 4.0), (2, 40.0)];
    orders: fate, transactional!(::orders::Orders), [(1, 1.0), (2, 30.0)];
    recommendations: order, transactional!(::recommendations::Recommendations), [(1, 8.0), (1, 26.0)];
    tax: order, transactional!(::tax::Tax), [(1, 4.0), (1, 22.0)];
    warehouse: order, transactional!(::warehouse::Warehouse), [(1, 4.0), (1, 22.0)];
}

/// A new consumer must be put through the suite, too.
#[test]
fn every_consumer_is_covered() {
    let functions = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let consumers = fs::read_dir(functions).unwrap().map(|entry| entry.unwrap().path()).filter(|folder| {
        let lib = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        lib.contains("impl Consumer for") || lib.contains("impl Sender for")
    });
    let consumers: BTreeSet<_> =
        consumers.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(COVERED.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), consumers);
}

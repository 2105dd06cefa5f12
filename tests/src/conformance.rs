//! The chassis' conformance suite, run for every consumer.

use std::collections::BTreeSet;
use std::fs;

use jiff::SignedDuration;
use switchyard_chassis::conformance::{self as suite, Bench, Fault, Strike, body, event_id, order};
use switchyard_chassis::{Batch, Clients, Env, Failure, Leased, Memory};
use switchyard_events::EventId;

use crate::facts;
use crate::world::World;

const MEMORY: Memory = Memory { marker_ttl_days: 90, generation: 1 };

/// The event that a fault strikes.
fn second(bench: &Bench) -> EventId {
    event_id(&(bench.event)(2))
}

fn on_purpose() -> Strike {
    Strike::Fail(Failure::reject("on_purpose", "a fault on purpose"))
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
        |_world: &World, bench: &Bench, strike: Strike| {
            let consumer = Fault { inner: $consumer, event_id: second(bench), strike };
            Batch::transactional(consumer, bench.table.clone(), bench.queue.clone(), MEMORY, bench.clock.clone())
        }
    };
}

/// A batch of the one consumer that sends.
fn email(world: &World, bench: &Bench, strike: Strike) -> Batch<Leased<Fault<::email::Email>>> {
    let sender = world.stack.consumer("email").unwrap().sender.clone();
    let mut env = Env::from(move |name| sender.clone().filter(|_| name == "SENDER_ADDRESS"));
    let inner = ::email::Email::from_env(&mut env, &Clients::from_sdk(world.cloud.config.clone()));
    env.finish(()).unwrap();
    let sender = Fault { inner, event_id: second(bench), strike };
    let lease = SignedDuration::from_secs(2);
    Batch::leased(sender, bench.table.clone(), bench.queue.clone(), lease, MEMORY, bench.clock.clone())
}

macro_rules! conforms {
    ($($name:ident: $event:expr, $batch:expr;)*) => {
        /// The consumers that the suite is run for.
        const COVERED: &[&str] = &[$(stringify!($name)),*];

        $(mod $name {
            use super::*;

            async fn bench(world: &World) -> Bench {
                Bench::new(&world.cloud.config, concat!("conformance-", stringify!($name))).await.of($event)
            }

            #[tokio::test]
            async fn a_duplicate_changes_nothing() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::a_duplicate_changes_nothing(&bench, &$batch(&world, &bench, Strike::Nothing)).await;
            }

            #[tokio::test]
            async fn poison_goes_to_the_dead_letters_and_its_neighbours_are_done() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::poison_goes_to_the_dead_letters_and_its_neighbours_are_done(&bench, &$batch(&world, &bench, Strike::Nothing)).await;
            }

            #[tokio::test]
            async fn a_panic_is_its_own_records_failure() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                let (broken, whole) = ($batch(&world, &bench, Strike::Panic), $batch(&world, &bench, Strike::Nothing));
                suite::a_panic_is_its_own_records_failure(&bench, &broken, &whole).await;
            }

            #[tokio::test]
            async fn a_rejected_record_is_dead_with_its_code() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::a_rejected_record_is_dead_with_its_code(&bench, &$batch(&world, &bench, on_purpose())).await;
            }

            #[tokio::test]
            async fn the_last_receive_is_dead_with_its_reason() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::the_last_receive_is_dead_with_its_reason(&bench, &$batch(&world, &bench, Strike::Panic)).await;
            }

            #[tokio::test]
            async fn two_workers_at_once_leave_what_one_leaves() {
                let world = World::shared().await;
                let (together, alone) = (bench(&world).await, bench(&world).await);
                let (batch, single) = ($batch(&world, &together, Strike::Nothing), $batch(&world, &alone, Strike::Nothing));
                suite::two_workers_at_once_leave_what_one_leaves(&together, &batch, &alone, &single).await;
            }

            #[tokio::test]
            async fn without_time_everything_is_handed_back() {
                let world = World::shared().await;
                let bench = bench(&world).await;
                suite::without_time_everything_is_handed_back(&bench, &$batch(&world, &bench, Strike::Nothing)).await;
            }
        })*
    };
}

conforms! {
    analytics: order, transactional!(::analytics::Analytics);
    email: order, super::email;
    fraud: order, transactional!(::fraud::Fraud::flagging_at(::fraud::Threshold::default()).unwrap());
    orders: fate, transactional!(::orders::Orders);
    recommendations: order, transactional!(::recommendations::Recommendations);
    tax: order, transactional!(::tax::Tax);
    warehouse: order, transactional!(::warehouse::Warehouse);
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

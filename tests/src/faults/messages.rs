//! What is done with messages when the queue itself fails.

use std::time::Duration;

use switchyard_chassis::Consumer;
use switchyard_chassis::conformance::order;
use switchyard_faults::Fault;

use super::*;

/// Fails for order 2: for now, or for ever.
fn failing(for_ever: bool) -> impl Consumer {
    Probe(move |order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(row(order));
        match (is(order, 2), for_ever) {
            (false, _) => Ok(()),
            (true, false) => Err(Failure::retry("not now")),
            (true, true) => Err(Failure::reject("on_purpose", "never")),
        }
    })
}

fn bodies() -> Vec<String> {
    (1..=3).map(order).collect()
}

#[tokio::test]
async fn a_message_that_can_not_be_hidden_or_buried_stays_in_its_queue() {
    for (operation, for_ever) in [("ChangeMessageVisibility", false), ("SendMessage", true)] {
        let setup = Setup::new("unburied").await;
        setup.proxy.set_rules(always("sqs", operation, Fault::Throttle));
        let messages = setup.bench.receive(&bodies()).await;
        let back = setup.process(&setup.batch(failing(for_ever)), &messages, LONG).await;
        assert_eq!(back, of(2, &messages), "{operation}");
        assert_eq!(setup.applied().await.len(), 2, "{operation}");
        assert_eq!(setup.befell(&format!("sqs {operation}"), "throttle"), 3, "the SDK's tries of {operation}");
        assert!(setup.bench.dead_letters().await.is_empty());
        assert_eq!(setup.world.waiting(&setup.queue.url).await, 1, "{operation}");
    }
}

#[tokio::test]
async fn a_message_whose_burial_is_not_known_is_dead_at_least_once_and_gone_from_its_queue() {
    let setup = Setup::new("buried-twice").await;
    setup.proxy.set_rules(first(1, "sqs", "SendMessage", Fault::DropResponse));
    let messages = setup.bench.receive(&bodies()).await;
    assert!(setup.process(&setup.batch(failing(true)), &messages, LONG).await.is_empty());
    let dead = setup.bench.dead_letters().await;
    assert!((1..=2).contains(&dead.len()), "{dead:?}");
    assert!(dead.iter().all(|(body, attributes)| *body == order(2) && attributes["error_code"] == "on_purpose"));
    assert_eq!(setup.world.waiting(&setup.queue.url).await, 0);
}

#[tokio::test]
async fn what_is_not_done_by_the_deadline_is_handed_back_and_done_next_time() {
    let setup = Setup::new("handed-back").await;
    setup.proxy.set_rules(always("dynamodb", "BatchExecuteStatement", Fault::Delay { ms: 4000 }));
    let probe = || {
        Probe(|order: &Received<OrderPlaced>, effects: &mut Effects| {
            effects.record(row(order));
            Ok(())
        })
    };
    let messages = setup.bench.receive(&bodies()).await;
    let began = Instant::now();
    let back = setup.process(&setup.batch(probe()), &messages, Duration::from_secs(1)).await;
    assert_eq!(back.len(), 3);
    assert!(began.elapsed() < Duration::from_secs(3), "there was time left to answer in");
    setup.proxy.set_rules(Vec::new());
    let again = setup.bench.receive_again(3).await;
    assert!(setup.process(&setup.batch(probe()), &again, LONG).await.is_empty());
    // The call that was broken off may still have been carried out: then this was a duplicate.
    assert_eq!(setup.applied().await.len(), 3);
}

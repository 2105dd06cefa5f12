//! Which picks are listed, the pages of a list, and its cost.

use std::collections::BTreeMap;

use switchyard_chassis::{Failure, Key, Row, text_of};
use warehouse::page_key;

use super::fixture::{WarehouseFixture, apply_batch, cancellation, confirmed, mug_order, order_placed, rejected};
use crate::support::TestStack;

/// All sequences of these values.
fn permutations<T: Clone>(values: &[T]) -> Vec<Vec<T>> {
    if values.is_empty() {
        return vec![vec![]];
    }
    let rest = |index: usize| [&values[..index], &values[index + 1..]].concat();
    let starting_with = |index: usize| {
        permutations(&rest(index)).into_iter().map(move |tail| [vec![values[index].clone()], tail].concat())
    };
    (0..values.len()).flat_map(starting_with).collect()
}

#[tokio::test]
async fn pick_is_listed_once_order_and_confirmation_are_there() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("undecided"), mug_order("first"), confirmed("first"), confirmed("second")]).await;
    let did = fixture.run_job().await.unwrap();
    assert_eq!((&did["orders"], &did["without_pick"]), (&1.into(), &1.into()), "{did}");
    assert_eq!(fixture.listed().await, ["first"]);
    fixture.apply(&[mug_order("second")]).await;
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.listed().await, ["first", "second"]);
    assert_eq!(fixture.run_job().await.unwrap()["pages"], 0);
}

#[tokio::test]
async fn events_in_any_order_and_number_give_the_same_result() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let events: [fn(&str) -> String; 3] = [mug_order, confirmed, cancellation];
    for (n, sequence) in permutations(&events).iter().enumerate() {
        let id = format!("ord_{n}");
        for event in sequence {
            fixture.apply(&[event(&id), event(&id)]).await;
        }
        fixture.apply(&sequence.iter().map(|event| event(&id)).collect::<Vec<_>>()).await;
        assert_eq!(fixture.answer(&id).await, Some(("PickWithdrawn".into(), "requested".into())), "{n}");
    }
    // Again, all in one batch each.
    for (n, sequence) in permutations(&events).iter().enumerate() {
        let id = format!("batch_{n}");
        fixture.apply(&sequence.iter().map(|event| event(&id)).collect::<Vec<_>>()).await;
        assert_eq!(fixture.answer(&id).await, Some(("PickWithdrawn".into(), "requested".into())), "{n}");
    }
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.listed().await, Vec::<String>::new());
    assert_eq!(fixture.harness.dead_letters().await, []);
}

#[tokio::test]
async fn listed_pick_is_not_withdrawn() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.place_and_confirm(&["ord_1"]).await;
    fixture.run_job().await.unwrap();
    fixture.apply(&[cancellation("ord_1"), cancellation("ord_1")]).await;
    assert_eq!(fixture.answer("ord_1").await, Some(("PickWithdrawalRefused".into(), String::new())));
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.listed().await, ["ord_1"]);
}

#[tokio::test]
async fn second_reason_to_cancel_changes_nothing() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1"), rejected("ord_1"), cancellation("ord_1")]).await;
    fixture.apply(&[cancellation("ord_2"), rejected("ord_2")]).await;
    assert_eq!(fixture.answer("ord_1").await, Some(("PickWithdrawn".into(), "rejected".into())));
    assert_eq!(fixture.answer("ord_2").await, Some(("PickWithdrawn".into(), "requested".into())));
    assert_eq!(fixture.harness.dead_letters().await, []);
}

#[tokio::test]
async fn large_wave_is_paged_and_grouped_by_product() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let id = |n: u32| format!("ord_{n:03}");
    let order = |n: u32| order_placed(&id(n), &[("MUG-01", 2), (&format!("SKU-{}", n % 7), n + 1)]);
    fixture.apply(&(0..200).flat_map(|n| [order(n), confirmed(&id(n))]).collect::<Vec<_>>()).await;
    let did = fixture.run_job().await.unwrap();
    assert_eq!((&did["orders"], &did["pages"]), (&200.into(), &3.into()), "{did}");
    assert_eq!(fixture.waves_by_order().await.len(), 200);
    let facts = fixture.pages().await;
    assert_eq!(facts.iter().map(|fact| fact.order_ids.len()).collect::<Vec<_>>(), [90, 90, 20]);
    for fact in &facts {
        let mug = fact.picks.iter().find(|pick| pick.sku.as_str() == "MUG-01").unwrap();
        assert_eq!((mug.quantity as usize, &mug.order_ids), (2 * fact.order_ids.len(), &fact.order_ids));
        assert_eq!((fact.picks.len(), fact.released_at), (8, fixture.clock.now()));
        // The row in the table has the same picks as the event.
        let key = page_key(&fact.wave_id, fact.page);
        let row = fixture.row(&key.pk, &key.sk).await.unwrap();
        let picks = row["picks"].as_l().unwrap().iter().map(|pick| pick.as_m().unwrap());
        let picks: BTreeMap<_, _> =
            picks.map(|pick| (text_of(pick, "sku").unwrap(), pick["quantity"].as_n().unwrap().clone())).collect();
        let in_event = fact.picks.iter().map(|pick| (pick.sku.as_str(), pick.quantity.to_string()));
        assert_eq!(picks, in_event.collect());
    }
}

#[tokio::test]
async fn unreadable_pick_fails_the_run_after_all_others_are_listed() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.place_and_confirm(&["ord_1", "damaged", "ord_2"]).await;
    fixture.table.put(Row::new(Key::new("ORDER#damaged", "PICK")).set("lines", "none")).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(fixture.run_job().await, Err(Failure::Reject { code, .. }) if code == "bad_pick"));
        assert_eq!(fixture.listed().await, ["ord_1", "ord_2"]);
    }
}

#[tokio::test]
async fn orders_and_confirmations_cost_one_insert_each() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let worker = fixture.worker();
    let ids: Vec<_> = (0..10).map(|n| format!("ord_{n}")).collect();
    let placed: Vec<_> = ids.iter().map(|id| order_placed(id, &[("A", 1), ("B", 2), ("C", 3)])).collect();
    apply_batch(&worker, &placed).await;
    assert_eq!((worker.cost().calls, worker.cost().units), (1, 10.0));
    apply_batch(&worker, &ids.iter().map(|id| confirmed(id)).collect::<Vec<_>>()).await;
    assert_eq!((worker.cost().calls, worker.cost().units), (1, 10.0));
}

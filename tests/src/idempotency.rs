//! The same `Idempotency-Key` twice.

use crate::world::{World, cart, order_id, user};

#[tokio::test]
async fn the_same_key_twice_gives_one_order_one_event_and_the_same_answer() {
    let world = World::shared().await;
    let user = user();
    let sku = world.stock("7.50", true, 5).await;
    let (order, key) = (cart(&user, &[(&sku, 2)]), format!("key-{user}"));
    let headers = [("idempotency-key", key.as_str())];
    let first = world.api.checkout(&order, &headers).await.unwrap();
    let id = order_id(&first);
    world.done(&id).await;
    for _ in 0..3 {
        let again = world.api.checkout(&order, &headers).await.unwrap();
        assert_eq!((again.status, &again.body), (202, &first.body));
    }
    assert_eq!(world.stock_of(&sku).await, 3);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let purchases = world.partition(world.table("recommendations"), &format!("USER#{user}")).await;
    assert_eq!(purchases.len(), 1, "one order, one event");
    assert_eq!(world.mails_to(&format!("{user}@example.com")).await.len(), 1);
}

#[tokio::test]
async fn a_repeat_of_the_order_that_took_the_last_piece_gets_its_first_answer() {
    let world = World::shared().await;
    let user = user();
    let sku = world.stock("7.50", true, 2).await;
    let (order, key) = (cart(&user, &[(&sku, 2)]), format!("key-{user}"));
    let headers = [("idempotency-key", key.as_str())];
    let first = world.api.checkout(&order, &headers).await.unwrap();
    let again = world.api.checkout(&order, &headers).await.unwrap();
    assert_eq!((again.status, again.body), (202, first.body));
    assert_eq!(world.stock_of(&sku).await, 0);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let world = World::shared().await;
    let user = user();
    let sku = world.stock("7.50", true, 5).await;
    let key = format!("key-{user}");
    let headers = [("idempotency-key", key.as_str())];
    assert_eq!(world.api.checkout(&cart(&user, &[(&sku, 1)]), &headers).await.unwrap().status, 202);
    let other = world.api.checkout(&cart(&user, &[(&sku, 2)]), &headers).await.unwrap();
    assert_eq!((other.status, other.header("content-type")), (409, Some("application/problem+json")));
    assert_eq!(world.stock_of(&sku).await, 4);
}

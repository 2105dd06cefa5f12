//! Repeated requests with the same `Idempotency-Key`.

use crate::support::{TestStack, accepted_order_id, new_cart, new_user_id};

#[tokio::test]
async fn duplicate_key_gives_one_order_and_same_answer() {
    let stack = TestStack::shared().await;
    let user = new_user_id();
    let sku = stack.create_product("7.50", true, 5).await;
    let (order, key) = (new_cart(&user, &[(&sku, 2)]), format!("key-{user}"));
    let headers = [("idempotency-key", key.as_str())];
    let first = stack.api.checkout(&order, &headers).await.unwrap();
    let id = accepted_order_id(&first);
    stack.wait_until_applied(&id).await;
    for _ in 0..3 {
        let again = stack.api.checkout(&order, &headers).await.unwrap();
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(first.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(stack.stock_left(&sku).await, 3);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let purchases = stack.query(stack.table_of("recommendations"), &format!("USER#{user}")).await;
    assert_eq!(purchases.len(), 1, "one order, one event");
    assert_eq!(stack.mails_to(&format!("{user}@example.com")).await.len(), 1);
}

#[tokio::test]
async fn retry_of_order_that_took_last_stock_gets_same_answer() {
    let stack = TestStack::shared().await;
    let user = new_user_id();
    let sku = stack.create_product("7.50", true, 2).await;
    let (order, key) = (new_cart(&user, &[(&sku, 2)]), format!("key-{user}"));
    let headers = [("idempotency-key", key.as_str())];
    let first = stack.api.checkout(&order, &headers).await.unwrap();
    let again = stack.api.checkout(&order, &headers).await.unwrap();
    assert_eq!((again.status, again.body), (202, first.body));
    assert_eq!(stack.stock_left(&sku).await, 0);
}

#[tokio::test]
async fn duplicate_key_with_other_body_is_a_conflict() {
    let stack = TestStack::shared().await;
    let user = new_user_id();
    let sku = stack.create_product("7.50", true, 5).await;
    let key = format!("key-{user}");
    let headers = [("idempotency-key", key.as_str())];
    assert_eq!(stack.api.checkout(&new_cart(&user, &[(&sku, 1)]), &headers).await.unwrap().status, 202);
    let other = stack.api.checkout(&new_cart(&user, &[(&sku, 2)]), &headers).await.unwrap();
    assert_eq!((other.status, other.header("content-type")), (409, Some("application/problem+json")));
    assert_eq!(stack.stock_left(&sku).await, 4);
}

#[tokio::test]
async fn repeat_is_recognized_in_any_order_of_lines() {
    let stack = TestStack::shared().await;
    let user = new_user_id();
    let (mug, tea) = (stack.create_product("7.50", true, 5).await, stack.create_product("2.00", true, 5).await);
    let key = format!("key-{user}");
    let headers = [("idempotency-key", key.as_str())];
    let first = stack.api.checkout(&new_cart(&user, &[(&mug, 2), (&tea, 1)]), &headers).await.unwrap();
    let again = stack.api.checkout(&new_cart(&user, &[(&tea, 1), (&mug, 1), (&mug, 1)]), &headers).await.unwrap();
    assert_eq!((again.status, again.body), (202, first.body));
    assert_eq!((stack.stock_left(&mug).await, stack.stock_left(&tea).await), (3, 4));
}

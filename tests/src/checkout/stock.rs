//! Concurrent checkouts of a product with too little stock.

use futures_util::future::join_all;

use crate::support::{TestStack, new_cart, new_user_id};

#[tokio::test]
async fn concurrent_checkouts_never_oversell_stock() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("3.00", true, 10).await;
    let carts: Vec<_> = (0..60).map(|_| new_cart(&new_user_id(), &[(&sku, 1)])).collect();
    let replies = join_all(carts.iter().map(|cart| stack.api.checkout(cart, &[]))).await;
    let replies: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!(
        (count(202), count(409)),
        (10, 50),
        "{:?}",
        replies.iter().map(|reply| reply.status).collect::<Vec<_>>()
    );
    assert_eq!(stack.stock_left(&sku).await, 0);
    let refused = replies.iter().find(|reply| reply.status == 409).unwrap();
    assert!(String::from_utf8_lossy(&refused.body).contains(&sku), "the answer names what is sold out");
    let rows = stack.scan(&stack.deployed.orders_table).await;
    let sold = rows.iter().filter(|row| row.get("outbox").is_some_and(|outbox| outbox.as_s().unwrap().contains(&sku)));
    assert_eq!(sold.count(), 10);
}

//! More buyers than pieces.

use futures_util::future::join_all;

use crate::world::{World, cart, user};

#[tokio::test]
async fn sixty_concurrent_checkouts_on_a_stock_of_ten_sell_exactly_ten() {
    let world = World::shared().await;
    let sku = world.stock("3.00", true, 10).await;
    let carts: Vec<_> = (0..60).map(|_| cart(&user(), &[(&sku, 1)])).collect();
    let replies = join_all(carts.iter().map(|cart| world.api.checkout(cart, &[]))).await;
    let replies: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!(
        (count(202), count(409)),
        (10, 50),
        "{:?}",
        replies.iter().map(|reply| reply.status).collect::<Vec<_>>()
    );
    assert_eq!(world.stock_of(&sku).await, 0);
    let refused = replies.iter().find(|reply| reply.status == 409).unwrap();
    assert!(String::from_utf8_lossy(&refused.body).contains(&sku), "the answer names what is sold out");
    let rows = world.rows(&world.stack.orders_table).await;
    let sold = rows.iter().filter(|row| row.get("outbox").is_some_and(|outbox| outbox.as_s().unwrap().contains(&sku)));
    assert_eq!(sold.count(), 10);
}

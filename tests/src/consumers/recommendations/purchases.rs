//! Recent purchases and pair counters.

use jiff::SignedDuration;
use recommendations::{newest_products, pairs, read_recent_products};
use switchyard_chassis::text_of;
use switchyard_events::Sku;

use super::fixture::RecommendationsFixture;
use super::history::{Order, history, numbered_user, sku};
use super::model::Model;

#[tokio::test]
async fn shuffled_duplicate_orders_match_naive_model() {
    let (fixture, orders) = (RecommendationsFixture::new().await, history(1, 40));
    fixture.apply_shuffled_three_times(&orders).await;
    let model = Model::new(&orders);
    for user in model.users() {
        assert_eq!(
            read_recent_products(&fixture.harness.table, &user).await.unwrap(),
            newest_products(&model.purchases(&user)),
            "{user}"
        );
    }
    for sku in (0..60).map(sku) {
        assert_eq!(pairs::read_partners(&fixture.harness.table, &sku).await.unwrap(), model.partners(&sku), "{sku}");
    }
}

#[tokio::test]
async fn recent_products_are_fifty_newest_despite_late_orders() {
    let fixture = RecommendationsFixture::new().await;
    let carts: Vec<Vec<Sku>> = (0..12).map(|n| (n * 5..n * 5 + 5).map(sku).collect()).collect();
    let orders: Vec<_> = (0..).zip(carts).map(|(n, skus)| Order::new(n, &numbered_user(1), skus)).collect();
    // The newest order is applied first, the oldest last.
    for order in orders.iter().rev() {
        fixture.apply(std::slice::from_ref(order)).await;
    }
    let recent = read_recent_products(&fixture.harness.table, &numbered_user(1)).await.unwrap();
    let expected: Vec<_> = (2..12).rev().flat_map(|n| (n * 5..n * 5 + 5).map(sku)).collect();
    assert_eq!(recent, expected);
}

#[tokio::test]
async fn order_cost_is_bounded_and_batch_shares_touched_row() {
    let fixture = RecommendationsFixture::new().await;
    let price = async |orders: &[Order]| {
        fixture.apply(orders).await;
        fixture.advance_clock(SignedDuration::from_mins(1));
        (fixture.batch.cost().calls, fixture.batch.cost().units)
    };
    // Two units a row: the purchase, the touched row, and each pair under both of its products.
    for (n, lines, rows) in [(0, 1, 2.0), (1, 3, 8.0), (2, 10, 32.0), (3, 50, 32.0)] {
        let order = Order::new(n, &numbered_user(n), (0..lines).map(sku).collect());
        assert_eq!(price(&[order]).await, (1, 2.0 * rows), "{lines} lines");
    }
    let ten: Vec<_> = (10..20).map(|n| Order::new(n, &numbered_user(n), vec![sku(n)])).collect();
    assert_eq!(price(&ten).await, (1, 2.0 * 11.0));
    let touched = fixture.harness.rows().await;
    let touched = touched.iter().filter(|row| text_of(row, "pk").unwrap().starts_with("TOUCHED"));
    assert!(touched.clone().all(|row| row.contains_key("expires_at")));
    assert_eq!(touched.count(), 5);
}

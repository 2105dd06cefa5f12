//! The analytics consumer: sales per day.

use std::collections::BTreeMap;
use std::time::Duration;

use analytics::{Analytics, DailySales, Sales, rollup_key};
use jiff::civil::Date;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_events::Usd;
use yard::revenue::RevenueReport;

use crate::support::{
    TestOrder, TestOrderLine, TestStack, apply_bodies, apply_orders, new_batch, new_cart, new_harness, new_order,
    new_user_id, publish_order_and_cancellation, text, wait_until,
};

/// Sales of these orders: total, by region, by product.
fn naive<'a>(
    orders: impl IntoIterator<Item = &'a TestOrder>,
) -> (Sales, BTreeMap<String, Sales>, BTreeMap<String, Sales>) {
    let (mut total, mut regions, mut skus) = (Sales::default(), BTreeMap::new(), BTreeMap::new());
    for order in orders {
        let mut sales = Sales { orders: 1, ..Sales::default() };
        for TestOrderLine { sku, quantity, cents, .. } in &order.lines {
            let line = Sales {
                orders: 1,
                units: i64::from(*quantity),
                revenue: Usd::from_cents(cents * i64::from(*quantity)),
                cancelled: 0,
            };
            *skus.entry(sku.clone()).or_default() += line;
            (sales.units, sales.revenue) = (sales.units + line.units, sales.revenue + line.revenue);
        }
        total += sales;
        *regions.entry(format!("US-{}", order.region)).or_default() += sales;
    }
    (total, regions, skus)
}

/// Orders, units and revenue of a day, added up row by row.
async fn rows_of(harness: &ConsumerHarness, day: &str) -> (i64, i64, Usd) {
    let rows = harness.rows().await;
    let rows: Vec<_> = rows.iter().filter(|row| text(row, "sk") == "SALE" && text(row, "day") == day).collect();
    let units = rows.iter().map(|row| text(row, "units").parse::<i64>().unwrap()).sum();
    let revenue = rows.iter().map(|row| Usd::parse(&text(row, "revenue_usd")).unwrap()).sum();
    let lines = rows.iter().flat_map(|row| row["lines"].as_l().unwrap());
    let lines: Usd = lines.map(|line| Usd::parse(line.as_m().unwrap()["amount_usd"].as_n().unwrap()).unwrap()).sum();
    assert_eq!(revenue, lines, "an order's row and its lines");
    (i64::try_from(rows.len()).unwrap(), units, revenue)
}

/// Asserts that rows, sums and orders agree on each of these days.
async fn assert_sums_equal_orders(harness: &ConsumerHarness, orders: &[TestOrder], days: &[&str]) {
    for day in days {
        let there: Vec<_> = orders.iter().filter(|order| order.day() == *day).collect();
        let (total, regions, skus) = naive(there.iter().copied());
        let read = DailySales::read(&harness.table, day.parse().unwrap()).await.unwrap();
        assert_eq!((read.total(), &read.regions, &read.skus), (total, &regions, &skus), "{day}");
        assert_eq!(rows_of(harness, day).await, (total.orders, total.units, total.revenue), "{day}");
        let sums = harness.table.sum_shards(&rollup_key(day)).await.unwrap();
        assert_eq!(sums.get("revenue_usd").copied().unwrap_or_default(), total.revenue.decimal());
    }
}

#[tokio::test]
async fn duplicates_lost_answers_and_crashes_keep_sums_exact() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Analytics).await;
    let orders: Vec<_> = (0..60).map(|_| TestOrder::random(&["CA", "ZZ", "007"], "2026-02-27", 3)).collect();
    let bodies: Vec<_> = orders.iter().map(TestOrder::body).collect();
    let mut duration = Duration::from_micros(500);
    for bodies in bodies.chunks(10) {
        let messages = harness.receive(bodies).await;
        // Interrupted before, during or after the write, and received again.
        tokio::time::timeout(duration, harness.handle(&batch, &messages)).await.ok();
        duration *= 3;
        // Applied, but the answer was lost.
        assert!(harness.handle(&batch, &messages).await.batch_item_failures.is_empty());
        assert!(harness.process(&batch, messages).await.is_empty());
    }
    let mut again = orders.clone();
    fastrand::shuffle(&mut again);
    apply_orders(&harness, &batch, &again).await;
    assert_sums_equal_orders(&harness, &orders, &["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]).await;
}

#[tokio::test]
async fn cancelled_orders_leave_their_day_in_any_event_order() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Analytics).await;
    let random = || TestOrder::random(&["CA", "007"], "2026-02-27", 3);
    let (kept, cancelled): (Vec<_>, Vec<_>) =
        ((0..25).map(|_| random()).collect(), (0..15).map(|_| random()).collect());
    let placed = kept.iter().chain(&cancelled).map(TestOrder::body);
    let mut bodies: Vec<_> = placed.chain(cancelled.iter().map(TestOrder::cancellation_body)).collect();
    bodies.extend(bodies.clone());
    fastrand::shuffle(&mut bodies);
    apply_bodies(&harness, &batch, &bodies).await;
    // Cancelled days later, but counted on the day of the order.
    for day in ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"] {
        let (mut total, mut regions, mut skus) = naive(kept.iter().filter(|order| order.day() == day));
        for order in cancelled.iter().filter(|order| order.day() == day) {
            total.cancelled += 1;
            regions.entry(format!("US-{}", order.region)).or_default().cancelled += 1;
            for line in &order.lines {
                skus.entry(line.sku.clone()).or_default().cancelled += 1;
            }
        }
        let read = DailySales::read(&harness.table, day.parse().unwrap()).await.unwrap();
        assert_eq!((read.total(), &read.regions, &read.skus), (total, &regions, &skus), "{day}");
    }
}

#[tokio::test]
async fn published_cancellation_takes_order_out_of_revenue() {
    let stack = TestStack::shared().await;
    let sku = format!("SKU-{}", new_user_id());
    let order = new_order("CA", &[&sku]);
    publish_order_and_cancellation(&stack, &order).await;
    let pk = format!("ORDER#{}", order.order_id);
    wait_until("both events are applied", async || stack.query(stack.table_of("analytics"), &pk).await.len() == 2)
        .await;
    let report = RevenueReport::read(&stack.cloud, &stack.deployed, 2).await.unwrap();
    let line = report.skus.iter().find(|line| line.name == sku).unwrap();
    assert_eq!((line.orders, line.units, line.revenue_usd, line.cancelled), (0, 0, Usd::ZERO, 1));
}

#[tokio::test]
async fn two_workers_on_same_sums_lose_nothing() {
    let stack = TestStack::shared().await;
    let (harness, one) = new_harness(&stack, Analytics).await;
    let other = new_batch(&harness, Analytics);
    let orders: Vec<_> = (0..40).map(|_| TestOrder::random(&["CA"], "2026-03-01", 1)).collect();
    for orders in orders.chunks(20) {
        let bodies: Vec<_> = orders.iter().map(TestOrder::body).collect();
        let mut messages = harness.receive(&bodies).await;
        let second = messages.split_off(10);
        let (first, second) = tokio::join!(harness.process(&one, messages), harness.process(&other, second));
        assert!(first.is_empty() && second.is_empty());
    }
    assert_sums_equal_orders(&harness, &orders, &["2026-03-01"]).await;
}

#[tokio::test]
async fn late_order_counts_on_its_placement_day() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Analytics).await;
    // The harness's clock is at 2026-05-26.
    let orders = [
        TestOrder::new("CA", "2026-05-26T00:00:00Z", 100),
        TestOrder::new("CA", "2026-05-25T23:59:59.999Z", 1_000),
        TestOrder::new("CA", "2025-12-31T23:59:59Z", 10_000),
    ];
    apply_orders(&harness, &batch, &orders).await;
    assert_sums_equal_orders(&harness, &orders, &["2026-05-26", "2026-05-25", "2026-05-24", "2025-12-31"]).await;
}

#[tokio::test]
async fn orders_of_fifty_lines_in_one_batch_are_counted() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Analytics).await;
    let order = |at: usize| {
        let mut order = TestOrder::new("CA", "2026-03-01T00:00:00Z", 0);
        let line = |n| TestOrderLine { sku: format!("P-{}", n + 7 * at), quantity: 2, cents: 101, taxable: true };
        order.lines = (0..50).map(line).collect();
        order
    };
    let orders: Vec<_> = (0..10).map(order).collect();
    apply_orders(&harness, &batch, &orders).await;
    assert_sums_equal_orders(&harness, &orders, &["2026-03-01"]).await;
}

#[tokio::test]
async fn yard_revenue_equals_sum_of_rows() {
    let stack = TestStack::shared().await;
    let (harness, batch) = new_harness(&stack, Analytics).await;
    let orders: Vec<_> = (0..30).map(|_| TestOrder::random(&["CA", "OR"], "2026-02-26", 4)).collect();
    apply_orders(&harness, &batch, &orders).await;
    let report = RevenueReport::read_table(&harness.table, Date::constant(2026, 3, 1), 3).await.unwrap();
    assert_eq!((report.from.to_string(), report.days.len()), ("2026-02-27".to_owned(), 3));
    let (mut rows, mut days) = ((0, 0, Usd::ZERO), Vec::new());
    for day in &report.days {
        let there = rows_of(&harness, &day.day.to_string()).await;
        rows = (rows.0 + there.0, rows.1 + there.1, rows.2 + there.2);
        days.push((day.orders, day.units, day.revenue_usd) == there);
    }
    assert_eq!((days, (report.orders, report.units, report.revenue_usd)), (vec![true; 3], rows));
    let of = |lines: &[yard::revenue::RevenueLine]| lines.iter().map(|line| line.revenue_usd).sum::<Usd>();
    assert_eq!((of(&report.regions), of(&report.skus)), (rows.2, rows.2));
    let page = report.render(false);
    assert!(page.contains("US-CA") && page.contains("2026-02-28") && !page.contains('█'), "{page}");
}

#[tokio::test]
async fn placed_order_is_in_todays_revenue() {
    let stack = TestStack::shared().await;
    let sku = stack.create_product("12.34", true, 5).await;
    let id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 3)])).await;
    stack.wait_until_applied(&id).await;
    let report = RevenueReport::read(&stack.cloud, &stack.deployed, 2).await.unwrap();
    let line = report.skus.iter().find(|line| line.name == sku).unwrap();
    assert_eq!((line.orders, line.units, line.revenue_usd), (1, 3, Usd::from_cents(3_702)));
}

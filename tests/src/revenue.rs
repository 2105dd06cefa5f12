//! What analytics counts.

use std::collections::BTreeMap;
use std::time::Duration;

use analytics::{Analytics, DailySales, Sales, rollup_key};
use jiff::civil::Date;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_events::Usd;
use yard::revenue::RevenueReport;

use crate::sold::{Piece, Sold, bench, feed, on};
use crate::world::{World, cart, text, user};

/// What orders come to: of all, by region, by product.
fn naive<'a>(orders: impl IntoIterator<Item = &'a Sold>) -> (Sales, BTreeMap<String, Sales>, BTreeMap<String, Sales>) {
    let (mut total, mut regions, mut skus) = (Sales::default(), BTreeMap::new(), BTreeMap::new());
    for order in orders {
        let mut sales = Sales { orders: 1, ..Sales::default() };
        for Piece { sku, quantity, cents, .. } in &order.pieces {
            let line = Sales {
                orders: 1,
                units: u64::from(*quantity),
                revenue: Usd::from_cents(cents * i64::from(*quantity)),
            };
            *skus.entry(sku.clone()).or_default() += line;
            (sales.units, sales.revenue) = (sales.units + line.units, sales.revenue + line.revenue);
        }
        total += sales;
        *regions.entry(format!("US-{}", order.region)).or_default() += sales;
    }
    (total, regions, skus)
}

/// What the rows of a day say, read one by one.
async fn rows_of(bench: &ConsumerHarness, day: &str) -> (u64, u64, Usd) {
    let rows = bench.rows().await;
    let rows: Vec<_> = rows.iter().filter(|row| text(row, "sk") == "SALE" && text(row, "day") == day).collect();
    let units = rows.iter().map(|row| text(row, "units").parse::<u64>().unwrap()).sum();
    let revenue = rows.iter().map(|row| Usd::parse(&text(row, "revenue_usd")).unwrap()).sum();
    let lines = rows.iter().flat_map(|row| row["lines"].as_l().unwrap());
    let lines: Usd = lines.map(|line| Usd::parse(line.as_m().unwrap()["amount_usd"].as_n().unwrap()).unwrap()).sum();
    assert_eq!(revenue, lines, "an order's row and its lines");
    (u64::try_from(rows.len()).unwrap(), units, revenue)
}

/// Rows, sums and what was ordered agree on each of these days.
async fn agree(bench: &ConsumerHarness, orders: &[Sold], days: &[&str]) {
    for day in days {
        let there: Vec<_> = orders.iter().filter(|order| order.day() == *day).collect();
        let (total, regions, skus) = naive(there.iter().copied());
        let read = DailySales::read(&bench.table, day.parse().unwrap()).await.unwrap();
        assert_eq!((read.total(), &read.regions, &read.skus), (total, &regions, &skus), "{day}");
        assert_eq!(rows_of(bench, day).await, (total.orders, total.units, total.revenue), "{day}");
        let sums = bench.table.sum_shards(&rollup_key(day)).await.unwrap();
        assert_eq!(sums.get("revenue_usd").copied().unwrap_or_default(), total.revenue.decimal());
    }
}

#[tokio::test]
async fn rows_and_sums_agree_to_the_cent_after_duplicates_lost_answers_and_crashes() {
    let world = World::shared().await;
    let (bench, batch) = bench(&world, Analytics).await;
    let orders: Vec<_> = (0..60).map(|_| Sold::any(&["CA", "ZZ", "007"], "2026-02-27", 3)).collect();
    let bodies: Vec<_> = orders.iter().map(Sold::body).collect();
    let mut duration = Duration::from_micros(500);
    for bodies in bodies.chunks(10) {
        let messages = bench.receive(bodies).await;
        // Killed at some moment, before, while or after it writes, and received again.
        tokio::time::timeout(duration, bench.handle(&batch, &messages)).await.ok();
        duration *= 3;
        // Done, but the answer was lost.
        assert!(bench.handle(&batch, &messages).await.batch_item_failures.is_empty());
        assert!(bench.process(&batch, messages).await.is_empty());
    }
    let mut again = orders.clone();
    fastrand::shuffle(&mut again);
    feed(&bench, &batch, &again).await;
    agree(&bench, &orders, &["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]).await;
}

#[tokio::test]
async fn two_workers_that_meet_on_the_same_sums_lose_nothing() {
    let world = World::shared().await;
    let (bench, one) = bench(&world, Analytics).await;
    let other = on(&bench, Analytics);
    let orders: Vec<_> = (0..40).map(|_| Sold::any(&["CA"], "2026-03-01", 1)).collect();
    for orders in orders.chunks(20) {
        let bodies: Vec<_> = orders.iter().map(Sold::body).collect();
        let mut messages = bench.receive(&bodies).await;
        let second = messages.split_off(10);
        let (first, second) = tokio::join!(bench.process(&one, messages), bench.process(&other, second));
        assert!(first.is_empty() && second.is_empty());
    }
    agree(&bench, &orders, &["2026-03-01"]).await;
}

#[tokio::test]
async fn a_late_order_counts_on_the_day_it_was_placed() {
    let world = World::shared().await;
    let (bench, batch) = bench(&world, Analytics).await;
    // The bench's clock says 2026-05-26.
    let orders = [
        Sold::new("CA", "2026-05-26T00:00:00Z", 100),
        Sold::new("CA", "2026-05-25T23:59:59.999Z", 1_000),
        Sold::new("CA", "2025-12-31T23:59:59Z", 10_000),
    ];
    feed(&bench, &batch, &orders).await;
    agree(&bench, &orders, &["2026-05-26", "2026-05-25", "2026-05-24", "2025-12-31"]).await;
}

#[tokio::test]
async fn an_order_of_fifty_lines_is_counted_whole_beside_others_like_it() {
    let world = World::shared().await;
    let (bench, batch) = bench(&world, Analytics).await;
    let order = |at: usize| {
        let mut order = Sold::new("CA", "2026-03-01T00:00:00Z", 0);
        let piece = |n| Piece { sku: format!("P-{}", n + 7 * at), quantity: 2, cents: 101, taxable: true };
        order.pieces = (0..50).map(piece).collect();
        order
    };
    let orders: Vec<_> = (0..10).map(order).collect();
    feed(&bench, &batch, &orders).await;
    agree(&bench, &orders, &["2026-03-01"]).await;
}

#[tokio::test]
async fn yard_revenue_comes_to_what_the_rows_come_to() {
    let world = World::shared().await;
    let (bench, batch) = bench(&world, Analytics).await;
    let orders: Vec<_> = (0..30).map(|_| Sold::any(&["CA", "OR"], "2026-02-26", 4)).collect();
    feed(&bench, &batch, &orders).await;
    let report = RevenueReport::read_table(&bench.table, Date::constant(2026, 3, 1), 3).await.unwrap();
    assert_eq!((report.from.to_string(), report.days.len()), ("2026-02-27".to_owned(), 3));
    let (mut rows, mut days) = ((0, 0, Usd::ZERO), Vec::new());
    for day in &report.days {
        let there = rows_of(&bench, &day.day.to_string()).await;
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
async fn an_order_through_the_deployed_stack_is_in_todays_revenue() {
    let world = World::shared().await;
    let sku = world.stock("12.34", true, 5).await;
    let id = world.place(&cart(&user(), &[(&sku, 3)])).await;
    world.done(&id).await;
    let report = RevenueReport::read(&world.cloud, &world.stack, 2).await.unwrap();
    let line = report.skus.iter().find(|line| line.name == sku).unwrap();
    assert_eq!((line.orders, line.units, line.revenue_usd), (1, 3, Usd::from_cents(3_702)));
}

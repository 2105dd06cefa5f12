//! Ledger, sums and thresholds, compared with a simple model that computes them from the same orders, of which some are cancelled.

#![allow(clippy::unwrap_used)] // a failing helper fails its test

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use switchyard_events::{
    CancellationReason, CountedSales, Envelope, OrderCancelled, OrderPlaced, PlacedOrCancelled, Quantity, Usd,
};
use tax::{LedgerEntry, Limit, Month, MonthlySums, NexusProgress, Period, SellerTimeZone, Threshold, TransactionRule};

/// A line: unit price in cents, quantity, whether it is taxable.
type CartLine = (i64, u64, bool);

/// An order: days after 2024-01-01, region, lines.
type Order = (i64, &'static str, Vec<CartLine>);

/// An event: its order, and whether it is the cancellation.
type Event = (Order, bool);

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let line = (0..3_000_000_i64, 1..20_u64, any::<bool>());
    let order = (0..1096_i64, prop::sample::select(vec!["ZZ", "Q1", "007"]), prop::collection::vec(line, 1..8));
    prop::collection::vec(order, 0..40)
}

/// Orders that stay, and the events of these and of cancelled orders in random order.
fn history() -> impl Strategy<Value = (Vec<Order>, Vec<Event>)> {
    let events = |(stays, cancelled): (Vec<Order>, Vec<Order>)| {
        let placed = stays.iter().chain(&cancelled).map(|order| (order.clone(), false));
        let cancellations = cancelled.iter().map(|order| (order.clone(), true));
        let events = Just(placed.chain(cancellations).collect::<Vec<_>>()).prop_shuffle();
        (Just(stays), events)
    };
    (orders(), orders()).prop_flat_map(events)
}

fn event((order, is_cancellation): &Event) -> PlacedOrCancelled {
    let order = placed(order);
    if !is_cancellation {
        return PlacedOrCancelled::Placed(Box::new(order));
    }
    // In another month: it must not count there.
    let cancelled_at = order.placed_at + SignedDuration::from_hours(24 * 40);
    PlacedOrCancelled::Cancelled(Box::new(OrderCancelled { order, reason: CancellationReason::Rejected, cancelled_at }))
}

fn entry(event: &PlacedOrCancelled) -> LedgerEntry {
    LedgerEntry::from_event(event, &SellerTimeZone::default())
}

fn placed((day, region, lines): &Order) -> OrderPlaced {
    let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
    let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
    let mut address = order.ship_to.reveal().clone();
    address.region = switchyard_events::RegionCode::parse(*region).unwrap();
    order.ship_to = switchyard_events::Redacted::new(address);
    order.placed_at = "2024-01-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day);
    let template = order.items[0].clone();
    let line = |&(cents, pieces, taxable): &CartLine| switchyard_events::OrderLine {
        unit_price_usd: Usd::from_cents(cents),
        quantity: Quantity::try_from(pieces).unwrap(),
        taxable,
        ..template.clone()
    };
    order.items = lines.iter().map(line).collect();
    order.total_usd = OrderPlaced::sum(&order.items);
    order
}

/// The year and the month (1 to 12) of the order.
fn date((day, ..): &Order) -> (i16, i32) {
    let moment = "2024-01-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day);
    let date = moment.to_zoned(TimeZone::UTC).date();
    (date.year(), date.month().into())
}

fn cents((.., lines): &Order, taxable: bool) -> i64 {
    let lines = lines.iter().filter(|line| line.2 == taxable);
    lines.map(|(cents, pieces, _)| cents * i64::try_from(*pieces).unwrap()).sum()
}

fn months(events: &[Event], region: &str) -> MonthlySums {
    let mut months = MonthlySums::default();
    for at in events.iter().filter(|(order, _)| order.1 == region) {
        let entry = entry(&event(at));
        assert_eq!(entry.jurisdiction.as_str(), format!("US-{region}"));
        months.add(entry.month, entry.sums());
    }
    months
}

fn thresholds() -> impl Strategy<Value = Threshold> {
    let counts = prop::sample::select(vec![CountedSales::Gross, CountedSales::Retail, CountedSales::Taxable]);
    let period = prop::sample::select(vec![
        Period::PreviousOrCurrentYear,
        Period::PreviousYear,
        Period::TwelveMonths,
        Period::FourQuarters,
        Period::FourSalesTaxQuarters,
        Period::YearToSeptember,
    ]);
    let sales = (1..50_000_000_i64, any::<bool>()).prop_map(|(cents, reached)| limit(Usd::from_cents(cents), reached));
    let number = (1..20_u64, any::<bool>()).prop_map(|(number, reached)| limit(number, reached));
    let transactions = prop_oneof![
        Just(TransactionRule::Uncounted),
        number.clone().prop_map(TransactionRule::Or),
        number.prop_map(TransactionRule::And),
    ];
    (counts, period, sales, transactions).prop_map(|(counts, period, sales, transactions)| Threshold {
        counts,
        period,
        sales,
        transactions,
    })
}

fn limit<T>(figure: T, reached: bool) -> Limit<T> {
    if reached { Limit::AtLeast(figure) } else { Limit::MoreThan(figure) }
}

/// Whether the orders of any window that ends in the year cross the threshold.
fn passes(threshold: &Threshold, year: i16, orders: &[Order]) -> bool {
    let ends: Vec<i32> = match threshold.period {
        Period::PreviousOrCurrentYear | Period::PreviousYear => vec![12],
        Period::TwelveMonths => (1..=12).collect(),
        Period::FourQuarters => vec![3, 6, 9, 12],
        Period::FourSalesTaxQuarters => vec![2, 5, 8, 11],
        Period::YearToSeptember => vec![9],
    };
    ends.into_iter().any(|end| {
        let inside = |order: &&Order| {
            let (order_year, month) = date(order);
            (order_year == year && month <= end) || (order_year == year - 1 && month > end)
        };
        let taxable_only = threshold.counts == CountedSales::Taxable;
        let orders: Vec<_> = orders.iter().filter(inside).collect();
        let exempt = |order: &Order| if taxable_only { 0 } else { cents(order, false) };
        let sales: i64 = orders.iter().map(|order| cents(order, true) + exempt(order)).sum();
        let counted = orders.iter().filter(|order| !taxable_only || cents(order, true) > 0);
        let number = u64::try_from(counted.count()).unwrap();
        let enough = threshold.sales.is_passed_by(Usd::from_cents(sales));
        match threshold.transactions {
            TransactionRule::Uncounted => enough,
            TransactionRule::Or(limit) => enough || limit.is_passed_by(number),
            TransactionRule::And(limit) => enough && limit.is_passed_by(number),
        }
    })
}

proptest! {
    #[test]
    fn ledger_entry_splits_the_order_into_taxable_and_exempt(orders in orders()) {
        for order in &orders {
            let entry_of = |is_cancellation| entry(&event(&(order.clone(), is_cancellation)));
            let (line, reversal) = (entry_of(false), entry_of(true));
            prop_assert_eq!(line.taxable, Usd::from_cents(cents(order, true)));
            prop_assert_eq!(line.exempt, Usd::from_cents(cents(order, false)));
            prop_assert_eq!(line.taxable + line.exempt, placed(order).total_usd);
            prop_assert_eq!((reversal.month, &reversal.jurisdiction), (line.month, &line.jurisdiction));
            prop_assert_eq!((reversal.taxable, reversal.exempt), (-line.taxable, -line.exempt));
        }
    }

    #[test]
    fn sums_of_a_year_equal_the_sums_of_its_orders((orders, events) in history()) {
        for region in ["ZZ", "Q1", "007"] {
            let months = months(&events, region);
            for year in [2023, 2024, 2025, 2026, 2027] {
                let there: Vec<_> = orders.iter().filter(|order| order.1 == region && date(order).0 == year).collect();
                let sums = months.year(year);
                prop_assert_eq!(sums.taxable, Usd::from_cents(there.iter().map(|order| cents(order, true)).sum()));
                prop_assert_eq!(sums.exempt, Usd::from_cents(there.iter().map(|order| cents(order, false)).sum()));
                prop_assert_eq!(sums.revenue, sums.taxable + sums.exempt);
                prop_assert_eq!(sums.transactions, i64::try_from(there.len()).unwrap());
                let taxable = there.iter().filter(|order| cents(order, true) > 0).count();
                prop_assert_eq!(sums.taxable_transactions, i64::try_from(taxable).unwrap());
            }
        }
    }

    #[test]
    fn threshold_is_crossed_if_any_window_of_the_year_passes_it((orders, events) in history(), threshold in thresholds()) {
        let months = months(&events, "ZZ");
        let there: Vec<_> = orders.into_iter().filter(|order| order.1 == "ZZ").collect();
        for year in [2024, 2025, 2026, 2027] {
            let progress = NexusProgress::new(&threshold, year, &months);
            prop_assert_eq!(progress.crossed, passes(&threshold, year, &there), "{} {:?}", year, progress);
        }
    }

    #[test]
    fn sales_left_is_the_exact_amount_to_cross_the_threshold((_, events) in history(), threshold in thresholds()) {
        let mut months = months(&events, "ZZ");
        let threshold = Threshold { transactions: TransactionRule::Uncounted, ..threshold };
        let progress = NexusProgress::new(&threshold, 2026, &months);
        prop_assume!(!progress.crossed);
        let add = |months: &mut MonthlySums, cents: Usd| {
            let sums = tax::Sums { revenue: cents, taxable: cents, ..tax::Sums::default() };
            months.add(progress.window.last, sums);
        };
        add(&mut months, progress.sales_left - Usd::from_cents(1));
        prop_assert!(!threshold.sales.is_passed_by(NexusProgress::new(&threshold, 2026, &months).sales));
        add(&mut months, Usd::from_cents(1));
        prop_assert!(NexusProgress::new(&threshold, 2026, &months).crossed);
    }

    #[test]
    fn month_arithmetic_crosses_years(year in 2000..2100_i16, month in 1..=12_i32, later in -30..30_i32) {
        let later_month = Month::new(year, month).plus(later);
        let number = i32::from(later_month.year()) * 12 + i32::from(later_month.number());
        prop_assert_eq!(number, i32::from(year) * 12 + month + later);
        prop_assert_eq!(later_month, Month::new(year, month + later));
        prop_assert!(later_month.first_day() < later_month.last_day());
    }
}

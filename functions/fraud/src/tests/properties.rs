//! Properties of profiles and scores for random orders in random order of arrival.

#![allow(clippy::cast_precision_loss)] // far below 2^53

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;
use switchyard_events::{EmailAddress, OrderPlaced, Quantity, Redacted, Usd};

use super::{order, to};
use crate::recent_orders::MAX_RECENT_ORDERS;
use crate::rules::rules;
use crate::{Model, Profile, RecentOrders, Score, Signals, profile};

/// Random orders: minutes, cents, pieces, country, disposable domain or not.
fn orders() -> impl Strategy<Value = Vec<OrderPlaced>> {
    let one =
        (0..20_000_i64, 0..10_000_000_i64, 1..1_001_u64, prop::sample::select(vec!["US", "CA", "BR"]), any::<bool>());
    let order = |(minutes, cents, pieces, country, disposable): (i64, i64, u64, &str, bool)| {
        order(|order| {
            order.placed_at += SignedDuration::from_mins(minutes);
            order.total_usd = Usd::from_cents(cents);
            order.items[0].quantity = Quantity::try_from(pieces).unwrap();
            order.ship_to = to(country);
            let domain = if disposable { "yopmail.com" } else { "example.com" };
            order.email = Redacted::new(EmailAddress::parse(format!("ada@{domain}")).unwrap());
        })
    };
    prop::collection::vec(one.prop_map(order), 1..80)
}

/// What may happen to an order, by its index.
#[derive(Debug, Clone, Copy)]
enum Event {
    Placed(usize),
    Cancelled(usize),
}

/// Random orders and the events about them in random order: each order is placed, and some are cancelled, before or after it.
fn placed_and_cancelled() -> impl Strategy<Value = (Vec<OrderPlaced>, Vec<Event>)> {
    let cancelled = |orders: Vec<OrderPlaced>| {
        let count = orders.len();
        (Just(orders), prop::collection::vec(any::<bool>(), count))
    };
    orders().prop_flat_map(cancelled).prop_flat_map(|(orders, cancelled)| {
        let placed = (0..orders.len()).map(Event::Placed);
        let cancelled = (0..orders.len()).filter(|index| cancelled[*index]).map(Event::Cancelled).collect::<Vec<_>>();
        (Just(orders), Just(placed.chain(cancelled).collect::<Vec<_>>()).prop_shuffle())
    })
}

/// The profile and the orders that were placed and cancelled, as the handlers of the consumer change them.
#[derive(Default)]
struct History {
    profile: Profile,
    placed: BTreeSet<usize>,
    cancelled: BTreeSet<usize>,
}

impl History {
    fn after(orders: &[OrderPlaced], events: &[Event]) -> Self {
        events.iter().fold(Self::default(), |mut history, event| {
            let profile = std::mem::take(&mut history.profile);
            history.profile = match *event {
                Event::Placed(index) => {
                    history.placed.insert(index);
                    let is_cancelled = history.cancelled.contains(&index);
                    assert!(!is_cancelled || profile.early_cancellations > 0, "the handler would not look");
                    let order = &orders[index];
                    if is_cancelled { profile.with_cancelled_order(order) } else { profile.with_order(order) }
                }
                Event::Cancelled(index) => {
                    history.cancelled.insert(index);
                    let is_scored = history.placed.contains(&index);
                    if is_scored {
                        profile.with_cancellation(&orders[index])
                    } else {
                        profile.with_early_cancellation()
                    }
                }
            };
            history
        })
    }
}

proptest! {
    #[test]
    fn cancelled_orders_leave_only_their_times_in_any_order((orders, events) in placed_and_cancelled(), seen in 0..200_usize) {
        // The events so far, and all of them.
        for events in [&events[..seen.min(events.len())], &events] {
            let History { profile, placed, cancelled } = History::after(&orders, events);
            let kept = placed.difference(&cancelled).map(|index| &orders[*index]);
            let expected = kept.fold(Profile::default(), Profile::with_order);
            let times = placed.iter().map(|index| orders[*index].placed_at.as_millisecond());
            let early = cancelled.difference(&placed).count() as u64;
            let expected = Profile {
                version: events.len() as u64,
                recent: RecentOrders::from_millis(times),
                early_cancellations: early,
                ..expected
            };
            prop_assert_eq!(profile, expected);
        }
    }

    #[test]
    fn profile_equals_naive_sums_in_any_arrival_order(orders in orders().prop_shuffle()) {
        let profile = orders.iter().fold(Profile::default(), Profile::with_order);
        let cents: Vec<u128> = orders.iter().map(|order| profile::capped_cents(order).into()).collect();
        prop_assert_eq!(profile.orders, orders.len() as u64);
        prop_assert_eq!(u128::from(profile.cents), cents.iter().sum());
        prop_assert_eq!(profile.squares, cents.iter().map(|cents| cents * cents).sum());
        let mut times: Vec<_> = orders.iter().map(|order| order.placed_at.as_millisecond()).collect();
        times.sort_unstable();
        prop_assert_eq!(profile.recent.times(), &times[times.len().saturating_sub(MAX_RECENT_ORDERS)..]);
        let mut countries = BTreeMap::<_, u64>::new();
        for order in &orders {
            *countries.entry(order.ship_to.reveal().country.to_string()).or_default() += 1;
        }
        prop_assert_eq!(profile.countries, countries);
    }

    #[test]
    fn deviations_equal_a_naive_computation(orders in orders()) {
        let profile = orders.iter().fold(Profile::default(), Profile::with_order);
        let cents: Vec<f64> = orders.iter().map(|order| profile::capped_cents(order) as f64).collect();
        let count = cents.len() as f64;
        let mean = cents.iter().sum::<f64>() / count;
        let deviation = (cents.iter().map(|cents| (cents - mean).powi(2)).sum::<f64>() / count).sqrt();
        let expected = (orders.len() >= 5).then(|| (500_000.0 - mean) / deviation.max(mean / 10.0).max(100.0));
        match (profile.deviations(500_000), expected) {
            (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}"),
            (found, expected) => prop_assert_eq!(found, expected),
        }
    }

    #[test]
    fn score_is_the_sum_of_its_reasons_limited_to_0_to_100(orders in orders()) {
        let model = Model::embedded().unwrap();
        let (last, before) = orders.split_last().unwrap();
        let signals = Signals::new(last, &before.iter().fold(Profile::default(), Profile::with_order));
        let score = Score::new(&signals, &model);
        let sum: i32 = score.reasons.iter().map(|reason| i32::from(reason.points)).sum();
        prop_assert_eq!(i32::from(score.points), sum.clamp(0, 100));
        prop_assert!(score.reasons.is_sorted_by_key(|reason| std::cmp::Reverse(reason.points)));
        prop_assert!(score.reasons.iter().all(|reason| reason.points != 0));
        let mut codes: Vec<_> = score.reasons.iter().map(|reason| &reason.code).collect();
        codes.sort();
        codes.dedup();
        prop_assert_eq!(codes.len(), score.reasons.len());
    }

    #[test]
    fn stronger_signal_never_gives_fewer_points(
        within_1h in 0..60_usize, more_in_24h in 0..60_usize, orders in 0..100_u64, cents in 0..1_000_000_000_u64,
        deviations in prop::option::of(-5.0..20.0), quantity in 1..991_u32, flags in any::<(bool, bool)>(), raised in 0..7_usize,
    ) {
        let model = Model::embedded().unwrap();
        let (is_disposable, is_unusual_country) = flags;
        let less = Signals { within_1h, within_24h: within_1h + more_in_24h, orders, cents, deviations, quantity, is_disposable, is_unusual_country };
        let mut more = less.clone();
        match raised {
            0 => more.within_1h += 1,
            1 => more.within_24h += 1,
            2 => more.cents += more.cents / 10,
            3 => more.deviations = more.deviations.map(|deviations| deviations + 0.5),
            4 => more.quantity += 10,
            5 => more.is_disposable = true,
            _ => more.is_unusual_country = true,
        }
        let points = |signals: &Signals| rules(signals).iter().map(|(_, points)| points).sum::<i16>();
        prop_assert!(points(&more) >= points(&less));
        // A model trained on other data may give fewer points for a stronger signal. Then only the rules are compared.
        let model_agrees = model.points(&more).iter().zip(model.points(&less)).all(|((_, more), (_, less))| *more >= less);
        if model_agrees {
            prop_assert!(Score::new(&more, &model).points >= Score::new(&less, &model).points);
        }
    }
}

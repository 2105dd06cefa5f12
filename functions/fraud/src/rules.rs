//! What makes an order suspicious, in points.

use jiff::SignedDuration;
use rust_decimal::prelude::ToPrimitive;
use switchyard_events::{OrderPlaced, Reason};

use crate::Profile;

/// The highest score.
pub const MAX_SCORE: u8 = 100;

/// Domains of throw-away mailboxes, one a line; see the file's head for its date.
const DISPOSABLE: &str = include_str!("disposable_domains.txt");

/// Orders that a user must have before his own history says anything.
const ENOUGH_HISTORY: u64 = 5;

/// Every reason that speaks against the order, most weighty first.
pub fn reasons(order: &OrderPlaced, profile: &Profile) -> Vec<Reason> {
    let rules = [
        (
            "velocity_1h",
            velocity(order, profile, SignedDuration::from_hours(1), [(6, 45), (3, 20)]),
        ),
        (
            "velocity_24h",
            velocity(order, profile, SignedDuration::from_hours(24), [(20, 35), (10, 15)]),
        ),
        ("amount", amount(order, profile)),
        ("quantity", quantity(order)),
        ("disposable_domain", disposable_domain(order)),
        ("country", country(order, profile)),
    ];
    let mut reasons: Vec<_> = rules
        .into_iter()
        .filter(|(_, points)| *points > 0)
        .map(|(code, points)| Reason {
            code: code.into(),
            points,
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
    reasons
}

/// Points of the first step that is reached.
fn steps<T: PartialOrd + Copy>(value: &T, steps: [(T, i16); 2]) -> i16 {
    steps
        .iter()
        .find(|(step, _)| value >= step)
        .map_or(0, |(_, points)| *points)
}

/// Many orders of one user in a short time.
fn velocity(order: &OrderPlaced, profile: &Profile, span: SignedDuration, limits: [(usize, i16); 2]) -> i16 {
    steps(&profile.placed_within(span, order.placed_at), limits)
}

/// Far above what the user spends; without a history, far above what anybody does.
fn amount(order: &OrderPlaced, profile: &Profile) -> i16 {
    let total = order.total_usd.decimal().to_f64().unwrap_or(f64::MAX);
    if profile.orders < ENOUGH_HISTORY {
        return steps(&total, [(5_000.0, 40), (2_000.0, 25)]);
    }
    let (mean, deviation) = profile.spending();
    // Someone who always spends the same would be suspicious at the first extra cent: a tenth of the mean is always allowed for.
    let spread = deviation.max(mean / 10.0).max(1.0);
    steps(&((total - mean) / spread), [(6.0, 35), (3.0, 20)])
}

/// More of one product than a household needs.
fn quantity(order: &OrderPlaced) -> i16 {
    let most = order.items.iter().map(|line| line.quantity.get()).max().unwrap_or(0);
    steps(&most, [(200, 30), (50, 15)])
}

/// A throw-away mailbox.
fn disposable_domain(order: &OrderPlaced) -> i16 {
    let domain = order.email.reveal().domain();
    let listed = DISPOSABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .any(|line| line == domain);
    if listed { 35 } else { 0 }
}

/// Not the country that the user's goods go to.
fn country(order: &OrderPlaced, profile: &Profile) -> i16 {
    match profile.usual_country() {
        Some(usual) if profile.orders >= ENOUGH_HISTORY && usual != order.ship_to.reveal().country.as_str() => 25,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score;
    use switchyard_events::{Address, CountryCode, EmailAddress, Line, Quantity, Redacted, Usd};

    fn sample() -> OrderPlaced {
        let text = include_str!("../../../events/samples/OrderPlaced.v1.json");
        let envelope: switchyard_events::Envelope<OrderPlaced> = serde_json::from_str(text).unwrap();
        envelope.data
    }

    fn order(change: impl FnOnce(&mut OrderPlaced)) -> OrderPlaced {
        let mut order = sample();
        change(&mut order);
        order
    }

    fn history(orders: usize) -> Profile {
        // A day and a minute apart: usual in amount and country, never many in a day.
        (0..orders).fold(Profile::default(), |profile, n| {
            let ago = SignedDuration::from_mins(1441 * i64::try_from(orders - n).unwrap());
            profile.with(&order(|order| order.placed_at -= ago))
        })
    }

    fn check(order: &OrderPlaced, profile: &Profile, expected: &[&str]) {
        let codes: Vec<_> = reasons(order, profile).into_iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn an_ordinary_order_is_not_suspicious() {
        check(&sample(), &Profile::default(), &[]);
        check(&sample(), &history(20), &[]);
    }

    #[test]
    fn each_rule_names_itself() {
        let line = |quantity: u64, cents: i64| {
            let line = sample().items.remove(0);
            Line {
                quantity: Quantity::try_from(quantity).unwrap(),
                unit_price_usd: Usd::from_cents(cents),
                ..line
            }
        };
        let email = |text: &str| Redacted::new(EmailAddress::parse(text).unwrap());
        check(
            &order(|o| o.items = vec![line(50, 1)]),
            &Profile::default(),
            &["quantity"],
        );
        check(
            &order(|o| o.email = email("x@Mailinator.com")),
            &Profile::default(),
            &["disposable_domain"],
        );
        check(
            &order(|o| o.total_usd = Usd::from_cents(200_000)),
            &Profile::default(),
            &["amount"],
        );
        check(
            &order(|o| o.total_usd = Usd::from_cents(15_000)),
            &history(20),
            &["amount"],
        );
        let abroad = Address {
            country: CountryCode::parse("BR").unwrap(),
            ..sample().ship_to.reveal().clone()
        };
        check(
            &order(|o| o.ship_to = Redacted::new(abroad)),
            &history(20),
            &["country"],
        );
        let busy = (0..3).fold(Profile::default(), |profile, _| profile.with(&sample()));
        check(&sample(), &busy, &["velocity_1h"]);
        let busier = (0..20).fold(Profile::default(), |profile, _| profile.with(&sample()));
        check(&sample(), &busier, &["velocity_1h", "velocity_24h"]);
    }

    #[test]
    fn a_score_stays_between_0_and_100() {
        let reason = |points| Reason {
            code: "x".into(),
            points,
        };
        assert_eq!(score(&[]), 0);
        assert_eq!(score(&[reason(70), reason(70)]), 100);
        assert_eq!(score(&[reason(30), reason(-40)]), 0);
    }

    #[test]
    fn a_profile_survives_being_written_and_read() {
        let profile = history(3);
        assert_eq!(profile.version, 3);
        assert_eq!(profile.recent.len(), 1);
        assert_eq!(profile.usual_country(), Some("US"));
        let (mean, deviation) = profile.spending();
        assert!((mean - 101.5).abs() < 1e-9 && deviation < 1e-3, "{mean} {deviation}");
    }
}

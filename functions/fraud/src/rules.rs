//! What a person would find suspicious, in points: the same for every shop, whatever the model has learned.

use crate::signals::Signals;

/// The points of every rule, 0 where it does not apply. More of a signal never gives fewer points.
pub(crate) fn rules(signals: &Signals) -> [(&'static str, i16); 6] {
    [
        ("velocity_1h", steps(&signals.within_1h, &[(6, 40), (3, 15)])),
        ("velocity_24h", steps(&signals.within_24h, &[(20, 30), (10, 15)])),
        ("amount", amount(signals)),
        // More of one product than a household needs.
        ("quantity", steps(&signals.quantity, &[(200, 25), (50, 10)])),
        ("disposable_domain", if signals.is_disposable { 20 } else { 0 }),
        ("country", if signals.is_abroad { 15 } else { 0 }),
    ]
}

/// Far above what the user spends; without a history, far above what most people do.
fn amount(signals: &Signals) -> i16 {
    match &signals.deviations {
        Some(deviations) => steps(deviations, &[(6.0, 30), (3.0, 15)]),
        None => steps(&signals.dollars(), &[(5_000.0, 30), (2_000.0, 15)]),
    }
}

/// Points of the first step that is reached.
fn steps<T: PartialOrd>(value: &T, steps: &[(T, i16); 2]) -> i16 {
    steps.iter().find(|(step, _)| value >= step).map_or(0, |(_, points)| *points)
}

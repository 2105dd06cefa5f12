//! Fixed rules that give points for suspicious signals. They do not depend on the training data.

use crate::signals::Signals;

/// The points of every rule, 0 if it does not apply. A stronger signal never gives fewer points.
pub(crate) fn rules(signals: &Signals) -> [(&'static str, i16); 6] {
    [
        ("velocity_1h", steps(&signals.within_1h, &[(6, 40), (3, 15)])),
        ("velocity_24h", steps(&signals.within_24h, &[(20, 30), (10, 15)])),
        ("amount", amount(signals)),
        // More pieces of one product than a household needs.
        ("quantity", steps(&signals.quantity, &[(200, 25), (50, 10)])),
        ("disposable_domain", if signals.is_disposable { 20 } else { 0 }),
        ("country", if signals.is_unusual_country { 15 } else { 0 }),
    ]
}

/// An amount far above the user's mean; without a history, far above what most users spend.
fn amount(signals: &Signals) -> i16 {
    match &signals.deviations {
        Some(deviations) => steps(deviations, &[(6.0, 30), (3.0, 15)]),
        None => steps(&signals.dollars(), &[(5_000.0, 30), (2_000.0, 15)]),
    }
}

/// The points of the first step that the value reaches. Steps are sorted from high to low.
fn steps<T: PartialOrd>(value: &T, steps: &[(T, i16); 2]) -> i16 {
    steps.iter().find(|(step, _)| value >= step).map_or(0, |(_, points)| *points)
}

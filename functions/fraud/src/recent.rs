//! When a user's latest orders were placed.

use jiff::{SignedDuration, Timestamp};

/// How many times are kept: more than any rule counts, and few enough for the profile's row to stay within a kilobyte.
pub(crate) const KEPT: usize = 50;

/// The newest [`KEPT`] times at which a user placed an order, oldest first, to the millisecond.
///
/// Which times are kept does not depend on the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<i64>);

impl Recent {
    /// Times in milliseconds since 1970, in any order.
    pub fn of(times: impl IntoIterator<Item = i64>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        times.drain(..times.len().saturating_sub(KEPT));
        Self(times)
    }

    /// These times and one more.
    pub fn with(self, time: Timestamp) -> Self {
        Self::of(self.0.into_iter().chain([time.as_millisecond()]))
    }

    /// The times in milliseconds since 1970, oldest first.
    pub fn times(&self) -> &[i64] {
        &self.0
    }

    /// How many of these orders lie within one such span together with an order of this time: the fullest span that holds it.
    ///
    /// Of orders that come as they were placed, these are the ones of the span before. Of a burst that comes in disorder, each
    /// order counts all that have come already, so that the last of `n` to come counts `n - 1`, whichever it is.
    pub fn together(&self, span: SignedDuration, time: Timestamp) -> usize {
        let (span, time) = (i64::try_from(span.as_millis()).unwrap_or(i64::MAX), time.as_millisecond());
        let begins = self.0.iter().copied().chain([time]).filter(|begin| (0..=span).contains(&(time - begin)));
        let filled = begins.map(|begin| self.0.iter().filter(|time| (0..=span).contains(&(**time - begin))).count());
        filled.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn recent(minutes: &[i64]) -> Recent {
        minutes.iter().fold(Recent::default(), |recent, minute| recent.with(at(*minute)))
    }

    fn check(minutes: &[i64], minute: i64, expected: usize) {
        assert_eq!(
            recent(minutes).together(SignedDuration::from_hours(1), at(minute)),
            expected,
            "{minutes:?} {minute}"
        );
    }

    #[test]
    fn an_hour_includes_both_its_ends() {
        check(&[], 0, 0);
        check(&[0, 1, 30, 60], 60, 4);
        check(&[0, 1, 30, 60], 61, 3);
        check(&[0, 1, 30, 60], 121, 0);
    }

    #[test]
    fn a_late_order_counts_the_fullest_hour_around_it_and_not_two() {
        check(&[0, 10, 100, 110], 60, 2);
        check(&[0, 10, 20, 100, 110], 60, 3);
        check(&[50, 55], 45, 2);
    }

    /// What a user would count who could look at all times at once: the fullest hour around each, without itself.
    fn fullest(minutes: &[i64]) -> usize {
        let window = |begin: i64| minutes.iter().filter(|minute| (begin..=begin + 60).contains(*minute)).count();
        minutes.iter().map(|begin| window(*begin)).max().unwrap_or(1) - 1
    }

    proptest! {
        #[test]
        fn the_same_times_are_kept_whatever_order_they_come_in(
            (minutes, shuffled) in prop::collection::vec(0_i64..5000, 0..120)
                .prop_flat_map(|minutes| (Just(minutes.clone()), Just(minutes).prop_shuffle()))
        ) {
            let mut newest = minutes.clone();
            newest.sort_unstable();
            let newest: Vec<_> = newest.iter().rev().take(KEPT).rev().map(|minute| at(*minute).as_millisecond()).collect();
            prop_assert_eq!(&recent(&shuffled), &Recent(newest));
            prop_assert_eq!(recent(&minutes), recent(&shuffled));
        }

        #[test]
        fn a_burst_is_counted_in_full_whatever_order_it_comes_in(
            minutes in prop::collection::vec(0_i64..300, 1..40).prop_shuffle()
        ) {
            let counts = minutes.iter().enumerate().map(|(place, minute)| {
                recent(&minutes[..place]).together(SignedDuration::from_hours(1), at(*minute))
            });
            prop_assert_eq!(counts.max().unwrap(), fullest(&minutes));
        }

        #[test]
        fn orders_that_come_as_they_were_placed_count_the_hour_before(
            mut minutes in prop::collection::vec(0_i64..300, 1..40)
        ) {
            minutes.sort_unstable();
            for (place, minute) in minutes.iter().enumerate() {
                let before = minutes[..place].iter().filter(|other| minute - **other <= 60).count();
                let counted = recent(&minutes[..place]).together(SignedDuration::from_hours(1), at(*minute));
                prop_assert_eq!(counted, before);
            }
        }
    }
}

//! The times of a user's latest orders.

use jiff::{SignedDuration, Timestamp};

/// The maximum number of times that are kept: more than any rule counts, and few enough for the profile's row to have less than
/// a kilobyte.
pub(crate) const MAX_RECENT_ORDERS: usize = 50;

/// The newest 50 times at which a user placed an order, oldest first, to the millisecond.
///
/// Which times are kept does not depend on the order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentOrders(Vec<i64>);

impl RecentOrders {
    /// Keeps the newest of these times, given in milliseconds since 1970 in any order.
    pub fn from_millis(times: impl IntoIterator<Item = i64>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        times.drain(..times.len().saturating_sub(MAX_RECENT_ORDERS));
        Self(times)
    }

    /// Adds a time.
    pub fn with_time(self, time: Timestamp) -> Self {
        Self::from_millis(self.0.into_iter().chain([time.as_millisecond()]))
    }

    /// The times in milliseconds since 1970, oldest first.
    pub fn times(&self) -> &[i64] {
        &self.0
    }

    /// The number of these orders in the fullest span of this length that contains `time`.
    ///
    /// If orders arrive in the order of placing, this counts the span before `time`. If a burst arrives in another order, each
    /// order counts those that arrived before it. So the last of `n` orders always counts `n - 1`.
    pub fn count_within(&self, span: SignedDuration, time: Timestamp) -> usize {
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

    fn recent(minutes: &[i64]) -> RecentOrders {
        minutes.iter().fold(RecentOrders::default(), |recent, minute| recent.with_time(at(*minute)))
    }

    fn check(minutes: &[i64], minute: i64, expected: usize) {
        assert_eq!(
            recent(minutes).count_within(SignedDuration::from_hours(1), at(minute)),
            expected,
            "{minutes:?} {minute}"
        );
    }

    #[test]
    fn hour_includes_both_ends() {
        check(&[], 0, 0);
        check(&[0, 1, 30, 60], 60, 4);
        check(&[0, 1, 30, 60], 61, 3);
        check(&[0, 1, 30, 60], 121, 0);
    }

    #[test]
    fn late_order_counts_the_fullest_hour_around_it() {
        check(&[0, 10, 100, 110], 60, 2);
        check(&[0, 10, 20, 100, 110], 60, 3);
        check(&[50, 55], 45, 2);
    }

    /// The number of orders in the fullest hour, without the one that counts.
    fn fullest(minutes: &[i64]) -> usize {
        let window = |begin: i64| minutes.iter().filter(|minute| (begin..=begin + 60).contains(*minute)).count();
        minutes.iter().map(|begin| window(*begin)).max().unwrap_or(1) - 1
    }

    proptest! {
        #[test]
        fn kept_times_do_not_depend_on_arrival_order(
            (minutes, shuffled) in prop::collection::vec(0_i64..5000, 0..120)
                .prop_flat_map(|minutes| (Just(minutes.clone()), Just(minutes).prop_shuffle()))
        ) {
            let mut newest = minutes.clone();
            newest.sort_unstable();
            let newest: Vec<_> = newest.iter().rev().take(MAX_RECENT_ORDERS).rev().map(|minute| at(*minute).as_millisecond()).collect();
            prop_assert_eq!(&recent(&shuffled), &RecentOrders(newest));
            prop_assert_eq!(recent(&minutes), recent(&shuffled));
        }

        #[test]
        fn burst_is_counted_fully_in_any_arrival_order(
            minutes in prop::collection::vec(0_i64..300, 1..40).prop_shuffle()
        ) {
            let counts = minutes.iter().enumerate().map(|(place, minute)| {
                recent(&minutes[..place]).count_within(SignedDuration::from_hours(1), at(*minute))
            });
            prop_assert_eq!(counts.max().unwrap(), fullest(&minutes));
        }

        #[test]
        fn orders_in_sequence_count_the_hour_before(
            mut minutes in prop::collection::vec(0_i64..300, 1..40)
        ) {
            minutes.sort_unstable();
            for (place, minute) in minutes.iter().enumerate() {
                let before = minutes[..place].iter().filter(|other| minute - **other <= 60).count();
                let counted = recent(&minutes[..place]).count_within(SignedDuration::from_hours(1), at(*minute));
                prop_assert_eq!(counted, before);
            }
        }
    }
}

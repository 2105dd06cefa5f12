//! As many entries in a call as EventBridge takes.

use crate::entry::MAX_CALL;

/// The most entries of a call (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>, 2026-11-21).
const MAX_ENTRIES: usize = 10;

/// What an entry takes of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) bytes: usize,
    /// All of it.
    pub(crate) alone: bool,
}

/// Divides entries into calls, of which only those with a single entry may be larger than [`MAX_CALL`]. They stay in their order.
pub(crate) fn chunks<T>(entries: Vec<T>, weigh: impl Fn(&T) -> Weight) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let (mut bytes, mut closed) = (0, true);
    for entry in entries {
        let weight = weigh(&entry);
        match chunks.last_mut() {
            Some(chunk)
                if !closed && !weight.alone && chunk.len() < MAX_ENTRIES && bytes + weight.bytes <= MAX_CALL =>
            {
                bytes += weight.bytes;
                chunk.push(entry);
            }
            _ => {
                (bytes, closed) = (weight.bytes, weight.alone);
                chunks.push(vec![entry]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight(&(bytes, alone): &(usize, bool)) -> Weight {
        Weight { bytes, alone }
    }

    proptest! {
        #[test]
        fn no_entry_is_lost_none_changes_place_and_no_call_is_too_large(
            entries in prop::collection::vec((0..=2 * MAX_CALL, prop::bool::weighted(0.1)), 0..60),
            small in prop::collection::vec((0..3000usize, prop::bool::weighted(0.02)), 0..60),
        ) {
            let entries = [entries, small].concat();
            let calls = chunks(entries.clone(), weight);
            prop_assert_eq!(calls.concat(), entries);
            for call in &calls {
                prop_assert!((1..=MAX_ENTRIES).contains(&call.len()));
                prop_assert!(call.len() == 1 || call.iter().map(|(bytes, _)| bytes).sum::<usize>() <= MAX_CALL);
                prop_assert!(call.len() == 1 || call.iter().all(|(_, alone)| !alone));
            }
        }

        #[test]
        fn no_two_neighbouring_calls_could_have_been_one(sizes in prop::collection::vec(0..=MAX_CALL / 4, 0..60)) {
            let entries: Vec<_> = sizes.into_iter().map(|bytes| (bytes, false)).collect();
            let sum = |call: &[(usize, bool)]| call.iter().map(|(bytes, _)| bytes).sum::<usize>();
            for pair in chunks(entries, weight).windows(2) {
                prop_assert!(pair[0].len() == MAX_ENTRIES || sum(&pair[0]) + pair[1][0].0 > MAX_CALL);
            }
        }
    }
}

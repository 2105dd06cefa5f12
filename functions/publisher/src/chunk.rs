//! Divides entries into calls to EventBridge or SQS.

/// The most entries in a call, the same for `PutEvents`
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>, 2026-11-21) and for
/// `SendMessageBatch` (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html>,
/// 2026-11-21).
const MAX_ENTRIES: usize = 10;

/// How much of a call an entry needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) bytes: usize,
    /// Whether it needs a call of its own.
    pub(crate) alone: bool,
}

/// Divides entries into calls and keeps their order. Only a call with a single entry may exceed `max_bytes`.
pub(crate) fn chunks<T>(entries: Vec<T>, max_bytes: usize, weigh: impl Fn(&T) -> Weight) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let (mut bytes, mut closed) = (0, true);
    for entry in entries {
        let weight = weigh(&entry);
        match chunks.last_mut() {
            Some(chunk)
                if !closed && !weight.alone && chunk.len() < MAX_ENTRIES && bytes + weight.bytes <= max_bytes =>
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

    const MAX_BYTES: usize = 256 * 1024;

    fn weight(&(bytes, alone): &(usize, bool)) -> Weight {
        Weight { bytes, alone }
    }

    proptest! {
        #[test]
        fn chunks_keep_all_entries_in_order_within_limits(
            entries in prop::collection::vec((0..=2 * MAX_BYTES, prop::bool::weighted(0.1)), 0..60),
            small in prop::collection::vec((0..3000usize, prop::bool::weighted(0.02)), 0..60),
        ) {
            let entries = [entries, small].concat();
            let calls = chunks(entries.clone(), MAX_BYTES, weight);
            prop_assert_eq!(calls.concat(), entries);
            for call in &calls {
                prop_assert!((1..=MAX_ENTRIES).contains(&call.len()));
                prop_assert!(call.len() == 1 || call.iter().map(|(bytes, _)| bytes).sum::<usize>() <= MAX_BYTES);
                prop_assert!(call.len() == 1 || call.iter().all(|(_, alone)| !alone));
            }
        }

        #[test]
        fn adjacent_chunks_could_not_be_merged(sizes in prop::collection::vec(0..=MAX_BYTES / 4, 0..60)) {
            let entries: Vec<_> = sizes.into_iter().map(|bytes| (bytes, false)).collect();
            let sum = |call: &[(usize, bool)]| call.iter().map(|(bytes, _)| bytes).sum::<usize>();
            for pair in chunks(entries, MAX_BYTES, weight).windows(2) {
                prop_assert!(pair[0].len() == MAX_ENTRIES || sum(&pair[0]) + pair[1][0].0 > MAX_BYTES);
            }
        }
    }
}

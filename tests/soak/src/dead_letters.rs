//! What is in the dead-letter queues, compared with what must be there.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::queues;
use crate::soak_stack::SoakStack;

/// The pause while another receiver still hides messages.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The bodies of dead letters, by the queue's address.
pub(crate) type DeadLetterBodies = BTreeMap<String, Vec<String>>;

/// All dead letters of all consumers and of the publisher.
pub(crate) async fn read_dead_letters(stack: &SoakStack) -> Result<DeadLetterBodies> {
    let consumers = stack.deployed.consumers.iter().map(|consumer| &consumer.dlq_url);
    let mut found = DeadLetterBodies::new();
    for queue_url in consumers.chain([&stack.deployed.publisher_dlq]) {
        while queues::count_hidden(&stack.cloud, queue_url).await? > 0 {
            sleep(POLL_INTERVAL).await;
        }
        for message in queues::receive_all(&stack.cloud, queue_url).await? {
            found.entry(queue_url.clone()).or_default().extend(message.body);
        }
    }
    Ok(found)
}

/// The differences, one line of text each.
pub(crate) fn compare_dead_letters(expected: &DeadLetterBodies, mut found: DeadLetterBodies) -> Vec<String> {
    let mut differences = Vec::new();
    for (queue, body) in expected.iter().flat_map(|(queue, bodies)| bodies.iter().map(move |body| (queue, body))) {
        let rest = found.entry(queue.clone()).or_default();
        match rest.iter().position(|other| other == body) {
            Some(index) => drop(rest.swap_remove(index)),
            None => differences.push(format!("a dead letter is missing in {queue}: {body}")),
        }
    }
    let unexpected = found.iter().flat_map(|(queue, bodies)| bodies.iter().map(move |body| (queue, body)));
    differences.extend(unexpected.map(|(queue, body)| format!("an unexpected dead letter in {queue}: {body}")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_must_be_those_that_were_planted() {
        let letters = |bodies: &[&str]| -> DeadLetterBodies {
            [("q".to_owned(), bodies.iter().map(|&body| body.to_owned()).collect())].into()
        };
        let check = |found: &[&str], expected: &[&str]| {
            let differences = compare_dead_letters(&letters(&["a", "b"]), letters(found));
            let ends: Vec<_> = differences.iter().map(|line| line.rsplit(' ').next().unwrap_or_default()).collect();
            assert_eq!(ends, expected, "{found:?}: {differences:?}");
        };
        check(&["b", "a"], &[]);
        check(&["a"], &["b"]);
        check(&["a", "b", "b"], &["b"]);
        check(&["a", "c"], &["b", "c"]);
    }
}

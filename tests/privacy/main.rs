//! No personal data is in the logs that the stack wrote during all other tests.
//!
//! Customers in tests have the id `usr_…`, an e-mail address with an `@` and, in `support::new_cart`, one postal code.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails

use std::collections::HashMap;

use yard::{Instance, Project, Stack};

/// The prefix of a customer's id, and the postal code in a test's cart.
const SEEDED: [&str; 2] = ["usr_", "94107-4815"];

/// Addresses that are no customer's: the sender, and the example in an error message.
const PUBLIC_ADDRESSES: [&str; 2] = ["orders@switchyard.example", "name@example.com"];

/// The start of a log line of the local cloud about a mail. It contains the recipient; SES logs none.
const EMULATOR_MAIL_LINE: &str = "INFO [ses-v2] ";

/// The maximum number of log lines in one answer.
const PAGE_SIZE: usize = 10_000;

/// The first piece of personal data in a line.
fn personal(line: &str) -> Option<String> {
    let line = line.replace("%40", "@");
    let seeded = SEEDED.iter().find(|seed| line.contains(**seed)).map(|seed| (*seed).to_owned());
    seeded.or_else(|| line.match_indices('@').find_map(|(at, _)| address(&line, at)))
}

/// The mail address around an `@`.
fn address(line: &str, at: usize) -> Option<String> {
    let outside = |c: char| !c.is_alphanumeric() && !"._%+-".contains(c);
    let start = line[..at].rfind(outside).map_or(0, |before| before + 1);
    let end = line[at + 1..].find(outside).map_or(line.len(), |after| at + 1 + after);
    let address = line[start..end].trim_end_matches('.');
    let (local, domain) = address.split_once('@')?;
    (!local.is_empty() && domain.contains('.') && !PUBLIC_ADDRESSES.contains(&address)).then(|| address.to_owned())
}

/// All lines of a function, as CloudWatch Logs has them.
async fn lines(client: &aws_sdk_cloudwatchlogs::Client, function: &str) -> Vec<String> {
    let (mut lines, mut since) = (Vec::new(), 0);
    loop {
        let page = client.filter_log_events().log_group_name(format!("/aws/lambda/{function}")).start_time(since);
        let events = page.send().await.unwrap().events.unwrap_or_default();
        let last = events.last().and_then(|event| event.timestamp).unwrap_or_default();
        let count = events.len();
        lines.extend(events.into_iter().filter_map(|event| event.message));
        // The local cloud has no page tokens, so the next request starts at the last timestamp.
        if count < PAGE_SIZE {
            return lines;
        }
        assert!(last > since, "more lines of {function} in a millisecond than a page holds");
        since = last;
    }
}

#[tokio::test]
#[ignore = "reads the logs of all other tests: make test runs it after them"]
async fn logs_contain_no_personal_data() {
    let name = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
    let instance = Instance::new(&Project::find().unwrap(), &name).unwrap();
    let running =
        instance.running().unwrap_or_else(|| panic!("instance {name} is not up: run the tests with `make test`"));
    let cloud = running.cloud();
    let stack = Stack::read(&cloud).await.unwrap();
    let client = aws_sdk_cloudwatchlogs::Client::new(&cloud.config);

    let log = std::fs::read(instance.log()).unwrap();
    let log = String::from_utf8_lossy(&log);
    let mut lines_by_source: Vec<(&str, String)> = log
        .lines()
        .filter(|line| !line.contains(EMULATOR_MAIL_LINE))
        .map(|line| ("the local cloud", line.to_owned()))
        .collect();
    for function in &stack.functions {
        lines_by_source.extend(lines(&client, function).await.into_iter().map(|line| (function.as_str(), line)));
    }

    let leaks: Vec<_> = lines_by_source.iter().filter_map(|(who, line)| Some((who, personal(line)?, line))).collect();
    assert!(
        leaks.is_empty(),
        "{} lines contain personal data, such as {:#?}",
        leaks.len(),
        &leaks[..leaks.len().min(5)]
    );

    // Our own lines are JSON. An empty log would prove nothing.
    let mut line_counts: HashMap<&str, usize> = HashMap::new();
    for (who, _) in lines_by_source.iter().filter(|(_, line)| line.starts_with('{')) {
        *line_counts.entry(who).or_default() += 1;
    }
    let busy = stack.consumers.iter().map(|consumer| &consumer.function).chain([&stack.checkout, &stack.publisher]);
    let busy = busy.map(|function| (function.as_str(), 100)).chain([("the local cloud", 1000)]);
    let jobs = stack.functions.iter().map(|function| (function.as_str(), 1));
    for (who, least) in busy.chain(jobs) {
        let line_counts = line_counts.get(who).copied().unwrap_or_default();
        assert!(line_counts >= least, "only {line_counts} lines of {who}: run the whole suite first");
    }
}

#[test]
fn personal_data_is_found_in_a_log_line() {
    for (line, expected) in [
        (r#"{"error":"invalid: ada@example.com"}"#, Some("ada@example.com")),
        (r#"{"body":"{\"email\":\"x9+b@mail.inator.com\"}"}"#, Some("x9+b@mail.inator.com")),
        ("to ada%40example.com.", Some("ada@example.com")),
        ("name@example.com or ada@example.com", Some("ada@example.com")),
        (r#"{"user":"usr_1a2b"}"#, Some("usr_")),
        (r#"ship_to: Address { postal_code: "94107-4815" }"#, Some("94107-4815")),
        ("detail.data.email: must be a mail address such as name@example.com, at most 254", None),
        ("From: orders@switchyard.example", None),
        ("evt_5@2, a @ b.c, @x.y, user@host", None),
    ] {
        assert_eq!(personal(line).as_deref(), expected, "{line}");
    }
}

//! Nothing personal is in what the stack has logged while all other tests ran.
//!
//! Customers of the tests are called `usr_…`, have an address with an `@` and, where `support::new_cart` makes the cart, one postal
//! code: what is not in the logs of a suite full of them is not logged.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails

use std::collections::HashMap;

use yard::{Instance, Project, Stack};

/// What begins a customer's id, and the postal code in a test's cart.
const SEEDED: [&str; 2] = ["usr_", "94107-4815"];

/// Addresses of nobody: the shop's own, and the example in an error.
const NOBODYS: [&str; 2] = ["orders@switchyard.example", "name@example.com"];

/// How the local cloud itself begins a line about mail. It says to whom, as SES would not.
const NOT_OURS: &str = "INFO [ses-v2] ";

/// The most that one call for log lines brings.
const PAGE: usize = 10_000;

/// The first personal thing in a line.
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
    (!local.is_empty() && domain.contains('.') && !NOBODYS.contains(&address)).then(|| address.to_owned())
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
        // The local cloud has no next page, so the next one is what came later.
        if count < PAGE {
            return lines;
        }
        assert!(last > since, "more lines of {function} in a millisecond than a page holds");
        since = last;
    }
}

#[tokio::test]
#[ignore = "reads what all other tests have logged: make test runs it after them"]
async fn logs_contain_no_personal_data() {
    let name = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
    let instance = Instance::new(&Project::find().unwrap(), &name).unwrap();
    let running =
        instance.running().unwrap_or_else(|| panic!("instance {name} is not up: run the tests by `make test`"));
    let cloud = running.cloud();
    let stack = Stack::read(&cloud).await.unwrap();
    let client = aws_sdk_cloudwatchlogs::Client::new(&cloud.config);

    let log = std::fs::read(instance.log()).unwrap();
    let log = String::from_utf8_lossy(&log);
    let mut said: Vec<(&str, String)> =
        log.lines().filter(|line| !line.contains(NOT_OURS)).map(|line| ("the local cloud", line.to_owned())).collect();
    for function in &stack.functions {
        said.extend(lines(&client, function).await.into_iter().map(|line| (function.as_str(), line)));
    }

    let leaks: Vec<_> = said.iter().filter_map(|(who, line)| Some((who, personal(line)?, line))).collect();
    assert!(leaks.is_empty(), "{} lines are personal, such as {:#?}", leaks.len(), &leaks[..leaks.len().min(5)]);

    // Lines of our own are JSON. A log that nothing is in proves nothing.
    let mut spoken: HashMap<&str, usize> = HashMap::new();
    for (who, _) in said.iter().filter(|(_, line)| line.starts_with('{')) {
        *spoken.entry(who).or_default() += 1;
    }
    let busy = stack.consumers.iter().map(|consumer| &consumer.function).chain([&stack.checkout, &stack.publisher]);
    let busy = busy.map(|function| (function.as_str(), 100)).chain([("the local cloud", 1000)]);
    let jobs = stack.functions.iter().map(|function| (function.as_str(), 1));
    for (who, least) in busy.chain(jobs) {
        let spoken = spoken.get(who).copied().unwrap_or_default();
        assert!(spoken >= least, "only {spoken} lines of {who}: did the whole suite run before?");
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

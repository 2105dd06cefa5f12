//! What a month without orders and a million orders cost. Both tables of the README are compared with what is computed here, from the
//! template and from numbers that other tests keep exact.
//!
//! Prices are those of us-east-1, in dollars, without free tiers, each with its source of 2026-11-21.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use yard::Project;

use crate::delivery::COSTS;
use crate::infra::parameters::run_ask;
use crate::support::expand;
use crate::support::{TestStack, new_cart, new_user_id};

const README: &str = include_str!("../../../README.md");

/// <https://aws.amazon.com/cloudwatch/pricing/>: a metric for a month in which each hour has a value; an alarm on one metric; a GB of logs.
const METRIC: f64 = 0.30;
const ALARM: f64 = 0.10;
const LOG_GIGABYTE: f64 = 0.50;
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>: a million write units.
const WRITES: f64 = 0.625;
/// <https://aws.amazon.com/sqs/pricing/>: a million requests to standard queues.
const SQS: f64 = 0.40;
/// <https://aws.amazon.com/eventbridge/pricing/>: a million custom events; a million starts by a schedule.
const EVENTS: f64 = 1.00;
const STARTS: f64 = 1.00;
/// <https://aws.amazon.com/api-gateway/pricing/>: a million requests to an HTTP API.
const API: f64 = 1.00;
/// <https://aws.amazon.com/lambda/pricing/>: a million requests; a GB-second on arm64.
const INVOCATIONS: f64 = 0.20;
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// <https://aws.amazon.com/ses/pricing/>: a million mails.
const MAILS: f64 = 100.0;

const MILLION: f64 = 1_000_000.0;
const MONTH_SECONDS: f64 = 30.0 * 24.0 * 60.0 * 60.0;

/// Lambda polls a queue with five long polls of at most 20 seconds, also when it is empty
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>,
/// <https://repost.aws/knowledge-center/sqs-high-charges>).
const POLLS_PER_SECOND: f64 = 5.0 / 20.0;

/// Write units of checkout for an order of two lines: the order's row, its row in the customer's list with the event, and two stocks,
/// in a transaction.
const CHECKOUT_UNITS: f64 = 8.0;
/// Write units of `orders`: a row for the confirmation, and two for the row that a page's transaction writes.
const ORDERS_UNITS: f64 = 1.0 + 2.0;
/// Write units of the warehouse: two rows; one enters the index and leaves it again in the page's transaction.
const WAREHOUSE_UNITS: f64 = 1.0 + 1.0 + 1.0 + 2.0 + 1.0;
/// Write units of a mail: the lease, and its completion.
const EMAIL_UNITS: f64 = 2.0;
/// Messages per order: `OrderPlaced` to six consumers, `OrderConfirmed` to two.
const MESSAGES: f64 = 8.0;
/// Events per order: `OrderPlaced` and `OrderConfirmed`.
const EVENTS_PER_ORDER: f64 = 2.0;
const BATCH: f64 = 10.0;
/// Records of a stream that one invocation of the publisher publishes.
const STREAM_BATCH: f64 = 100.0;
/// What a function may take, in GB-seconds per invocation, with a wide margin: 100 ms with 256 MB.
const GIGABYTE_SECONDS: f64 = 0.025;

/// Bytes of log lines, measured by `log_lines_and_metrics_are_as_billed`: of an event in a consumer, of a consumer's full batch, of a
/// placed order in checkout (two lines).
const EVENT_LINE: f64 = 275.0;
const BATCH_LINE: f64 = 360.0;
const CHECKOUT_LINES: f64 = 530.0;
/// Of an event's id and lag in the publisher's lines about a batch.
const PUBLISHED: f64 = 33.0;
/// Estimated, since the local cloud does not write them: a line of the API's access log, and Lambda's own lines about an invocation
/// (platform.start and platform.report).
const ACCESS_LINE: f64 = 320.0;
const LAMBDA_LINES: f64 = 520.0;

/// A row of a table in the README, and its dollars.
struct Cost {
    what: String,
    dollars: f64,
}

fn cost(what: String, dollars: f64) -> Cost {
    Cost { what, dollars }
}

/// A month without an order.
fn idle() -> Vec<Cost> {
    let resources = expand("template.yaml", &[])["Resources"].clone();
    let resources = resources.as_object().expect("resources");
    let of_type = |kind: &str| resources.values().filter(|resource| resource["Type"] == kind).collect::<Vec<_>>();
    let alarms = of_type("AWS::CloudWatch::Alarm").len();
    let mappings = of_type("AWS::Lambda::EventSourceMapping");
    // A stream's mapping has a starting position. Lambda reads streams at no charge.
    let queues = mappings.iter().filter(|mapping| mapping["Properties"]["StartingPosition"].is_null()).count();
    let polls = count(queues) * POLLS_PER_SECOND * MONTH_SECONDS / MILLION;
    let schedules = of_type("AWS::Scheduler::Schedule");
    let runs: f64 = schedules.iter().map(|schedule| runs_per_month(schedule)).sum();
    let run = (STARTS + INVOCATIONS) / MILLION + GIGABYTE_SECONDS * GIGABYTE_SECOND;
    vec![
        cost(format!("{alarms} alarms"), count(alarms) * ALARM),
        cost(format!("{polls:.1} million polls of {queues} empty queues"), polls * SQS),
        cost(format!("{runs:.0} runs of {} jobs", schedules.len()), runs * run),
        cost("custom metrics: none has a value".to_owned(), 0.0),
    ]
}

/// A million orders of two lines, in full batches.
fn million_orders() -> Vec<Cost> {
    let units = write_units();
    let requests = MESSAGES * (1.0 + 2.0 / BATCH);
    let invocations = invocations();
    let kilobytes = log_bytes() / 1_000.0;
    vec![
        cost(format!("{units:.1} million DynamoDB write units"), units * WRITES),
        cost(format!("{requests:.1} million SQS requests"), requests * SQS),
        cost(format!("{EVENTS_PER_ORDER:.0} million events on the bus"), EVENTS_PER_ORDER * EVENTS),
        cost("1 million API requests".to_owned(), API),
        cost(
            format!("{invocations:.2} million invocations of 100 ms or less"),
            invocations * (INVOCATIONS + MILLION * GIGABYTE_SECONDS * GIGABYTE_SECOND),
        ),
        cost(format!("{kilobytes:.1} GB of logs"), kilobytes * LOG_GIGABYTE),
        cost("1 million mails".to_owned(), MAILS),
    ]
}

/// Write units of an order of two lines in a full batch of each consumer. A batch of analytics, fraud, recommendations and tax costs the
/// same for orders and cancellations.
fn write_units() -> f64 {
    let counted_above = ["orders", "warehouse", "email"];
    let consumers = COSTS.iter().filter(|(name, _)| !counted_above.contains(name));
    let units: f64 = consumers.map(|(_, [_, (_, units_of_ten)])| units_of_ten / BATCH).sum();
    CHECKOUT_UNITS + ORDERS_UNITS + WAREHOUSE_UNITS + EMAIL_UNITS + units
}

/// Invocations per order: checkout, a tenth of each consumer's batch, and the publisher's for two records.
fn invocations() -> f64 {
    1.0 + MESSAGES / BATCH + EVENTS_PER_ORDER / STREAM_BATCH
}

fn log_bytes() -> f64 {
    let consumers = MESSAGES * (EVENT_LINE + BATCH_LINE / BATCH);
    consumers + CHECKOUT_LINES + EVENTS_PER_ORDER * PUBLISHED + ACCESS_LINE + LAMBDA_LINES * invocations()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a small number"))
}

/// Of a schedule such as `rate(5 minutes)`.
fn runs_per_month(schedule: &Value) -> f64 {
    let rate = schedule["Properties"]["ScheduleExpression"].as_str().expect("a schedule");
    let (number, unit) = rate.trim_start_matches("rate(").trim_end_matches(')').split_once(' ').expect("a rate");
    let seconds = if unit.starts_with("minute") { 60.0 } else { 3_600.0 };
    MONTH_SECONDS / (number.parse::<f64>().expect("a number") * seconds)
}

/// The rows as the README has them, with their sum.
fn rows(costs: &[Cost]) -> Vec<String> {
    let sum = costs.iter().map(|cost| cost.dollars).sum();
    let row = |what: &str, dollars: f64| format!("| {what} | ${dollars:.2} |");
    let rows = costs.iter().map(|cost| row(&cost.what, cost.dollars));
    rows.chain([row("**sum**", sum)]).collect()
}

#[test]
fn readme_has_the_bill_of_a_month_without_orders() {
    assert_in_readme(&rows(&idle()));
}

#[test]
fn readme_has_the_bill_of_a_million_orders() {
    assert_in_readme(&rows(&million_orders()));
    // Seven consumers' lag, and the number of placed orders.
    let metrics = METRIC * (count(COSTS.len()) + 1.0);
    assert!(README.contains(&format!("${metrics:.2} a month for {} custom metrics", COSTS.len() + 1)), "{metrics}");
}

fn assert_in_readme(rows: &[String]) {
    let table = rows.join("\n");
    assert!(README.contains(&table), "the README must have these rows:\n{table}");
}

#[tokio::test]
async fn log_lines_and_metrics_are_as_billed() {
    let stack = TestStack::exclusive().await;
    let start = Timestamp::now().as_millisecond();
    for _ in 0..5 {
        let cart = new_cart(&new_user_id(), &[("MUG-CAMP-350", 1), ("TEA-SENCHA-100", 1)]);
        let order_id = stack.place_order(&cart).await;
        stack.wait_until_applied(&order_id).await;
    }
    let lines = read_logs(&stack, stack.deployed.functions.iter().map(String::as_str), start).await;
    let mean = |is_kind: &dyn Fn(&Value) -> bool| {
        let lengths: Vec<_> = lines.iter().filter(|(line, _)| is_kind(line)).map(|(_, length)| *length).collect();
        assert!(lengths.len() >= 5, "{} lines", lengths.len());
        lengths.iter().sum::<f64>() / count(lengths.len())
    };
    let placed = |line: &Value| line["Function"] == "checkout" && line["Outcome"] == "placed";
    let event = mean(&|line| line["outcome"] == "done" && line["consumer"].is_string());
    // Nine more lags, of four digits and a comma.
    let batch = mean(&|line| line["BatchSize"] == 1 && line["Processed"] == 1) + 9.0 * 5.0;
    let checkout = mean(&|line| line["function"] == "checkout" && line["outcome"] == "placed") + mean(&placed);
    for (name, measured, billed) in
        [("event", event, EVENT_LINE), ("batch", batch, BATCH_LINE), ("checkout", checkout, CHECKOUT_LINES)]
    {
        assert!((measured - billed).abs() < billed * 0.05, "{name}: {measured:.0} bytes, and {billed} are billed");
    }
    let units: Vec<_> = lines.iter().filter(|(line, _)| placed(line)).map(|(line, _)| &line["CapacityUnits"]).collect();
    assert!(units.iter().all(|units| **units == CHECKOUT_UNITS), "{units:?}");
    let consumers = COSTS.iter().map(|(name, _)| ("LagMs".to_owned(), (*name).to_owned()));
    let expected = consumers.chain([("Orders".to_owned(), "checkout".to_owned())]).collect();
    assert_eq!(billed_metrics(&lines), expected, "each metric costs ${METRIC} a month");
}

/// The metrics that are charged for: name and value of the dimension.
fn billed_metrics(lines: &[(Value, f64)]) -> BTreeSet<(String, String)> {
    let directives = lines.iter().map(|(line, _)| (line, &line["_aws"]["CloudWatchMetrics"][0]));
    let metrics = directives.filter(|(_, directive)| !directive.is_null()).flat_map(|(line, directive)| {
        let dimension = &line[directive["Dimensions"][0][0].as_str().expect("a dimension")];
        let names = directive["Metrics"].as_array().expect("metrics").iter().map(|metric| metric["Name"].as_str());
        names.map(move |name| (name.expect("a name").to_owned(), dimension.as_str().expect("a value").to_owned()))
    });
    // Only while a message waits for its retry.
    metrics.filter(|(name, _)| name != "OldestDeferredSeconds").collect()
}

/// The lines in JSON that these functions have written since a time in milliseconds, with their lengths.
async fn read_logs(stack: &TestStack, functions: impl Iterator<Item = &str>, start: i64) -> Vec<(Value, f64)> {
    let question = |function: &str| {
        let group = json!({"logGroupName": format!("/aws/lambda/{function}"), "startTime": start});
        json!(["logs", "filter_log_events", group, "events[].message"])
    };
    let endpoint = stack.cloud.endpoint.as_deref().expect("a local cloud");
    let answers = run_ask(&Project::find().unwrap(), endpoint, &functions.map(question).collect()).await;
    let messages = answers.iter().flat_map(|answer| answer.as_array().expect("messages")).filter_map(Value::as_str);
    messages.filter_map(|text| Some((serde_json::from_str(text).ok()?, count(text.len())))).collect()
}

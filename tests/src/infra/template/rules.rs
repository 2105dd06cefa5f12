//! The rules. Each takes the resources of an expanded template and returns the violations.

use super::reading::{
    consumers, dead_letter_queues, has_star, items, number, of_type, own_name, properties, statements, target,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Returns the violations; none if the template follows the rule.
pub(super) type Rule = fn(&Value) -> Vec<String>;

const DAY: u64 = 24 * 60 * 60;

/// "six times the timeout that you configure on your function", plus the batching window: Lambda developer guide, on SQS sources
/// (2026-11).
pub(super) fn visibility(resources: &Value) -> Vec<String> {
    consumers(resources)
        .filter(|c| {
            let window = number(&c.mapping["MaximumBatchingWindowInSeconds"]);
            number(&c.queue["VisibilityTimeout"]) < 6 * number(&c.function["Timeout"]) + window
        })
        .map(|c| format!("{}: visibility is shorter than six timeouts and the batching window", c.name))
        .collect()
}

/// Messages are retried by cause and age. Neither SQS's own redrive nor the retention may end that earlier.
pub(super) fn receives(resources: &Value) -> Vec<String> {
    consumers(resources)
        .filter(|c| {
            let variables = &c.function["Environment"]["Variables"];
            let age = number(&variables["MAX_MESSAGE_AGE_HOURS"]) * 60 * 60;
            number(&c.queue["RedrivePolicy"]["maxReceiveCount"]) < 1000
                || number(&c.queue["MessageRetentionPeriod"]) <= age
                || number(&variables["MAX_PANIC_RECEIVES"]) < 5
        })
        .map(|c| format!("{}: SQS ends the retries before the consumer does, or a panic too early", c.name))
        .collect()
}

/// Otherwise another worker could send while the first is still sending.
pub(super) fn leases(resources: &Value) -> Vec<String> {
    consumers(resources)
        .filter(|c| number(&c.function["Environment"]["Variables"]["LEASE_SECONDS"]) <= number(&c.function["Timeout"]))
        .map(|c| format!("{}: a lease ends before the invocation that took it", c.name))
        .collect()
}

pub(super) fn partial_failures(resources: &Value) -> Vec<String> {
    consumers(resources)
        .filter(|c| c.mapping["FunctionResponseTypes"][0] != "ReportBatchItemFailures")
        .map(|c| format!("{}: one bad record fails its whole batch", c.name))
        .collect()
}

pub(super) fn dead_letters(resources: &Value) -> Vec<String> {
    let final_stops = dead_letter_queues(resources);
    of_type(resources, "AWS::SQS::Queue")
        .filter(|(id, _)| !final_stops.contains(*id))
        .filter(|(_, queue)| {
            let dead_letters = properties(resources, &queue["RedrivePolicy"]["deadLetterTargetArn"]);
            number(&dead_letters["MessageRetentionPeriod"]) < number(&queue["MessageRetentionPeriod"]).max(1)
        })
        .map(|(id, _)| format!("{id}: has no dead letters, or they are forgotten sooner than the queue's own messages"))
        .collect()
}

pub(super) fn alarms(resources: &Value) -> Vec<String> {
    let watched = |metric: &str, id: &str| {
        of_type(resources, "AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            alarm["MetricName"] == metric && target(&alarm["Dimensions"][0]["Value"]).is_some_and(|named| named == id)
        })
    };
    let final_stops = dead_letter_queues(resources);
    let queues = of_type(resources, "AWS::SQS::Queue").map(|(id, _)| {
        (
            id,
            if final_stops.contains(id) {
                "ApproximateNumberOfMessagesVisible"
            } else {
                "ApproximateAgeOfOldestMessage"
            },
        )
    });
    let functions = of_type(resources, "AWS::Lambda::Function").map(|(id, _)| (id, "Errors"));
    queues
        .chain(functions)
        .filter(|(id, metric)| !watched(metric, id))
        .map(|(id, metric)| format!("{id}: no alarm on {metric}"))
        .collect()
}

/// An event can wait in the queue, then in the dead-letter queue, and be replayed from the archive.
///
/// Its marker must outlive all of that.
pub(super) fn marker_ttl(resources: &Value) -> Vec<String> {
    let archived = number(&resources["Archive"]["Properties"]["RetentionDays"]) * DAY;
    consumers(resources)
        .filter(|c| {
            let dead_letters = properties(resources, &c.queue["RedrivePolicy"]["deadLetterTargetArn"]);
            let waits = number(&c.queue["MessageRetentionPeriod"]) + number(&dead_letters["MessageRetentionPeriod"]);
            number(&c.function["Environment"]["Variables"]["MARKER_TTL_DAYS"]) * DAY <= waits + archived
        })
        .map(|c| format!("{}: markers expire while a copy of the event may still come", c.name))
        .collect()
}

/// A wildcard that a role may have: the resource, the statement, and how the statement's ARNs end. `infra/permissions.md` and
/// ARCHITECTURE.md list the same exceptions with their reasons.
const WILDCARDS: [(&str, &str, &str); 2] =
    [("PublisherRole", "TableStreams", "/stream/*"), ("EmailMaySend", "SendAsSender", ":identity/*")];

/// Whether a statement names resources with a wildcard that is not one of [`WILDCARDS`].
fn has_unlisted_star(id: &str, statement: &Value) -> bool {
    let listed = WILDCARDS.iter().find(|(role, sid, _)| *role == id && statement["Sid"] == *sid);
    items(&statement["Resource"]).any(|resource| match (listed, resource_text(resource)) {
        (Some((_, _, end)), Some(text)) => text.strip_suffix(end).unwrap_or(text).contains('*'),
        _ => has_star(resource),
    })
}

/// The text of an ARN, with or without `Fn::Sub` around it.
fn resource_text(resource: &Value) -> Option<&str> {
    resource.as_str().or_else(|| resource["Fn::Sub"].as_str())
}

pub(super) fn least_privilege(resources: &Value) -> Vec<String> {
    let roles = of_type(resources, "AWS::IAM::Role");
    let managed = roles
        .filter(|(_, role)| !role["ManagedPolicyArns"].is_null())
        .map(|(id, _)| format!("{id}: a managed policy is wider than the function needs"));
    let wide =
        statements(resources).filter(|(_, statement)| statement["Effect"] == "Allow").filter_map(|(id, statement)| {
            let wide_resource = has_unlisted_star(id, statement) || allows_any_sender(id, statement);
            let everything = has_star(&statement["Action"]) || wide_resource;
            let exclusion = !statement["NotAction"].is_null() || !statement["NotResource"].is_null();
            (everything || exclusion).then(|| format!("{id}: {statement} allows more than it names"))
        });
    managed.chain(wide).collect()
}

/// Any recipient is allowed, as SES in the sandbox also checks the recipient's identity. So a condition must fix the sender.
fn allows_any_sender(id: &str, statement: &Value) -> bool {
    id == "EmailMaySend"
        && has_star(&statement["Resource"])
        && statement["Condition"]["StringEquals"]["ses:FromAddress"].is_null()
}

pub(super) fn own_role(resources: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    of_type(resources, "AWS::Lambda::Function")
        .filter(|(_, function)| target(&function["Role"]).is_none_or(|role| !seen.insert(role)))
        .map(|(id, _)| format!("{id}: shares its role"))
        .collect()
}

/// A queue without a policy cannot be reached by its rule; one with a wider policy can be reached by others.
pub(super) fn senders(resources: &Value) -> Vec<String> {
    let allowed: Vec<_> = of_type(resources, "AWS::SQS::QueuePolicy")
        .flat_map(|(_, policy)| items(&policy["PolicyDocument"]["Statement"]))
        .filter(|statement| statement["Effect"] == "Allow")
        .collect();
    let wide = allowed
        .iter()
        .filter(|s| {
            let rule = target(&s["Condition"]["ArnEquals"]["aws:SourceArn"]).map(|id| &resources[id]["Type"]);
            s["Principal"]["Service"] != "events.amazonaws.com" || rule.is_none_or(|kind| kind != "AWS::Events::Rule")
        })
        .map(|statement| format!("{statement}: lets others than one rule send"));
    let unreachable = consumers(resources)
        .filter(|c| {
            !allowed
                .iter()
                .any(|s| items(&s["Resource"]).any(|arn| target(arn) == target(&c.mapping["EventSourceArn"])))
        })
        .map(|c| format!("{}: no rule may send to its queue", c.name));
    wide.chain(unreachable).collect()
}

/// A policy resource that ends, or names a queue no more, removes the queue's policy. So each queue has one, under the logical id
/// that it has always had; that of a dead-letter queue refers to that of its queue, which an update changes first.
pub(super) fn policies(resources: &Value) -> Vec<String> {
    let policies: Vec<_> = of_type(resources, "AWS::SQS::QueuePolicy").collect();
    let writers = |queue: &str| {
        let names = |policy: &Value| items(&policy["Queues"]).any(|named| target(named) == Some(queue));
        policies.iter().filter(|(_, policy)| names(policy)).map(|(id, _)| *id).collect::<Vec<_>>()
    };
    let retained = |id: &str| resources[id]["DeletionPolicy"] == "Retain";
    let of_queues = of_type(resources, "AWS::SQS::Queue").filter_map(|(id, _)| {
        let expected = format!("{id}Policy");
        (writers(id) != [expected.as_str()] || !retained(&expected)).then(|| format!("{id}: can lose its policy"))
    });
    let of_dead_letters = consumers(resources).filter_map(|c| {
        let queue = target(&c.mapping["EventSourceArn"])?;
        let dead_letters = target(&c.queue["RedrivePolicy"]["deadLetterTargetArn"])?;
        let after = &resources[format!("{dead_letters}Policy")]["Properties"]["PolicyDocument"]["Id"];
        (target(after) != Some(&format!("{queue}Policy")))
            .then(|| format!("{dead_letters}: an update can remove its policy after it was written"))
    });
    of_queues.chain(of_dead_letters).collect()
}

/// An HTTP API has no metric for 429, so a filter of its log counts it. Lambda's own metric without a dimension counts all functions.
pub(super) fn throttles(resources: &Value) -> Vec<String> {
    let alarms = |namespace: &str, metric: &Value| {
        of_type(resources, "AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            alarm["Namespace"] == namespace && alarm["MetricName"] == *metric && alarm["Dimensions"].is_null()
        })
    };
    let counted = of_type(resources, "AWS::Logs::MetricFilter").any(|(_, filter)| {
        let metric = &filter["MetricTransformations"][0];
        filter["FilterPattern"] == r#"{ $.status = "429" }"#
            && target(&filter["LogGroupName"]) == Some("ApiLogs")
            && metric["MetricNamespace"] == "Switchyard"
            && alarms("Switchyard", &metric["MetricName"])
    });
    let checks = [(counted, "the API"), (alarms("AWS/Lambda", &"Throttles".into()), "Lambda")];
    checks.into_iter().filter(|(kept, _)| !kept).map(|(_, who)| format!("no alarm when {who} throttles")).collect()
}

pub(super) fn delivery(resources: &Value) -> Vec<String> {
    of_type(resources, "AWS::Events::Rule")
        .flat_map(|(id, rule)| items(&rule["Targets"]).map(move |target| (id, target)))
        .filter(|(_, t)| {
            let retry = &t["RetryPolicy"];
            target(&t["DeadLetterConfig"]["Arn"]).is_none()
                || number(&retry["MaximumEventAgeInSeconds"]) < DAY
                || number(&retry["MaximumRetryAttempts"]) == 0
        })
        .map(|(id, _)| format!("{id}: loses an event that it cannot deliver"))
        .collect()
}

pub(super) fn logs(resources: &Value) -> Vec<String> {
    let endless = of_type(resources, "AWS::Logs::LogGroup")
        .filter(|(_, group)| number(&group["RetentionInDays"]) == 0)
        .map(|(id, _)| format!("{id}: keeps logs for ever"));
    let elsewhere = of_type(resources, "AWS::Lambda::Function")
        .filter(|(_, function)| properties(resources, &function["LoggingConfig"]["LogGroup"]).is_null())
        .map(|(id, _)| format!("{id}: Lambda makes it a log group that is kept for ever"));
    endless.chain(elsewhere).collect()
}

pub(super) fn tables(resources: &Value) -> Vec<String> {
    of_type(resources, "AWS::DynamoDB::Table")
        .filter(|(_, table)| {
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] != true
                || !table["SSESpecification"].is_null()
                || table["TimeToLiveSpecification"]["AttributeName"] != "expires_at"
                || table["StreamSpecification"]["StreamViewType"] != "NEW_IMAGE"
        })
        .map(|(id, _)| format!("{id}: lacks recovery, expiry or a stream, or pays for a KMS key"))
        .collect()
}

/// Checkout's table holds the only copy of the orders. The other tables can be rebuilt from events.
pub(super) fn kept(resources: &Value) -> Vec<String> {
    let sold = target(&resources["CheckoutFunction"]["Properties"]["Environment"]["Variables"]["TABLE_NAME"]);
    let retained = |id: &str, policy: &str| resources[id][policy].as_str().is_some_and(|p| p.starts_with("Retain"));
    of_type(resources, "AWS::DynamoDB::Table")
        .filter(|(id, _)| {
            !retained(id, "UpdateReplacePolicy") || (sold == Some(*id) && !retained(id, "DeletionPolicy"))
        })
        .map(|(id, _)| format!("{id}: goes away with its rows"))
        .collect()
}

/// How long the publisher waits for the bus, in seconds (`MAX_WAIT` in `functions/publisher/src/entry.rs`).
const PUBLISHER_WAIT: u64 = 6 * 60 * 60;

/// Lambda gives a record up later than the publisher does, and while the records behind it have hours left in the stream.
fn is_given_up_in_time(mapping: &Value) -> bool {
    let age = number(&mapping["MaximumRecordAgeInSeconds"]);
    mapping["BisectBatchOnFunctionError"] == true && (2 * PUBLISHER_WAIT..=DAY - PUBLISHER_WAIT / 2).contains(&age)
}

/// The function's role may read the stream of this table, whenever it was created.
fn may_read_stream(resources: &Value, function: &Value, table: &Value) -> bool {
    let role = properties(resources, &properties(resources, function)["Role"]);
    let end = format!(":table/{}/stream/*", table["TableName"].as_str().unwrap_or_default());
    let policies = items(&role["Policies"]).flat_map(|policy| items(&policy["PolicyDocument"]["Statement"]));
    policies
        .flat_map(|statement| items(&statement["Resource"]))
        .filter_map(resource_text)
        .any(|arn| arn.ends_with(&end))
}

/// The stream is read from its first record on, with unlimited retries, and with a destination for expired records.
pub(super) fn outboxes(resources: &Value) -> Vec<String> {
    let relayed: BTreeSet<_> = of_type(resources, "AWS::Lambda::EventSourceMapping")
        .filter(|(_, mapping)| {
            mapping["StartingPosition"] == "TRIM_HORIZON"
                && mapping["MaximumRetryAttempts"] == -1
                && is_given_up_in_time(mapping)
                && may_read_stream(
                    resources,
                    &mapping["FunctionName"],
                    properties(resources, &mapping["EventSourceArn"]),
                )
                && mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().is_some_and(|p| p.contains("outbox"))
                && target(&mapping["DestinationConfig"]["OnFailure"]["Destination"]).is_some()
        })
        .filter_map(|(_, mapping)| target(&mapping["EventSourceArn"]))
        .collect();
    of_type(resources, "AWS::DynamoDB::Table")
        .filter(|(id, _)| !relayed.contains(*id))
        .map(|(id, _)| format!("{id}: its outbox can be lost on the way to the bus"))
        .collect()
}

pub(super) fn routes(resources: &Value) -> Vec<String> {
    of_type(resources, "AWS::ApiGatewayV2::Route")
        .filter(|(_, route)| route["AuthorizationType"] != "AWS_IAM" && route["AuthorizationType"] != "JWT")
        .map(|(id, _)| format!("{id}: is open to anyone"))
        .collect()
}

/// Seconds that a client may wait for an order's status.
const LONGEST_WAIT: u64 = 20;
/// Seconds that the function keeps for its answer when such a wait has run out: two of the chassis, one of its own.
const TO_ANSWER: u64 = 3;
/// Milliseconds that API Gateway waits for an integration at most (HTTP API quotas, 2026-11-21).
const LONGEST_INTEGRATION: u64 = 30_000;

/// Executions of an account, by default (Lambda quotas, 2026-11-21).
const ACCOUNT_CONCURRENCY: u64 = 1_000;
/// The part of them that waiting clients may hold, in per cent. Orders need the rest.
const WAITING_PER_CENT: u64 = 30;

/// The routes on which a client may wait.
const WAITING_ROUTES: [&str; 2] = ["GET /orders/{id}", "POST /orders/{id}/cancel"];

/// Separate functions still share the account's executions, so the routes themselves are throttled.
pub(super) fn waiting(resources: &Value) -> Vec<String> {
    of_type(resources, "AWS::ApiGatewayV2::Stage")
        .filter(|(_, stage)| {
            let routes = WAITING_ROUTES.map(|route| &stage["RouteSettings"][route]);
            let unlimited =
                |route: &&Value| route["ThrottlingRateLimit"].is_null() || route["ThrottlingBurstLimit"].is_null();
            let held = |route: &Value| {
                number(&route["ThrottlingRateLimit"]) * LONGEST_WAIT + number(&route["ThrottlingBurstLimit"])
            };
            let held: u64 = routes.iter().map(|route| held(route)).sum();
            routes.iter().any(unlimited) || held > ACCOUNT_CONCURRENCY * WAITING_PER_CENT / 100
        })
        .map(|(id, _)| format!("{id}: waiting clients can use the executions that orders need"))
        .collect()
}

/// Each timeout exceeds the one below it, so that the client gets the function's own answer.
pub(super) fn timeouts(resources: &Value) -> Vec<String> {
    of_type(resources, "AWS::ApiGatewayV2::Integration")
        .filter(|(_, integration)| {
            let function = number(&properties(resources, &integration["IntegrationUri"])["Timeout"]);
            let api = number(&integration["TimeoutInMillis"]);
            function < LONGEST_WAIT + TO_ANSWER || api <= function * 1000 || api > LONGEST_INTEGRATION
        })
        .map(|(id, _)| format!("{id}: gives up before the function does, or the function before the client"))
        .collect()
}

/// A function is named after its stack and its binary.
pub(super) fn deployed(resources: &Value, binaries: &BTreeSet<String>) -> Vec<String> {
    let mut left = binaries.clone();
    let strangers: Vec<_> = of_type(resources, "AWS::Lambda::Function")
        .filter(|(_, function)| own_name(function).is_none_or(|name| !left.remove(name)))
        .map(|(id, _)| format!("{id}: has no binary of its own"))
        .collect();
    strangers.into_iter().chain(left.into_iter().map(|name| format!("functions/: {name} is not deployed"))).collect()
}

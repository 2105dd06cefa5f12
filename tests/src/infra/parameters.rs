//! Every parameter of the template, with a value that is not its default: its effect on the deployed stack, or, where the local cloud
//! ignores or hides a property, on the converted template.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use yard::up::{self, UpArgs};
use yard::{Instance, Project};

use crate::support::expand;

/// The local cloud of this test, beside that of the others.
const INSTANCE: &str = "parameters";
const STACK: &str = "changed";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:alarms";

/// A parameter, a value that is not its default, and what shows it.
struct Change {
    parameter: &'static str,
    value: &'static str,
    effects: Vec<Effect>,
}

/// A place, and the value that must be there.
enum Effect {
    /// A question to the deployed stack: service, operation, arguments and `JMESPath` (see `tests/ask.py`).
    Deployed(Value, Value),
    /// A JSON pointer into the resources of the converted template.
    Converted(&'static str, Value),
}

use Effect::{Converted, Deployed};

#[allow(clippy::too_many_lines)] // a table
fn changes() -> Vec<Change> {
    let change = |parameter, value, effects| Change { parameter, value, effects };
    vec![
        // It runs binaries of the host's architecture, whatever this is.
        change("Architecture", "x86_64", vec![function("tax", "Architectures", json!(["x86_64"]))]),
        change(
            "LocalCloud",
            "true",
            vec![Deployed(
                json!(["iam", "get_role_policy", {"RoleName": "$taxRole", "PolicyName": "consume"},
                    "length(PolicyDocument.Statement[?Sid=='LocalPartiQL'])"]),
                json!(1),
            )],
        ),
        change("LogLevel", "debug", vec![function("tax", "Environment.Variables.LOG_LEVEL", json!("debug"))]),
        change(
            "LogRetentionDays",
            "7",
            vec![Deployed(
                json!(["logs", "describe_log_groups", {}, "logGroups[?retentionInDays!=`7`].logGroupName"]),
                json!([]),
            )],
        ),
        change(
            "SenderAddress",
            "shop@changed.example",
            vec![
                function("email", "Environment.Variables.SENDER_ADDRESS", json!("shop@changed.example")),
                Deployed(
                    json!(["iam", "list_role_policies", {"RoleName": "$emailRole"}, "length(PolicyNames)"]),
                    json!(2),
                ),
            ],
        ),
        // `yard up` verifies the sender itself if the stack does not.
        change(
            "CreateSender",
            "false",
            vec![Deployed(
                json!(["cloudformation", "list_stack_resources", {"StackName": STACK},
                    "length(StackResourceSummaries[?LogicalResourceId=='Sender'])"]),
                json!(0),
            )],
        ),
        change("FlagThreshold", "75", vec![function("fraud", "Environment.Variables.FLAG_THRESHOLD", json!("75"))]),
        change("PublisherMemory", "256", vec![function("publisher", "MemorySize", json!(256))]),
        change(
            "PublisherParallelization",
            "3",
            vec![mappings("publisher", "EventSourceMappings[].ParallelizationFactor", json!([3, 3, 3, 3, 3, 3, 3]))],
        ),
        change(
            "Schedules",
            "DISABLED",
            vec![
                Deployed(json!(["scheduler", "list_schedules", {}, "Schedules[].State"]), json!(vec!["DISABLED"; 4])),
                Deployed(
                    json!(["cloudwatch", "describe_alarms", {}, "MetricAlarms[?ends_with(AlarmName, 'silent')]"]),
                    json!([]),
                ),
            ],
        ),
        change(
            "JwtIssuer",
            "https://id.changed.example",
            vec![
                api("get_authorizers", "Items[].JwtConfiguration.Issuer", json!(["https://id.changed.example"])),
                api("get_routes", "Items[].AuthorizationType", json!(["JWT", "JWT", "JWT", "JWT"])),
            ],
        ),
        change(
            "JwtAudience",
            "shop",
            vec![api("get_authorizers", "Items[].JwtConfiguration.Audience", json!([["shop"]]))],
        ),
        // The local cloud keeps the names of these settings as the template has them, which no client can read.
        change(
            "ApiRate",
            "40",
            vec![Converted("/ApiStage/Properties/DefaultRouteSettings/ThrottlingRateLimit", json!("40"))],
        ),
        change(
            "ApiBurst",
            "80",
            vec![Converted("/ApiStage/Properties/DefaultRouteSettings/ThrottlingBurstLimit", json!("80"))],
        ),
        change(
            "OrderStatusRate",
            "5",
            vec![Converted("/ApiStage/Properties/RouteSettings/GET ~1orders~1{id}/ThrottlingRateLimit", json!("5"))],
        ),
        change(
            "CancelRate",
            "3",
            vec![Converted(
                "/ApiStage/Properties/RouteSettings/POST ~1orders~1{id}~1cancel/ThrottlingRateLimit",
                json!("3"),
            )],
        ),
        change(
            "OrderListRate",
            "6",
            vec![Converted("/ApiStage/Properties/RouteSettings/GET ~1orders/ThrottlingRateLimit", json!("6"))],
        ),
        change(
            "CorsOrigins",
            "https://shop.changed.example",
            vec![Converted("/Api/Properties/CorsConfiguration/AllowOrigins", json!(["https://shop.changed.example"]))],
        ),
        change(
            "JwtBodyEmail",
            "true",
            vec![function("checkout", "Environment.Variables.JWT_BODY_EMAIL", json!("true"))],
        ),
        change("ReviewDays", "9", vec![function("fraud-expiry", "Environment.Variables.REVIEW_DAYS", json!("9"))]),
        change(
            "SellerTimeZone",
            "America/New_York",
            vec![
                function("tax", "Environment.Variables.SELLER_TIME_ZONE", json!("America/New_York")),
                function("tax-nexus", "Environment.Variables.SELLER_TIME_ZONE", json!("America/New_York")),
            ],
        ),
        // The local cloud ignores both in a template.
        change(
            "CheckoutReservedConcurrency",
            "50",
            vec![Converted("/CheckoutFunction/Properties/ReservedConcurrentExecutions", json!("50"))],
        ),
        change(
            "OrdersApiReservedConcurrency",
            "30",
            vec![Converted("/OrdersApiFunction/Properties/ReservedConcurrentExecutions", json!("30"))],
        ),
        change(
            "ConsumerConcurrency",
            "20",
            vec![
                mappings("tax", "EventSourceMappings[].ScalingConfig.MaximumConcurrency", json!([20])),
                mappings("email", "EventSourceMappings[].ScalingConfig.MaximumConcurrency", json!([2])),
            ],
        ),
        // The local cloud ignores both.
        change(
            "WarmReadUnits",
            "15000",
            vec![Converted("/taxTable/Properties/WarmThroughput/ReadUnitsPerSecond", json!("15000"))],
        ),
        change(
            "WarmWriteUnits",
            "6000",
            vec![Converted("/ordersTable/Properties/WarmThroughput/WriteUnitsPerSecond", json!("6000"))],
        ),
        change(
            "DeletionProtection",
            "true",
            vec![table("orders", json!(true)), table("tax", json!(true)), table("email", json!(false))],
        ),
        change(
            "AlarmTopic",
            TOPIC,
            vec![
                Deployed(
                    json!([
                        "cloudwatch",
                        "describe_alarms",
                        {},
                        format!("MetricAlarms[?!contains(AlarmActions, '{TOPIC}')].AlarmName")
                    ]),
                    json!([]),
                ),
                Deployed(json!(["cloudwatch", "describe_alarms", {}, "length(MetricAlarms) > `40`"]), json!(true)),
            ],
        ),
    ]
}

fn function(name: &str, path: &str, expected: Value) -> Effect {
    let arguments = json!({"FunctionName": format!("{STACK}-{name}")});
    Deployed(json!(["lambda", "get_function_configuration", arguments, path]), expected)
}

fn mappings(function: &str, path: &str, expected: Value) -> Effect {
    let arguments = json!({"FunctionName": format!("{STACK}-{function}")});
    Deployed(json!(["lambda", "list_event_source_mappings", arguments, path]), expected)
}

fn table(consumer: &str, expected: Value) -> Effect {
    let arguments = json!({"TableName": format!("{STACK}-{consumer}")});
    Deployed(json!(["dynamodb", "describe_table", arguments, "Table.DeletionProtectionEnabled"]), expected)
}

fn api(operation: &str, path: &str, expected: Value) -> Effect {
    Deployed(json!(["apigatewayv2", operation, {"ApiId": "$Api"}, path]), expected)
}

#[test]
fn every_template_parameter_is_changed_by_a_test() {
    let parameters = expand("template.yaml", &[])["Parameters"].clone();
    let mut names: Vec<_> = parameters.as_object().expect("parameters").keys().map(String::as_str).collect();
    let mut changed: Vec<_> = changes().iter().map(|change| change.parameter).collect();
    names.sort_unstable();
    changed.sort_unstable();
    assert_eq!(changed, names);
    for change in changes() {
        let default = &parameters[change.parameter]["Default"];
        assert_ne!(default.to_string().trim_matches('"'), change.value, "{} is not changed", change.parameter);
        assert!(!change.effects.is_empty(), "{} has no effect", change.parameter);
    }
}

#[test]
fn converted_template_shows_every_changed_parameter() {
    let parameters: Vec<_> = changes().iter().map(|change| format!("{}={}", change.parameter, change.value)).collect();
    let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
    let resources = expand("template.yaml", &parameters)["Resources"].clone();
    for change in changes() {
        for effect in change.effects {
            if let Converted(place, expected) = effect {
                assert_eq!(resources.pointer(place), Some(&expected), "{}: {place}", change.parameter);
            }
        }
    }
}

#[tokio::test]
async fn deployed_stack_shows_every_changed_parameter() {
    let project = Project::find().unwrap();
    let instance = Instance::new(&project, INSTANCE).unwrap();
    let parameters = changes().iter().map(|change| format!("{}={}", change.parameter, change.value)).collect();
    let args = UpArgs { no_build: true, parameters, ..UpArgs::default() };
    let deployed = up::up(&project, &instance, STACK, &args).await;
    let found = match instance.running() {
        Some(running) if deployed.is_ok() => ask(&project, &running.endpoint()).await,
        _ => Vec::new(),
    };
    up::down(&instance).await.unwrap();
    deployed.unwrap();
    let questions = changes().into_iter().flat_map(|change| {
        change.effects.into_iter().filter_map(move |effect| match effect {
            Deployed(question, expected) => Some((change.parameter, question, expected)),
            Converted(..) => None,
        })
    });
    let mut wrong = Vec::new();
    for ((parameter, question, expected), found) in questions.zip(&found) {
        if *found != expected {
            wrong.push(format!("{parameter}: {question} is {found} and not {expected}"));
        }
    }
    assert!(!found.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answers to all questions, in their order.
async fn ask(project: &Project, endpoint: &str) -> Vec<Value> {
    let resources = json!([["cloudformation", "list_stack_resources", {"StackName": STACK}, "StackResourceSummaries"]]);
    let resources = run_ask(project, endpoint, &resources).await;
    let effects = changes().into_iter().flat_map(|change| change.effects);
    let questions = effects.filter_map(|effect| match effect {
        Deployed(question, _) => Some(question),
        Converted(..) => None,
    });
    let mut questions = Value::Array(questions.collect());
    for resource in resources[0].as_array().expect("resources") {
        let reference = json!(format!("${}", resource["LogicalResourceId"].as_str().unwrap()));
        replace(&mut questions, &reference, &resource["PhysicalResourceId"]);
    }
    run_ask(project, endpoint, &questions).await
}

/// Replaces a value wherever it is.
fn replace(within: &mut Value, old: &Value, new: &Value) {
    match within {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, old, new)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, old, new)),
        value if value == old => *value = new.clone(),
        _ => {}
    }
}

/// The answers of `tests/ask.py`.
pub(super) async fn run_ask(project: &Project, endpoint: &str, questions: &Value) -> Vec<Value> {
    let mut process = Command::new(project.path(".venv/bin/python"));
    process.arg(project.path("tests/ask.py")).arg(endpoint).kill_on_drop(true);
    let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(questions.to_string().as_bytes()).await.unwrap();
    let output = process.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

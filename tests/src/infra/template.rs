//! Rules for the expanded template.
//!
//! Each test names a rule of [`rules`] and changes that break it: the template must pass, a changed one must not.

mod jobs;
pub(super) mod reading;
mod rules;

use rules::Rule;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::expand;

pub(super) static AWS: LazyLock<Value> = LazyLock::new(|| expand("template.yaml", &[]));
static LOCAL: LazyLock<Value> = LazyLock::new(|| expand("template.yaml", &["LocalCloud=true"]));
static ORDERS_TABLE: LazyLock<Value> = LazyLock::new(|| expand("orders-table.yaml", &[]));
static AWS_ONLY: LazyLock<Value> = LazyLock::new(|| expand("aws-only.yaml", &[]));

const VARIABLES: &str = "taxFunction/Environment/Variables";
const STATEMENT: &str = "taxRole/Policies/0/PolicyDocument/Statement/0";
const JOB_STATEMENT: &str = "warehousewaveRole/Policies/0/PolicyDocument/Statement/0";
const STREAMS: &str = "PublisherRole/Policies/0/PolicyDocument/Statement/2";
const SENDERS: &str = "taxQueuePolicy/PolicyDocument/Statement/0";

#[test]
fn queue_visibility_is_six_function_timeouts() {
    assert_rule(rules::visibility, set("taxQueue/VisibilityTimeout", json!(180)));
    assert_rule(rules::visibility, set("taxMapping/MaximumBatchingWindowInSeconds", json!(2)));
    assert_rule(rules::visibility, set("emailFunction/Timeout", json!(31)));
}

#[test]
fn redrive_of_sqs_never_ends_the_retry_of_an_outage() {
    assert_rule(rules::receives, set("taxQueue/RedrivePolicy/maxReceiveCount", json!(999)));
    assert_rule(rules::receives, set("taxQueue/MessageRetentionPeriod", json!(72 * 60 * 60)));
    assert_rule(rules::receives, set(&format!("{VARIABLES}/MAX_MESSAGE_AGE_HOURS"), json!("336")));
    assert_rule(rules::receives, set(&format!("{VARIABLES}/MAX_PANIC_RECEIVES"), json!("4")));
}

#[test]
fn lease_is_longer_than_function_timeout() {
    assert_rule(rules::leases, set("emailFunction/Environment/Variables/LEASE_SECONDS", json!("30")));
    assert_rule(rules::leases, set("emailFunction/Timeout", json!(60)));
}

#[test]
fn mapping_reports_partial_batch_failures() {
    assert_rule(rules::partial_failures, without("fraudMapping/FunctionResponseTypes"));
}

#[test]
fn every_queue_has_dlq_with_at_least_its_retention() {
    assert_rule(rules::dead_letters, without("taxQueue/RedrivePolicy"));
    assert_rule(rules::dead_letters, set("taxDeadLetters/MessageRetentionPeriod", json!(345_599)));
}

#[test]
fn every_queue_dlq_and_function_has_an_alarm() {
    assert_rule(rules::alarms, without("taxBacklogAlarm"));
    assert_rule(rules::alarms, without("taxDeadLettersAlarm"));
    assert_rule(rules::alarms, without("taxErrorsAlarm"));
    assert_rule(rules::alarms, without("PublisherDeadLettersAlarm"));
    assert_rule(rules::alarms, without("CheckoutErrorsAlarm"));
    assert_rule(rules::alarms, without("OrdersApiErrorsAlarm"));
}

#[test]
fn throttled_requests_and_invocations_have_an_alarm() {
    assert_rule(rules::throttles, without("InvocationsThrottledAlarm"));
    assert_rule(
        rules::throttles,
        set("InvocationsThrottledAlarm/Dimensions", json!([{"Name": "FunctionName", "Value": "tax"}])),
    );
    assert_rule(rules::throttles, without("ApiThrottledAlarm"));
    assert_rule(rules::throttles, without("ThrottledRequests"));
    assert_rule(rules::throttles, set("ThrottledRequests/FilterPattern", json!("429")));
    assert_rule(rules::throttles, set("ThrottledRequests/MetricTransformations/0/MetricName", json!("other")));
}

#[test]
fn marker_ttl_exceeds_retention_of_every_event_copy() {
    // Queue 4 days, dead letters 14, archive 30: after exactly 48 days the last copy may still be delivered.
    assert_rule(rules::marker_ttl, set(&format!("{VARIABLES}/MARKER_TTL_DAYS"), json!("48")));
    assert_rule(rules::marker_ttl, set("Archive/RetentionDays", json!(72)));
}

#[test]
fn no_role_has_wildcard_actions_or_resources() {
    for (key, value) in [
        ("Action", json!("*")),
        ("Action", json!(["dynamodb:GetItem", "dynamodb:*"])),
        ("Resource", json!("*")),
        ("Resource", json!(["arn:aws:dynamodb:us-east-1:123456789012:table/*"])),
        ("Resource", json!({"Fn::Sub": "arn:aws:dynamodb:*:*:table/x"})),
        ("NotAction", json!("dynamodb:DeleteTable")),
        ("NotResource", json!("arn:aws:dynamodb:us-east-1:123456789012:table/x")),
    ] {
        assert_rule(rules::least_privilege, set(&format!("{STATEMENT}/{key}"), value));
    }
    let everyones = "arn:aws:dynamodb:us-east-1:123456789012:table/*/stream/*";
    assert_rule(rules::least_privilege, set(&format!("{STREAMS}/Resource"), json!([everyones])));
    assert_rule(rules::least_privilege, set(&format!("{STREAMS}/Sid"), json!("Others")));
    assert_rule(rules::least_privilege, set(&format!("{STREAMS}/Action"), json!("dynamodb:*")));
    let attached = "EmailMaySend/PolicyDocument/Statement/0/Action";
    assert_rule(rules::least_privilege, set(attached, json!("ses:*")));
    assert_rule(rules::least_privilege, set("EmailMaySend/PolicyDocument/Statement/0/Resource", json!("*")));
    assert_rule(rules::least_privilege, without("EmailMaySend/PolicyDocument/Statement/0/Condition"));
    assert_rule(rules::least_privilege, set("taxRole/ManagedPolicyArns", json!(["AdministratorAccess"])));
}

#[test]
fn every_function_has_its_own_role() {
    assert_rule(rules::own_role, set("taxFunction/Role", json!({"Fn::GetAtt": ["emailRole", "Arn"]})));
}

#[test]
fn only_its_rule_may_send_to_a_queue() {
    assert_rule(rules::senders, without(&format!("{SENDERS}/Condition")));
    assert_rule(rules::senders, set(&format!("{SENDERS}/Principal"), json!("*")));
    assert_rule(rules::senders, without("taxQueuePolicy"));
}

#[test]
fn every_queue_has_one_policy_that_no_update_removes() {
    assert_rule(rules::policies, without("taxDeadLettersPolicy"));
    assert_rule(rules::policies, set("taxQueuePolicy/Queues", json!([{"Ref": "taxQueue"}, {"Ref": "taxDeadLetters"}])));
    assert_rule(rules::policies, set("taxDeadLettersPolicy/Queues", json!([{"Ref": "taxQueue"}])));
    assert_rule(rules::policies, without("taxDeadLettersPolicy/PolicyDocument/Id"));
    assert_rule(rules::policies, |resources| resources["taxDeadLettersPolicy"]["DeletionPolicy"] = json!("Delete"));
    assert_rule(rules::policies, |resources| {
        let policy = resources["taxQueuePolicy"].clone();
        resources["taxRenamedPolicy"] = policy;
        resources["taxQueuePolicy"] = Value::Null;
    });
}

#[test]
fn every_rule_retries_for_a_day_then_uses_dlq() {
    assert_rule(rules::delivery, without("taxRule/Targets/0/DeadLetterConfig"));
    assert_rule(rules::delivery, without("taxRule/Targets/0/RetryPolicy"));
}

#[test]
fn every_log_group_has_a_retention() {
    assert_rule(rules::logs, without("taxLogs/RetentionInDays"));
    assert_rule(rules::logs, without("ApiLogs/RetentionInDays"));
    assert_rule(rules::logs, without("taxFunction/LoggingConfig"));
}

#[test]
fn every_table_has_backup_free_encryption_ttl_and_stream() {
    for property in ["PointInTimeRecoverySpecification", "TimeToLiveSpecification", "StreamSpecification"] {
        assert_rule(rules::tables, without(&format!("ordersTable/{property}")));
    }
    assert_rule(rules::tables, set("ordersTable/SSESpecification", json!({"SSEEnabled": true})));
}

#[test]
fn orders_table_is_retained_and_no_replacement_deletes_rows() {
    assert_rule(rules::kept, |resources| resources["ordersTable"]["DeletionPolicy"] = json!("Delete"));
    assert_rule(rules::kept, |resources| resources["taxTable"]["UpdateReplacePolicy"] = json!("Delete"));
}

#[test]
fn orders_and_tax_tables_are_protected_by_parameter() {
    let protected = |template: &Value| {
        let tables = template["Resources"].as_object().expect("resources").iter();
        let tables = tables.filter(|(_, resource)| resource["Type"] == "AWS::DynamoDB::Table");
        let protected = tables.filter(|(_, table)| table["Properties"]["DeletionProtectionEnabled"] == true);
        protected.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    // A protected table would break the rollback of a failed first deployment.
    assert_eq!(protected(&AWS), Vec::<String>::new());
    assert_eq!(protected(&expand("template.yaml", &["DeletionProtection=true"])), ["ordersTable", "taxTable"]);
}

#[test]
fn import_template_equals_the_stacks_orders_table() {
    let (imported, deployed) = (&ORDERS_TABLE["Resources"], &AWS["Resources"]["ordersTable"]);
    assert_eq!(imported.as_object().expect("resources").keys().collect::<Vec<_>>(), ["ordersTable"]);
    let mut expected = deployed["Properties"].clone();
    // A property whose parameter is empty.
    expected.as_object_mut().expect("properties").retain(|_, value| !value.is_null());
    expected["TableName"] = json!({"Fn::Sub": "${AWS::StackName}-orders"});
    assert_eq!(imported["ordersTable"]["Properties"], expected);
    assert_eq!(imported["ordersTable"]["DeletionPolicy"], "Retain", "an import needs it");
}

#[test]
fn every_table_outbox_is_mapped_to_publisher() {
    assert_rule(rules::outboxes, without("taxOutboxMapping"));
    assert_rule(rules::outboxes, without("taxOutboxMapping/DestinationConfig"));
    assert_rule(rules::outboxes, set("ordersOutboxMapping/StartingPosition", json!("LATEST")));
    assert_rule(rules::outboxes, set("ordersOutboxMapping/MaximumRetryAttempts", json!(3)));
    assert_rule(rules::outboxes, set("ordersOutboxMapping/MaximumRecordAgeInSeconds", json!(21_600)));
    assert_rule(rules::outboxes, set("ordersOutboxMapping/MaximumRecordAgeInSeconds", json!(86_400)));
    assert_rule(rules::outboxes, set("ordersOutboxMapping/BisectBatchOnFunctionError", json!(false)));
    assert_rule(rules::outboxes, set(&format!("{STREAMS}/Resource"), json!([])));
}

#[test]
fn every_api_route_requires_authorization() {
    assert_rule(rules::routes, without("PlaceOrderRoute/AuthorizationType"));
    assert_rule(rules::routes, set("ReadOrderRoute/AuthorizationType", json!("NONE")));
    assert_rule(rules::routes, set("CancelOrderRoute/AuthorizationType", json!("CUSTOM")));
}

#[test]
fn api_timeout_exceeds_function_and_function_exceeds_wait() {
    assert_rule(rules::timeouts, set("CheckoutFunction/Timeout", json!(22)));
    assert_rule(rules::timeouts, set("CheckoutFunction/Timeout", json!(28)));
    assert_rule(rules::timeouts, set("ApiIntegration/TimeoutInMillis", json!(30_001)));
    assert_rule(rules::timeouts, set("OrdersApiFunction/Timeout", json!(22)));
    assert_rule(rules::timeouts, set("OrdersApiIntegration/TimeoutInMillis", json!(25_000)));
}

#[test]
fn waiting_clients_hold_30_percent_of_executions_at_most() {
    let route = "ApiStage/RouteSettings/GET ~1orders~1{id}";
    assert_rule(rules::waiting, set(&format!("{route}/ThrottlingRateLimit"), json!(12)));
    let cancel = "ApiStage/RouteSettings/POST ~1orders~1{id}~1cancel";
    assert_rule(rules::waiting, set(&format!("{cancel}/ThrottlingRateLimit"), json!(3)));
    assert_rule(rules::waiting, set(&format!("{route}/ThrottlingBurstLimit"), json!(31)));
    assert_rule(rules::waiting, |resources| resources["ApiStage"]["Properties"]["RouteSettings"] = json!({}));
    let depends_on = |id: &str| &AWS["Resources"][id]["DependsOn"];
    let routes = json!(["ReadOrderRoute", "ListOrdersRoute", "CancelOrderRoute"]);
    assert_eq!(depends_on("ApiStage"), &routes, "API Gateway refuses unknown routes");
    // The order of an update from the version in which checkout served both routes.
    assert_eq!(depends_on("ReadOrderRoute"), "ApiMayInvokeOrdersApi");
    assert_eq!(depends_on("CheckoutRole"), "ReadOrderRoute");
}

#[test]
fn browsers_of_no_origin_may_call_the_api_by_default() {
    let cors = |template: &Value| {
        let cors = template["Resources"]["Api"]["Properties"].get("CorsConfiguration").cloned();
        cors.filter(|cors| !cors.is_null())
    };
    assert_eq!(cors(&AWS), None);
    let allowed = cors(&expand("template.yaml", &["CorsOrigins=https://shop.example"])).unwrap();
    assert!(allowed["AllowOrigins"].to_string().contains("https://shop.example"), "{allowed}");
    assert!(allowed.get("AllowCredentials").is_none(), "the API takes tokens, not cookies");
    let variables = &AWS["Resources"]["CheckoutFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["JWT_BODY_EMAIL"], json!("false"));
}

#[test]
fn no_concurrency_is_reserved_by_default() {
    for function in ["CheckoutFunction", "OrdersApiFunction"] {
        let reserved = |template: &Value| {
            template["Resources"][function]["Properties"].get("ReservedConcurrentExecutions").cloned()
        };
        assert_eq!(reserved(&AWS).filter(|value| !value.is_null()), None, "{function}");
    }
    let chosen = expand("template.yaml", &["CheckoutReservedConcurrency=200", "OrdersApiReservedConcurrency=100"]);
    let reserved = |function: &str| {
        let value = &chosen["Resources"][function]["Properties"]["ReservedConcurrentExecutions"];
        value.to_string().trim_matches('"').to_owned()
    };
    assert_eq!((reserved("CheckoutFunction"), reserved("OrdersApiFunction")), ("200".into(), "100".into()));
}

#[test]
fn review_days_parameter_reaches_its_job() {
    let days = |parameters: &[&str]| {
        let template = expand("template.yaml", parameters);
        let variables = &template["Resources"]["fraudexpiryFunction"]["Properties"]["Environment"]["Variables"];
        variables["REVIEW_DAYS"].to_string().trim_matches('"').to_owned()
    };
    assert_eq!((days(&[]), days(&["ReviewDays=3"])), ("7".to_owned(), "3".to_owned()));
}

#[test]
fn only_the_expiry_job_may_scan_a_table() {
    let allowed = reading::statements(&AWS["Resources"]);
    let scanning: Vec<_> = allowed.filter(|(_, statement)| statement.to_string().contains("dynamodb:Scan")).collect();
    let [(policy, statement)] = scanning.as_slice() else { panic!("{scanning:?}") };
    assert_eq!((*policy, &statement["Action"]), ("FraudExpiryMayScan", &json!("dynamodb:Scan")));
    assert_eq!(reading::target(&statement["Resource"]), Some("fraudTable"));
}

#[test]
fn orders_api_role_reads_and_puts_cancellations() {
    let actions = |role: &str| {
        AWS["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"].clone()
    };
    assert_eq!(actions("OrdersApiRole"), json!(["dynamodb:Query", "dynamodb:PutItem"]));
    let checkout = json!(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]);
    assert_eq!(actions("CheckoutRole"), checkout);
}

#[test]
fn deployed_functions_equal_binaries_in_functions() {
    let stranger = json!({"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "local-shipping"}});
    assert_rule(functions_are_binaries, without("taxFunction"));
    assert_rule(functions_are_binaries, without("warehousewaveFunction"));
    assert_rule(functions_are_binaries, set("shippingFunction", stranger));
    assert_rule(functions_are_binaries, set("taxFunction/FunctionName", json!("local-email")));
}

#[test]
fn every_job_uses_only_its_consumers_table() {
    let table = json!("arn:aws:dynamodb:us-east-1:123456789012:table/local-orders");
    assert_rule(job_rules, set(&format!("{JOB_STATEMENT}/Resource"), table));
    let index = json!("arn:aws:dynamodb:us-east-1:123456789012:table/local-fraud/index/pending");
    let found = "warehousewaveMayFindPendingRows/PolicyDocument/Statement/0/Resource";
    assert_rule(job_rules, set(found, index));
    let scanned = "FraudExpiryMayScan/PolicyDocument/Statement/0/Resource";
    assert_rule(job_rules, set(scanned, json!({"Fn::GetAtt": ["ordersTable", "Arn"]})));
    assert_rule(job_rules, set("warehousewaveFunction/Environment/Variables/TABLE_NAME", json!("local-tax")));
}

#[test]
fn every_job_has_a_schedule_and_a_silence_alarm() {
    assert_rule(job_rules, without("warehousewaveSchedule"));
    assert_rule(job_rules, set("warehousewaveSchedule/State", json!("DISABLED")));
    assert_rule(job_rules, without("warehousewaveSilenceAlarm"));
    assert_rule(job_rules, set("warehousewaveSilenceAlarm/Period", json!(300)));
    assert_rule(job_rules, without("warehousewaveSilenceAlarm/WarmUpConfiguration"));
    let warm_up = "warehousewaveSilenceAlarm/WarmUpConfiguration/WarmUpPeriodDurationInMinutes";
    assert_rule(job_rules, set(warm_up, json!(14)));
    assert_rule(job_rules, |resources| resources["warehousewaveSilenceAlarm"]["Condition"] = Value::Null);
    let other = json!({"Fn::GetAtt": ["warehousewaveRole", "Arn"]});
    assert_rule(job_rules, set("warehousewaveSchedule/Target/RoleArn", other));
}

#[test]
fn local_cloud_template_differs_only_as_documented() {
    // There is no TLS to a local process. The emulator checks two actions without a resource, and one that AWS does not have.
    let sids = ["OnlyOverTls", "LocalPartiQL", "LocalSes", "LocalBatches"];
    assert_eq!(differences(&sids), ["PublisherDeadLettersPolicy"]);
    assert!(differences(&["OnlyOverTls"]).contains(&"taxRole"), "LocalCloud=true changes no role any more");
}

/// Asserts that the template follows the rule and that the rule finds the change.
fn assert_rule(rule: Rule, change: impl FnOnce(&mut Value)) {
    let mut resources = AWS["Resources"].clone();
    resources["Archive"] = AWS_ONLY["Resources"]["Archive"].clone();
    assert_eq!(rule(&resources), Vec::<String>::new());

    change(&mut resources);
    assert_ne!(rule(&resources), Vec::<String>::new(), "the rule did not find the change");
}

pub(super) fn set(path: &str, value: Value) -> impl FnOnce(&mut Value) {
    move |resources| {
        let (parent, key) = split(resources, path);
        parent[key] = value;
    }
}

fn without(path: &str) -> impl FnOnce(&mut Value) {
    move |resources| {
        let (parent, key) = split(resources, path);
        let removed = parent.as_object_mut().and_then(|members| members.remove(key));
        assert!(removed.is_some(), "there is no {path} to leave out");
    }
}

/// `taxQueue/RedrivePolicy` is that property of that resource, `taxQueue` the resource as a whole.
fn split<'a, 'b>(resources: &'a mut Value, path: &'b str) -> (&'a mut Value, &'b str) {
    let Some((resource, property)) = path.split_once('/') else {
        return (resources, path);
    };
    let (parents, key) = property.rsplit_once('/').unwrap_or(("", property));
    let pointer = if parents.is_empty() { String::new() } else { format!("/{parents}") };
    let parent = resources[resource]["Properties"].pointer_mut(&pointer);
    (parent.unwrap_or_else(|| panic!("{path} does not exist")), key)
}

/// A function is a binary: its folder's `main.rs`, or a job, which is a file in its consumer's `src/bin/`.
fn functions_are_binaries(resources: &Value) -> Vec<String> {
    let folders = files("functions").into_iter().filter(|name| name != "chassis");
    rules::deployed(resources, &folders.chain(job_names()).collect())
}

fn job_rules(resources: &Value) -> Vec<String> {
    jobs::jobs(resources, &job_names())
}

fn job_names() -> BTreeSet<String> {
    let folders = files("functions").into_iter();
    let binaries = folders.flat_map(|folder| files(&format!("functions/{folder}/src/bin")));
    binaries.map(|file| file.trim_end_matches(".rs").to_owned()).collect()
}

/// The names in a folder, none if there is no such folder.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten();
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().expect("a name in UTF-8");
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}

/// The resources that differ between AWS and a local cloud once these statements are left out.
fn differences(sids: &[&str]) -> Vec<&'static str> {
    let (on_aws, local) = (&AWS["Resources"], &LOCAL["Resources"]);
    let left_out = |resource: &Value| {
        let mut resource = resource.clone();
        drop_statements(&mut resource, sids);
        resource
    };
    let names = on_aws.as_object().expect("resources").keys().chain(local.as_object().expect("resources").keys());
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    names.into_iter().filter(|name| left_out(&on_aws[*name]) != left_out(&local[*name])).collect()
}

fn drop_statements(value: &mut Value, sids: &[&str]) {
    if let Value::Array(items) = value {
        items.retain(|item| !item["Sid"].as_str().is_some_and(|sid| sids.contains(&sid)));
        for item in items {
            drop_statements(item, sids);
        }
    } else if let Value::Object(members) = value {
        for member in members.values_mut() {
            drop_statements(member, sids);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

//! Reads the [`Findings`]. What cannot be read is a reason, and never an error of the command.

use std::collections::HashMap;
use std::fmt::Display;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityError;
use futures_util::join;
use tokio::time::timeout;

use crate::aws::clients::Cloud;
use crate::aws::service_quotas::read_quotas;
use crate::commands::preflight::findings::{
    EventQuotas, Findings, Found, Identity, LambdaConcurrency, Sender, SesAccount,
};
use crate::commands::preflight::limits::{DEFAULT_API_RATE, INVOCATIONS_QUOTA, PUT_EVENTS_QUOTA};
use crate::commands::protection;
use crate::stack::deployed::read_status_and_parameters;

/// How long one service may take, retries included.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An error of the SDK can name every source of credentials that it has tried.
const MAX_REASON_CHARS: usize = 300;

/// Reads everything that a deployment with the parameters `given` depends on.
pub(crate) async fn read(cloud: &Cloud, given: HashMap<String, String>) -> Findings {
    let (stack, identity, lambda, events, ses, orders_table_exists) = join!(
        found(read_status_and_parameters(cloud)),
        found(read_caller(cloud)),
        found(read_lambda(cloud)),
        found(read_events(cloud)),
        found(read_ses(cloud)),
        found(read_orders_table(cloud)),
    );
    let local = cloud.endpoint.is_some();
    let deployed = match &stack {
        Ok(Some((status, parameters))) if status != "REVIEW_IN_PROGRESS" => parameters.clone(),
        _ => HashMap::new(),
    };
    // sam keeps the deployed value of a parameter that is not passed.
    let mut parameters = deployed.clone();
    parameters.extend(given);
    let findings = Findings {
        local,
        stack: cloud.stack.clone(),
        region: cloud.region().to_owned(),
        sam_region: std::env::var("AWS_DEFAULT_REGION").ok().filter(|region| !region.is_empty()),
        identity,
        lambda,
        events,
        ses,
        stack_status: stack.map(|stack| stack.map(|(status, _)| status)),
        orders_table_exists,
        sender: read_sender(cloud, &parameters, &deployed).await,
        reserved_concurrency: reserved_concurrency(&parameters).saturating_sub(reserved_concurrency(&deployed)),
        api_rate: api_rate(&parameters),
        protects_tables: parameters.get(protection::PARAMETER).is_some_and(|value| value == "true"),
    };
    if local { findings } else { findings.with_one_reason_for_missing_credentials() }
}

/// The parameter `ApiRate`, or its default.
fn api_rate(parameters: &HashMap<String, String>) -> f64 {
    parameters.get("ApiRate").and_then(|rate| rate.parse().ok()).unwrap_or(DEFAULT_API_RATE)
}

/// The sum of the parameters whose names end in `ReservedConcurrency`. Zero and nothing mean that none is reserved.
fn reserved_concurrency(parameters: &HashMap<String, String>) -> u32 {
    let reserved = parameters.iter().filter(|(name, _)| name.ends_with("ReservedConcurrency"));
    reserved.filter_map(|(_, value)| value.parse::<u32>().ok()).sum()
}

/// In a box, because the futures of the SDK are large.
fn found<'a, T: 'a>(call: impl Future<Output = Result<T>> + 'a) -> Pin<Box<dyn Future<Output = Found<T>> + 'a>> {
    Box::pin(async {
        match timeout(TIMEOUT, call).await {
            Ok(result) => result.map_err(|error| reason(format!("{error:#}"))),
            Err(_) => Err(format!("no answer in {} s", TIMEOUT.as_secs())),
        }
    })
}

/// On one line, and not longer than a report can show.
fn reason(text: impl Display) -> String {
    let line = text.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_REASON_CHARS {
        return line;
    }
    line.chars().take(MAX_REASON_CHARS).chain("…".chars()).collect()
}

async fn read_caller(cloud: &Cloud) -> Result<String> {
    let caller = cloud.sts.get_caller_identity().send().await.context("STS cannot be asked who calls")?;
    Ok(caller.arn.unwrap_or_else(|| "unnamed".to_owned()))
}

async fn read_lambda(cloud: &Cloud) -> Result<LambdaConcurrency> {
    let settings = cloud.lambda.get_account_settings().send().await.context("lambda:GetAccountSettings failed")?;
    let limit = settings.account_limit.context("Lambda names no limits")?;
    let unreserved = limit.unreserved_concurrent_executions.context("Lambda names no unreserved executions")?;
    Ok(LambdaConcurrency {
        quota: u32::try_from(limit.concurrent_executions).unwrap_or(0),
        unreserved: u32::try_from(unreserved).unwrap_or(0),
    })
}

async fn read_events(cloud: &Cloud) -> Result<EventQuotas> {
    let quotas = read_quotas(cloud, "events").await?;
    let quota = |code: &str| quotas.get(code).copied();
    Ok(EventQuotas { put_events: quota(PUT_EVENTS_QUOTA), invocations: quota(INVOCATIONS_QUOTA) })
}

async fn read_ses(cloud: &Cloud) -> Result<SesAccount> {
    let account = cloud.ses.get_account().send().await.context("ses:GetAccount failed")?;
    let quota = account.send_quota.context("SES names no quotas")?;
    Ok(SesAccount {
        sending_enabled: account.sending_enabled,
        production_access: account.production_access_enabled,
        max_per_second: quota.max_send_rate,
        max_per_day: quota.max24_hour_send,
        sent_last_day: quota.sent_last24_hours,
    })
}

async fn read_orders_table(cloud: &Cloud) -> Result<bool> {
    let table = format!("{}-orders", cloud.stack);
    match cloud.dynamodb.describe_table().table_name(table).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
            Ok(false)
        }
        Err(error) => Err(error).context("dynamodb:DescribeTable failed"),
    }
}

async fn read_sender(
    cloud: &Cloud,
    parameters: &HashMap<String, String>,
    deployed: &HashMap<String, String>,
) -> Sender {
    let address = parameters.get("SenderAddress").filter(|address| !address.is_empty()).cloned();
    let will_be_created = creates_sender(parameters, deployed);
    let domain = address.as_deref().and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain.to_owned());
    let (identity, domain) =
        join!(found(read_identity(cloud, address.as_deref())), found(read_identity(cloud, domain.as_deref())),);
    Sender { address, will_be_created, identity, domain }
}

/// Whether a deployment of these parameters over the deployed ones creates an identity.
fn creates_sender(parameters: &HashMap<String, String>, deployed: &HashMap<String, String>) -> bool {
    let created = |parameters: &HashMap<String, String>| {
        let address = parameters.get("SenderAddress").cloned();
        address.filter(|_| parameters.get("CreateSender").is_none_or(|create| create != "false"))
    };
    created(parameters).is_some() && created(parameters) != created(deployed)
}

async fn read_identity(cloud: &Cloud, name: Option<&str>) -> Result<Identity> {
    let Some(name) = name else { return Ok(Identity::Missing) };
    match cloud.ses.get_email_identity().email_identity(name).send().await {
        Ok(identity) if identity.verified_for_sending_status => Ok(Identity::Verified),
        Ok(_) => Ok(Identity::Unverified),
        Err(error) if error.as_service_error().is_some_and(GetEmailIdentityError::is_not_found_exception) => {
            Ok(Identity::Missing)
        }
        Err(error) => Err(error).context("ses:GetEmailIdentity failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reserved_concurrency_parameters_are_summed() {
        let parameter = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let given = [("CheckoutReservedConcurrency", "100"), ("OrdersApiReservedConcurrency", ""), ("LogLevel", "7")];
        assert_eq!(reserved_concurrency(&given.map(parameter).into()), 100);
    }

    #[test]
    #[allow(clippy::float_cmp)] // both are the same text, parsed
    fn api_rate_is_the_parameter_or_the_templates_default() {
        assert_eq!(api_rate(&HashMap::from([("ApiRate".to_owned(), "40".to_owned())])), 40.0);
        let template = include_str!("../../../../template.yaml");
        let (_, parameter) = template.split_once("\n  ApiRate:\n").unwrap();
        let (_, default) = parameter.split_once("Default: ").unwrap();
        let default = HashMap::from([("ApiRate".to_owned(), default.lines().next().unwrap().to_owned())]);
        assert_eq!(api_rate(&HashMap::new()), api_rate(&default));
    }

    #[test]
    fn sender_is_created_once_and_for_each_new_address() {
        let with = |parameters: &[(&str, &str)]| {
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<HashMap<_, _>>()
        };
        let (none, first) = (with(&[]), with(&[("SenderAddress", "a@b.example")]));
        let existing = with(&[("SenderAddress", "a@b.example"), ("CreateSender", "false")]);
        assert!(creates_sender(&first, &none) && creates_sender(&first, &existing));
        assert!(!creates_sender(&first, &first) && !creates_sender(&existing, &none));
        assert!(creates_sender(&with(&[("SenderAddress", "c@b.example")]), &first));
    }

    #[tokio::test]
    async fn unreachable_api_is_a_reason_and_no_error() {
        let cloud = Cloud::local("none".to_owned(), "http://127.0.0.1:9".to_owned());
        let findings = read(&cloud, HashMap::from([("SenderAddress".to_owned(), "a@b.example".to_owned())])).await;
        assert!(findings.identity.is_err() && findings.lambda.is_err() && findings.events.is_err());
        assert!(findings.ses.is_err() && findings.stack_status.is_err() && findings.orders_table_exists.is_err());
        assert!(findings.sender.identity.is_err() && findings.sender.domain.is_err());
    }
}

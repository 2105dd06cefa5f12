//! Service Quotas, as signed calls: its SDK crate would be built for one call only.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::aws::clients::Cloud;
use crate::aws::http::{connector, exchange};
use crate::aws::signature::{SignedParts, Signer};

/// Protocol and target prefix of the API: botocore 1.43.106, data/service-quotas/2019-06-24 (2026-11-21).
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Default values first. `ListServiceQuotas` leaves out a quota of which only the default value is known.
const TARGETS: [&str; 2] =
    ["ServiceQuotasV20190624.ListAWSDefaultServiceQuotas", "ServiceQuotasV20190624.ListServiceQuotas"];

/// More pages than any service has.
const MAX_PAGES: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    quotas: Vec<Quota>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Quota {
    quota_code: String,
    value: f64,
}

/// The quotas of a service in this account and region, by their codes.
pub(crate) async fn read_quotas(cloud: &Cloud, service_code: &str) -> Result<HashMap<String, f64>> {
    let mut quotas = HashMap::new();
    for target in TARGETS {
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let page = read_page(cloud, target, service_code, token.as_deref()).await?;
            quotas.extend(page.quotas.into_iter().map(|quota| (quota.quota_code, quota.value)));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(quotas)
}

async fn read_page(cloud: &Cloud, target: &str, service_code: &str, token: Option<&str>) -> Result<Page> {
    let url = address(cloud);
    let mut body = json!({"ServiceCode": service_code, "MaxResults": 100});
    if let Some(token) = token {
        body["NextToken"] = json!(token);
    }
    let body = body.to_string();
    let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", target)];
    let parts = SignedParts { method: "POST", url: &url, headers: &headers, body: body.as_bytes() };
    let signature = Signer::new(cloud, "servicequotas")?.sign(&parts).await?;
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain(signature);
    let answer = exchange(&connector(&url), "POST", &url, headers, body.as_bytes()).await?;
    if !answer.is_success() {
        let text = String::from_utf8_lossy(&answer.body).chars().take(200).collect::<String>();
        bail!("Service Quotas answers with {}: {text}", answer.status);
    }
    serde_json::from_slice(&answer.body).context("Service Quotas answers in another format")
}

fn address(cloud: &Cloud) -> String {
    let region = cloud.region();
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoint = cloud.config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
    endpoint.unwrap_or_else(|| format!("https://servicequotas.{region}.{suffix}")) + "/"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_page_is_parsed_as_aws_sends_it() {
        let text = r#"{"NextToken": "abc", "Quotas": [{"ServiceCode": "events", "QuotaCode": "L-9B653E91",
            "QuotaName": "PutEvents throttle limit in transactions per second", "Value": 600.0, "Unit": "None",
            "Adjustable": true, "GlobalQuota": false}]}"#;
        let page: Page = serde_json::from_str(text).unwrap();
        assert_eq!(page.next_token.as_deref(), Some("abc"));
        assert_eq!((page.quotas[0].quota_code.as_str(), page.quotas[0].value), ("L-9B653E91", 600.0));
    }
}

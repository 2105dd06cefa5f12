//! One HTTP request and its response.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// API Gateway gives a function 30 s; a little more lets its own error through instead of a timeout here.
const TIMEOUT: Duration = Duration::from_secs(35);

/// A response, read completely.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// An unsigned `GET` of a complete address, such as a page of the local cloud.
pub async fn fetch(url: &str) -> Result<HttpResponse> {
    exchange(&connector(url), "GET", url, std::iter::empty(), b"").await
}

/// A connector that keeps its connections; uses TLS for `https`.
pub(crate) fn connector(url: &str) -> SharedHttpConnector {
    if url.starts_with("https:") {
        SharedHttpConnector::new(Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build())
    } else {
        SharedHttpConnector::new(Connector::builder().build_http())
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn exchange(
    connector: &SharedHttpConnector,
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (String, String)>,
    body: &[u8],
) -> Result<HttpResponse> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(method).with_context(|| format!("{method} is no HTTP method"))?;
    request.set_uri(url).with_context(|| format!("{url} is no address"))?;
    for (name, value) in headers {
        request.headers_mut().try_append(name, value).context("a header of the request cannot be sent")?;
    }
    let answer = tokio::time::timeout(TIMEOUT, connector.call(request))
        .await
        .map_err(|_| anyhow!("{method} {url}: no answer in {} s", TIMEOUT.as_secs()))?
        .map_err(|error| anyhow!(error).context(format!("{method} {url} failed")))?;
    let headers = answer.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body())
        .collect()
        .await
        .with_context(|| format!("{method} {url}: the answer broke off"))?;
    Ok(HttpResponse { status, headers, body: body.into_bytes().to_vec() })
}

//! HTTP calls to the deployed API (signed by Signature Version 4) and to the local cloud's own pages.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use jiff::Timestamp;
use serde_json::Value;

use crate::Cloud;

/// API Gateway gives a function 30 s; a little more shows its own answer rather than ours.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The API of a stack. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    region: String,
    credentials: SharedCredentialsProvider,
    connector: SharedHttpConnector,
}

/// One call. The body is bytes, so that it can be anything at all.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Below the API's address, with its leading slash.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// False leaves the signature away.
    pub signed: bool,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Api {
    /// The API at `url`, called with the credentials of `cloud`.
    pub fn new(cloud: &Cloud, url: &str) -> Result<Self> {
        let credentials = cloud
            .config
            .credentials_provider()
            .context("there are no AWS credentials")?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            region: cloud.region().to_owned(),
            credentials,
            connector: connector(url),
        })
    }

    /// `POST /checkout` with a JSON cart.
    pub async fn checkout(&self, cart: &Value, headers: &[(&str, &str)]) -> Result<Reply> {
        self.checkout_raw(
            cart.to_string().as_bytes(),
            &[&[("content-type", "application/json")], headers].concat(),
        )
        .await
    }

    /// `POST /checkout` with any bytes and exactly these headers.
    pub async fn checkout_raw(&self, body: &[u8], headers: &[(&str, &str)]) -> Result<Reply> {
        self.send(&Call {
            method: "POST",
            path: "/checkout",
            headers,
            body,
            signed: true,
        })
        .await
    }

    /// `GET` of a path.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.send(&Call {
            method: "GET",
            path,
            headers: &[],
            body: b"",
            signed: true,
        })
        .await
    }

    /// Any call.
    pub async fn send(&self, call: &Call<'_>) -> Result<Reply> {
        let url = format!("{}{}", self.url, call.path);
        let signature = if call.signed {
            self.sign(&url, call).await?
        } else {
            Vec::new()
        };
        let given = call
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        exchange(&self.connector, call.method, &url, given.chain(signature), call.body).await
    }

    async fn sign(&self, url: &str, call: &Call<'_>) -> Result<Vec<(String, String)>> {
        let credentials = self
            .credentials
            .provide_credentials()
            .await
            .context("no AWS credentials could be had: run `aws sso login`, or set AWS_PROFILE")?;
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("execute-api")
            .time(SystemTime::from(Timestamp::now()))
            .settings(SigningSettings::default())
            .build()
            .context("the request cannot be signed")?
            .into();
        let request = SignableRequest::new(
            call.method,
            url,
            call.headers.iter().copied(),
            SignableBody::Bytes(call.body),
        )
        .context("the request cannot be signed")?;
        let (instructions, _) = sign(request, &params)
            .context("the request cannot be signed")?
            .into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// An unsigned `GET` of a whole address, such as a page of the local cloud.
pub async fn fetch(url: &str) -> Result<Reply> {
    exchange(&connector(url), "GET", url, std::iter::empty(), b"").await
}

fn connector(url: &str) -> SharedHttpConnector {
    if url.starts_with("https:") {
        SharedHttpConnector::new(
            Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build(),
        )
    } else {
        SharedHttpConnector::new(Connector::builder().build_http())
    }
}

async fn exchange(
    connector: &SharedHttpConnector,
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (String, String)>,
    body: &[u8],
) -> Result<Reply> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request
        .set_method(method)
        .with_context(|| format!("{method} is no HTTP method"))?;
    request.set_uri(url).with_context(|| format!("{url} is no address"))?;
    for (name, value) in headers {
        request
            .headers_mut()
            .try_append(name, value)
            .context("a header of the request cannot be sent")?;
    }
    let answer = tokio::time::timeout(TIMEOUT, connector.call(request))
        .await
        .map_err(|_| anyhow!("{method} {url}: no answer in {} s", TIMEOUT.as_secs()))?
        .map_err(|error| anyhow!(error).context(format!("{method} {url} failed")))?;
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body())
        .collect()
        .await
        .with_context(|| format!("{method} {url}: the answer broke off"))?;
    Ok(Reply {
        status,
        headers,
        body: body.into_bytes().to_vec(),
    })
}

//! Requests to the deployed API, signed with Signature Version 4.

use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use jiff::Timestamp;
use serde_json::Value;

use crate::aws::clients::Cloud;
use crate::aws::http::{HttpResponse, connector, exchange};

/// The API of a stack. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    region: String,
    credentials: SharedCredentialsProvider,
    connector: SharedHttpConnector,
}

/// One request to the API. The body is bytes, so that tests can send what is not JSON.
#[derive(Debug, Clone)]
pub struct ApiRequest<'a> {
    pub method: &'a str,
    /// Below the API's address, with its leading slash.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// False sends the request without a signature.
    pub signed: bool,
}

impl Api {
    /// The API at `url`, with requests signed by the credentials of `cloud`.
    pub fn new(cloud: &Cloud, url: &str) -> Result<Self> {
        let credentials = cloud.config.credentials_provider().context("there are no AWS credentials")?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            region: cloud.region().to_owned(),
            credentials,
            connector: connector(url),
        })
    }

    /// `POST /checkout` with a JSON cart.
    pub async fn checkout(&self, cart: &Value, headers: &[(&str, &str)]) -> Result<HttpResponse> {
        self.checkout_raw(cart.to_string().as_bytes(), &[&[("content-type", "application/json")], headers].concat())
            .await
    }

    /// `POST /checkout` with any bytes and exactly these headers.
    pub async fn checkout_raw(&self, body: &[u8], headers: &[(&str, &str)]) -> Result<HttpResponse> {
        self.send(&ApiRequest { method: "POST", path: "/checkout", headers, body, signed: true }).await
    }

    /// `GET`, signed.
    pub async fn get(&self, path: &str) -> Result<HttpResponse> {
        self.send(&ApiRequest { method: "GET", path, headers: &[], body: b"", signed: true }).await
    }

    /// Any request.
    pub async fn send(&self, request: &ApiRequest<'_>) -> Result<HttpResponse> {
        let url = format!("{}{}", self.url, request.path);
        let signature = if request.signed { self.sign(&url, request).await? } else { Vec::new() };
        let given = request.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        exchange(&self.connector, request.method, &url, given.chain(signature), request.body).await
    }

    async fn sign(&self, url: &str, request: &ApiRequest<'_>) -> Result<Vec<(String, String)>> {
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
        let signable = SignableRequest::new(
            request.method,
            url,
            request.headers.iter().copied(),
            SignableBody::Bytes(request.body),
        )
        .context("the request cannot be signed")?;
        let (instructions, _) = sign(signable, &params).context("the request cannot be signed")?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

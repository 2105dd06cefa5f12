//! Requests to the deployed API, signed with Signature Version 4.

use anyhow::Result;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::Value;

use crate::aws::clients::Cloud;
use crate::aws::http::{HttpResponse, connector, exchange};
use crate::aws::signature::{SignedParts, Signer};

/// The API of a stack. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    signer: Signer,
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
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            signer: Signer::new(cloud, "execute-api")?,
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
        let ApiRequest { method, headers, body, .. } = request;
        self.signer.sign(&SignedParts { method, url, headers, body }).await
    }
}

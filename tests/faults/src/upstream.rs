//! The local cloud behind the proxy.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::error_response::ProxyResponse;

/// How long the cloud may take over one call.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// An idle connection to the cloud is closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where calls are forwarded to.
pub(crate) struct Upstream {
    /// Such as `http://127.0.0.1:4566`; none before the cloud is up.
    url: Mutex<Option<String>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// There is no response for the caller: its connection is closed.
#[derive(Debug)]
pub(crate) struct NoResponse;

impl std::fmt::Display for NoResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no response")
    }
}

impl std::error::Error for NoResponse {}

impl Upstream {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_TIMEOUT).build(connector);
        Self { url: Mutex::default(), client }
    }

    pub(crate) fn set_url(&self, url: &str) {
        let url = url.trim_end_matches('/').to_owned();
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// Sends a request to the cloud. All headers stay as they came, `Host` included, because it is signed.
    pub(crate) async fn send(&self, mut parts: Parts, body: Bytes) -> Result<ProxyResponse, NoResponse> {
        let url = self.url.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(NoResponse)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{url}{path}").parse().map_err(|_| NoResponse)?;
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        let request = Request::from_parts(parts, Full::new(body));
        let response = timeout(CALL_TIMEOUT, self.client.request(request)).await;
        let (mut parts, body) = response.map_err(|_| NoResponse)?.map_err(|_| NoResponse)?.into_parts();
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        let body = body.collect().await.map_err(|_| NoResponse)?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(body)))
    }
}

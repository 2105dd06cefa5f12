//! Signature Version 4 for requests that no SDK client sends.

use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use jiff::Timestamp;

use crate::aws::clients::Cloud;

/// Signs requests to one service. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    service: &'static str,
    region: String,
    credentials: SharedCredentialsProvider,
}

/// What a signature covers.
#[derive(Debug, Clone)]
pub(crate) struct SignedParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

impl Signer {
    /// Signs with the credentials of `cloud` for `service`, as its requests name it, such as `execute-api`.
    pub(crate) fn new(cloud: &Cloud, service: &'static str) -> Result<Self> {
        let credentials = cloud.config.credentials_provider().context("there are no AWS credentials")?;
        Ok(Self { service, region: cloud.region().to_owned(), credentials })
    }

    /// The headers that have to be added to the request.
    pub(crate) async fn sign(&self, request: &SignedParts<'_>) -> Result<Vec<(String, String)>> {
        let credentials = self
            .credentials
            .provide_credentials()
            .await
            .context("no AWS credentials could be had: run `aws login` or `aws sso login`, or set AWS_PROFILE")?;
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::from(Timestamp::now()))
            .settings(SigningSettings::default())
            .build()
            .context("the request cannot be signed")?
            .into();
        let body = SignableBody::Bytes(request.body);
        let signable = SignableRequest::new(request.method, request.url, request.headers.iter().copied(), body)
            .context("the request cannot be signed")?;
        let (instructions, _) = sign(signable, &params).context("the request cannot be signed")?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

//! [`Caller`]: who sent a request, as authenticated by API Gateway.

use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerIamDescription};

use crate::http::Request;
use crate::problem::Problem;

/// An authenticated caller. An order belongs to the caller that placed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person with a token (JWT). A person may place and read only their own orders.
    Subject { issuer: String, subject: String },
    /// A service with AWS credentials (IAM). It is trusted to name the user that it acts for.
    Principal(String),
}

impl Caller {
    pub fn from_request(request: Request<'_>) -> Result<Self, Problem> {
        let authorizer = request.0.request_context.authorizer.as_ref();
        let caller =
            authorizer.and_then(|authorizer| subject(authorizer).or_else(|| principal(authorizer.iam.as_ref()?)));
        caller.ok_or_else(Problem::unknown_caller)
    }

    /// The user that a token was issued to.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Subject { subject, .. } => Some(subject),
            Self::Principal(_) => None,
        }
    }

    /// A text of constant length that identifies the caller. It is stored with each of the caller's orders.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Subject { issuer, subject } => switchyard_events::fingerprint(&["jwt", issuer, subject]),
            Self::Principal(principal) => switchyard_events::fingerprint(&["iam", principal]),
        }
    }
}

fn subject(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Caller> {
    let claims = &authorizer.jwt.as_ref()?.claims;
    let subject = claims.get("sub").filter(|subject| !subject.is_empty())?.clone();
    let issuer = claims.get("iss").cloned().unwrap_or_default();
    Some(Caller::Subject { issuer, subject })
}

fn principal(iam: &ApiGatewayRequestAuthorizerIamDescription) -> Option<Caller> {
    if let Some(arn) = iam.user_arn.as_deref().filter(|arn| !arn.is_empty()) {
        return Some(Caller::Principal(without_session(arn).to_owned()));
    }
    let (account, user) = (iam.account_id.as_deref()?, iam.user_id.as_deref()?);
    Some(Caller::Principal(format!("{account}/{user}")))
}

/// Removes the session from the ARN of an assumed role. The instances of a service have different session names, and
/// each must find an order that another of them placed.
fn without_session(arn: &str) -> &str {
    match arn.rsplit_once('/') {
        Some((role, _)) if arn.contains(":assumed-role/") => role,
        _ => arn,
    }
}

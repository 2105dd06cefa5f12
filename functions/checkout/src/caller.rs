//! [`Caller`]: who sent a request, as authenticated by API Gateway.

use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerIamDescription};

use switchyard_events::{EmailAddress, InvalidValue, Redacted, UserId, fingerprint};

use crate::http::Request;
use crate::problem::Problem;

/// An authenticated caller. An order belongs to the caller that placed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person with a token (JWT). A person may place and read only their own orders.
    Subject { issuer: String, subject: String, verified_email: Option<Redacted<EmailAddress>> },
    /// A person behind a Cognito identity pool (IAM). All persons of a pool have the credentials of one role, so the role does not
    /// identify them. A person may place and read only their own orders.
    Identity { pool: String, identity: String },
    /// A service with AWS credentials (IAM). It is trusted to name the user that it acts for.
    Principal(String),
}

impl Caller {
    pub fn from_request(request: Request<'_>) -> Result<Self, Problem> {
        let authorizer = request.0.request_context.authorizer.as_ref();
        let caller = authorizer.and_then(|authorizer| subject(authorizer).or_else(|| iam(authorizer.iam.as_ref()?)));
        caller.ok_or_else(Problem::unknown_caller)
    }

    /// The person that the credentials were issued to; none for a service.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Subject { subject, .. } => Some(subject),
            Self::Identity { identity, .. } => Some(identity),
            Self::Principal(_) => None,
        }
    }

    /// The customer that the caller acts for, given the one that the request names.
    ///
    /// # Errors
    ///
    /// What the request must name: a person only themselves, and a service a customer.
    pub fn user_id(&self, named: Option<&str>) -> Result<UserId, InvalidValue> {
        match (self.subject(), named) {
            (None, None) => Err(InvalidValue::new("is required")),
            (None, Some(named)) => UserId::parse(named),
            (Some(subject), Some(named)) if named != subject => {
                Err(InvalidValue::new("must be left out, or be the subject of the credentials"))
            }
            // A subject may contain characters that a `UserId` may not.
            (Some(subject), _) => {
                UserId::parse(subject).or_else(|_| UserId::parse(format!("usr_{}", fingerprint(&[subject]))))
            }
        }
    }

    /// Whether a token identifies the caller, which may contain a mail address.
    pub fn has_token(&self) -> bool {
        matches!(self, Self::Subject { .. })
    }

    /// The mail address that the issuer of the token has verified.
    pub fn verified_email(&self) -> Option<EmailAddress> {
        match self {
            Self::Subject { verified_email, .. } => verified_email.as_ref().map(|email| email.reveal().clone()),
            Self::Identity { .. } | Self::Principal(_) => None,
        }
    }

    /// A text of constant length that identifies the caller. It is stored with each of the caller's orders.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Subject { issuer, subject, .. } => fingerprint(&["jwt", issuer, subject]),
            Self::Identity { pool, identity } => fingerprint(&["cognito", pool, identity]),
            Self::Principal(principal) => fingerprint(&["iam", principal]),
        }
    }
}

fn subject(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Caller> {
    let claims = &authorizer.jwt.as_ref()?.claims;
    let subject = claims.get("sub").filter(|subject| !subject.is_empty())?.clone();
    let issuer = claims.get("iss").cloned().unwrap_or_default();
    // API Gateway passes all claims as text
    // (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>, 2026-11-21).
    let is_verified = claims.get("email_verified").is_some_and(|verified| verified == "true");
    let email = claims.get("email").filter(|_| is_verified).and_then(|email| EmailAddress::parse(email.as_str()).ok());
    Some(Caller::Subject { issuer, subject, verified_email: email.map(Redacted::new) })
}

/// The fields are those of payload format 2.0
/// (<https://docs.rs/aws_lambda_events/latest/aws_lambda_events/event/apigw/>, 2026-11-21).
fn iam(iam: &ApiGatewayRequestAuthorizerIamDescription) -> Option<Caller> {
    let cognito = iam.cognito_identity.as_ref();
    if let Some(identity) = cognito.and_then(|cognito| cognito.identity_id.clone()).filter(|id| !id.is_empty()) {
        let pool = cognito.and_then(|cognito| cognito.identity_pool_id.clone()).unwrap_or_default();
        return Some(Caller::Identity { pool, identity });
    }
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

//! HTTP requests and responses as API Gateway passes them (payload format 2.0).

use std::borrow::Cow;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::http::{HeaderMap, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use switchyard_events::{CorrelationId, OrderId};

use crate::json;
use crate::problem::{FieldError, Header, Problem};
use crate::response::OrderResponse;

/// The largest body. A cart with fifty lines and an address is 8 KiB at most.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest idempotency key, in ASCII characters.
const MAX_KEY_CHARS: usize = 255;

/// What `yard` sends in place of an authorizer's context. API Gateway writes that context itself, and no route has an authorizer that
/// could choose it. So only who may invoke the function directly can send this, and they could claim any identity anyway.
const OPERATOR: &str = "switchyard_operator";

/// The operation that a request is for.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    PlaceOrder,
    ListOrders,
    GetOrder(OrderId),
    CancelOrder(OrderId),
}

/// A request. Each method parses one part of it.
#[derive(Clone, Copy)]
pub struct Request<'a>(pub &'a ApiGatewayV2httpRequest);

impl<'a> Request<'a> {
    pub fn route(self) -> Result<Route, Problem> {
        let method = &self.0.request_context.http.method;
        let path = self.0.raw_path.as_deref().unwrap_or_default();
        // The path begins with the stage if the stage has a name.
        let stage = self.0.request_context.stage.as_deref().unwrap_or("$default");
        let path = path.strip_prefix(&format!("/{stage}/")).unwrap_or(path);
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let order_id = |id: &str| OrderId::parse(id).map_err(|_| Problem::not_found());
        match (method, segments.as_slice()) {
            (&Method::POST, ["checkout"]) => Ok(Route::PlaceOrder),
            (&Method::GET, ["orders"]) => Ok(Route::ListOrders),
            (&Method::GET, ["orders", id]) => order_id(id).map(Route::GetOrder),
            (&Method::POST, ["orders", id, "cancel"]) => order_id(id).map(Route::CancelOrder),
            (_, ["checkout"] | ["orders", _, "cancel"]) => Err(Problem::method_not_allowed("POST")),
            (_, ["orders"] | ["orders", _]) => Err(Problem::method_not_allowed("GET")),
            _ => Err(Problem::not_found()),
        }
    }

    /// Parses the body.
    pub fn json(self) -> Result<Value, Problem> {
        let body = self.body()?;
        if let Some(content_type) = self.0.headers.get("content-type").filter(|text| !text.is_empty()) {
            check_content_type(content_type)?;
        }
        // The error names the place and repeats nothing of the body.
        json::parse(&body).map_err(|error| {
            if error.is_data() {
                return Problem::invalid_cart(vec![FieldError { field: "body".into(), reason: error.to_string() }]);
            }
            Problem::not_json(format!("The body is not JSON: {error}."))
        })
    }

    /// The body's bytes. API Gateway encodes a body in base64 unless its content type says that it is text.
    fn body(self) -> Result<Cow<'a, [u8]>, Problem> {
        let text = self.0.body.as_deref().unwrap_or_default();
        if !self.0.is_base64_encoded {
            return check_size(Cow::Borrowed(text.as_bytes()));
        }
        if text.len() > MAX_BODY_BYTES.div_ceil(3) * 4 {
            return Err(Problem::too_large(MAX_BODY_BYTES));
        }
        let bytes = STANDARD.decode(text);
        check_size(bytes.map_err(|_| Problem::not_json("The body is not valid base64."))?.into())
    }

    /// The `Idempotency-Key`. A client sends one if it may repeat the request.
    pub fn idempotency_key(self) -> Result<Option<&'a str>, Problem> {
        let Some(key) = self.0.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let visible =
            |key: &&str| (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        let key = key.to_str().ok().filter(visible);
        key.map(Some).ok_or_else(|| Problem::invalid_idempotency_key(MAX_KEY_CHARS))
    }

    /// The `X-Correlation-Id`, if it is a UUID or a ULID. It becomes part of events, logs and dead letters, which must not contain
    /// what else a client might send, such as a mail address.
    pub fn correlation_id(self) -> Option<CorrelationId> {
        let id = self.header("x-correlation-id").filter(|text| is_uuid(text) || is_ulid(text))?;
        CorrelationId::parse(id).ok()
    }

    /// The `traceparent`, if there is a valid one (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub fn traceparent(self) -> Option<&'a str> {
        self.header("traceparent").filter(|text| is_traceparent(text))
    }

    /// Whether an operator invoked the function directly, with AWS credentials that allow `lambda:InvokeFunction`.
    pub fn is_from_operator(self) -> bool {
        let authorizer = self.0.request_context.authorizer.as_ref();
        authorizer.is_some_and(|authorizer| authorizer.fields.contains_key(OPERATOR))
    }

    /// API Gateway's id of the request. It is unique.
    pub fn id(self) -> &'a str {
        self.0.request_context.request_id.as_deref().unwrap_or_default()
    }

    fn header(self, name: &str) -> Option<&'a str> {
        self.0.headers.get(name)?.to_str().ok()
    }
}

fn check_size(body: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, Problem> {
    if body.len() > MAX_BODY_BYTES {
        return Err(Problem::too_large(MAX_BODY_BYTES));
    }
    Ok(body)
}

fn check_content_type(content_type: &HeaderValue) -> Result<(), Problem> {
    let text = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type())
}

/// Checks for the text form of a UUID, of any version (RFC 9562).
fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part))
}

/// Checks for 26 digits of Crockford's base 32, of which the first is at most 7 (<https://github.com/ulid/spec>, 2026-11-21).
fn is_ulid(text: &str) -> bool {
    let is_digit =
        |b: u8| b.is_ascii_digit() || (b.is_ascii_alphabetic() && !b"ILOU".contains(&b.to_ascii_uppercase()));
    text.len() == 26 && text.as_bytes()[0] <= b'7' && text.bytes().all(is_digit)
}

/// Checks for `<version>-<trace id>-<parent id>-<flags>` in lower case hexadecimal. No id is all zeros, and version
/// `ff` is forbidden.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |part: &str, digits: usize| hex(part, digits) && part.bytes().any(|b| b != b'0');
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [version, trace, parent, flags] => {
            hex(version, 2) && *version != "ff" && id(trace, 32) && id(parent, 16) && hex(flags, 2)
        }
        _ => false,
    }
}

/// A successful response.
pub(crate) fn json_response(answer: OrderResponse) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    // An order's id consists of characters that a header may have.
    if let Some(Ok(location)) = answer.location.map(HeaderValue::try_from) {
        headers.insert("location", location);
    }
    if answer.outcome == OrderResponse::REPEATED {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response(answer.status, headers, "application/json", answer.body)
}

/// The response for a problem.
pub(crate) fn problem_response(problem: &Problem) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    match problem.header {
        Some(Header::Allow(method)) => headers.insert("allow", HeaderValue::from_static(method)),
        Some(Header::RetryAfter(seconds)) => headers.insert("retry-after", seconds.into()),
        None => None,
    };
    let body = serde_json::to_string(problem).unwrap_or_default();
    response(problem.status, headers, "application/problem+json", body)
}

fn response(status: u16, mut headers: HeaderMap, content_type: &'static str, body: String) -> ApiGatewayV2httpResponse {
    headers.insert("content-type", HeaderValue::from_static(content_type));
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status.into();
    response.headers = headers;
    response.body = Some(body.into());
    response
}

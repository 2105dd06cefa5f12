//! HTTP as API Gateway hands it over (payload format 2.0).

use std::borrow::Cow;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::http::{HeaderMap, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use switchyard_events::{CorrelationId, OrderId};

use crate::problem::Header;
use crate::{FieldError, Problem, json};

/// The most bytes of a body: fifty lines and an address are 8 KiB at the very most.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// The most characters of an idempotency key.
pub(crate) const MAX_KEY: usize = 255;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    PlaceOrder,
    ReadOrder(OrderId),
}

/// A request, read as far as it is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a>(pub &'a ApiGatewayV2httpRequest);

impl<'a> Request<'a> {
    pub(crate) fn route(self) -> Result<Route, Problem> {
        let method = &self.0.request_context.http.method;
        let path = self.0.raw_path.as_deref().unwrap_or_default();
        // A named stage stands before the path.
        let stage = self.0.request_context.stage.as_deref().unwrap_or("$default");
        let path = path.strip_prefix(&format!("/{stage}/")).unwrap_or(path);
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (method, segments.as_slice()) {
            (&Method::POST, ["checkout"]) => Ok(Route::PlaceOrder),
            (_, ["checkout"]) => Err(Problem::method_not_allowed("POST")),
            (&Method::GET, ["orders", id]) => match OrderId::parse(*id) {
                Ok(id) => Ok(Route::ReadOrder(id)),
                Err(_) => Err(Problem::not_found()),
            },
            (_, ["orders", _]) => Err(Problem::method_not_allowed("GET")),
            _ => Err(Problem::not_found()),
        }
    }

    pub(crate) fn json(self) -> Result<Value, Problem> {
        let body = self.body()?;
        if let Some(content_type) = self.0.headers.get("content-type").filter(|text| !text.is_empty()) {
            check_content_type(content_type)?;
        }
        // The error says where, and repeats nothing of the body.
        json::read(&body).map_err(|error| {
            if error.is_data() {
                return Problem::invalid_cart(vec![FieldError { field: "body".into(), reason: error.to_string() }]);
            }
            Problem::not_json(format!("The body is not JSON: {error}."))
        })
    }

    /// The body's bytes. API Gateway encodes what it does not know to be text, a body without a content type included.
    fn body(self) -> Result<Cow<'a, [u8]>, Problem> {
        let text = self.0.body.as_deref().unwrap_or_default();
        if !self.0.is_base64_encoded {
            return check_size(Cow::Borrowed(text.as_bytes()));
        }
        if text.len() > MAX_BODY.div_ceil(3) * 4 {
            return Err(Problem::too_large());
        }
        let bytes = STANDARD.decode(text);
        check_size(bytes.map_err(|_| Problem::not_json("The body is not valid base64."))?.into())
    }

    /// What the client calls this request, if it wants to be able to repeat it.
    pub(crate) fn idempotency_key(self) -> Result<Option<&'a str>, Problem> {
        let Some(key) = self.0.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let visible = |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        let key = key.to_str().ok().filter(visible);
        key.map(Some).ok_or_else(Problem::invalid_idempotency_key)
    }

    /// What the client calls all that this request causes, if it has a name for it.
    pub(crate) fn correlation_id(self) -> Option<CorrelationId> {
        CorrelationId::parse(self.header("x-correlation-id")?).ok()
    }

    /// The trace that the request belongs to (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub(crate) fn traceparent(self) -> Option<&'a str> {
        self.header("traceparent").filter(|text| is_traceparent(text))
    }

    /// What API Gateway calls the request; no other has the same.
    pub(crate) fn id(self) -> &'a str {
        self.0.request_context.request_id.as_deref().unwrap_or_default()
    }

    fn header(self, name: &str) -> Option<&'a str> {
        self.0.headers.get(name)?.to_str().ok()
    }
}

fn check_size(body: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, Problem> {
    if body.len() > MAX_BODY {
        return Err(Problem::too_large());
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

/// `<version>-<trace id>-<parent id>-<flags>`, in lower case hexadecimal, neither id all zeros.
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

/// An answer as API Gateway takes it.
pub(crate) fn respond(
    status: u16,
    content_type: &'static str,
    header: Option<Header>,
    body: String,
) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    match header {
        Some(Header::Allow(method)) => headers.insert("allow", HeaderValue::from_static(method)),
        Some(Header::RetryAfter(seconds)) => headers.insert("retry-after", seconds.into()),
        None => None,
    };
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status.into();
    response.headers = headers;
    response.body = Some(body.into());
    response
}

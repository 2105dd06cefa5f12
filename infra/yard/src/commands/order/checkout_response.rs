//! The API's response to an order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::aws::http::HttpResponse;

/// The API's response. As JSON it has the first three fields, then all fields of the response's body, spelled as in the body.
#[derive(Debug, Serialize)]
pub(crate) struct CheckoutResponse {
    order_id: Option<Box<RawValue>>,
    /// `received`; the HTTP status again if the body is a problem (RFC 9457).
    status: Option<Box<RawValue>>,
    http_status: u16,
    #[serde(flatten)]
    rest: BTreeMap<String, Box<RawValue>>,
}

impl CheckoutResponse {
    /// A body that is not JSON becomes the field `body`.
    pub(crate) fn from_http(response: &HttpResponse) -> Self {
        let mut rest: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&response.body).unwrap_or_else(|_| {
            let text = Value::from(String::from_utf8_lossy(&response.body));
            serde_json::value::to_raw_value(&text).map(|raw| ("body".to_owned(), raw)).into_iter().collect()
        });
        rest.remove("http_status");
        Self { order_id: rest.remove("order_id"), status: rest.remove("status"), http_status: response.status, rest }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.http_status)
    }

    /// One line for people.
    pub(crate) fn render(&self) -> String {
        if !self.is_success() {
            let fields = self.rest.iter().map(|(key, raw)| format!("{key}: {}", raw.get()));
            return format!("refused  HTTP {}  {}", self.http_status, fields.collect::<Vec<_>>().join("  "));
        }
        let text =
            |raw: Option<&Box<RawValue>>| raw.map(|raw| raw.get().trim_matches('"').to_owned()).unwrap_or_default();
        let (order_id, status) = (text(self.order_id.as_ref()), text(self.status.as_ref()));
        let total = text(self.rest.get("total_usd"));
        format!("{order_id}  {status}  ${total}  HTTP {}", self.http_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> String {
        let response = HttpResponse { status, headers: vec![], body: body.into() };
        serde_json::to_string(&CheckoutResponse::from_http(&response)).unwrap()
    }

    #[test]
    fn checkout_response_json_keeps_fields_and_spelling() {
        assert_eq!(
            response(202, r#"{"total_usd":89.50,"order_id":"ord_1","status":"received"}"#),
            r#"{"order_id":"ord_1","status":"received","http_status":202,"total_usd":89.50}"#,
        );
        assert_eq!(
            response(422, r#"{"title":"bad cart","status":422}"#),
            r#"{"order_id":null,"status":422,"http_status":422,"title":"bad cart"}"#,
        );
        assert_eq!(response(502, "oops"), r#"{"order_id":null,"status":null,"http_status":502,"body":"oops"}"#);
    }
}

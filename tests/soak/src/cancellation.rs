//! An owner who wants an order cancelled, even if requests and responses get lost.

use fastrand::Rng;
use yard::{Api, ApiRequest, HttpResponse};

use crate::client::{MAX_ATTEMPTS, pause};
use crate::order_log::OrderLog;

/// What an owner concludes from one response.
#[derive(Debug, PartialEq, Eq)]
enum CancellationResult {
    /// The request is stored; the warehouse decides, or has decided.
    Accepted,
    /// The order is on a pick list.
    TooLate,
    /// The request may or may not have been stored.
    Unclear(String),
    /// No owner should ever get this response.
    Wrong(String),
}

impl CancellationResult {
    fn from_response(order_id: &str, response: &HttpResponse) -> Self {
        let body = response.json();
        match response.status {
            202 if body["order_id"] == order_id => Self::Accepted,
            409 if body["type"] == "/problems/too-late" => Self::TooLate,
            429 | 500..=599 => Self::Unclear(format!("HTTP {} to cancel", response.status)),
            status => Self::Wrong(format!("the cancellation of {order_id}: HTTP {status}: {body}")),
        }
    }
}

/// Requests the cancellation of an order until the answer is clear. One request in four is repeated after that. Returns whether there
/// was a clear answer.
pub(crate) async fn cancel(api: &Api, order_id: &str, log: &OrderLog, random: &mut Rng) -> bool {
    let is_clear = request(api, order_id, log, random).await;
    if is_clear && random.u32(..4) == 0 {
        return request(api, order_id, log, random).await;
    }
    is_clear
}

async fn request(api: &Api, order_id: &str, log: &OrderLog, random: &mut Rng) -> bool {
    let path = format!("/orders/{order_id}/cancel");
    for attempt in 0..MAX_ATTEMPTS {
        let call = ApiRequest { method: "POST", path: &path, headers: &[], body: b"", signed: true };
        let result = match api.send(&call).await {
            Ok(response) => CancellationResult::from_response(order_id, &response),
            Err(_) => CancellationResult::Unclear("no answer to cancel".into()),
        };
        let is_clear = !matches!(result, CancellationResult::Unclear(_));
        log.with(|outcomes| match result {
            CancellationResult::Accepted => drop(outcomes.cancellations.insert(order_id.to_owned())),
            CancellationResult::TooLate => drop(outcomes.too_late.insert(order_id.to_owned())),
            CancellationResult::Unclear(what) => *outcomes.unclear.entry(what).or_default() += 1,
            CancellationResult::Wrong(what) => outcomes.wrong_answers.push(what),
        });
        if is_clear {
            return true;
        }
        pause(attempt, random).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_knows_the_outcome_only_from_a_clear_answer() {
        let result = |status, body: &str| {
            let response = HttpResponse { status, headers: Vec::new(), body: body.into() };
            CancellationResult::from_response("ord_1", &response)
        };
        assert_eq!(result(202, r#"{"order_id":"ord_1","status":"confirmed"}"#), CancellationResult::Accepted);
        assert_eq!(result(409, r#"{"type":"/problems/too-late"}"#), CancellationResult::TooLate);
        for status in [429, 500, 503] {
            assert!(matches!(result(status, "{}"), CancellationResult::Unclear(_)), "{status}");
        }
        for (status, body) in
            [(202, r#"{"order_id":"ord_2"}"#), (200, r#"{"order_id":"ord_1"}"#), (409, "{}"), (404, "")]
        {
            assert!(matches!(result(status, body), CancellationResult::Wrong(_)), "{status} {body}");
        }
    }
}

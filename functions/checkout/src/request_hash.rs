//! [`RequestHash`]: recognizes a repeated request.

use serde::Serialize;
use switchyard_events::{Address, EmailAddress, Quantity, Redacted, Sku, UserId, fingerprint};

use crate::cart::Cart;

/// A hash of what a request orders, of every version that a stored order may have.
///
/// Version 2 is canonical: it does not depend on the order of the lines, and what a client may leave out without ordering something
/// else is not in it: `expected_total_usd`, and an address that comes from the token anyway. A new optional field must be left out of
/// the hash when a request does not have it, or stored orders would no longer be recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHash {
    current: String,
    version_1: String,
}

/// The names and the order of the fields are part of the hash.
#[derive(Serialize)]
struct Canonical<'a> {
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a Redacted<EmailAddress>>,
    lines: Vec<Line<'a>>,
    ship_to: &'a Redacted<Address>,
}

/// The same with the lines in the order of the request.
#[derive(Serialize)]
struct Version1<'a> {
    user_id: &'a UserId,
    email: &'a Redacted<EmailAddress>,
    lines: Vec<Line<'a>>,
    ship_to: &'a Redacted<Address>,
}

#[derive(Serialize)]
struct Line<'a> {
    sku: &'a Sku,
    quantity: Quantity,
}

impl RequestHash {
    pub(crate) fn new(cart: &Cart) -> Result<Self, serde_json::Error> {
        let Cart { user_id, email, ship_to, .. } = cart;
        let lines =
            || cart.lines.iter().map(|line| Line { sku: &line.sku, quantity: line.quantity }).collect::<Vec<_>>();
        let mut sorted = lines();
        sorted.sort_by_key(|line| line.sku);
        let of_body = Some(email).filter(|_| !cart.has_email_of_token);
        let current = Canonical { user_id, email: of_body, lines: sorted, ship_to };
        let version_1 = Version1 { user_id, email, lines: lines(), ship_to };
        Ok(Self {
            current: format!("2:{}", fingerprint(&[&serde_json::to_string(&current)?])),
            version_1: fingerprint(&[&serde_json::to_string(&version_1)?]),
        })
    }

    /// The hash that a new order stores.
    pub(crate) fn to_stored(&self) -> String {
        self.current.clone()
    }

    /// Whether the request that stored this hash ordered the same. Only version 1 has no colon.
    pub(crate) fn matches(&self, stored: &str) -> bool {
        stored == if stored.contains(':') { &self.current } else { &self.version_1 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::caller::Caller;

    fn body() -> Value {
        json!({
            "user_id": "usr_91xc", "email": "ada@example.com",
            "items": [{"sku": "MUG-01", "quantity": 2}, {"sku": "TEA-07", "quantity": 1}],
            "ship_to": {"country": "US", "region": "CA", "postal_code": "94107"}
        })
    }

    fn hash(body: &Value) -> RequestHash {
        RequestHash::new(&Cart::parse(body, &Caller::Principal("shop".into()), false).unwrap()).unwrap()
    }

    fn changed(pointer: &str, value: Value) -> RequestHash {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        hash(&body)
    }

    #[test]
    fn request_hash_depends_on_what_is_ordered_only() {
        let original = hash(&body());
        let stored = original.to_stored();
        let mut other_text: Value =
            serde_json::from_str(&serde_json::to_string_pretty(&body()).unwrap().replace("usr_91xc", "usr_91\\u0078c"))
                .unwrap();
        assert!(hash(&other_text).matches(&stored));
        other_text["items"].as_array_mut().unwrap().reverse();
        other_text["expected_total_usd"] = json!(101.5);
        other_text["items"][0]["gift"] = json!(true);
        assert!(hash(&other_text).matches(&stored), "order of lines, and fields that order nothing");
        let split = json!([{"sku": "TEA-07", "quantity": 1}, {"sku": "MUG-01", "quantity": 1}, {"sku": "MUG-01", "quantity": 1}]);
        assert!(changed("/items", split).matches(&stored));
        for (pointer, value) in [
            ("/items/0/quantity", json!(3)),
            ("/items/0/sku", json!("MUG-02")),
            ("/email", json!("bob@example.com")),
            ("/user_id", json!("usr_2")),
            ("/ship_to/postal_code", json!("94108")),
        ] {
            assert!(!changed(pointer, value).matches(&stored), "{pointer}");
        }
    }

    #[test]
    fn hash_ignores_an_address_that_the_token_gives() {
        let hash = |email: &str| {
            let email = Redacted::new(EmailAddress::parse(email).unwrap());
            let person =
                Caller::Subject { issuer: "i".into(), subject: "usr_91xc".into(), verified_email: Some(email) };
            let mut body = body();
            body.as_object_mut().unwrap().remove("email");
            RequestHash::new(&Cart::parse(&body, &person, false).unwrap()).unwrap()
        };
        // The customer changed the address at the issuer, and then repeats the request.
        assert!(hash("ada@example.com").matches(&hash("ada@example.org").to_stored()));
    }

    /// The hash that the version before computed for this body.
    #[test]
    fn hash_of_version_1_is_still_recognized() {
        let stored = "zlkvijfxuo2hvph3n5f3qalrda";
        assert!(hash(&body()).matches(stored));
        let mut reversed = body();
        reversed["items"].as_array_mut().unwrap().reverse();
        assert!(!hash(&reversed).matches(stored), "version 1 depended on the order of the lines");
        assert!(!changed("/items/0/quantity", json!(3)).matches(stored));
    }
}

//! [`Cart`]: what a client wants to order. The parser continues after an error, so that one response names every
//! invalid field.

use serde_json::Value;
use switchyard_events::{
    Address, CountryCode, EmailAddress, InvalidValue, MAX_ORDER_LINES, PostalCode, Quantity, Redacted, RegionCode, Sku,
    Usd, UserId, check_region,
};

use crate::caller::Caller;
use crate::problem::FieldError;

/// A cart in which every field is valid. Whether its products exist is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cart {
    pub(crate) user_id: UserId,
    pub(crate) email: Redacted<EmailAddress>,
    /// Whether the address is that of the token, not of the body.
    pub(crate) has_email_of_token: bool,
    pub(crate) lines: Vec<CartLine>,
    pub(crate) ship_to: Redacted<Address>,
    /// The total that the client has shown to the customer.
    pub(crate) expected_total: Option<Usd>,
}

/// One line of a cart. A product has one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CartLine {
    pub(crate) sku: Sku,
    pub(crate) quantity: Quantity,
    /// The index in the request's `items` where the product first occurs.
    pub(crate) index: usize,
}

/// The errors of a cart, and its products with their index in `items`, which can still be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidCart {
    pub(crate) errors: Vec<FieldError>,
    pub(crate) skus: Vec<(usize, Sku)>,
}

impl Cart {
    /// Parses a cart of this caller. The mail address comes from the caller's token, unless `allows_body_email`.
    pub(crate) fn parse(body: &Value, caller: &Caller, allows_body_email: bool) -> Result<Self, InvalidCart> {
        let mut parser = CartParser::default();
        if !body.is_object() {
            parser.add_error("body", "must be a JSON object");
        }
        let user_id = parser.user_id(body, caller);
        let email = parser.email(body, caller, allows_body_email);
        let lines = parser.lines(body.get("items"));
        let ship_to = parser.address(body);
        let expected_total = parser.expected_total(body);
        match (user_id, email, ship_to) {
            (Some(user_id), Some((email, has_email_of_token)), Some(ship_to)) if parser.errors.is_empty() => Ok(Self {
                user_id,
                email: Redacted::new(email),
                has_email_of_token,
                lines,
                ship_to: Redacted::new(ship_to),
                expected_total,
            }),
            _ => Err(parser.into_invalid_cart()),
        }
    }
}

/// Collects errors and products.
#[derive(Default)]
struct CartParser {
    errors: Vec<FieldError>,
    skus: Vec<(usize, Sku)>,
}

impl CartParser {
    fn add_error(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        let (field, reason) = (field.into(), reason.into());
        self.errors.push(FieldError { field, reason });
    }

    /// If the cart is not an object, that is the only error: its fields are not reported as missing.
    fn into_invalid_cart(mut self) -> InvalidCart {
        if self.errors.first().is_some_and(|error| error.field == "body") {
            self.errors.truncate(1);
        }
        let Self { errors, skus } = self;
        InvalidCart { errors, skus }
    }

    /// Parses the text field of `parent` whose name is the last part of `path`.
    fn text<T>(&mut self, parent: &Value, path: &str, parse: impl Fn(&str) -> Result<T, InvalidValue>) -> Option<T> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let parsed = match parent.get(name) {
            None => Err(InvalidValue::new("is required")),
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(InvalidValue::new("must be a string")),
        };
        parsed.map_err(|invalid| self.add_error(path, invalid.0)).ok()
    }

    fn user_id(&mut self, body: &Value, caller: &Caller) -> Option<UserId> {
        let user_id = match body.get("user_id") {
            Some(Value::String(named)) => caller.user_id(Some(named)),
            Some(_) => Err(InvalidValue::new("must be a string")),
            None => caller.user_id(None),
        };
        user_id.map_err(|invalid| self.add_error("user_id", invalid.0)).ok()
    }

    /// The address for mail, and whether it is that of the token. A service is trusted to know its customers' addresses. A person
    /// could name that of another person, so theirs must be verified.
    fn email(&mut self, body: &Value, caller: &Caller, allows_body_email: bool) -> Option<(EmailAddress, bool)> {
        let is_named = body.get("email").is_some();
        if !caller.has_token() || (allows_body_email && is_named) {
            return self.text(body, "email", |text| EmailAddress::parse(text)).map(|email| (email, false));
        }
        let Some(verified) = caller.verified_email() else {
            let reason = if allows_body_email { "is required" } else { "the token has no verified address" };
            self.add_error("email", reason);
            return None;
        };
        if body.get("email").is_some_and(|named| named.as_str().is_none_or(|text| text != verified.as_str())) {
            self.add_error("email", "must be left out, or be the verified address of the token");
            return None;
        }
        Some((verified, true))
    }

    fn expected_total(&mut self, body: &Value) -> Option<Usd> {
        let field = "expected_total_usd";
        let total = match body.get(field)? {
            Value::Number(number) => Usd::parse(&number.to_string()),
            _ => Err(InvalidValue::new("must be a number")),
        };
        total.map_err(|invalid| self.add_error(field, invalid.0)).ok()
    }

    fn address(&mut self, body: &Value) -> Option<Address> {
        let Some(address @ Value::Object(_)) = body.get("ship_to") else {
            self.add_error("ship_to", "must be an object with country, region and postal_code");
            return None;
        };
        let country = self.text(address, "ship_to.country", |text| CountryCode::parse(text));
        let region = self.text(address, "ship_to.region", |text| RegionCode::parse(text));
        let postal_code = self.text(address, "ship_to.postal_code", |text| PostalCode::parse(text));
        let (country, region) = (country?, region?);
        if let Err(invalid) = check_region(&country, &region) {
            let field = if country.as_str() == "US" { "ship_to.region" } else { "ship_to.country" };
            self.add_error(field, invalid.0);
            return None;
        }
        Some(Address { country, region, postal_code: postal_code? })
    }

    /// Parses the lines and merges those of the same product. If there are too many, none is parsed.
    fn lines(&mut self, items: Option<&Value>) -> Vec<CartLine> {
        let items = match items {
            Some(Value::Array(items)) if (1..=MAX_ORDER_LINES).contains(&items.len()) => items,
            _ => {
                self.add_error("items", format!("must be a list of 1 to {MAX_ORDER_LINES} lines"));
                return Vec::new();
            }
        };
        let mut lines: Vec<CartLine> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(line) = self.line(index, item) else { continue };
            let Some(same) = lines.iter_mut().find(|earlier| earlier.sku == line.sku) else {
                lines.push(line);
                continue;
            };
            match Quantity::try_from(u64::from(same.quantity) + u64::from(line.quantity)) {
                Ok(sum) => same.quantity = sum,
                Err(_) => self.add_error(
                    quantity_field(index),
                    format!("all lines of one sku together must be at most {}", Quantity::MAX),
                ),
            }
        }
        lines
    }

    fn line(&mut self, index: usize, item: &Value) -> Option<CartLine> {
        if !item.is_object() {
            self.add_error(format!("items[{index}]"), "must be an object with sku and quantity");
            return None;
        }
        let sku = self.text(item, &format!("items[{index}].sku"), |text| Sku::parse(text));
        self.skus.extend(sku.iter().map(|sku| (index, sku.clone())));
        let quantity = match item.get("quantity") {
            None => Err(InvalidValue::new("is required")),
            // Zero is invalid too, so anything that is not a whole number is refused with the same reason.
            Some(number) => Quantity::try_from(number.as_u64().unwrap_or(0)),
        };
        let quantity = quantity.map_err(|invalid| self.add_error(quantity_field(index), invalid.0)).ok();
        let (sku, quantity) = (sku?, quantity?);
        Some(CartLine { sku, quantity, index })
    }
}

fn quantity_field(index: usize) -> String {
    format!("items[{index}].quantity")
}

#[cfg(test)]
mod tests;

//! What the client wants to order: read leniently, so that every bad field can be named at once.

use serde::Serialize;
use serde_json::Value;
use switchyard_events::{
    Address, CountryCode, EmailAddress, InvalidValue, MAX_ORDER_LINES, PostalCode, Quantity, Redacted, RegionCode, Sku,
    UserId, fingerprint,
};

use crate::problem::FieldError;

/// A cart in which every field is valid; whether its products exist is for the catalog to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cart {
    pub(crate) user_id: UserId,
    pub(crate) email: Redacted<EmailAddress>,
    pub(crate) lines: Vec<CartLine>,
    pub(crate) ship_to: Redacted<Address>,
}

/// One product, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CartLine {
    pub(crate) sku: Sku,
    pub(crate) quantity: Quantity,
    /// Its place in the request, where it was first named.
    #[serde(skip)]
    pub(crate) at: usize,
}

/// A cart that cannot be ordered, and the products in it that can still be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadCart {
    pub(crate) errors: Vec<FieldError>,
    pub(crate) skus: Vec<(usize, Sku)>,
}

impl Cart {
    /// Reads a cart. A caller with a token may order only as its `subject`.
    pub(crate) fn read(body: &Value, subject: Option<&str>) -> Result<Self, BadCart> {
        let mut form = Form::default();
        if !body.is_object() {
            form.refuse("body", "must be a JSON object");
        }
        let user_id = form.user_id(body, subject);
        let email = form.text(body, "email", |text| EmailAddress::parse(text));
        let lines = form.lines(body.get("items"));
        let ship_to = form.address(body);
        match (user_id, email, ship_to) {
            (Some(user_id), Some(email), Some(ship_to)) if form.errors.is_empty() => {
                Ok(Self { user_id, email: Redacted::new(email), lines, ship_to: Redacted::new(ship_to) })
            }
            _ => Err(form.finish()),
        }
    }

    /// The same for the same cart, however its JSON was written.
    pub(crate) fn fingerprint(&self) -> Result<String, serde_json::Error> {
        Ok(fingerprint(&[&serde_json::to_string(self)?]))
    }
}

/// Errors found so far, and products named so far.
#[derive(Default)]
struct Form {
    errors: Vec<FieldError>,
    skus: Vec<(usize, Sku)>,
}

impl Form {
    fn refuse(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        let (field, reason) = (field.into(), reason.into());
        self.errors.push(FieldError { field, reason });
    }

    /// A field of a cart that is no object at all is not missed as well.
    fn finish(mut self) -> BadCart {
        if self.errors.first().is_some_and(|error| error.field == "body") {
            self.errors.truncate(1);
        }
        let Self { errors, skus } = self;
        BadCart { errors, skus }
    }

    /// The text at a path whose last part is its name in `parent`.
    fn text<T>(&mut self, parent: &Value, path: &str, parse: impl Fn(&str) -> Result<T, InvalidValue>) -> Option<T> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let parsed = match parent.get(name) {
            None => Err(InvalidValue::new("is required")),
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(InvalidValue::new("must be a string")),
        };
        parsed.map_err(|invalid| self.refuse(path, invalid.0)).ok()
    }

    fn user_id(&mut self, body: &Value, subject: Option<&str>) -> Option<UserId> {
        let Some(subject) = subject else {
            return self.text(body, "user_id", |text| UserId::parse(text));
        };
        if body.get("user_id").is_some_and(|named| named != subject) {
            self.refuse("user_id", "must be left out, or be the subject of the token");
            return None;
        }
        // Some issuers' subjects have characters that an identifier of ours may not have.
        let user_id = UserId::parse(subject).or_else(|_| UserId::parse(format!("usr_{}", fingerprint(&[subject]))));
        user_id.map_err(|invalid| self.refuse("user_id", invalid.0)).ok()
    }

    fn address(&mut self, body: &Value) -> Option<Address> {
        let Some(address @ Value::Object(_)) = body.get("ship_to") else {
            self.refuse("ship_to", "must be an object with country, region and postal_code");
            return None;
        };
        let country = self.text(address, "ship_to.country", |text| CountryCode::parse(text));
        let region = self.text(address, "ship_to.region", |text| RegionCode::parse(text));
        let postal_code = self.text(address, "ship_to.postal_code", |text| PostalCode::parse(text));
        Some(Address { country: country?, region: region?, postal_code: postal_code? })
    }

    /// The lines, with those of one product made one. Of a cart that is too long, no line is looked at.
    fn lines(&mut self, items: Option<&Value>) -> Vec<CartLine> {
        let items = match items {
            Some(Value::Array(items)) if (1..=MAX_ORDER_LINES).contains(&items.len()) => items,
            _ => {
                self.refuse("items", format!("must be a list of 1 to {MAX_ORDER_LINES} lines"));
                return Vec::new();
            }
        };
        let mut lines: Vec<CartLine> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let Some(line) = self.line(at, item) else { continue };
            let Some(same) = lines.iter_mut().find(|earlier| earlier.sku == line.sku) else {
                lines.push(line);
                continue;
            };
            match Quantity::try_from(u64::from(same.quantity) + u64::from(line.quantity)) {
                Ok(sum) => same.quantity = sum,
                Err(_) => self.refuse(
                    quantity_at(at),
                    format!("all lines of one sku together must be at most {}", Quantity::MAX),
                ),
            }
        }
        lines
    }

    fn line(&mut self, at: usize, item: &Value) -> Option<CartLine> {
        if !item.is_object() {
            self.refuse(format!("items[{at}]"), "must be an object with sku and quantity");
            return None;
        }
        let sku = self.text(item, &format!("items[{at}].sku"), |text| Sku::parse(text));
        self.skus.extend(sku.iter().map(|sku| (at, sku.clone())));
        let quantity = match item.get("quantity") {
            None => Err(InvalidValue::new("is required")),
            // What is no whole number that fits is as wrong as none at all, and the rule says what is right.
            Some(number) => Quantity::try_from(number.as_u64().unwrap_or(0)),
        };
        let quantity = quantity.map_err(|invalid| self.refuse(quantity_at(at), invalid.0)).ok();
        let (sku, quantity) = (sku?, quantity?);
        Some(CartLine { sku, quantity, at })
    }
}

fn quantity_at(at: usize) -> String {
    format!("items[{at}].quantity")
}

impl FieldError {
    /// A product that is not in the catalog.
    pub(crate) fn unknown_sku(at: usize) -> Self {
        let (field, reason) = (format!("items[{at}].sku"), "is not in the catalog".into());
        Self { field, reason }
    }

    /// Too much money.
    pub(crate) fn total(invalid: &InvalidValue) -> Self {
        let (field, reason) = ("items".into(), format!("the total {invalid}"));
        Self { field, reason }
    }
}

#[cfg(test)]
mod tests;

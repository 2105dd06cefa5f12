//! What the customer reads.

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context};
use switchyard_chassis::Failure;
use switchyard_events::{OrderLine, OrderPlaced};

use crate::plain::{date, line, money};

/// The longest name of a product in the mail, in characters. With 50 lines of such names in nothing but characters that must
/// be escaped, the HTML still stays under the size at which Gmail cuts a mail off (about 102 kB).
const NAME: usize = 120;

/// The longest name in the subject, of which a phone shows some 40 characters.
const NAME_IN_SUBJECT: usize = 48;

/// A confirmation, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line of visible text, at most about 150 characters.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// For everyone else.
    pub html: String,
}

/// Composes mails from the files in `templates/`, which are compiled in.
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::empty();
        environment.set_loader(|name| {
            Ok(match name {
                "confirmation.txt" => Some(include_str!("../templates/confirmation.txt")),
                "confirmation.html" => Some(include_str!("../templates/confirmation.html")),
                _ => None,
            })
        });
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "txt")) => AutoEscape::None,
            _ => AutoEscape::Html,
        });
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        Self(environment)
    }
}

impl Templates {
    /// The confirmation of an order. It can only fail by a mistake in a template.
    pub fn compose(&self, order: &OrderPlaced) -> Result<Mail, Failure> {
        let view = view(order);
        let render = |name: &str| {
            let rendered = self.0.get_template(name).and_then(|template| template.render(&view));
            rendered.map_err(|error| unrenderable(name, &error))
        };
        Ok(Mail { subject: subject(order), text: render("confirmation.txt")?, html: render("confirmation.html")? })
    }
}

fn subject(order: &OrderPlaced) -> String {
    let first = order.items.first().map(|item| name(item, NAME_IN_SUBJECT));
    let more = match order.items.len() {
        0 | 1 => String::new(),
        lines => format!(" and {} more", lines - 1),
    };
    format!("Your order: {}{more} ({})", first.unwrap_or_default(), order.order_id)
}

/// What the templates may use: text, all of it harmless in plain text; HTML escapes it.
fn view(order: &OrderPlaced) -> Value {
    let lines = order.items.iter().map(|item| {
        context! {
            name => name(item, NAME),
            sku => item.sku.as_str(),
            quantity => item.quantity.get(),
            unit_price => money(item.unit_price_usd),
            amount => money(item.amount()),
        }
    });
    let address = order.ship_to.reveal();
    context! {
        order_id => order.order_id.as_str(),
        placed_at => date(order.placed_at),
        lines => lines.collect::<Vec<Value>>(),
        total => money(order.total_usd),
        ship_to => format!("{} {}, {}", address.region, address.postal_code, address.country),
    }
}

/// The product's name as of the order, or its SKU where nothing of the name can be seen.
fn name(item: &OrderLine, most: usize) -> String {
    let name = line(&item.name, most);
    if name.is_empty() { item.sku.to_string() } else { name }
}

/// The error's own text may hold values, so only its kind and place are told.
fn unrenderable(template: &str, error: &Error) -> Failure {
    let line = error.line().unwrap_or_default();
    Failure::reject("unrenderable", format!("{template}, line {line}: {:?}", error.kind()))
}

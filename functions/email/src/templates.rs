//! The mails about an order, rendered from `templates/`. Both mails share a template: they differ in their title, a sentence, and the time
//! of the cancellation.

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context};
use switchyard_chassis::Failure;
use switchyard_events::{CancellationReason, OrderLine, OrderPlaced, PlacedOrCancelled};

use crate::text::{format_date, format_usd, single_line};

/// The maximum length of a product name in the mail, in characters. Even if 50 names consist only of characters that must be
/// escaped, the HTML is smaller than the size at which Gmail cuts off a mail (about 102 kB).
const MAX_NAME_CHARS: usize = 120;

/// The maximum length of a product name in the subject. A phone shows about 40 characters of a subject.
const MAX_SUBJECT_NAME_CHARS: usize = 48;

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line of visible text, at most about 150 characters.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// Renders mails from the files in `templates/`, which are compiled in.
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::empty();
        environment.set_loader(|name| {
            Ok(match name {
                "order.txt" => Some(include_str!("../templates/order.txt")),
                "order.html" => Some(include_str!("../templates/order.html")),
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
    /// Renders the mail for an event of an order. It fails only if a template has an error, as `unrenderable`.
    pub fn compose(&self, event: &PlacedOrCancelled) -> Result<Mail, Failure> {
        let view = view(event);
        let render = |name: &str| {
            let rendered = self.0.get_template(name).and_then(|template| template.render(&view));
            rendered.map_err(|error| unrenderable(name, &error))
        };
        Ok(Mail { subject: subject(event), text: render("order.txt")?, html: render("order.html")? })
    }
}

fn subject(event: &PlacedOrCancelled) -> String {
    let (order, what) = match event {
        PlacedOrCancelled::Placed(order) => (&**order, "Your order"),
        PlacedOrCancelled::Cancelled(cancelled) => (&cancelled.order, "Cancelled"),
    };
    let first = order.items.first().map(|item| name(item, MAX_SUBJECT_NAME_CHARS));
    let more = match order.items.len() {
        0 | 1 => String::new(),
        lines => format!(" and {} more", lines - 1),
    };
    format!("{what}: {}{more} ({})", first.unwrap_or_default(), order.order_id)
}

/// The title and the sentence after it. Nothing is decided yet when an order is placed: it may be rejected, or cancelled. So the first
/// mail says only that the order was received. The mail about a rejection does not say why the order looked suspicious, or that it did.
fn title_and_message(event: &PlacedOrCancelled) -> (&'static str, &'static str) {
    let PlacedOrCancelled::Cancelled(cancelled) = event else {
        return ("We received your order", "Thank you. It has reached us. We check every order before we accept it.");
    };
    let message = match cancelled.reason {
        CancellationReason::Requested => "It was cancelled on request. Nothing will be sent to you.",
        CancellationReason::Rejected => "We are sorry: we could not accept it. Nothing will be sent to you.",
    };
    ("Your order is cancelled", message)
}

/// The variables of the templates. All texts are safe in plain text; the HTML template escapes them.
fn view(event: &PlacedOrCancelled) -> Value {
    let order: &OrderPlaced = event.order();
    let lines = order.items.iter().map(|item| {
        context! {
            name => name(item, MAX_NAME_CHARS),
            sku => item.sku.as_str(),
            quantity => item.quantity.get(),
            unit_price => format_usd(item.unit_price_usd),
            amount => format_usd(item.amount()),
        }
    });
    let cancelled_at = match event {
        PlacedOrCancelled::Placed(_) => None,
        PlacedOrCancelled::Cancelled(cancelled) => Some(format_date(cancelled.cancelled_at)),
    };
    let address = order.ship_to.reveal();
    let (title, message) = title_and_message(event);
    context! {
        title,
        underline => "=".repeat(title.len()),
        message,
        cancelled_at,
        order_id => order.order_id.as_str(),
        placed_at => format_date(order.placed_at),
        lines => lines.collect::<Vec<Value>>(),
        total => format_usd(order.total_usd),
        ship_to => format!("{} {}, {}", address.region, address.postal_code, address.country),
    }
}

/// The product's name in the order, or its SKU if the name has no visible characters.
fn name(item: &OrderLine, max_chars: usize) -> String {
    let name = single_line(&item.name, max_chars);
    if name.is_empty() { item.sku.to_string() } else { name }
}

/// Contains only the kind and the line of the error, as its text may contain values of the order.
fn unrenderable(template: &str, error: &Error) -> Failure {
    let line = error.line().unwrap_or_default();
    Failure::reject("unrenderable", format!("{template}, line {line}: {:?}", error.kind()))
}

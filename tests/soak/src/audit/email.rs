//! One mail per order, and one more if it was cancelled, each with the order's lines and total. The first one may be missing if the
//! second one took its place. More are allowed only inside the documented window: the worker did not get SES's response to the mail
//! before, or its lease had ended before it could complete it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_chassis::Item;
use switchyard_events::EventId;

use super::evidence::Evidence;
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use crate::cart::{AcceptedOrder, CartLine};
use crate::email_journal::EmailEvent;

pub(super) fn audit(_: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let mut texts_by_address: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mail in &evidence.mails {
        texts_by_address.entry(&mail.to).or_default().push(&mail.text);
    }
    for accepted in &evidence.accepted {
        let texts = texts_by_address.remove(accepted.cart.email.as_str()).unwrap_or_default();
        audit_order(accepted, &texts, evidence, &orders, findings);
    }
    let unexpected = texts_by_address.keys();
    findings.doubled.extend(unexpected.map(|address| format!("email: a mail to {address}, who ordered nothing")));
}

fn audit_order(
    accepted: &AcceptedOrder,
    texts: &[&str],
    evidence: &Evidence,
    orders: &ExpectedOrders<'_>,
    findings: &mut Findings,
) {
    let (second, first): (Vec<&str>, Vec<&str>) =
        texts.iter().partition(|text| text.contains("Your order is cancelled"));
    let is_cancelled = orders.is_cancelled(accepted);
    let journal = |event_type: &str, sequence| {
        let event_id = EventId::derive(event_type, &accepted.order_id, sequence);
        evidence.journal.get(event_id.as_str()).map(Vec::as_slice).unwrap_or_default()
    };
    let placed = journal("OrderPlaced", 1);
    let is_superseded = is_cancelled && placed.contains(&EmailEvent::Superseded);
    audit_mail(accepted, &Mails { what: "mail", texts: &first, journal: placed, needed: !is_superseded }, findings);
    let cancelled = journal("OrderCancelled", 6);
    let second = Mails { what: "cancellation mail", texts: &second, journal: cancelled, needed: is_cancelled };
    audit_mail(accepted, &second, findings);
    if !second.needed && !second.texts.is_empty() {
        findings.doubled.push(format!("email: a cancellation mail for {}, which is not cancelled", accepted.order_id));
    }
}

/// All mails about one event of an order.
struct Mails<'a> {
    what: &'static str,
    texts: &'a [&'a str],
    journal: &'a [EmailEvent],
    /// Whether there must be one.
    needed: bool,
}

fn audit_mail(accepted: &AcceptedOrder, mails: &Mails<'_>, findings: &mut Findings) {
    let (id, Mails { what, texts, journal, needed }) = (&accepted.order_id, mails);
    match texts.last() {
        None if !needed => {}
        None => findings.lost.push(format!("email: no {what} for {id}")),
        Some(text) => {
            let missing = missing_content(accepted, text).into_iter();
            findings.lost.extend(missing.map(|missing| format!("email: the {what} for {id} does not say {missing}")));
        }
    }
    let (sent, seen) = (texts.len(), journal.iter().filter(|event| matches!(event, EmailEvent::Sent { .. })).count());
    if sent != seen {
        findings.mails_outside.push(format!("email: {sent} {what}s for {id}, of which the proxy saw {seen}"));
    }
    let RepeatedMails { inside, outside } = RepeatedMails::from_journal(journal);
    findings.mails_inside.extend((0..inside).map(|_| format!("email: one more {what} for {id}")));
    findings.mails_outside.extend((0..outside).map(|_| format!("email: one more {what} for {id}: {journal:?}")));
}

/// What an order's mail must contain and does not.
fn missing_content(accepted: &AcceptedOrder, text: &str) -> Vec<String> {
    let line = |line: &CartLine| format!("{}: {} x ", line.sku, line.quantity);
    let mut content: Vec<_> = accepted.cart.lines.iter().map(line).collect();
    content.push(accepted.order_id.clone());
    content.push(format!("Total: {}", dollars(accepted.cart.total())));
    content.retain(|content| !text.contains(content.as_str()));
    content
}

/// An amount as mails spell it, such as `$1,234.50`. On purpose not the code that writes the mails.
fn dollars(amount: Decimal) -> String {
    let text = format!("{amount:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{cents}")
}

/// The mails of one order after the first one.
#[derive(Debug, Default, PartialEq, Eq)]
struct RepeatedMails {
    /// Sent again inside the documented window.
    inside: usize,
    /// Sent again outside of it.
    outside: usize,
}

#[derive(Clone, Copy)]
struct Lease {
    at: Timestamp,
    until: Timestamp,
}

/// A mail that was sent under a lease.
struct LeasedMail {
    delivered: bool,
    completed: bool,
    lease: Option<Lease>,
}

impl RepeatedMails {
    fn from_journal(journal: &[EmailEvent]) -> Self {
        let mut repeated = Self::default();
        let (mut lease, mut last): (Option<Lease>, Option<LeasedMail>) = (None, None);
        for event in journal {
            match *event {
                // As if it had been sent: nothing may be sent after it.
                EmailEvent::Superseded => last = Some(LeasedMail { delivered: true, completed: true, lease }),
                EmailEvent::LeaseAcquired { at, until } => lease = Some(Lease { at, until }),
                EmailEvent::Completed => {
                    if let Some(mail) = &mut last {
                        mail.completed = true;
                    }
                }
                EmailEvent::Sent { delivered } => {
                    match &last {
                        None => {}
                        Some(mail) if mail.may_be_repeated_under(lease) => repeated.inside += 1,
                        Some(_) => repeated.outside += 1,
                    }
                    last = Some(LeasedMail { delivered, completed: false, lease });
                }
            }
        }
        repeated
    }
}

impl LeasedMail {
    /// Whether the worker with this lease could not know that the mail had been sent.
    fn may_be_repeated_under(&self, lease: Option<Lease>) -> bool {
        let lease_ended = self.lease.zip(lease).is_some_and(|(before, now)| now.at >= before.until);
        !self.completed && (!self.delivered || lease_ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the journal `c60` acquires a lease at second 60, `s` and `u` send with and without a delivered response, `d`
    /// completes, `x` supersedes.
    fn check(journal: &str, expected: (usize, usize)) {
        let at = |second| Timestamp::from_second(second).unwrap();
        let event = |word: &str| match word.split_at(1) {
            ("c", second) => {
                let second = second.parse().unwrap();
                EmailEvent::LeaseAcquired { at: at(second), until: at(second + 60) }
            }
            ("s", _) => EmailEvent::Sent { delivered: true },
            ("u", _) => EmailEvent::Sent { delivered: false },
            ("x", _) => EmailEvent::Superseded,
            _ => EmailEvent::Completed,
        };
        let events: Vec<_> = journal.split(' ').map(event).collect();
        let RepeatedMails { inside, outside } = RepeatedMails::from_journal(&events);
        assert_eq!((inside, outside), expected, "{journal}");
    }

    #[test]
    fn dollars_have_thousands_separators_and_cents() {
        for (cents, text) in [(5, "$0.05"), (99_999, "$999.99"), (100_000, "$1,000.00"), (123_456_700, "$1,234,567.00")]
        {
            assert_eq!(dollars(Decimal::new(cents, 2)), text);
        }
    }

    #[test]
    fn mail_is_repeated_only_after_lost_response_or_ended_lease() {
        check("c0 s d", (0, 0));
        check("c0 u c5 s d", (1, 0));
        check("c0 s c60 s d", (1, 0));
        check("c0 u c5 u c9 s d", (2, 0));
        check("c0 s c5 s d", (0, 1));
        check("c0 s d c70 s d", (0, 1));
        check("c0 s s", (0, 1));
        check("x", (0, 0));
        check("c0 u x", (0, 0));
        check("c0 x c1 s", (0, 1));
        check("x s", (0, 1));
    }
}

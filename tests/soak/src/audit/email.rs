//! One mail an order, with the order's lines and total. More are allowed only inside the documented window: the one before was taken by SES without its sender
//! hearing so, or the sender's lease had ended before it could say so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use switchyard_chassis::Item;

use super::{Evidence, Findings};
use crate::cart::{Accepted, Line};
use crate::witness::Entry;

pub(super) fn audit(_: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let mut mails: BTreeMap<&str, usize> = BTreeMap::new();
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    for mail in &evidence.mails {
        *mails.entry(&mail.to).or_default() += 1;
        texts.insert(&mail.to, &mail.text);
    }
    for accepted in &evidence.accepted {
        let (id, address) = (&accepted.order_id, accepted.cart.email.as_str());
        let sent = mails.remove(address).unwrap_or_default();
        let journal = evidence.journal.get(id).map(Vec::as_slice).unwrap_or_default();
        let (inside, outside) = extra(journal);
        let known = journal.iter().filter(|entry| matches!(entry, Entry::Sent { .. })).count();
        if sent == 0 {
            findings.lost.push(format!("email: no mail for {id}"));
        } else {
            for missing in unsaid(accepted, texts.get(address).copied().unwrap_or_default()) {
                findings.lost.push(format!("email: the mail for {id} does not say {missing}"));
            }
        }
        if sent != known {
            findings.mails_outside.push(format!("email: {sent} mails for {id}, of which the proxy saw {known}"));
        }
        findings.mails_inside.extend((0..inside).map(|_| format!("email: one more mail for {id}")));
        findings.mails_outside.extend((0..outside).map(|_| format!("email: one more mail for {id}: {journal:?}")));
    }
    findings.doubled.extend(mails.keys().map(|address| format!("email: a mail to {address}, who ordered nothing")));
}

/// What must stand in an order's mail and does not.
fn unsaid(accepted: &Accepted, text: &str) -> Vec<String> {
    let line = |line: &Line| format!("{}: {} x ", line.sku, line.quantity);
    let mut said: Vec<_> = accepted.cart.lines.iter().map(line).collect();
    said.push(accepted.order_id.clone());
    said.push(format!("Total: {}", dollars(accepted.cart.total())));
    said.retain(|said| !text.contains(said.as_str()));
    said
}

/// As people write it: `$1,234.50`.
fn dollars(amount: Decimal) -> String {
    let text = format!("{amount:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let from_right = |(at, digit): (usize, char)| {
        let comma = (at > 0 && (whole.len() - at).is_multiple_of(3)).then_some(',');
        comma.into_iter().chain([digit])
    };
    format!("${}.{cents}", whole.chars().enumerate().flat_map(from_right).collect::<String>())
}

/// The mails after the first: how many left inside the window, and how many outside.
fn extra(journal: &[Entry]) -> (usize, usize) {
    #[derive(Clone, Copy)]
    struct Lease {
        at: Timestamp,
        until: Timestamp,
    }
    struct Mail {
        heard: bool,
        completed: bool,
        lease: Option<Lease>,
    }
    let (mut inside, mut outside) = (0, 0);
    let (mut lease, mut last): (Option<Lease>, Option<Mail>) = (None, None);
    for entry in journal {
        match *entry {
            Entry::Claimed { at, until } => lease = Some(Lease { at, until }),
            Entry::Completed => {
                if let Some(mail) = &mut last {
                    mail.completed = true;
                }
            }
            Entry::Sent { heard } => {
                if let Some(mail) = &last {
                    let ended = mail.lease.zip(lease).is_some_and(|(before, now)| now.at >= before.until);
                    if !mail.completed && (!mail.heard || ended) {
                        inside += 1;
                    } else {
                        outside += 1;
                    }
                }
                last = Some(Mail { heard, completed: false, lease });
            }
        }
    }
    (inside, outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(journal: &str, expected: (usize, usize)) {
        let at = |second| Timestamp::from_second(second).unwrap();
        let entry = |word: &str| match word.split_at(1) {
            ("c", second) => {
                let second = second.parse().unwrap();
                Entry::Claimed { at: at(second), until: at(second + 60) }
            }
            ("s", _) => Entry::Sent { heard: true },
            ("u", _) => Entry::Sent { heard: false },
            _ => Entry::Completed,
        };
        let entries: Vec<_> = journal.split(' ').map(entry).collect();
        assert_eq!(extra(&entries), expected, "{journal}");
    }

    #[test]
    fn dollars_have_commas_and_cents() {
        for (cents, text) in [(5, "$0.05"), (99_999, "$999.99"), (100_000, "$1,000.00"), (123_456_700, "$1,234,567.00")]
        {
            assert_eq!(dollars(Decimal::new(cents, 2)), text);
        }
    }

    #[test]
    fn a_mail_may_leave_again_only_if_the_one_before_was_not_heard_of_or_its_lease_has_ended() {
        check("c0 s d", (0, 0));
        check("c0 u c5 s d", (1, 0));
        check("c0 s c60 s d", (1, 0));
        check("c0 u c5 u c9 s d", (2, 0));
        check("c0 s c5 s d", (0, 1));
        check("c0 s d c70 s d", (0, 1));
        check("c0 s s", (0, 1));
    }
}

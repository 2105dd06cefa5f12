//! The rules in force, and what has come of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::{Call, Fault, Rule};

/// How often what happened: by operation (`dynamodb PutItem`), then by the fault's kind; `passed` counts calls without one.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// The rules in force. The same seed makes the same choices for the same calls in the same order.
pub(crate) struct Book {
    pages: Mutex<Pages>,
}

struct Pages {
    rules: Vec<Entry>,
    random: fastrand::Rng,
    counts: Counts,
}

struct Entry {
    rule: Rule,
    fitted: u64,
    fired: u64,
}

impl Book {
    pub(crate) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { pages: Mutex::new(Pages { rules: Vec::new(), random, counts: Counts::new() }) }
    }

    /// Puts these rules in the place of those before.
    pub(crate) fn replace(&self, rules: Vec<Rule>) {
        let entries = rules.into_iter().map(|rule| Entry { rule, fitted: 0, fired: 0 });
        self.with(|pages| pages.rules = entries.collect());
    }

    /// What befalls this call: the fault of the first rule that takes it.
    pub(crate) fn decide(&self, call: &Call) -> Option<Fault> {
        self.with(|pages| {
            let fault = pages.rules.iter_mut().find_map(|entry| entry.take(call, &mut pages.random));
            let kind = fault.as_ref().map_or("passed", Fault::kind);
            *pages.counts.entry(call.name()).or_default().entry(kind.to_owned()).or_default() += 1;
            fault
        })
    }

    /// A choice of the same seed.
    pub(crate) fn toss(&self) -> bool {
        self.with(|pages| pages.random.bool())
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with(|pages| pages.counts.clone())
    }

    pub(crate) fn show(&self) -> Value {
        self.with(|pages| {
            let rules = pages.rules.iter().map(|entry| json!({"rule": entry.rule, "fired": entry.fired}));
            json!({"rules": rules.collect::<Vec<_>>(), "counts": pages.counts})
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        act(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    fn take(&mut self, call: &Call, random: &mut fastrand::Rng) -> Option<Fault> {
        if !self.rule.fits(call) || self.rule.count.is_some_and(|most| self.fired >= most) {
            return None;
        }
        self.fitted += 1;
        if self.fitted <= self.rule.skip || random.f64() >= self.rule.probability {
            return None;
        }
        self.fired += 1;
        Some(self.rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::*;

    fn call(operation: &str) -> Call {
        Call { service: "dynamodb".into(), operation: operation.into(), body: Bytes::new() }
    }

    fn kinds(book: &Book, calls: usize) -> String {
        let kind = |_| book.decide(&call("PutItem")).map_or('.', |fault| fault.kind().chars().next().unwrap_or('?'));
        (0..calls).map(kind).collect()
    }

    #[test]
    fn the_first_rule_that_takes_a_call_decides_as_often_as_it_may() {
        let book = Book::new(1);
        let throttles = Rule::new("dynamodb", "Put*", Fault::Throttle).skip(1).times(2);
        book.replace(vec![throttles, Rule::new("*", "PutItem", Fault::ResetConnection).skip(3)]);
        assert_eq!(kinds(&book, 7), "..".to_owned().replace("..", ".tt..rr"));
        assert_eq!(book.counts()["dynamodb PutItem"]["throttle"], 2);
        assert_eq!(book.show()["rules"][0]["fired"], 2);
        book.replace(Vec::new());
        assert_eq!(kinds(&book, 3), "...");
        assert_eq!(book.counts()["dynamodb PutItem"]["passed"], 6);
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let run = |seed| {
            let book = Book::new(seed);
            book.replace(vec![Rule::new("*", "*", Fault::DropResponse).with_probability(0.3)]);
            kinds(&book, 200)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let drops = run(7).matches('d').count();
        assert!((30..90).contains(&drops), "{drops}");
    }
}

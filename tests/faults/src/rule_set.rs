//! The rules in force, and how often each of them and each fault was applied.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::{AwsCall, Fault, Rule};

/// Calls by operation (`dynamodb PutItem`), then by the kind of their fault; `passed` counts calls without a fault.
pub type CallCounts = BTreeMap<String, BTreeMap<String, u64>>;

/// The rules in force. The same seed makes the same choices for the same calls in the same order.
pub(crate) struct RuleSet {
    state: Mutex<State>,
}

struct State {
    rules: Vec<ActiveRule>,
    random: fastrand::Rng,
    counts: CallCounts,
}

struct ActiveRule {
    rule: Rule,
    matched: u64,
    fired: u64,
}

impl RuleSet {
    pub(crate) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { state: Mutex::new(State { rules: Vec::new(), random, counts: CallCounts::new() }) }
    }

    /// Replaces all rules. Call counts continue.
    pub(crate) fn replace(&self, rules: Vec<Rule>) {
        let rules = rules.into_iter().map(|rule| ActiveRule { rule, matched: 0, fired: 0 });
        self.with_state(|state| state.rules = rules.collect());
    }

    /// The fault for this call: that of the first rule that fires. Counts the call.
    pub(crate) fn next_fault(&self, call: &AwsCall) -> Option<Fault> {
        self.with_state(|state| {
            let fault = state.rules.iter_mut().find_map(|rule| rule.fire(call, &mut state.random));
            let kind = fault.as_ref().map_or("passed", Fault::kind);
            *state.counts.entry(call.name()).or_default().entry(kind.to_owned()).or_default() += 1;
            fault
        })
    }

    /// A random choice that depends on the same seed.
    pub(crate) fn random_bool(&self) -> bool {
        self.with_state(|state| state.random.bool())
    }

    pub(crate) fn counts(&self) -> CallCounts {
        self.with_state(|state| state.counts.clone())
    }

    /// Rules and counts, as `/_faults` shows them.
    pub(crate) fn to_json(&self) -> Value {
        self.with_state(|state| {
            let rules = state.rules.iter().map(|active| json!({"rule": active.rule, "fired": active.fired}));
            json!({"rules": rules.collect::<Vec<_>>(), "counts": state.counts})
        })
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ActiveRule {
    fn fire(&mut self, call: &AwsCall, random: &mut fastrand::Rng) -> Option<Fault> {
        if !self.rule.matches(call) || self.rule.count.is_some_and(|max| self.fired >= max) {
            return None;
        }
        self.matched += 1;
        if self.matched <= self.rule.skip || random.f64() >= self.rule.probability {
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

    fn call(operation: &str) -> AwsCall {
        AwsCall { service: "dynamodb".into(), operation: operation.into(), body: Bytes::new() }
    }

    /// For each call the first letter of its fault's kind, or a dot.
    fn kinds(rules: &RuleSet, calls: usize) -> String {
        let kind =
            |_| rules.next_fault(&call("PutItem")).map_or('.', |fault| fault.kind().chars().next().unwrap_or('?'));
        (0..calls).map(kind).collect()
    }

    #[test]
    fn first_matching_rule_fires_within_skip_and_count() {
        let rules = RuleSet::new(1);
        let throttles = Rule::new("dynamodb", "Put*", Fault::Throttle).skip(1).times(2);
        rules.replace(vec![throttles, Rule::new("*", "PutItem", Fault::ResetConnection).skip(3)]);
        assert_eq!(kinds(&rules, 7), ".tt..rr");
        assert_eq!(rules.counts()["dynamodb PutItem"]["throttle"], 2);
        assert_eq!(rules.to_json()["rules"][0]["fired"], 2);
        rules.replace(Vec::new());
        assert_eq!(kinds(&rules, 3), "...");
        assert_eq!(rules.counts()["dynamodb PutItem"]["passed"], 6);
    }

    #[test]
    fn same_seed_makes_the_same_choices() {
        let run = |seed| {
            let rules = RuleSet::new(seed);
            rules.replace(vec![Rule::new("*", "*", Fault::DropResponse).with_probability(0.3)]);
            kinds(&rules, 200)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let drops = run(7).matches('d').count();
        assert!((30..90).contains(&drops), "{drops}");
    }
}

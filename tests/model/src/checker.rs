//! Visits every state of a model and lists the properties that do not hold.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries};

use crate::protocol::Protocol;
use crate::state_graph::StateGraph;

/// The result of checking a model.
#[derive(Debug)]
pub struct CheckReport {
    /// How many different states were visited.
    pub states: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// What does not hold.
    pub violations: Vec<Violation>,
}

/// A property that does not hold.
#[derive(Debug)]
pub struct Violation {
    /// The property's name.
    pub property: &'static str,
    /// The shortest sequence of actions that violates it, and the state at its end. Empty if the property says that something
    /// happens sometimes and it never does.
    pub counterexample: Vec<String>,
}

/// Checks every property in every state.
///
/// # Panics
/// If `stateright`, which compares states by a hash of 64 bits, counts fewer of them than there are.
pub fn check<P: Protocol>(model: &P) -> CheckReport {
    let start = Instant::now();
    let (states, mut violations) = check_safety(model, HasDiscoveries::All);
    let graph = StateGraph::explore(model);
    assert!(states == graph.len() || !violations.is_empty(), "{states} hashes of {} states", graph.len());
    violations.extend(check_liveness(model, &graph));
    CheckReport { states, elapsed: start.elapsed(), violations }
}

/// Checks a model until a violation of this property is found.
pub fn find_violation<P: Protocol>(model: &P, property: &'static str) -> CheckReport {
    let start = Instant::now();
    let (states, mut violations) = if model.liveness().iter().any(|liveness| liveness.name == property) {
        let graph = StateGraph::explore(model);
        (graph.len(), check_liveness(model, &graph).into_iter().collect())
    } else {
        check_safety(model, HasDiscoveries::AnyOf(BTreeSet::from([property])))
    };
    violations.retain(|violation| violation.property == property);
    CheckReport { states, elapsed: start.elapsed(), violations }
}

/// Checks the properties of single states. Returns the number of states, and the violations.
fn check_safety<P: Protocol>(model: &P, until: HasDiscoveries) -> (usize, Vec<Violation>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).finish_when(until).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let violations = model.properties().into_iter().filter_map(|property| {
        let counterexample = match (property.expectation, discoveries.contains_key(property.name)) {
            (Expectation::Sometimes, false) => Vec::new(),
            (Expectation::Always, true) => StateGraph::shortest_counterexample(model, property.condition),
            _ => return None,
        };
        Some(Violation { property: property.name, counterexample })
    });
    (checker.unique_state_count(), violations.collect())
}

fn check_liveness<P: Protocol>(model: &P, graph: &StateGraph<P>) -> Option<Violation> {
    let (property, counterexample) = graph.liveness_violation(model)?;
    Some(Violation { property, counterexample })
}

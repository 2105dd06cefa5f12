//! Visits every state of a model and says what holds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries};

use crate::graph::Graph;
use crate::promise::Protocol;

/// What exploring a model has shown.
#[derive(Debug)]
pub struct Explored {
    /// Different states that were visited.
    pub states: usize,
    /// How long it took.
    pub took: Duration,
    /// What does not hold.
    pub broken: Vec<Broken>,
}

/// Something that does not hold.
#[derive(Debug)]
pub struct Broken {
    /// The property or promise.
    pub name: &'static str,
    /// The fewest steps that show it, and the state they end in; empty if it is that something never happens.
    pub way: Vec<String>,
}

/// Explores all of a model.
///
/// # Panics
/// If `stateright`, which tells states apart by a hash of 64 bits, counts fewer of them than there are.
pub fn explore<M: Protocol>(model: &M) -> Explored {
    let began = Instant::now();
    let (states, mut broken) = properties(model, HasDiscoveries::All);
    let graph = Graph::of(model);
    assert!(states == graph.states() || !broken.is_empty(), "{states} hashes of {} states", graph.states());
    broken.extend(promise(model, &graph));
    Explored { states, took: began.elapsed(), broken }
}

/// Explores a model until that is found which is expected not to hold.
pub fn expose<M: Protocol>(model: &M, expected: &'static str) -> Explored {
    let began = Instant::now();
    let (states, mut broken) = if model.promises().iter().any(|promise| promise.name == expected) {
        let graph = Graph::of(model);
        (graph.states(), promise(model, &graph).into_iter().collect())
    } else {
        properties(model, HasDiscoveries::AnyOf(BTreeSet::from([expected])))
    };
    broken.retain(|broken| broken.name == expected);
    Explored { states, took: began.elapsed(), broken }
}

fn properties<M: Protocol>(model: &M, until: HasDiscoveries) -> (usize, Vec<Broken>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).finish_when(until).spawn_bfs().join();
    let found = checker.discoveries();
    let broken = model.properties().into_iter().filter_map(|property| {
        let way = match (property.expectation, found.contains_key(property.name)) {
            (Expectation::Sometimes, false) => Vec::new(),
            (Expectation::Always, true) => Graph::way_from(model, property.condition),
            _ => return None,
        };
        Some(Broken { name: property.name, way })
    });
    (checker.unique_state_count(), broken.collect())
}

fn promise<M: Protocol>(model: &M, graph: &Graph<M>) -> Option<Broken> {
    graph.broken(model).map(|(name, way)| Broken { name, way })
}

//! All states of a model and the actions between them.

use std::collections::{HashMap, VecDeque};

use stateright::Model;

use crate::protocol::{LivenessProperty, Protocol};
use crate::reversed_edges::ReversedEdges;

/// Every state of a model, by its number, in the order of a breadth-first search.
pub(crate) struct StateGraph<M: Model> {
    nodes: Vec<Node<M::Action>>,
    edges: Vec<Edge>,
}

struct Node<A> {
    origin: Origin<A>,
    /// Which liveness properties hold (a bit each).
    holding: u8,
}

/// How a state was reached first.
enum Origin<A> {
    /// It is an initial state: its index among them.
    Initial(usize),
    /// By an action from an earlier state.
    Action { from: u32, action: A },
}

/// An action that leads from one state to another.
struct Edge {
    from: u32,
    to: u32,
    /// The liveness properties for which the action is fair (a bit each).
    fair: u8,
}

/// A breadth-first search that has not ended yet.
struct Search<'a, M: Model, F> {
    model: &'a M,
    liveness: Vec<LivenessProperty<M>>,
    is_target: F,
    graph: StateGraph<M>,
    numbers: HashMap<M::State, u32>,
    unexplored: VecDeque<(u32, M::State)>,
    found: bool,
}

impl<P: Protocol> StateGraph<P> {
    /// Visits every state. Whole states are compared, where `stateright` compares their hashes.
    pub(crate) fn explore(model: &P) -> Self {
        Search::new(model, |_| false).run().graph
    }

    /// The shortest path to a state in which a property does not hold; empty if it always holds.
    pub(crate) fn shortest_counterexample(model: &P, holds: fn(&P, &P::State) -> bool) -> Vec<String> {
        let search = Search::new(model, |state| !holds(model, state)).run();
        if search.found { search.graph.path_to(model, search.graph.len() - 1) } else { Vec::new() }
    }

    /// The number of states.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The first liveness property that cannot come to hold from some state, and the path to the nearest such state.
    pub(crate) fn liveness_violation(&self, model: &P) -> Option<(&'static str, Vec<String>)> {
        (0..).zip(model.liveness()).find_map(|(bit, property)| {
            let mut can_hold: Vec<bool> = self.nodes.iter().map(|node| node.holding >> bit & 1 == 1).collect();
            let fair = self.edges.iter().filter(|edge| edge.fair >> bit & 1 == 1).map(|edge| (edge.from, edge.to));
            let reversed = ReversedEdges::new(self.len(), fair);
            let mut unexplored: Vec<usize> = (0..can_hold.len()).filter(|state| can_hold[*state]).collect();
            while let Some(state) = unexplored.pop() {
                for &source in reversed.sources(state) {
                    if !std::mem::replace(&mut can_hold[source as usize], true) {
                        unexplored.push(source as usize);
                    }
                }
            }
            let stuck = can_hold.iter().position(|can_hold| !can_hold)?;
            Some((property.name, self.path_to(model, stuck)))
        })
    }

    /// The actions that lead to a state, and that state.
    fn path_to(&self, model: &P, state: usize) -> Vec<String> {
        let (mut actions, mut at) = (Vec::new(), state);
        let initial = loop {
            match &self.nodes[at].origin {
                Origin::Initial(index) => break model.init_states().swap_remove(*index),
                Origin::Action { from, action } => {
                    actions.push(action.clone());
                    at = *from as usize;
                }
            }
        };
        actions.reverse();
        let mut path: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
        let last = actions.into_iter().try_fold(initial, |state, action| model.next_state(&state, action));
        path.extend(last.map(|state| format!("{state:?}")));
        path
    }
}

impl<'a, P: Protocol, F: Fn(&P::State) -> bool> Search<'a, P, F> {
    fn new(model: &'a P, is_target: F) -> Self {
        Self {
            model,
            liveness: model.liveness(),
            is_target,
            graph: StateGraph { nodes: Vec::new(), edges: Vec::new() },
            numbers: HashMap::new(),
            unexplored: VecDeque::new(),
            found: false,
        }
    }

    /// Visits states, nearest first, until one is the target. That one is then the last.
    fn run(mut self) -> Self {
        for (index, state) in self.model.init_states().into_iter().enumerate() {
            self.visit(state, Origin::Initial(index));
        }
        let mut actions = Vec::new();
        while let Some((from, state)) = self.unexplored.pop_front() {
            self.model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                if self.found {
                    return self;
                }
                if let Some(next) = self.model.next_state(&state, action.clone()) {
                    let fair = bits(&self.liveness, |property| (property.is_fair)(&action));
                    let to = self.visit(next, Origin::Action { from, action });
                    self.graph.edges.push(Edge { from, to, fair });
                }
            }
        }
        self
    }

    /// The state's number, which is a new one if the state is new.
    fn visit(&mut self, state: P::State, origin: Origin<P::Action>) -> u32 {
        let Self { model, liveness, is_target, graph, numbers, unexplored, found } = self;
        let next = u32::try_from(graph.nodes.len()).unwrap_or(u32::MAX);
        *numbers.entry(state).or_insert_with_key(|state| {
            let holding = bits(liveness, |property| (property.holds)(model, state));
            graph.nodes.push(Node { origin, holding });
            unexplored.push_back((next, state.clone()));
            *found |= is_target(state);
            next
        })
    }
}

/// A bit for each property.
fn bits<M: Model>(liveness: &[LivenessProperty<M>], is_set: impl Fn(&LivenessProperty<M>) -> bool) -> u8 {
    (0..).zip(liveness).map(|(bit, property)| u8::from(is_set(property)) << bit).sum()
}

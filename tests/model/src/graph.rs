//! All states of a model and the steps between them.

use std::collections::{HashMap, VecDeque};

use stateright::Model;

use crate::promise::{Promise, Protocol};

/// Every state of a model, by a number: how it was reached first, and which lead to which.
pub(crate) struct Graph<M: Model> {
    /// The state before and the step from it; of the first ones their place among themselves.
    came: Vec<Result<(u32, M::Action), usize>>,
    /// Which promises are kept (a bit each).
    kept: Vec<u8>,
    /// From, to, and for which promises the step is sure (a bit each).
    steps: Vec<(u32, u32, u8)>,
}

impl<M: Protocol> Graph<M> {
    /// Visits every state, comparing whole states: unlike `stateright`, which compares their hashes.
    pub(crate) fn of(model: &M) -> Self {
        Self::until(model, |_| false).0
    }

    /// The shortest way to a state in which something does not hold.
    pub(crate) fn way_from(model: &M, holds: fn(&M, &M::State) -> bool) -> Vec<String> {
        let (graph, found) = Self::until(model, |state| !holds(model, state));
        if found { graph.way_to(model, graph.states() - 1) } else { Vec::new() }
    }

    /// Visits states, nearest first, until one is as looked for; that one is the last then.
    fn until(model: &M, found: impl Fn(&M::State) -> bool) -> (Self, bool) {
        let promises = model.promises();
        let bits = |holds: &dyn Fn(&Promise<M>) -> bool| {
            (0..).zip(&promises).map(|(bit, promise)| u8::from(holds(promise)) << bit).sum::<u8>()
        };
        let mut numbers: HashMap<M::State, u32> = HashMap::new();
        let mut graph = Self { came: Vec::new(), kept: Vec::new(), steps: Vec::new() };
        let mut open = VecDeque::new();
        let mut stop = false;
        let mut visit = |graph: &mut Self, open: &mut VecDeque<_>, stop: &mut bool, state: M::State, came| {
            let next = u32::try_from(graph.came.len()).unwrap_or(u32::MAX);
            *numbers.entry(state).or_insert_with_key(|state| {
                graph.came.push(came);
                graph.kept.push(bits(&|promise| (promise.kept)(model, state)));
                open.push_back((next, state.clone()));
                *stop |= found(state);
                next
            })
        };
        for (place, state) in model.init_states().into_iter().enumerate() {
            visit(&mut graph, &mut open, &mut stop, state, Err(place));
        }
        let mut actions = Vec::new();
        while let Some((from, state)) = open.pop_front() {
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                if stop {
                    return (graph, true);
                }
                if let Some(next) = model.next_state(&state, action.clone()) {
                    let sure = bits(&|promise| (promise.sure)(&action));
                    let to = visit(&mut graph, &mut open, &mut stop, next, Ok((from, action)));
                    graph.steps.push((from, to, sure));
                }
            }
        }
        (graph, stop)
    }

    pub(crate) fn states(&self) -> usize {
        self.came.len()
    }

    /// The first promise that is out of reach somewhere, and how one gets there. Of all such places the nearest.
    pub(crate) fn broken(&self, model: &M) -> Option<(&'static str, Vec<String>)> {
        (0..).zip(model.promises()).find_map(|(bit, promise)| {
            let mut within_reach: Vec<bool> = self.kept.iter().map(|kept| kept >> bit & 1 == 1).collect();
            let before = self.before(bit);
            let mut open: Vec<usize> = (0..within_reach.len()).filter(|state| within_reach[*state]).collect();
            while let Some(state) = open.pop() {
                for &earlier in before.of(state) {
                    if !std::mem::replace(&mut within_reach[earlier as usize], true) {
                        open.push(earlier as usize);
                    }
                }
            }
            let lost = within_reach.iter().position(|reach| !reach)?;
            Some((promise.name, self.way_to(model, lost)))
        })
    }

    /// For each state those from which a sure step leads to it.
    fn before(&self, bit: u8) -> Before {
        let sure = || self.steps.iter().filter(|(_, _, bits)| bits >> bit & 1 == 1);
        let mut ends = vec![0; self.came.len() + 1];
        for (_, to, _) in sure() {
            ends[*to as usize + 1] += 1;
        }
        for state in 1..ends.len() {
            ends[state] += ends[state - 1];
        }
        let mut froms = vec![0; ends.last().copied().unwrap_or(0)];
        let mut next = ends.clone();
        for (from, to, _) in sure() {
            froms[next[*to as usize]] = *from;
            next[*to as usize] += 1;
        }
        Before { ends, froms }
    }

    /// The steps to a state, and that state.
    fn way_to(&self, model: &M, state: usize) -> Vec<String> {
        let (mut actions, mut at) = (Vec::new(), state);
        let first = loop {
            match &self.came[at] {
                Ok((from, action)) => {
                    actions.push(action.clone());
                    at = *from as usize;
                }
                Err(place) => break model.init_states().swap_remove(*place),
            }
        };
        actions.reverse();
        let mut way: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
        let last = actions.into_iter().try_fold(first, |state, action| model.next_state(&state, action));
        way.extend(last.map(|state| format!("{state:?}")));
        way
    }
}

/// Steps, turned round and grouped by where they lead.
struct Before {
    ends: Vec<usize>,
    froms: Vec<u32>,
}

impl Before {
    fn of(&self, state: usize) -> &[u32] {
        &self.froms[self.ends[state]..self.ends[state + 1]]
    }
}

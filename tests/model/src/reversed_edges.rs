//! Edges of a graph, grouped by the state to which they lead.

/// For each state the states from which an edge leads to it.
pub(crate) struct ReversedEdges {
    /// For each state the start of its group in `sources`; then the length of `sources`.
    starts: Vec<usize>,
    sources: Vec<u32>,
}

impl ReversedEdges {
    /// The edges are pairs of states: from, to.
    pub(crate) fn new(states: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0; states + 1];
        for (_, to) in edges.clone() {
            starts[to as usize + 1] += 1;
        }
        for state in 1..starts.len() {
            starts[state] += starts[state - 1];
        }
        let mut sources = vec![0; starts.last().copied().unwrap_or(0)];
        let mut next = starts.clone();
        for (from, to) in edges {
            sources[next[to as usize]] = from;
            next[to as usize] += 1;
        }
        Self { starts, sources }
    }

    /// The states from which an edge leads to this one.
    pub(crate) fn sources(&self, state: usize) -> &[u32] {
        &self.sources[self.starts[state]..self.starts[state + 1]]
    }
}

//! What must come to pass in the end.
//!
//! `stateright` finds a broken `eventually` only on paths that end; a worker that tries for ever has no end. So a promise is checked
//! here on the whole graph of states: from every state that can be reached, however many faults it took to get there, steps that
//! are sure to happen lead to a state in which the promise is kept. If every such step is taken sooner or later as long as it
//! stays possible, and faults stop for long enough, the promise is then kept; and where no step is left, it is kept already.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::Model;

/// Something that comes to pass.
pub struct Promise<M: Model> {
    /// Its name, as a sentence.
    pub name: &'static str,
    /// Whether a step happens by itself if it stays possible: it is neither a fault nor luck.
    pub sure: fn(&M::Action) -> bool,
    /// Whether it has come to pass in a state.
    pub kept: fn(&M, &M::State) -> bool,
}

/// A model of one of Switchyard's protocols, right or with one mistake in it.
pub trait Protocol:
    Model<State: Clone + Debug + Eq + Hash + Send + Sync + 'static, Action: Clone + Debug + PartialEq>
    + Copy
    + Debug
    + Send
    + Sync
    + 'static
{
    /// The file it is in.
    const NAME: &'static str;

    /// A mistake that can be made on purpose.
    type Flaw: Copy + Debug + PartialEq + 'static;

    /// Every mistake, and what must break because of it.
    const FLAWS: &'static [(Self::Flaw, &'static str)];

    /// The protocol as it is meant to be, in every setting that is explored.
    fn sound() -> Vec<Self>;

    /// The protocol with a mistake, in the smallest setting that shows it.
    fn flawed(flaw: Self::Flaw) -> Self;

    /// What tells this setting from the others, in a word or two.
    fn setting(&self) -> String;

    /// What must come to pass.
    fn promises(&self) -> Vec<Promise<Self>>;
}

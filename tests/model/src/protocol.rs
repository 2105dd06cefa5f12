//! What a model consists of, and liveness properties.
//!
//! `stateright` finds a violated `eventually` only on paths that end; a worker that retries forever has no end. So liveness is
//! checked here on the whole state graph: from every reachable state, however many faults led there, some path of fair actions
//! must lead to a state in which the property holds. If every fair action is taken sooner or later as long as it stays possible,
//! and faults stop for long enough, the property then comes to hold; and where no action is left, it holds already.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::Model;

/// Something that must come to hold eventually.
pub struct LivenessProperty<M: Model> {
    /// Its name, as a sentence.
    pub name: &'static str,
    /// Whether an action is fair: it happens by itself if it stays possible, because it is neither a fault nor luck.
    pub is_fair: fn(&M::Action) -> bool,
    /// Whether the property holds in a state.
    pub holds: fn(&M, &M::State) -> bool,
}

/// A model of one of Switchyard's protocols, correct or with one seeded bug.
pub trait Protocol:
    Model<State: Clone + Debug + Eq + Hash + Send + Sync + 'static, Action: Clone + Debug + PartialEq>
    + Copy
    + Debug
    + Send
    + Sync
    + 'static
{
    /// The name of its folder.
    const NAME: &'static str;

    /// A mistake that can be built into the protocol.
    type Bug: Copy + Debug + PartialEq + 'static;

    /// Every bug, and the property that it must violate.
    const BUGS: &'static [(Self::Bug, &'static str)];

    /// The protocol without a bug, in every setting that is checked.
    fn correct() -> Vec<Self>;

    /// The protocol with a bug, in the smallest setting that shows it.
    fn with_bug(bug: Self::Bug) -> Self;

    /// The name of this setting, in a word or two.
    fn setting(&self) -> String;

    /// What must come to hold eventually: at most eight properties.
    fn liveness(&self) -> Vec<LivenessProperty<Self>>;
}

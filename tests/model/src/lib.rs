//! The protocols behind Switchyard's promises as state machines, explored to the last state.

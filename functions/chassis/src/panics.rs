//! A handler's panic as the failure of its event, without the panic's message: that may hold personal data.

use std::cell::RefCell;

use crate::Failure;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Stores where a panic came from, and keeps its message out of the log.
pub(crate) fn hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        tracing::error!(place, "panic");
        LAST.with_borrow_mut(|last| *last = place);
    }));
}

/// The failure for the panic that was just caught.
pub(crate) fn failure() -> Failure {
    let place = LAST.take();
    let reason =
        if place.is_empty() { "the handler panicked".into() } else { format!("the handler panicked at {place}") };
    Failure::Panic { reason }
}

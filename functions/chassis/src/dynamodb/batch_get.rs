//! The reads of a batch, combined into as few `BatchGetItem` calls as possible.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::{FutureExt, LocalBoxFuture, Shared};

use crate::Failure;
use crate::dynamodb::item::{Item, Key};
use crate::dynamodb::table::Table;

type Answer = Result<Rc<HashMap<Key, Item>>, Failure>;
type Call = Shared<LocalBoxFuture<'static, Answer>>;

/// The keys requested so far, and the call that will read all of them.
type OpenCall = (Rc<RefCell<Vec<Key>>>, Call);

/// Collects the keys that concurrent handlers request between two polls, and reads them in one `BatchGetItem`.
pub(crate) struct BatchGet {
    table: Table,
    open: RefCell<Option<OpenCall>>,
}

impl BatchGet {
    pub(crate) fn new(table: Table) -> Rc<Self> {
        Rc::new(Self { table, open: RefCell::new(None) })
    }

    /// The row with this key, strongly consistent.
    pub(crate) async fn get(self: &Rc<Self>, key: Key) -> Result<Option<Item>, Failure> {
        let rows = self.join(key.clone()).await?;
        Ok(rows.get(&key).cloned())
    }

    /// Joins the call that still collects keys, or opens one.
    fn join(self: &Rc<Self>, key: Key) -> Call {
        if let Some((keys, call)) = &*self.open.borrow() {
            keys.borrow_mut().push(key);
            return call.clone();
        }
        let keys = Rc::new(RefCell::new(vec![key]));
        let call = Rc::clone(self).fetch(Rc::clone(&keys)).boxed_local().shared();
        *self.open.borrow_mut() = Some((keys, call.clone()));
        call
    }

    async fn fetch(self: Rc<Self>, keys: Rc<RefCell<Vec<Key>>>) -> Answer {
        all_handlers_have_requested(&keys).await;
        self.open.borrow_mut().take();
        let keys = keys.take();
        self.table.get_all(keys).await.map(Rc::new)
    }
}

/// Waits for the first poll that finds no new key: by then every other handler of the batch has been polled once. A handler that
/// joins polls the shared call immediately, so waiting for only one more poll would send a call for every second handler.
async fn all_handlers_have_requested(keys: &RefCell<Vec<Key>>) {
    let mut known = 0;
    poll_fn(|context| {
        let requested = keys.borrow().len();
        if requested == known {
            return Poll::Ready(());
        }
        known = requested;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

//! Reads of a batch, gathered into as few calls as possible.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::{FutureExt, LocalBoxFuture, Shared};

use crate::{Failure, Item, Key, Table};

type Answer = Result<Rc<HashMap<Key, Item>>, Failure>;
type Call = Shared<LocalBoxFuture<'static, Answer>>;

/// The keys asked for so far, and the call that will answer for all of them.
type Gathering = (Rc<RefCell<Vec<Key>>>, Call);

/// Gathers the keys that concurrent handlers ask for between two polls, and reads them in one `BatchGetItem`.
pub(crate) struct Reads {
    table: Table,
    open: RefCell<Option<Gathering>>,
}

impl Reads {
    pub(crate) fn new(table: Table) -> Rc<Self> {
        Rc::new(Self { table, open: RefCell::new(None) })
    }

    /// The row with this key, strongly consistent.
    pub(crate) async fn get(self: &Rc<Self>, key: Key) -> Result<Option<Item>, Failure> {
        let rows = self.join(key.clone()).await?;
        Ok(rows.get(&key).cloned())
    }

    /// Joins the call that is still gathering, or opens one.
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
        everyone_has_asked(&keys).await;
        self.open.borrow_mut().take();
        let keys = keys.take();
        self.table.get_all(keys).await.map(Rc::new)
    }
}

/// Waits for the first poll that finds no new key: by then every other handler of the batch has had its turn to ask. Each handler
/// that joins polls the shared call at once, so that merely waiting for the next poll would send a call for every second one.
async fn everyone_has_asked(keys: &RefCell<Vec<Key>>) {
    let mut asked = 0;
    poll_fn(|context| {
        let now = keys.borrow().len();
        if now == asked {
            return Poll::Ready(());
        }
        asked = now;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

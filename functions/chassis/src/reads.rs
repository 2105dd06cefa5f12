//! Reads of a batch, gathered into as few calls as possible.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

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
        // Every other handler of the batch gets its turn to ask before the call leaves.
        tokio::task::yield_now().await;
        self.open.borrow_mut().take();
        let keys = keys.take();
        self.table.get_all(keys).await.map(Rc::new)
    }
}

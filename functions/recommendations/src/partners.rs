//! The partners of products, as one run of the rebuild knows them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use switchyard_chassis::{Failure, Table};
use switchyard_events::Sku;

use crate::pairs;

/// Counters that a run remembers: some 20 MB of the function's memory.
const REMEMBERED: usize = 200_000;

/// Products, and in how many orders each was.
type Counted = Rc<[(Sku, u64)]>;

/// The partners of products, read once in a run as long as there is room: popular products are in many users' lists.
pub(crate) struct Partners {
    table: Table,
    known: RefCell<HashMap<Sku, Counted>>,
    size: Cell<usize>,
}

impl Partners {
    pub(crate) fn of(table: Table) -> Self {
        Self { table, known: RefCell::default(), size: Cell::default() }
    }

    pub(crate) async fn read(&self, sku: &Sku) -> Result<Counted, Failure> {
        if let Some(known) = self.known.borrow().get(sku) {
            return Ok(Rc::clone(known));
        }
        let partners: Counted = pairs::read_partners(&self.table, sku).await?.into_iter().collect();
        self.size.set(self.size.get() + partners.len());
        if self.size.get() > REMEMBERED {
            self.known.borrow_mut().clear();
            self.size.set(partners.len());
        }
        self.known.borrow_mut().insert(sku.clone(), Rc::clone(&partners));
        Ok(partners)
    }
}

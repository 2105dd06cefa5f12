//! Caches the partners of products during one run of the rebuild.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use switchyard_chassis::{Failure, Table};
use switchyard_events::Sku;

use crate::pairs;

/// The maximum number of cached partners: about 20 MB of the function's memory.
const MAX_CACHED_PARTNERS: usize = 200_000;

/// The partners of a product, and the number of orders that contain both.
type Partners = Rc<[(Sku, u64)]>;

/// Reads the partners of each product once per run, as popular products are in many users' purchases. When the cache is full,
/// it is emptied.
pub(crate) struct PartnerCache {
    table: Table,
    cached: RefCell<HashMap<Sku, Partners>>,
    size: Cell<usize>,
}

impl PartnerCache {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, cached: RefCell::default(), size: Cell::default() }
    }

    /// The partners of a product, from the cache or from the table.
    pub(crate) async fn read(&self, sku: &Sku) -> Result<Partners, Failure> {
        if let Some(cached) = self.cached.borrow().get(sku) {
            return Ok(Rc::clone(cached));
        }
        let partners: Partners = pairs::read_partners(&self.table, sku).await?.into_iter().collect();
        self.size.set(self.size.get() + partners.len());
        if self.size.get() > MAX_CACHED_PARTNERS {
            self.cached.borrow_mut().clear();
            self.size.set(partners.len());
        }
        self.cached.borrow_mut().insert(sku.clone(), Rc::clone(&partners));
        Ok(partners)
    }
}

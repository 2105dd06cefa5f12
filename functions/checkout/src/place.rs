//! Placing an order: tried until there is one clear outcome.

use switchyard_chassis::{Item, backoff};
use switchyard_events::{OrderPlaced, Sku};

use crate::caller::Caller;
use crate::cart::{BadCart, Cart};
use crate::catalog::{Product, stock_of};
use crate::commit::{Commit, commit};
use crate::http::Request;
use crate::order::price;
use crate::report::{fault, passing};
use crate::ticket::Ticket;
use crate::{Answer, Checkout, FieldError, Problem, Shortage};

/// Tries of one order: with full jitter up to 400 ms between them, about two seconds.
const MAX_TRIES: u32 = 12;

/// What became of one try.
enum Attempt {
    /// The request is answered.
    Settled(Result<Answer, Problem>),
    /// There can be no such order now; but the same request may have placed it before.
    Refused(Problem),
    /// It may work in a moment.
    Again(String),
}

impl Checkout {
    /// Places an order, or finds that the same request has placed it before.
    pub(crate) async fn place(&self, request: Request<'_>) -> Result<Answer, Problem> {
        let caller = Caller::of(request)?;
        let cart = match Cart::read(&request.json()?, caller.subject()) {
            Ok(cart) => cart,
            Err(bad) => return Err(self.name_all(bad).await),
        };
        let ticket = Ticket::new(request, &caller, cart, self.clock.now())?;
        let mut last = String::new();
        for tried in 0..MAX_TRIES {
            match self.attempt(&ticket).await {
                Attempt::Settled(answer) => return answer,
                Attempt::Refused(problem) => {
                    // Only what has been sent before, by the client or by us, can have placed an order.
                    let repeated = ticket.repeatable || tried > 0;
                    let earlier = if repeated { self.earlier(&ticket).await } else { None };
                    return earlier.unwrap_or(Err(problem));
                }
                Attempt::Again(reason) => {
                    last = reason;
                    tokio::time::sleep(backoff::contention(tried)).await;
                }
            }
        }
        Err(passing(&last))
    }

    /// Prices the cart and commits the order.
    async fn attempt(&self, ticket: &Ticket) -> Attempt {
        let lines = &ticket.cart.lines;
        let skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
        let products = match self.catalog.look_up(&skus).await {
            Ok(products) => products,
            Err(failure) => return Attempt::Again(failure.to_string()),
        };
        let unknown = lines.iter().filter(|line| !products.contains_key(&line.sku));
        let unknown: Vec<_> = unknown.map(|line| FieldError::unknown_sku(line.at)).collect();
        if !unknown.is_empty() {
            return Attempt::Refused(Problem::invalid_cart(unknown));
        }
        match price(ticket, &products) {
            Ok(order) => self.commit(ticket, order).await,
            Err(invalid) => Attempt::Refused(Problem::invalid_cart(vec![FieldError::total(&invalid)])),
        }
    }

    async fn commit(&self, ticket: &Ticket, order: OrderPlaced) -> Attempt {
        let stored = ticket.stored(order);
        let row = match stored.to_row(ticket.cause.clone()) {
            Ok(row) => row,
            Err(error) => return Attempt::Settled(Err(fault(&error))),
        };
        match commit(&self.table, row, &stored.order).await {
            Commit::Done => Attempt::Settled(Answer::accepted(&stored.order, "placed")),
            Commit::Exists(row) => Attempt::Settled(ticket.answer_again(&row)),
            Commit::Unmet(rows) => self.unmet(ticket, rows),
            Commit::Passing(reason) => Attempt::Again(reason),
            Commit::Fault(reason) => Attempt::Settled(Err(fault(&reason))),
        }
    }

    /// Finds out what is not as the cart needs it in these stock rows, each with the place of its line: the product is gone,
    /// there is too little of it, or its price is another by now. The price that a client pays is thus always the catalog's at
    /// the moment of the order, though it is read from memory.
    fn unmet(&self, ticket: &Ticket, rows: Vec<(usize, Option<Item>)>) -> Attempt {
        let (mut unknown, mut short) = (Vec::new(), Vec::new());
        for (line, row) in rows.into_iter().map(|(place, row)| (&ticket.cart.lines[place], row)) {
            self.catalog.learn(&line.sku, row.as_ref());
            let Some(row) = row.filter(|row| Product::of(row).is_some()) else {
                unknown.push(FieldError::unknown_sku(line.at));
                continue;
            };
            let (sku, wanted, available) = (line.sku.clone(), line.quantity, stock_of(&row));
            if available < u64::from(wanted) {
                short.push(Shortage { sku, wanted, available });
            }
        }
        if !unknown.is_empty() {
            return Attempt::Refused(Problem::invalid_cart(unknown));
        }
        if !short.is_empty() {
            return Attempt::Refused(Problem::out_of_stock(short));
        }
        Attempt::Again("a price has changed".into())
    }

    /// The answer that the same request got before, if it did.
    async fn earlier(&self, ticket: &Ticket) -> Option<Result<Answer, Problem>> {
        match self.table.get(&ticket.key()).await {
            Ok(row) => Some(ticket.answer_again(&row?)),
            Err(failure) => Some(Err(passing(&failure))),
        }
    }

    /// Every bad field of a cart: those that can be seen in it, and its products that do not exist.
    async fn name_all(&self, BadCart { mut errors, skus }: BadCart) -> Problem {
        let wanted: Vec<Sku> = skus.iter().map(|(_, sku)| sku.clone()).collect();
        // If the catalog cannot be read now, the client learns of the others first.
        if let Ok(products) = self.catalog.look_up(&wanted).await {
            let unknown = skus.iter().filter(|(_, sku)| !products.contains_key(sku));
            errors.extend(unknown.map(|(at, _)| FieldError::unknown_sku(*at)));
        }
        Problem::invalid_cart(errors)
    }
}

//! One request to place one order, and how to recognize it when it comes again.

use jiff::Timestamp;
use switchyard_chassis::{Item, Key};
use switchyard_events::{Cause, CorrelationId, OrderId, OrderPlaced};

use crate::caller::Caller;
use crate::cart::Cart;
use crate::http::Request;
use crate::order::{Stored, accepted, key_of};
use crate::report::fault;
use crate::{Answer, Problem};

/// A request that is in order by itself.
pub(crate) struct Ticket {
    pub(crate) id: OrderId,
    pub(crate) cart: Cart,
    pub(crate) placed_at: Timestamp,
    pub(crate) cause: Cause,
    /// Whether the client gave it a key, and so may send it again.
    pub(crate) repeatable: bool,
    caller: String,
    request_hash: String,
}

impl Ticket {
    pub(crate) fn new(request: Request<'_>, caller: &Caller, cart: Cart, now: Timestamp) -> Result<Self, Problem> {
        let caller = caller.fingerprint();
        let key = request.idempotency_key()?;
        let id = match key {
            Some(key) => OrderId::derive(&caller, key),
            // A key that nobody else has: no client's holds a space.
            None => OrderId::derive(&caller, &format!("{} {now} {}", request.id(), fastrand::u64(..))),
        };
        let correlation_id = request.correlation_id().map_or_else(|| CorrelationId::parse(id.as_str()), Ok);
        Ok(Self {
            request_hash: cart.fingerprint().map_err(|error| fault(&error))?,
            id,
            cart,
            // To the millisecond: the same wherever it is written.
            placed_at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            cause: Cause {
                correlation_id: correlation_id.map_err(|error| fault(&error))?,
                causation_id: None,
                traceparent: request.traceparent().map(str::to_owned),
            },
            repeatable: key.is_some(),
            caller,
        })
    }

    pub(crate) fn key(&self) -> Key {
        key_of(&self.id)
    }

    /// The order as it is to be stored.
    pub(crate) fn stored(&self, order: OrderPlaced) -> Stored {
        Stored { caller: self.caller.clone(), request_hash: self.request_hash.clone(), order }
    }

    /// The answer that this request got when it placed the order in this row; unless another request did, with the same key.
    pub(crate) fn answer_again(&self, row: &Item) -> Result<Answer, Problem> {
        let stored = Stored::of(row).map_err(|error| fault(&error))?;
        if stored.request_hash != self.request_hash {
            return Err(Problem::idempotency_key_reused());
        }
        // Without a key it was a try of ours whose answer was lost on the way.
        let outcome = if self.repeatable { "repeated" } else { "placed" };
        Answer::accepted(&stored.order, outcome)
    }
}

impl Answer {
    /// An order is in the table: the client need not wait for what follows from it.
    pub(crate) fn accepted(order: &OrderPlaced, outcome: &'static str) -> Result<Self, Problem> {
        Ok(Self {
            status: 202,
            outcome,
            order_id: order.order_id.clone(),
            body: accepted(order).map_err(|error| fault(&error))?,
        })
    }
}

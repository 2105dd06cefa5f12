//! A consumer that fails on purpose.

use switchyard_events::EventId;

use crate::{Consumer, Effects, Failure, Received, SendError, Sender, Sent};

/// A consumer or sender that fails for one event only.
pub struct FaultyConsumer<C> {
    /// The consumer that does the work.
    pub inner: C,
    /// The event that it fails for.
    pub event_id: EventId,
    /// How it fails.
    pub fault: InjectedFault,
}

/// How a consumer fails on purpose.
#[derive(Debug, Clone)]
pub enum InjectedFault {
    /// It does not fail.
    None,
    /// The handler panics.
    Panic,
    /// The handler returns this failure.
    Fail(Failure),
}

impl<C> FaultyConsumer<C> {
    fn inject(&self, event_id: &EventId) -> Result<(), Failure> {
        match &self.fault {
            InjectedFault::Fail(_) | InjectedFault::Panic if *event_id != self.event_id => Ok(()),
            InjectedFault::None => Ok(()),
            InjectedFault::Fail(failure) => Err(failure.clone()),
            InjectedFault::Panic => panic!("a fault on purpose, with an address in it: ada@example.com"),
        }
    }
}

impl<C: Consumer> Consumer for FaultyConsumer<C> {
    const NAME: &'static str = C::NAME;
    type Event = C::Event;

    async fn handle(&self, event: &Received<C::Event>, effects: &mut Effects) -> Result<(), Failure> {
        self.inner.handle(event, effects).await?;
        self.inject(&event.metadata.event_id)
    }
}

impl<S: Sender> Sender for FaultyConsumer<S> {
    const NAME: &'static str = S::NAME;
    type Event = S::Event;

    async fn send(&self, event: &Received<S::Event>) -> Result<Sent, SendError> {
        self.inject(&event.metadata.event_id)?;
        self.inner.send(event).await
    }

    fn supersedes(&self, event: &Received<S::Event>) -> Option<EventId> {
        self.inner.supersedes(event)
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.inner.probe().await
    }
}

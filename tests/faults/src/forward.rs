//! What happens to a call: its fault, or the way to the cloud and back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::book::Book;
use crate::partial::{Cut, hash_as_signed};
use crate::shape::{self, Answer};
use crate::socket::Line;
use crate::{Call, Fault, Watcher, control};

/// How long the cloud may take over one call.
const PATIENCE: Duration = Duration::from_mins(1);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) book: Book,
    /// Where calls go, such as `http://127.0.0.1:4566`; none before the cloud is up.
    upstream: Mutex<Option<String>>,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) watcher: Box<dyn Watcher>,
    /// How long to accept no connection.
    refuse: mpsc::UnboundedSender<Duration>,
}

/// Why a caller gets no answer.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for Unanswered {}

/// Answers a request, or ends its connection.
pub(crate) async fn handle(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    line: &Line,
) -> Result<Answer, Unanswered> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Unanswered)?.to_bytes();
    if parts.uri.path() == control::PATH {
        return Ok(control::serve(&shared.book, &parts.method, &body));
    }
    let call = Call::new(&parts, body);
    let fault = shared.book.decide(&call);
    // In a task of its own: what was begun takes effect, even if its caller has gone. This is dropped if it has.
    let here = Arc::new(());
    let (shared, line) = (Arc::clone(shared), line.for_call(&here));
    tokio::spawn(async move { shared.befall(fault, parts, call, &line).await }).await.map_err(|_| Unanswered)?
}

impl Shared {
    pub(crate) fn new(seed: u64, watcher: Box<dyn Watcher>, refuse: mpsc::UnboundedSender<Duration>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(2)).build(connector);
        Self { book: Book::new(seed), upstream: Mutex::default(), client, watcher, refuse }
    }

    pub(crate) fn forward_to(&self, upstream: &str) {
        let upstream = upstream.trim_end_matches('/').to_owned();
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
    }

    async fn befall(&self, fault: Option<Fault>, parts: Parts, call: Call, line: &Line) -> Result<Answer, Unanswered> {
        match fault {
            None => self.forward(parts, &call, Some(line)).await,
            Some(Fault::Delay { ms }) => {
                sleep(Duration::from_millis(ms)).await;
                self.forward(parts, &call, Some(line)).await
            }
            Some(Fault::InternalError { after_effect }) => {
                if after_effect {
                    self.forward(parts, &call, None).await?;
                }
                Ok(shape::internal_error(&call))
            }
            Some(Fault::Reject { code }) => Ok(shape::rejected(&call, &code)),
            Some(Fault::Throttle) => Ok(shape::throttled(&call)),
            Some(Fault::Conflict { item, code }) => {
                Ok(shape::cancelled(&call, item.as_deref(), code.as_deref().unwrap_or("TransactionConflict")))
            }
            Some(Fault::Partial { entry, code }) => {
                self.forward_some(parts, &call, entry.as_deref(), code.as_deref(), line).await
            }
            Some(Fault::RefuseConnections { ms }) => {
                self.refuse.send(Duration::from_millis(ms)).ok();
                Err(Unanswered)
            }
            Some(Fault::CloseConnection) => Err(Unanswered),
            Some(Fault::ResetConnection) => {
                line.reset();
                Err(Unanswered)
            }
            Some(Fault::DropResponse) => {
                self.forward(parts, &call, None).await?;
                Err(Unanswered)
            }
            Some(Fault::Kill { after_effect }) => {
                if after_effect {
                    self.forward(parts, &call, None).await?;
                }
                self.watcher.kill(line.caller);
                Err(Unanswered)
            }
        }
    }

    /// Forwards a call as it came, and tells the watcher. The answer goes back on this line, if at all.
    async fn forward(&self, parts: Parts, call: &Call, back: Option<&Line>) -> Result<Answer, Unanswered> {
        let answer = self.exchange(parts, call.body.clone()).await?;
        self.watcher.answered(call, answer.status().as_u16(), back.is_some_and(Line::is_open));
        Ok(answer)
    }

    /// Forwards a call without some of its entries, which fail.
    async fn forward_some(
        &self,
        mut parts: Parts,
        call: &Call,
        entry: Option<&str>,
        code: Option<&str>,
        back: &Line,
    ) -> Result<Answer, Unanswered> {
        let mut cut = Cut::of(call, entry, code, || self.book.toss());
        let mut rest = serde_json::Value::Null;
        if let Some(body) = cut.body.take() {
            let (name, hash) = hash_as_signed(call);
            parts.headers.insert(name, hash.parse().map_err(|_| Unanswered)?);
            let kept = Call { body: body.clone(), ..call.clone() };
            let answer = self.exchange(parts, body).await?;
            self.watcher.answered(&kept, answer.status().as_u16(), back.is_open());
            if !answer.status().is_success() {
                return Ok(answer);
            }
            let body = answer.into_body().collect().await.map_err(|_| Unanswered)?.to_bytes();
            rest = serde_json::from_slice(&body).map_err(|_| Unanswered)?;
        }
        Ok(shape::answer(200, "application/x-amz-json-1.1", &cut.answer(call, &rest)))
    }

    /// Asks the cloud. All headers go as they came, `Host` included: it is signed.
    async fn exchange(&self, mut parts: Parts, body: Bytes) -> Result<Answer, Unanswered> {
        let upstream = self.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Unanswered)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{upstream}{path}").parse().map_err(|_| Unanswered)?;
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        let request = Request::from_parts(parts, Full::new(body));
        let answer = timeout(PATIENCE, self.client.request(request)).await;
        let (mut parts, body) = answer.map_err(|_| Unanswered)?.map_err(|_| Unanswered)?.into_parts();
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        let body = body.collect().await.map_err(|_| Unanswered)?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(body)))
    }
}

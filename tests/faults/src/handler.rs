//! The handling of one call: its fault, or the way to the cloud and back.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::connection::CallerConnection;
use crate::error_response::{self, ProxyResponse};
use crate::partial::{PartialCall, signed_hash_header};
use crate::rule_set::RuleSet;
use crate::upstream::{NoResponse, Upstream};
use crate::{AwsCall, Fault, ProxyHooks, control};

/// How often a call that hangs looks whether its caller still waits.
const HANG_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What all connections of a proxy share.
pub(crate) struct ProxyState {
    pub(crate) rules: RuleSet,
    pub(crate) upstream: Upstream,
    pub(crate) hooks: Box<dyn ProxyHooks>,
    /// For how long the listener is to accept no connection.
    pub(crate) refusals: mpsc::UnboundedSender<Duration>,
}

/// Answers a request. An error closes its connection.
pub(crate) async fn handle(
    request: Request<Incoming>,
    state: &Arc<ProxyState>,
    connection: &CallerConnection,
) -> Result<ProxyResponse, NoResponse> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoResponse)?.to_bytes();
    if parts.uri.path() == control::PATH {
        return Ok(control::handle(&state.rules, &parts.method, &body));
    }
    let call = AwsCall::new(&parts, body);
    let fault = state.rules.next_fault(&call);
    state.hooks.call_received(&call);
    // The call gets a task of its own, so that it takes effect even if its caller disconnects. `waiting` is dropped
    // then.
    let waiting = Arc::new(());
    let (state, connection) = (Arc::clone(state), connection.for_request(&waiting));
    tokio::spawn(async move { state.answer(fault, parts, call, &connection).await }).await.map_err(|_| NoResponse)?
}

impl ProxyState {
    async fn answer(
        &self,
        fault: Option<Fault>,
        parts: Parts,
        call: AwsCall,
        connection: &CallerConnection,
    ) -> Result<ProxyResponse, NoResponse> {
        match fault {
            None => self.forward(parts, &call, Some(connection)).await,
            Some(Fault::Delay { ms }) => {
                sleep(Duration::from_millis(ms)).await;
                self.forward(parts, &call, Some(connection)).await
            }
            Some(Fault::InternalError { after_effect }) => {
                if after_effect {
                    self.forward(parts, &call, None).await?;
                }
                Ok(error_response::internal_error(&call))
            }
            Some(Fault::Reject { code }) => Ok(error_response::rejected(&call, &code)),
            Some(Fault::AccessDenied) => Ok(error_response::access_denied(&call)),
            Some(Fault::Throttle) => Ok(error_response::throttled(&call)),
            Some(Fault::Conflict { item, code }) => {
                let code = code.as_deref().unwrap_or("TransactionConflict");
                Ok(error_response::cancelled(&call, item.as_deref(), code))
            }
            Some(Fault::Partial { entry, code }) => {
                let partial = PartialCall::new(&call, entry.as_deref(), code.as_deref(), || self.rules.random_bool());
                self.forward_partial(parts, &call, &partial, connection).await
            }
            Some(Fault::Hang) => {
                while connection.is_waiting() {
                    sleep(HANG_POLL_INTERVAL).await;
                }
                Err(NoResponse)
            }
            Some(Fault::RefuseConnections { ms }) => {
                self.refusals.send(Duration::from_millis(ms)).ok();
                Err(NoResponse)
            }
            Some(Fault::CloseConnection) => Err(NoResponse),
            Some(Fault::ResetConnection) => {
                connection.reset_on_close();
                Err(NoResponse)
            }
            Some(Fault::DropResponse) => {
                self.forward(parts, &call, None).await?;
                Err(NoResponse)
            }
            Some(Fault::Kill { after_effect }) => {
                if after_effect {
                    self.forward(parts, &call, None).await?;
                }
                self.hooks.kill_caller(connection.caller);
                Err(NoResponse)
            }
        }
    }

    /// Forwards a call unchanged and reports it to the hooks. Without a connection the response is not delivered.
    async fn forward(
        &self,
        parts: Parts,
        call: &AwsCall,
        connection: Option<&CallerConnection>,
    ) -> Result<ProxyResponse, NoResponse> {
        let response = self.upstream.send(parts, call.body.clone()).await?;
        let delivered = connection.is_some_and(CallerConnection::is_waiting);
        self.hooks.call_completed(call, response.status().as_u16(), delivered);
        Ok(response)
    }

    /// Forwards a call without its failed entries, and completes the response with their errors.
    async fn forward_partial(
        &self,
        mut parts: Parts,
        call: &AwsCall,
        partial: &PartialCall,
        connection: &CallerConnection,
    ) -> Result<ProxyResponse, NoResponse> {
        let mut results = Value::Null;
        if let Some(body) = partial.forwarded_body() {
            let (name, hash) = signed_hash_header(call);
            parts.headers.insert(name, hash.parse().map_err(|_| NoResponse)?);
            let forwarded = AwsCall { body: body.clone(), ..call.clone() };
            let response = self.upstream.send(parts, body).await?;
            self.hooks.call_completed(&forwarded, response.status().as_u16(), connection.is_waiting());
            if !response.status().is_success() {
                return Ok(response);
            }
            let body = response.into_body().collect().await.map_err(|_| NoResponse)?.to_bytes();
            results = serde_json::from_slice(&body).map_err(|_| NoResponse)?;
        }
        Ok(error_response::json_response(200, "application/x-amz-json-1.1", &partial.response(&results)))
    }
}

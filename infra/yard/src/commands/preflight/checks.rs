//! The checks: a pure function of the [`Findings`].

use serde::Serialize;

use crate::commands::preflight::findings::{EventQuotas, Findings, Found, Identity, LambdaConcurrency, SesAccount};
use crate::commands::preflight::limits::{
    DELIVERIES_PER_ORDER, EVENTS_PER_ORDER, LAMBDA_CONCURRENCY, MAILS_PER_DAY, MAILS_PER_SECOND, MAX_USED_QUOTA,
    MIN_UNRESERVED,
};
use crate::stack::deployed::is_failed_create;

/// What a check means for the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    /// The deployment works. Under load, or for some recipients, the deployed stack does not.
    Hurts,
    /// The deployment would fail.
    Fails,
    /// The value could not be read.
    Unknown,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hurts => "hurts",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) found: String,
    pub(crate) needed: String,
    /// What to do; empty if nothing has to be done.
    pub(crate) todo: String,
}

/// Judges everything that was found, in the order in which it should be mended.
pub(crate) fn checks(findings: &Findings) -> Vec<Check> {
    vec![
        identity(findings),
        region(findings),
        stack(findings),
        orders_table(findings),
        deletion_protection(findings),
        sender(findings),
        reserved_concurrency(findings),
        lambda_concurrency(findings),
        put_events(findings),
        invocations(findings),
        ses_access(findings),
        ses_rate(findings),
        ses_day(findings),
    ]
}

/// A check of a value that was read: `judge` returns the state, the value as text, and what to do.
fn check<T>(
    name: &'static str,
    needed: impl Into<String>,
    found: &Found<T>,
    judge: impl FnOnce(&T) -> (State, String, String),
) -> Check {
    let (state, found, todo) = match found {
        Ok(value) => judge(value),
        Err(reason) => (State::Unknown, "not readable".to_owned(), reason.clone()),
    };
    Check { name, state, found, needed: needed.into(), todo }
}

/// The state of a value that needs no action.
fn fine(found: impl Into<String>) -> (State, String, String) {
    (State::Ok, found.into(), String::new())
}

fn hurts(found: impl Into<String>, todo: impl Into<String>) -> (State, String, String) {
    (State::Hurts, found.into(), todo.into())
}

fn fails(found: impl Into<String>, todo: impl Into<String>) -> (State, String, String) {
    (State::Fails, found.into(), todo.into())
}

/// `GetCallerIdentity` needs no permission, so without an answer there are no valid credentials.
fn identity(findings: &Findings) -> Check {
    let mut result = check("identity", "credentials", &findings.identity, |caller| fine(caller));
    if result.state == State::Unknown && !findings.local {
        result.state = State::Fails;
        result.todo = format!("Run `aws login` or `aws sso login`, or set AWS_PROFILE. {}", result.todo);
    }
    result
}

fn region(findings: &Findings) -> Check {
    let other = findings.sam_region.as_ref().filter(|region| **region != findings.region && !findings.local);
    check("region", "the same for sam and yard", &Ok(()), |()| match other {
        None => fine(&findings.region),
        Some(sam) => fails(
            format!("{}, sam: {sam}", findings.region),
            "sam reads AWS_DEFAULT_REGION, and yard AWS_REGION. Call `make deploy REGION=…`, which sets both.",
        ),
    })
}

fn stack(findings: &Findings) -> Check {
    check("stack", "none, or complete", &findings.stack_status, |status| match status.as_deref() {
        None | Some("REVIEW_IN_PROGRESS") => fine("none"),
        Some(status) if is_failed_create(status) => {
            fails(status, "Its first deployment failed, so it can only be deleted: `yard cleanup --aws` (asks first).")
        }
        Some(status) if status.ends_with("_IN_PROGRESS") => fails(status, "Wait until CloudFormation has finished."),
        Some(status) if status.ends_with("_FAILED") => {
            fails(status, "CloudFormation's console says why. Continue its rollback, or delete the stack.")
        }
        Some(status) => fine(status),
    })
}

/// The orders table is retained when its stack is deleted. Then a new stack cannot create it.
fn orders_table(findings: &Findings) -> Check {
    let table = format!("{}-orders", findings.stack);
    let stack_exists = matches!(&findings.stack_status, Ok(Some(status)) if status != "REVIEW_IN_PROGRESS");
    check("orders-table", "none without its stack", &findings.orders_table_exists, |exists| {
        if !exists || stack_exists {
            return fine(if *exists { format!("{table}, in the stack") } else { "none".to_owned() });
        }
        let todo = format!(
            "{table} is left from an earlier stack. To keep its orders, import it: README.md, section \"Keep the orders of an \
             earlier stack\". To drop them, delete the table."
        );
        fails(format!("{table}, without a stack"), todo)
    })
}

/// The rollback of a failed first deployment deletes its tables, which protected ones refuse.
fn deletion_protection(findings: &Findings) -> Check {
    let first = !matches!(&findings.stack_status, Ok(Some(status)) if status != "REVIEW_IN_PROGRESS");
    check("deletion-protection", "off at first", &Ok(()), |()| match (findings.protects_tables, first) {
        (false, _) => fine("off"),
        (true, false) => fine("on"),
        (true, true) => hurts(
            "on, without a stack",
            "If this first deployment fails, it cannot be rolled back. Leave DeletionProtection out: `make deploy` switches it on \
             after the deployment.",
        ),
    })
}

fn sender(findings: &Findings) -> Check {
    let sender = &findings.sender;
    let Some(address) = &sender.address else {
        return check("sender", "SenderAddress", &Ok(()), |()| {
            let todo = "Choose the sender of the mails: make deploy PARAMS=\"SenderAddress=orders@your.domain\".";
            if findings.local { fine("none") } else { fails("none", todo) }
        });
    };
    let click = || format!("SES has written to {address}. Mails wait until the link in that message has been opened.");
    let domain = sender.domain.as_ref().unwrap_or(&Identity::Missing);
    check("sender", "a verified identity", &sender.identity, |identity| match (identity, domain) {
        (Identity::Verified | Identity::Unverified, _) if sender.will_be_created => fails(
            format!("{address} exists"),
            "The stack cannot create an identity that exists. Add CreateSender=false to PARAMS.",
        ),
        (Identity::Verified, _) => fine(format!("{address}, verified")),
        (Identity::Unverified, _) => hurts(format!("{address}, not verified"), click()),
        (Identity::Missing, Identity::Verified) if sender.will_be_created => hurts(
            format!("{address}, by its domain"),
            "The verified domain is enough. With CreateSender=false in PARAMS, no message has to be confirmed.",
        ),
        (Identity::Missing, Identity::Verified) => fine(format!("{address}, by its domain")),
        (Identity::Missing, _) if sender.will_be_created => hurts(
            format!("{address}, not there yet"),
            "The stack creates it. Then SES writes to it, and mails wait until the link in that message has been opened.",
        ),
        (Identity::Missing, _) => hurts(
            format!("{address}, not there"),
            "With CreateSender=false the stack does not create it: create it in SES, or leave CreateSender out.",
        ),
    })
}

fn reserved_concurrency(findings: &Findings) -> Check {
    let wanted = findings.reserved_concurrency;
    let needed = format!("{}", if wanted == 0 { 0 } else { wanted + MIN_UNRESERVED });
    check("reserved-concurrency", needed, &findings.lambda, |LambdaConcurrency { unreserved, .. }| {
        let found = format!("{unreserved} unreserved");
        if wanted == 0 || *unreserved >= wanted + MIN_UNRESERVED {
            return fine(found);
        }
        let todo = format!(
            "Lambda refuses to reserve {wanted}, because {MIN_UNRESERVED} must stay unreserved. Leave the parameters for reserved \
             concurrency out, or raise the quota \"Concurrent executions\" of Lambda."
        );
        fails(found, todo)
    })
}

fn lambda_concurrency(findings: &Findings) -> Check {
    check("lambda-concurrency", LAMBDA_CONCURRENCY.to_string(), &findings.lambda, |concurrency| {
        let LambdaConcurrency { quota, unreserved } = *concurrency;
        let found = format!("{quota}, {unreserved} unreserved");
        if unreserved >= LAMBDA_CONCURRENCY {
            return fine(found);
        }
        let todo = "Clients that wait for orders could use all executions, so that no order can be placed. Raise the quota \"Concurrent \
             executions\" of Lambda in Service Quotas, or lower the API's rates.";
        hurts(found, todo)
    })
}

fn put_events(findings: &Findings) -> Check {
    per_second(
        "eventbridge-put-events",
        findings,
        |quotas| quotas.put_events,
        EVENTS_PER_ORDER,
        "PutEvents throttle limit",
    )
}

fn invocations(findings: &Findings) -> Check {
    let quota = |quotas: &EventQuotas| quotas.invocations;
    per_second("eventbridge-invocations", findings, quota, DELIVERIES_PER_ORDER, "Invocations throttle limit")
}

/// A quota of EventBridge, compared with as many orders as the API accepts.
fn per_second(
    name: &'static str,
    findings: &Findings,
    quota: impl FnOnce(&EventQuotas) -> Option<f64>,
    per_order: f64,
    title: &str,
) -> Check {
    let needed = findings.api_rate * per_order;
    let missing = || "Service Quotas does not list it".to_owned();
    let found = findings.events.clone().and_then(|quotas| quota(&quotas).ok_or_else(missing));
    check(name, format!("{needed} a second"), &found, |quota| {
        if *quota >= needed {
            return fine(format!("{quota} a second"));
        }
        let todo = format!(
            "Above {:.0} orders a second, events wait (none is lost). Raise the quota \"{title} in transactions per second\" of \
             EventBridge.",
            quota / per_order
        );
        hurts(format!("{quota} a second"), todo)
    })
}

fn ses_access(findings: &Findings) -> Check {
    check("ses-access", "production", &findings.ses, |account| match account {
        SesAccount { sending_enabled: false, .. } => {
            hurts("sending is paused", "SES sends nothing for this account. The SES console says why.")
        }
        SesAccount { production_access: false, .. } => hurts(
            "sandbox",
            "SES sends only to verified addresses and to its simulator; other mails end in the dead-letter queue. Request \
             production access in the SES console.",
        ),
        _ => fine("production"),
    })
}

fn ses_rate(findings: &Findings) -> Check {
    check("ses-rate", format!("{MAILS_PER_SECOND} a second"), &findings.ses, |account| {
        let found = format!("{} a second", account.max_per_second);
        if account.max_per_second >= MAILS_PER_SECOND {
            return fine(found);
        }
        hurts(found, "Mails wait when more orders come in. Raise the quota \"Sending rate\" of SES.")
    })
}

fn ses_day(findings: &Findings) -> Check {
    check("ses-daily-quota", format!("{MAILS_PER_DAY} a day"), &findings.ses, |account| {
        let found = format!("{} a day, {} sent", account.max_per_day, account.sent_last_day);
        // SES reports -1 for an unlimited quota.
        let mostly_used = account.sent_last_day > account.max_per_day * MAX_USED_QUOTA;
        if account.max_per_day < 0.0 || account.max_per_day >= MAILS_PER_DAY && !mostly_used {
            return fine(found);
        }
        hurts(found, "Mails above it wait for the next day. Raise the quota \"Sending quota\" of SES.")
    })
}

#[cfg(test)]
mod tests;

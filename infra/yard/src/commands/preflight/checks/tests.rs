//! Planted findings: each bad one is named by its check, and by no other.

use super::*;
use crate::commands::preflight::findings::Sender;

/// An account in which a first deployment succeeds and nothing hurts.
fn good() -> Findings {
    Findings {
        local: false,
        stack: "switchyard".into(),
        region: "eu-west-1".into(),
        sam_region: Some("eu-west-1".into()),
        identity: Ok("arn:aws:iam::123456789012:user/ada".into()),
        lambda: Ok(LambdaConcurrency { quota: 1_000, unreserved: 1_000 }),
        events: Ok(EventQuotas { put_events: Some(10_000.0), invocations: Some(18_750.0) }),
        ses: Ok(SesAccount {
            sending_enabled: true,
            production_access: true,
            max_per_second: 14.0,
            max_per_day: 50_000.0,
            sent_last_day: 0.0,
        }),
        stack_status: Ok(None),
        orders_table_exists: Ok(false),
        sender: Sender {
            address: Some("orders@shop.example".into()),
            will_be_created: false,
            identity: Ok(Identity::Verified),
            domain: Ok(Identity::Missing),
        },
        reserved_concurrency: 0,
        api_rate: 250.0,
        protects_tables: false,
    }
}

/// The names and states of the checks that are not ok.
fn bad(findings: &Findings) -> Vec<(&'static str, State)> {
    let checks = checks(findings).into_iter().filter(|check| check.state != State::Ok);
    checks
        .inspect(|check| assert!(!check.todo.is_empty(), "{check:?}"))
        .map(|check| (check.name, check.state))
        .collect()
}

fn assert_bad(plant: impl FnOnce(&mut Findings), expected: &[(&'static str, State)]) {
    let mut findings = good();
    assert_eq!(bad(&findings), []);
    plant(&mut findings);
    assert_eq!(bad(&findings), expected, "{findings:?}");
}

#[test]
fn preflight_names_every_planted_quota() {
    use State::{Fails, Hurts};
    let lambda = |quota, unreserved| Ok(LambdaConcurrency { quota, unreserved });
    assert_bad(|found| found.lambda = lambda(10, 10), &[("lambda-concurrency", Hurts)]);
    assert_bad(|found| found.lambda = lambda(1_000, 999), &[("lambda-concurrency", Hurts)]);
    assert_bad(
        |found| (found.lambda, found.reserved_concurrency) = (lambda(50, 50), 10),
        &[("reserved-concurrency", Fails), ("lambda-concurrency", Hurts)],
    );
    assert_bad(|found| found.reserved_concurrency = 901, &[("reserved-concurrency", Fails)]);
    assert_bad(|found| found.reserved_concurrency = 900, &[]);
    let events =
        |put_events, invocations| Ok(EventQuotas { put_events: Some(put_events), invocations: Some(invocations) });
    assert_bad(|found| found.events = events(400.0, 1_750.0), &[("eventbridge-put-events", Hurts)]);
    assert_bad(|found| found.events = events(500.0, 1_749.0), &[("eventbridge-invocations", Hurts)]);
    // Twice the rate needs twice the quotas.
    assert_bad(
        |found| (found.events, found.api_rate) = (events(999.0, 3_499.0), 500.0),
        &[("eventbridge-put-events", Hurts), ("eventbridge-invocations", Hurts)],
    );
    assert_bad(|found| (found.events, found.api_rate) = (events(1_000.0, 3_500.0), 500.0), &[]);
    let unlisted = EventQuotas { put_events: None, invocations: Some(2_000.0) };
    assert_bad(|found| found.events = Ok(unlisted), &[("eventbridge-put-events", State::Unknown)]);
    let unlisted = EventQuotas { put_events: Some(500.0), invocations: None };
    assert_bad(|found| found.events = Ok(unlisted), &[("eventbridge-invocations", State::Unknown)]);
}

#[test]
fn preflight_names_ses_sandbox_rate_and_daily_quota() {
    let hurts = |names: &[&'static str]| names.iter().map(|name| (*name, State::Hurts)).collect::<Vec<_>>();
    let ses = |change: fn(&mut SesAccount)| move |found: &mut Findings| change(found.ses.as_mut().unwrap());
    let sandbox = ses(|ses| (ses.production_access, ses.max_per_second, ses.max_per_day) = (false, 1.0, 200.0));
    assert_bad(sandbox, &hurts(&["ses-access", "ses-rate", "ses-daily-quota"]));
    assert_bad(ses(|ses| ses.sending_enabled = false), &hurts(&["ses-access"]));
    assert_bad(ses(|ses| ses.max_per_second = 13.0), &hurts(&["ses-rate"]));
    assert_bad(ses(|ses| ses.max_per_day = 49_999.0), &hurts(&["ses-daily-quota"]));
    assert_bad(ses(|ses| ses.sent_last_day = 45_001.0), &hurts(&["ses-daily-quota"]));
    assert_bad(ses(|ses| ses.max_per_day = -1.0), &[]);
}

#[test]
fn preflight_names_retained_table_and_failed_stack() {
    use State::Fails;
    assert_bad(|found| found.orders_table_exists = Ok(true), &[("orders-table", Fails)]);
    let deployed = |status: &str, table| {
        let status = status.to_owned();
        move |found: &mut Findings| {
            found.stack_status = Ok(Some(status));
            found.orders_table_exists = Ok(table);
        }
    };
    assert_bad(deployed("UPDATE_COMPLETE", true), &[]);
    assert_bad(deployed("UPDATE_ROLLBACK_COMPLETE", true), &[]);
    assert_bad(deployed("REVIEW_IN_PROGRESS", false), &[]);
    assert_bad(deployed("REVIEW_IN_PROGRESS", true), &[("orders-table", Fails)]);
    for status in ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"] {
        assert_bad(deployed(status, false), &[("stack", Fails)]);
    }
    assert_bad(deployed("UPDATE_IN_PROGRESS", true), &[("stack", Fails)]);
}

#[test]
fn preflight_names_protection_of_tables_before_there_is_a_stack() {
    assert_bad(|found| found.protects_tables = true, &[("deletion-protection", State::Hurts)]);
    let deployed = |found: &mut Findings| {
        (found.stack_status, found.orders_table_exists) = (Ok(Some("UPDATE_COMPLETE".to_owned())), Ok(true));
        found.protects_tables = true;
    };
    assert_bad(deployed, &[]);
}

#[test]
fn preflight_names_missing_credentials_and_other_region() {
    assert_bad(|found| found.identity = Err("no credentials".into()), &[("identity", State::Fails)]);
    assert_bad(|found| found.sam_region = Some("us-east-1".into()), &[("region", State::Fails)]);
    assert_bad(|found| found.sam_region = None, &[]);
}

#[test]
fn preflight_names_sender_that_cannot_send_yet() {
    use Identity::{Missing, Unverified, Verified};
    use State::{Fails, Hurts};
    let sender = |identity, domain, will_be_created| {
        move |found: &mut Findings| {
            let address = Some("orders@shop.example".to_owned());
            found.sender = Sender { address, will_be_created, identity: Ok(identity), domain: Ok(domain) };
        }
    };
    assert_bad(|found| found.sender.address = None, &[("sender", Fails)]);
    // The stack would create an identity that exists, which CloudFormation refuses.
    assert_bad(sender(Verified, Missing, true), &[("sender", Fails)]);
    assert_bad(sender(Unverified, Missing, true), &[("sender", Fails)]);
    assert_bad(sender(Unverified, Missing, false), &[("sender", Hurts)]);
    assert_bad(sender(Missing, Missing, true), &[("sender", Hurts)]);
    assert_bad(sender(Missing, Missing, false), &[("sender", Hurts)]);
    assert_bad(sender(Missing, Verified, true), &[("sender", Hurts)]);
    assert_bad(sender(Missing, Verified, false), &[]);
}

#[test]
fn unreadable_values_are_unknown_and_do_not_fail() {
    let no = || "AccessDenied".to_owned();
    let unreadable = |found: &mut Findings| {
        found.local = true;
        (found.identity, found.lambda, found.events) = (Err(no()), Err(no()), Err(no()));
        (found.ses, found.stack_status, found.orders_table_exists) = (Err(no()), Err(no()), Err(no()));
        (found.sender.identity, found.sender.domain) = (Err(no()), Err(no()));
    };
    let mut findings = good();
    unreadable(&mut findings);
    let checks = checks(&findings);
    let known: Vec<_> = checks.iter().filter(|check| check.state != State::Unknown).map(|check| check.name).collect();
    assert_eq!(known, ["region", "deletion-protection"]);
    assert!(checks.iter().filter(|check| check.state == State::Unknown).all(|check| check.todo == "AccessDenied"));
}

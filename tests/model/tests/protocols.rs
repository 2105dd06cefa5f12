//! The protocols have their properties, and each seeded bug violates the property that it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a failed helper is a failed test

use switchyard_model::checker::{check, find_violation};
use switchyard_model::protocol::Protocol;

mod correct {
    use switchyard_model::{consumer::Consumer, lease::Lease, lifecycle::Lifecycle, outbox::Outbox};

    use super::assert_holds;

    #[test]
    fn consumer_applies_every_event_exactly_once() {
        assert_holds::<Consumer>(250_000);
    }

    #[test]
    fn lease_sends_one_mail_outside_the_documented_window() {
        assert_holds::<Lease>(200_000);
    }

    #[test]
    fn outbox_event_is_applied_or_dead_lettered() {
        assert_holds::<Outbox>(200_000);
    }

    #[test]
    fn order_is_listed_once_or_cancelled_once_and_never_both() {
        assert_holds::<Lifecycle>(250_000);
    }
}

mod consumer {
    use switchyard_model::consumer::properties::{AT_MOST_ONCE, NEIGHBOURS_UNAFFECTED, NOT_LOST, TOTAL_IS_EXACT};
    use switchyard_model::consumer::{Bug, Consumer};

    use super::violated_by;

    #[test]
    fn marker_written_before_effect_loses_event() {
        assert_eq!(violated_by::<Consumer>(Bug::MarkerBeforeEffect), NOT_LOST);
    }

    #[test]
    fn effect_written_before_marker_is_applied_twice() {
        assert_eq!(violated_by::<Consumer>(Bug::EffectBeforeMarker), AT_MOST_ONCE);
    }

    #[test]
    fn marker_without_condition_applies_duplicate() {
        assert_eq!(violated_by::<Consumer>(Bug::MarkerWithoutCondition), AT_MOST_ONCE);
    }

    #[test]
    fn marker_read_before_write_applies_duplicate() {
        assert_eq!(violated_by::<Consumer>(Bug::ReadMarkerThenWrite), AT_MOST_ONCE);
    }

    #[test]
    fn marker_ttl_shorter_than_retention_applies_duplicate() {
        assert_eq!(violated_by::<Consumer>(Bug::MarkerTtlTooShort), AT_MOST_ONCE);
    }

    #[test]
    fn failed_event_acknowledged_is_lost() {
        assert_eq!(violated_by::<Consumer>(Bug::FailureAcknowledged), NOT_LOST);
    }

    #[test]
    fn dlq_send_error_ignored_loses_event() {
        assert_eq!(violated_by::<Consumer>(Bug::DlqErrorIgnored), NOT_LOST);
    }

    #[test]
    fn update_without_version_check_loses_concurrent_write() {
        assert_eq!(violated_by::<Consumer>(Bug::UpdateWithoutVersionCheck), TOTAL_IS_EXACT);
    }

    #[test]
    fn poison_event_rejecting_its_batch_rejects_neighbours() {
        assert_eq!(violated_by::<Consumer>(Bug::WholeBatchRejected), NEIGHBOURS_UNAFFECTED);
    }
}

mod lease {
    use switchyard_model::lease::properties::{AT_MOST_ONE_MAIL, EVENTUALLY_SETTLED, NO_STALE_OVERWRITE, NOT_LOST};
    use switchyard_model::lease::{Bug, Lease};

    use super::violated_by;

    #[test]
    fn lease_without_condition_sends_duplicate_mail() {
        assert_eq!(violated_by::<Lease>(Bug::ClaimWithoutCondition), AT_MOST_ONE_MAIL);
    }

    #[test]
    fn lease_without_timeout_is_stuck_after_crash() {
        assert_eq!(violated_by::<Lease>(Bug::LeaseNeverEnds), EVENTUALLY_SETTLED);
    }

    #[test]
    fn lease_shorter_than_function_timeout_sends_duplicate() {
        assert_eq!(violated_by::<Lease>(Bug::LeaseShorterThanFunctionTimeout), AT_MOST_ONE_MAIL);
    }

    #[test]
    fn mail_recorded_before_send_is_lost() {
        assert_eq!(violated_by::<Lease>(Bug::RecordedBeforeSend), NOT_LOST);
    }

    #[test]
    fn complete_without_token_lets_stale_owner_overwrite() {
        assert_eq!(violated_by::<Lease>(Bug::CompleteWithoutToken), NO_STALE_OVERWRITE);
    }

    #[test]
    fn release_without_token_ends_lease_of_next_owner() {
        assert_eq!(violated_by::<Lease>(Bug::ReleaseWithoutToken), AT_MOST_ONE_MAIL);
    }

    #[test]
    fn message_acknowledged_while_lease_is_held_loses_mail() {
        assert_eq!(violated_by::<Lease>(Bug::AcknowledgedWhileLeaseIsHeld), NOT_LOST);
    }

    #[test]
    fn failed_send_acknowledged_loses_mail() {
        assert_eq!(violated_by::<Lease>(Bug::FailureAcknowledged), NOT_LOST);
    }

    #[test]
    fn lease_ttl_shorter_than_retention_sends_duplicate() {
        assert_eq!(violated_by::<Lease>(Bug::RowTtlTooShort), AT_MOST_ONE_MAIL);
    }
}

mod outbox {
    use switchyard_model::outbox::properties::{
        AT_MOST_ONCE, EVENTUALLY_SETTLED, NEIGHBOURS_UNAFFECTED, NO_EVENT_WITHOUT_ORDER, NOT_LOST,
    };
    use switchyard_model::outbox::{Bug, Outbox};

    use super::violated_by;

    #[test]
    fn event_put_after_order_commit_is_lost() {
        assert_eq!(violated_by::<Outbox>(Bug::PutAfterCommit), NOT_LOST);
    }

    #[test]
    fn event_put_before_order_commit_announces_missing_order() {
        assert_eq!(violated_by::<Outbox>(Bug::PutBeforeCommit), NO_EVENT_WITHOUT_ORDER);
    }

    #[test]
    fn failed_entries_ignored_are_lost() {
        assert_eq!(violated_by::<Outbox>(Bug::FailedEntriesIgnored), NOT_LOST);
    }

    #[test]
    fn failed_put_events_call_ignored_loses_entries() {
        assert_eq!(violated_by::<Outbox>(Bug::FailedCallIgnored), NOT_LOST);
    }

    #[test]
    fn batch_acknowledged_with_unsent_entries_loses_them() {
        assert_eq!(violated_by::<Outbox>(Bug::BatchReportedWithUnsentEntries), NOT_LOST);
    }

    #[test]
    fn dlq_send_error_ignored_loses_entry() {
        assert_eq!(violated_by::<Outbox>(Bug::DlqErrorIgnored), NOT_LOST);
    }

    #[test]
    fn impossible_entry_retried_forever_blocks_stream() {
        assert_eq!(violated_by::<Outbox>(Bug::ImpossibleEntryRetriedForever), EVENTUALLY_SETTLED);
    }

    #[test]
    fn impossible_entry_dead_letters_neighbours() {
        assert_eq!(violated_by::<Outbox>(Bug::WholeCallDeadLettered), NEIGHBOURS_UNAFFECTED);
    }

    #[test]
    fn new_event_id_on_retry_applies_duplicate() {
        assert_eq!(violated_by::<Outbox>(Bug::NewEventIdOnRetry), AT_MOST_ONCE);
    }
}

mod lifecycle {
    use switchyard_model::lifecycle::properties::{
        ANSWERED_ONCE, AT_MOST_ONE_PAGE, CANCELLED_FOR_ONE_REASON, CANCELLED_IS_NOT_LISTED, EVENTUALLY_ANSWERED,
        EVENTUALLY_DECIDED, EVENTUALLY_LISTED, FLAGGED_IS_REVIEWED, NO_DEAD_LETTER, ONE_DECISION, REFUSED_IS_LISTED,
        REJECTED_EVENTUALLY_CANCELLED, STOCK_MATCHES, UNDECIDED_IS_NOT_LISTED,
    };
    use switchyard_model::lifecycle::{Bug, Lifecycle};

    use super::violated_by;

    #[test]
    fn order_listed_when_placed_is_undecided() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ReadyWhenPlaced), UNDECIDED_IS_NOT_LISTED);
    }

    #[test]
    fn flag_taken_for_confirmation_lists_unreviewed_order() {
        assert_eq!(violated_by::<Lifecycle>(Bug::FlagMakesReady), FLAGGED_IS_REVIEWED);
    }

    #[test]
    fn listing_without_pending_condition_lists_pick_twice() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ListedWithoutCondition), AT_MOST_ONE_PAGE);
    }

    #[test]
    fn stale_index_trusted_lists_withdrawn_pick() {
        assert_eq!(violated_by::<Lifecycle>(Bug::IndexTrusted), CANCELLED_IS_NOT_LISTED);
    }

    #[test]
    fn page_written_before_pick_state_lists_pick_twice() {
        assert_eq!(violated_by::<Lifecycle>(Bug::PageBeforeState), AT_MOST_ONE_PAGE);
    }

    #[test]
    fn page_written_after_pick_state_loses_pick() {
        assert_eq!(violated_by::<Lifecycle>(Bug::PageAfterState), EVENTUALLY_LISTED);
    }

    #[test]
    fn ready_pick_dropped_before_its_order_arrives_is_lost() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ReadyWithoutPickDropped), EVENTUALLY_LISTED);
    }

    #[test]
    fn confirmation_overwriting_withdrawal_lists_pick() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ConfirmationOverwritesState), CANCELLED_IS_NOT_LISTED);
    }

    #[test]
    fn confirmation_recorded_for_one_event_is_dead_lettered() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ConfirmationRecorded), NO_DEAD_LETTER);
    }

    #[test]
    fn withdrawal_without_pending_condition_cancels_listed_pick() {
        assert_eq!(violated_by::<Lifecycle>(Bug::WithdrawnWithoutCondition), CANCELLED_IS_NOT_LISTED);
    }

    #[test]
    fn withdrawn_row_put_over_listed_one_cancels_listed_pick() {
        assert_eq!(violated_by::<Lifecycle>(Bug::WithdrawnRowPut), CANCELLED_IS_NOT_LISTED);
    }

    #[test]
    fn undecided_pick_withdrawn_without_row_is_listed_later() {
        assert_eq!(violated_by::<Lifecycle>(Bug::WithdrawnRowMissing), CANCELLED_IS_NOT_LISTED);
    }

    #[test]
    fn answer_recorded_for_one_event_dead_letters_second_cause() {
        assert_eq!(violated_by::<Lifecycle>(Bug::AnswerRecorded), NO_DEAD_LETTER);
    }

    #[test]
    fn answer_per_cause_withdraws_pick_twice() {
        assert_eq!(violated_by::<Lifecycle>(Bug::AnswerPerCause), ANSWERED_ONCE);
    }

    #[test]
    fn ready_pick_taken_for_listed_refuses_too_early() {
        assert_eq!(violated_by::<Lifecycle>(Bug::RefusedWhenReady), REFUSED_IS_LISTED);
    }

    #[test]
    fn refusal_not_stated_leaves_request_unanswered() {
        assert_eq!(violated_by::<Lifecycle>(Bug::RefusalNotStated), EVENTUALLY_ANSWERED);
    }

    #[test]
    fn rejection_without_consumer_never_cancels_order() {
        assert_eq!(violated_by::<Lifecycle>(Bug::RejectionIgnored), REJECTED_EVENTUALLY_CANCELLED);
    }

    #[test]
    fn cancelled_status_without_condition_returns_stock_twice() {
        assert_eq!(violated_by::<Lifecycle>(Bug::StatusWithoutCondition), STOCK_MATCHES);
    }

    #[test]
    fn order_cancelled_per_cause_has_two_reasons() {
        assert_eq!(violated_by::<Lifecycle>(Bug::CancelledPerCause), CANCELLED_FOR_ONE_REASON);
    }

    #[test]
    fn review_without_condition_confirms_and_rejects() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ReviewWithoutCondition), ONE_DECISION);
    }

    #[test]
    fn flagged_order_without_expiry_is_never_decided() {
        assert_eq!(violated_by::<Lifecycle>(Bug::ReviewNeverExpires), EVENTUALLY_DECIDED);
    }
}

/// Checks the protocol without a bug. A model that does nothing any more has too few states.
fn assert_holds<P: Protocol>(min_states: usize) {
    let mut states = 0;
    for model in P::correct() {
        let report = check(&model);
        println!("{} ({}): {} states in {:?}", P::NAME, model.setting(), report.states, report.elapsed);
        if let Some(violation) = report.violations.first() {
            panic!("{model:?} violates: {}\n  {}", violation.property, violation.counterexample.join("\n  "));
        }
        states += report.states;
    }
    assert!(states >= min_states, "only {states} states: does the model still do anything?");
}

/// The property that a seeded bug violates, with a counterexample.
fn violated_by<P: Protocol>(bug: P::Bug) -> &'static str {
    let (_, expected) = P::BUGS.iter().find(|(listed, _)| *listed == bug).unwrap();
    let report = find_violation(&P::with_bug(bug), expected);
    let violation =
        report.violations.first().unwrap_or_else(|| panic!("{bug:?} is not found in {} states", report.states));
    println!("{} with {bug:?}, after {} states: {}", P::NAME, report.states, violation.property);
    assert!(!violation.counterexample.is_empty());
    violation.property
}

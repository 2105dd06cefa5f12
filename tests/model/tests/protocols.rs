//! The protocols have their properties, and each seeded bug violates the property that it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a failed helper is a failed test

use switchyard_model::checker::{check, find_violation};
use switchyard_model::protocol::Protocol;

mod correct {
    use switchyard_model::{consumer::Consumer, lease::Lease, outbox::Outbox, wave::Waves};

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
    fn wave_close_puts_every_pick_on_one_list() {
        assert_holds::<Waves>(600_000);
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

mod wave {
    use switchyard_model::wave::properties::{
        AT_MOST_ONE_LIST, EVENTUALLY_LISTED, HELD_IS_NOT_LISTED, LIST_MATCHES_ROWS, NO_PICK_BEHIND_CURSOR,
    };
    use switchyard_model::wave::{Bug, Waves};

    use super::violated_by;

    #[test]
    fn pick_write_without_closed_check_misses_list() {
        assert_eq!(violated_by::<Waves>(Bug::PickWithoutClosedCheck), LIST_MATCHES_ROWS);
    }

    #[test]
    fn wave_close_without_shard_rows_misses_picks() {
        assert_eq!(violated_by::<Waves>(Bug::CloseWithoutShards), LIST_MATCHES_ROWS);
    }

    #[test]
    fn list_read_before_wave_close_misses_picks() {
        assert_eq!(violated_by::<Waves>(Bug::ListReadBeforeClose), LIST_MATCHES_ROWS);
    }

    #[test]
    fn empty_wave_skipped_too_early_strands_late_pick() {
        assert_eq!(violated_by::<Waves>(Bug::EmptyWaveSkippedTooEarly), NO_PICK_BEHIND_CURSOR);
    }

    #[test]
    fn hold_without_wave_condition_lists_held_pick() {
        assert_eq!(violated_by::<Waves>(Bug::HoldWithoutWaveCondition), HELD_IS_NOT_LISTED);
    }

    #[test]
    fn hold_without_order_condition_lists_held_pick() {
        assert_eq!(violated_by::<Waves>(Bug::HoldWithoutOrderCondition), HELD_IS_NOT_LISTED);
    }

    #[test]
    fn stale_decision_overwriting_newer_holds_pick_forever() {
        assert_eq!(violated_by::<Waves>(Bug::StaleHoldOverwritesNewer), EVENTUALLY_LISTED);
    }

    #[test]
    fn hold_after_listing_lists_pick_twice() {
        assert_eq!(violated_by::<Waves>(Bug::HoldAfterListing), AT_MOST_ONE_LIST);
    }

    #[test]
    fn pick_unheld_in_closed_wave_misses_list() {
        assert_eq!(violated_by::<Waves>(Bug::UnheldInClosedWave), LIST_MATCHES_ROWS);
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

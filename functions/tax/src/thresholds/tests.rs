//! The data file has all states and consistent thresholds.

use super::*;

fn codes(states: impl Iterator<Item = State>) -> String {
    let codes: Vec<_> = states.map(|state| state.jurisdiction.as_str()[3..].to_owned()).collect();
    codes.join(" ")
}

#[test]
fn every_us_region_is_listed_once_sorted() {
    assert_eq!(codes(Thresholds::embedded().unwrap().states.into_iter()), switchyard_events::US_REGIONS.join(" "));
}

#[test]
fn states_that_differ_from_the_common_rule_are_known() {
    let states = Thresholds::embedded().unwrap().states;
    let check = |expected: &str, is_one: fn(&Threshold) -> bool| {
        let found = states.iter().filter(|state| state.threshold.as_ref().is_some_and(is_one));
        assert_eq!(codes(found.cloned()), expected);
    };
    let untaxed = states.iter().filter(|state| state.threshold.is_none());
    assert_eq!(codes(untaxed.cloned()), "AK AS DE GU MP MT NH OR UM VI");
    check("CT NY", |threshold| matches!(threshold.transactions, TransactionRule::And(_)));
    check("AR DC GA HI MD MI MN NE NJ NV OH PR RI VA VT WV", |threshold| {
        matches!(threshold.transactions, TransactionRule::Or(_))
    });
    check("AR FL MO ND NM OK", |threshold| threshold.counts == CountedSales::Taxable);
    check("AL CA MS NY TX", |threshold| threshold.sales.value() != Usd::from_cents(10_000_000));
    check("CT IL MN MO MS NY TN TX VT", |threshold| {
        !matches!(threshold.period, Period::PreviousOrCurrentYear | Period::PreviousYear)
    });
}

#[test]
fn every_threshold_has_a_source_and_a_verification() {
    let Thresholds { as_of, states, .. } = Thresholds::embedded().unwrap();
    for state in states {
        let code = &state.jurisdiction;
        assert!(state.source.starts_with("https://"), "{code}");
        assert!(state.verified.is_none_or(|verified| verified <= as_of), "{code}");
        assert_eq!(state.verified.is_none(), state.verified_by.is_empty(), "{code}");
    }
}

#[test]
fn contradictory_threshold_json_is_rejected() {
    let parse = |more: &str| {
        let text =
            format!(r#"{{"counts": "gross", "period": "previous_year", "sales_usd": {{"more_than": 100000}}{more}}}"#);
        serde_json::from_str::<Threshold>(&text)
    };
    assert!(parse("").is_ok());
    assert!(parse(r#", "or_transactions": {"at_least": 200}, "and_transactions": {"at_least": 200}"#).is_err());
    assert!(parse(r#", "transactions": {"at_least": 200}"#).is_err());
}

//! The states' economic-nexus thresholds, as they stood on the date of the data file.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use switchyard_chassis::Failure;
use switchyard_events::{CountedSales, Subdivision, Usd};

/// The data file.
const PACKED: &str = include_str!("../data/nexus_thresholds.json");

/// All states, in the order of their codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// What the fields mean, for who reads the file.
    #[serde(rename = "about")]
    _about: Vec<String>,
    /// The day on which the figures were gathered.
    pub as_of: Date,
    /// Every state with a statewide sales tax, the District of Columbia, and the states without one.
    pub states: Vec<State>,
}

/// A state, and what obliges a remote seller there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Its ISO 3166-2 code.
    pub jurisdiction: Subdivision,
    /// Its name.
    pub name: String,
    /// None where the state taxes no sales.
    pub threshold: Option<Threshold>,
    /// The law, or the revenue department's word on it.
    pub source: String,
    /// When the figures were last compared with `verified_by`; none if never.
    pub verified: Option<Date>,
    /// What was read for that; `about` explains the names.
    pub verified_by: Vec<String>,
    /// What else there is to know.
    pub note: Option<String>,
}

/// What has to be passed, by which sales, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Threshold {
    /// Which sales count.
    pub counts: CountedSales,
    /// Over which time.
    pub period: Period,
    /// What they have to come to.
    pub sales: Limit<Usd>,
    /// How many orders there have to be, where the state counts them.
    pub transactions: TransactionRule,
}

/// The part that the number of orders plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionRule {
    /// None.
    Uncounted,
    /// So many are enough, whatever they come to.
    Or(Limit<u64>),
    /// So many are needed, whatever they come to.
    And(Limit<u64>),
}

/// A figure, and whether reaching it is passing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit<T> {
    /// The law says "exceeds".
    MoreThan(T),
    /// The law says "or more".
    AtLeast(T),
}

/// The time over which a state adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// The previous calendar year or the current one: the obligation begins in the year itself.
    PreviousOrCurrentYear,
    /// The previous calendar year: the obligation begins with the next one.
    PreviousYear,
    /// Any twelve months.
    TwelveMonths,
    /// The four calendar quarters before the present one.
    FourQuarters,
    /// The same with quarters that end in February, May, August and November.
    FourSalesTaxQuarters,
    /// The twelve months to the end of September.
    YearToSeptember,
}

impl Thresholds {
    /// The ones packed with this crate.
    pub fn embedded() -> Result<Self, Failure> {
        serde_json::from_str(PACKED).map_err(|error| Failure::reject("bad_thresholds", error))
    }
}

impl<T: PartialOrd + Copy> Limit<T> {
    /// The figure itself.
    pub fn value(self) -> T {
        match self {
            Self::MoreThan(figure) | Self::AtLeast(figure) => figure,
        }
    }

    /// Whether a value passes it.
    pub fn is_passed_by(self, value: T) -> bool {
        match self {
            Self::MoreThan(figure) => value > figure,
            Self::AtLeast(figure) => value >= figure,
        }
    }
}

/// A threshold as the file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    counts: CountedSales,
    period: Period,
    sales_usd: Limit<Usd>,
    or_transactions: Option<Limit<u64>>,
    and_transactions: Option<Limit<u64>>,
}

impl TryFrom<Written> for Threshold {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let transactions = match (written.or_transactions, written.and_transactions) {
            (None, None) => TransactionRule::Uncounted,
            (Some(limit), None) => TransactionRule::Or(limit),
            (None, Some(limit)) => TransactionRule::And(limit),
            (Some(_), Some(_)) => return Err("or_transactions and and_transactions exclude each other"),
        };
        Ok(Self { counts: written.counts, period: written.period, sales: written.sales_usd, transactions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(states: impl Iterator<Item = State>) -> String {
        let codes: Vec<_> = states.map(|state| state.jurisdiction.as_str()[3..].to_owned()).collect();
        codes.join(" ")
    }

    #[test]
    fn every_state_and_the_district_is_there_once_in_order() {
        assert_eq!(
            codes(Thresholds::embedded().unwrap().states.into_iter()),
            "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR \
             PA RI SC SD TN TX UT VA VT WA WI WV WY"
        );
    }

    #[test]
    fn states_with_an_exception_are_these() {
        let states = Thresholds::embedded().unwrap().states;
        let check = |expected: &str, is_one: fn(&Threshold) -> bool| {
            let found = states.iter().filter(|state| state.threshold.as_ref().is_some_and(is_one));
            assert_eq!(codes(found.cloned()), expected);
        };
        let untaxed = states.iter().filter(|state| state.threshold.is_none());
        assert_eq!(codes(untaxed.cloned()), "AK DE MT NH OR");
        check("CT NY", |threshold| matches!(threshold.transactions, TransactionRule::And(_)));
        check("AR DC GA HI MD MI MN NE NJ NV OH RI VA VT WV", |threshold| {
            matches!(threshold.transactions, TransactionRule::Or(_))
        });
        check("AR FL MO ND NM OK", |threshold| threshold.counts == CountedSales::Taxable);
        check("AL CA MS NY TX", |threshold| threshold.sales.value() != Usd::from_cents(10_000_000));
        check("CT IL MN MO MS NY TN TX VT", |threshold| {
            !matches!(threshold.period, Period::PreviousOrCurrentYear | Period::PreviousYear)
        });
    }

    #[test]
    fn every_figure_has_a_source_and_says_what_it_was_compared_with() {
        let Thresholds { as_of, states, .. } = Thresholds::embedded().unwrap();
        for state in states {
            let code = &state.jurisdiction;
            assert!(state.source.starts_with("https://"), "{code}");
            assert!(state.verified.is_none_or(|verified| verified <= as_of), "{code}");
            assert_eq!(state.verified.is_none(), state.verified_by.is_empty(), "{code}");
        }
    }

    #[test]
    fn reaching_a_limit_passes_it_only_where_the_law_says_so() {
        assert!(!Limit::MoreThan(200).is_passed_by(200) && Limit::MoreThan(200).is_passed_by(201));
        assert!(!Limit::AtLeast(200).is_passed_by(199) && Limit::AtLeast(200).is_passed_by(200));
    }

    #[test]
    fn a_threshold_that_contradicts_itself_cannot_be_read() {
        let read = |more: &str| {
            let text = format!(
                r#"{{"counts": "gross", "period": "previous_year", "sales_usd": {{"more_than": 100000}}{more}}}"#
            );
            serde_json::from_str::<Threshold>(&text)
        };
        assert!(read("").is_ok());
        assert!(read(r#", "or_transactions": {"at_least": 200}, "and_transactions": {"at_least": 200}"#).is_err());
        assert!(read(r#", "transactions": {"at_least": 200}"#).is_err());
    }
}

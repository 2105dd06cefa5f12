//! The economic-nexus thresholds of the states, as of the date in the data file.

use jiff::civil::Date;
use serde::Deserialize;
use switchyard_chassis::Failure;
use switchyard_events::{CountedSales, RequiredThresholds, Subdivision, Usd};

use crate::limit::Limit;
use crate::period::Period;

/// The data file, compiled in.
const THRESHOLDS_JSON: &str = include_str!("../data/nexus_thresholds.json");

/// The thresholds of all states, sorted by the states' codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Describes the fields for readers of the file.
    #[serde(rename = "about")]
    _about: Vec<String>,
    /// The day on which the limits were collected.
    pub as_of: Date,
    /// Every region of [`switchyard_events::US_REGIONS`]: states with and without a statewide sales tax, the District of Columbia, and
    /// the outlying areas. "State" here means any of them.
    pub states: Vec<State>,
}

/// A state and its threshold for remote sellers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The ISO 3166-2 code, such as `US-CA`.
    pub jurisdiction: Subdivision,
    /// The English name.
    pub name: String,
    /// `None` where the state taxes no sales, or where no threshold for remote sellers is known.
    pub threshold: Option<Threshold>,
    /// The address of the law or of the revenue department's page about it.
    pub source: String,
    /// When the limits were last compared with `verified_by`; `None` if never.
    pub verified: Option<Date>,
    /// The sources of that comparison; `about` explains their names.
    pub verified_by: Vec<String>,
    /// Remarks.
    pub note: Option<String>,
}

/// The limits that create the obligation to collect tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ThresholdJson")]
pub struct Threshold {
    /// Which sales count.
    pub counts: CountedSales,
    /// The period over which sales are added up.
    pub period: Period,
    /// The limit of their amount.
    pub sales: Limit<Usd>,
    /// The limit of the number of orders, if the state has one.
    pub transactions: TransactionRule,
}

/// How the number of orders affects a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionRule {
    /// Orders are not counted.
    Uncounted,
    /// Passing this limit is sufficient; the amount does not matter.
    Or(Limit<u64>),
    /// Passing this limit is necessary in addition to the amount.
    And(Limit<u64>),
}

impl Thresholds {
    /// Parses the thresholds that are compiled into this crate.
    pub fn embedded() -> Result<Self, Failure> {
        serde_json::from_str(THRESHOLDS_JSON).map_err(|error| Failure::reject("bad_thresholds", error))
    }
}

impl TransactionRule {
    /// The limit of the number of orders; `None` where the state counts no orders.
    pub fn limit(self) -> Option<Limit<u64>> {
        match self {
            Self::Uncounted => None,
            Self::Or(limit) | Self::And(limit) => Some(limit),
        }
    }

    /// Which limits have to be passed.
    pub fn needs(self) -> RequiredThresholds {
        match self {
            Self::Uncounted => RequiredThresholds::Amount,
            Self::Or(_) => RequiredThresholds::Either,
            Self::And(_) => RequiredThresholds::Both,
        }
    }
}

/// A threshold as it is in the data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdJson {
    counts: CountedSales,
    period: Period,
    sales_usd: Limit<Usd>,
    or_transactions: Option<Limit<u64>>,
    and_transactions: Option<Limit<u64>>,
}

impl TryFrom<ThresholdJson> for Threshold {
    type Error = &'static str;

    fn try_from(json: ThresholdJson) -> Result<Self, Self::Error> {
        let transactions = match (json.or_transactions, json.and_transactions) {
            (None, None) => TransactionRule::Uncounted,
            (Some(limit), None) => TransactionRule::Or(limit),
            (None, Some(limit)) => TransactionRule::And(limit),
            (Some(_), Some(_)) => return Err("or_transactions and and_transactions exclude each other"),
        };
        Ok(Self { counts: json.counts, period: json.period, sales: json.sales_usd, transactions })
    }
}

#[cfg(test)]
mod tests;

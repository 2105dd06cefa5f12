//! [`NexusThresholdCrossed`].

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AggregateId, Fact, InvalidValue, Subdivision, Usd};

/// Sales into a state have passed its economic-nexus threshold, which obliges the seller to collect the state's sales
/// tax. Emitted by `tax`, once per state and calendar year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NexusThresholdCrossed {
    /// State and year, such as `US-CA.2026`.
    pub nexus_id: AggregateId,
    /// The state.
    pub jurisdiction: Subdivision,
    /// The calendar year in which the measured period ends.
    #[schemars(range(min = 2018, max = 9999))]
    pub year: i16,
    /// The first day of the period that the state's law measures.
    #[schemars(with = "String", extend("format" = "date"))]
    #[serde(deserialize_with = "crate::time::deserialize_date")]
    pub period_from: Date,
    /// The last day of that period. It may be in the future.
    #[schemars(with = "String", extend("format" = "date"))]
    #[serde(deserialize_with = "crate::time::deserialize_date")]
    pub period_to: Date,
    /// The sales that the state counts towards its threshold.
    pub counts: CountedSales,
    /// The sum of these sales in the period, when the crossing was detected.
    pub sales_usd: Usd,
    /// The number of these orders in the period, when the crossing was detected.
    pub transactions: u64,
    /// The threshold for the amount.
    pub threshold_usd: Usd,
    /// The threshold for the number of orders; null where only the amount counts.
    pub threshold_transactions: Option<u64>,
    /// The thresholds that must be passed.
    pub needs: RequiredThresholds,
    /// When the crossing was detected (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::deserialize_timestamp")]
    pub noticed_at: Timestamp,
}

/// The sales that a state counts towards its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CountedSales {
    /// All, those for resale and exempt ones included.
    Gross,
    /// All but those for resale; exempt ones included.
    Retail,
    /// Only taxable ones.
    Taxable,
}

/// The thresholds that must be passed before a state requires registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequiredThresholds {
    /// The amount; orders are not counted.
    Amount,
    /// The amount or the number of orders.
    Either,
    /// The amount and the number of orders.
    Both,
}

impl NexusThresholdCrossed {
    /// The aggregate id of a state and year, such as `US-CA.2026`.
    pub fn id(jurisdiction: &Subdivision, year: i16) -> Result<AggregateId, InvalidValue> {
        AggregateId::parse(format!("{jurisdiction}.{year}"))
    }
}

impl Fact for NexusThresholdCrossed {
    const TYPE: &'static str = "NexusThresholdCrossed";
    const VERSION: u32 = 1;
    const AGGREGATE: &'static str = "nexus";

    fn aggregate_id(&self) -> &str {
        self.nexus_id.as_str()
    }

    fn timestamp_field(&self) -> (&'static str, Timestamp) {
        ("noticed_at", self.noticed_at)
    }

    fn validate(&self) -> Result<(), InvalidValue> {
        if self.nexus_id != Self::id(&self.jurisdiction, self.year)? {
            return Err(InvalidValue::new("nexus_id is not made of jurisdiction and year"));
        }
        if self.period_to < self.period_from || self.period_to.year() != self.year {
            return Err(InvalidValue::new("period_to must not be before period_from, and be in the year"));
        }
        if (self.needs == RequiredThresholds::Amount) != self.threshold_transactions.is_none() {
            return Err(InvalidValue::new("threshold_transactions and needs contradict each other"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../samples/NexusThresholdCrossed.v1.json");

    #[test]
    fn inconsistent_crossing_is_invalid() {
        let sample: crate::Envelope<NexusThresholdCrossed> = serde_json::from_str(SAMPLE).unwrap();
        assert_eq!(sample.data.validate(), Ok(()));
        let refused = |change: fn(&mut NexusThresholdCrossed), why: &str| {
            let mut crossed = sample.data.clone();
            change(&mut crossed);
            let error = crossed.validate().expect_err(why).0;
            assert!(error.contains(why), "{error}");
        };
        refused(|crossed| crossed.year = 2025, "made of jurisdiction and year");
        refused(|crossed| crossed.period_to = Date::constant(2027, 1, 1), "in the year");
        refused(|crossed| crossed.period_from = Date::constant(2027, 1, 1), "not be before");
        refused(|crossed| crossed.threshold_transactions = Some(200), "contradict");
        refused(|crossed| crossed.needs = RequiredThresholds::Both, "contradict");
    }
}

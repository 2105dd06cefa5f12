//! Sales into a state have reached what obliges their seller to collect its tax.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AggregateId, Fact, InvalidValue, Subdivision, Usd};

/// Sales into a state have passed its economic-nexus threshold. Emitted by `tax`, once per state and calendar year.
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
    #[serde(deserialize_with = "crate::time::day")]
    pub period_from: Date,
    /// Its last day, which may be still to come.
    #[schemars(with = "String", extend("format" = "date"))]
    #[serde(deserialize_with = "crate::time::day")]
    pub period_to: Date,
    /// Which sales the state counts.
    pub counts: CountedSales,
    /// What these sales came to in the period, when the crossing was noticed.
    pub sales_usd: Usd,
    /// How many orders that was.
    pub transactions: u64,
    /// The amount to be passed.
    pub threshold_usd: Usd,
    /// The number of orders to be passed; null where only the amount decides.
    pub threshold_transactions: Option<u64>,
    /// Whether one threshold is enough.
    pub needs: RequiredThresholds,
    /// When the crossing was noticed (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(deserialize_with = "crate::time::moment")]
    pub noticed_at: Timestamp,
}

/// Which sales a state counts towards its threshold.
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

/// Which thresholds have to be passed.
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
    /// The id of a state and year.
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
    fn a_crossing_that_contradicts_itself_is_refused() {
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

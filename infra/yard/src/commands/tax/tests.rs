//! What `yard tax` prints.

use jiff::civil::Date;
use switchyard_events::Usd;
use tax::{MonthlySums, Thresholds};

use super::{StateNexus, StateTaxLine, TaxReport};

fn line(code: &str, cents: i64, orders: i64, announced_at: Option<&str>) -> StateTaxLine {
    let thresholds = Thresholds::embedded().unwrap();
    let state = thresholds.states.iter().find(|state| state.jurisdiction.as_str() == code).unwrap();
    let revenue = Usd::from_cents(cents);
    let sums =
        tax::Sums { revenue, taxable: revenue, exempt: Usd::ZERO, transactions: orders, taxable_transactions: orders };
    let mut months = MonthlySums::default();
    months.add(tax::Month::new(2026, 5), sums);
    StateTaxLine {
        jurisdiction: code.to_owned(),
        name: state.name.clone(),
        revenue_usd: revenue,
        taxable_usd: revenue,
        exempt_usd: Usd::ZERO,
        transactions: orders,
        nexus: state
            .threshold
            .map(|threshold| StateNexus::new(&threshold, 2026, &months, announced_at.map(str::to_owned))),
    }
}

#[test]
fn tax_table_is_aligned_and_names_states_without_sales() {
    let states = vec![
        line("US-WY", 12_345_678, 9, Some("2026-11-21T08:15:00.000Z")),
        line("US-GA", 100, 200, None),
        line("US-NY", 45_000_000, 3, None),
        line("US-AR", 1_000_000, 20, None),
        line("US-OR", 5_000, 1, None),
        line("US-TX", 0, 0, None),
        line("US-AL", 0, 0, None),
    ];
    let report = TaxReport { year: 2026, thresholds_as_of: Date::constant(2026, 11, 21), states };
    let expected = [
        "economic nexus in 2026, thresholds of 2026-11-21",
        "",
        "state                revenue  orders             counted  in                  threshold                          gone  left",
        "WY     Wyoming   $123,456.78       9         $123,456.78  2026                > $100,000.00                   123.5 %  crossed, announced 2026-11-21",
        "GA     Georgia         $1.00     200               $1.00  2026                > $100,000.00 or ≥ 200 orders   100.0 %  crossed, to be announced",
        "NY     New York  $450,000.00       3         $450,000.00  2025-12 to 2026-11  > $500,000.00 and > 100 orders    3.0 %  $50,000.01 and 98 orders",
        "AR     Arkansas   $10,000.00      20  taxable $10,000.00  2026                > $100,000.00 or > 200 orders    10.0 %  $90,000.01 or 181 orders",
        "OR     Oregon         $50.00       1                   -                      no sales tax",
        "",
        "nothing sold into AL TX",
    ];
    assert_eq!(report.render(), expected.join("\n"));
}

#[test]
fn tax_json_has_exactly_documented_fields() {
    let states = vec![line("US-GA", 250_050, 20, None), line("US-OR", 5_000, 1, None)];
    let report = TaxReport { year: 2026, thresholds_as_of: Date::constant(2026, 11, 21), states };
    assert_eq!(
        serde_json::to_string(&report).unwrap(),
        concat!(
            r#"{"year":2026,"thresholds_as_of":"2026-11-21","states":["#,
            r#"{"jurisdiction":"US-GA","name":"Georgia","revenue_usd":2500.50,"taxable_usd":2500.50,"exempt_usd":0.00,"#,
            r#""transactions":20,"nexus":{"counts":"retail","period":"previous_or_current_year","#,
            r#""period_from":"2026-01-01","period_to":"2026-12-31","sales_usd":2500.50,"transactions":20,"#,
            r#""threshold_usd":{"more_than":100000.00},"threshold_transactions":{"at_least":200},"needs":"either","#,
            r#""sales_left_usd":97499.51,"transactions_left":180,"percent":10.0,"crossed":false,"announced_at":null}},"#,
            r#"{"jurisdiction":"US-OR","name":"Oregon","revenue_usd":50.00,"taxable_usd":50.00,"exempt_usd":0.00,"#,
            r#""transactions":1,"nexus":null}]}"#,
        )
    );
}

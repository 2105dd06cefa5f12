//! Orders with different histories, and their scores.

use jiff::SignedDuration;
use switchyard_chassis::{Env, Key, Row, Value};
use switchyard_events::{Address, CountryCode, EmailAddress, Envelope, OrderPlaced, Quantity, Redacted, Usd};

use super::*;
use crate::rules::rules;

mod properties;

fn sample() -> OrderPlaced {
    let text = include_str!("../../../events/samples/OrderPlaced.v1.json");
    serde_json::from_str::<Envelope<OrderPlaced>>(text).unwrap().data
}

fn order(change: impl FnOnce(&mut OrderPlaced)) -> OrderPlaced {
    let mut order = sample();
    change(&mut order);
    order
}

fn to(country: &str) -> Redacted<Address> {
    let country = CountryCode::parse(country).unwrap();
    Redacted::new(Address { country, ..sample().ship_to.reveal().clone() })
}

/// Orders a day and a minute apart, with the usual amount and country.
fn history(orders: i64) -> Profile {
    (0..orders).fold(Profile::default(), |profile, n| {
        profile.with_order(&order(|order| order.placed_at -= SignedDuration::from_mins(1441 * (orders - n))))
    })
}

fn check(order: &OrderPlaced, profile: &Profile, expected: &[(&str, i16)]) {
    let found: Vec<_> = rules(&Signals::new(order, profile)).into_iter().filter(|(_, points)| *points > 0).collect();
    assert_eq!(found, expected);
}

#[test]
fn ordinary_order_gets_no_rule_points_and_no_flag() {
    let model = Model::embedded().unwrap();
    for profile in [Profile::default(), history(20)] {
        check(&sample(), &profile, &[]);
        let score = Score::new(&Signals::new(&sample(), &profile), &model);
        assert!(!FlagThreshold::default().is_reached_by(score.points), "{score:?}");
    }
}

#[test]
fn each_rule_gives_its_code_and_points() {
    let pieces = |quantity: u64| {
        order(|order| {
            order.items.truncate(1);
            order.items[0].quantity = Quantity::try_from(quantity).unwrap();
        })
    };
    let new = Profile::default();
    check(&pieces(49), &new, &[]);
    check(&pieces(50), &new, &[("quantity", 10)]);
    check(&pieces(200), &new, &[("quantity", 25)]);
    let email = EmailAddress::parse("x@team.Mailinator.com").unwrap();
    check(&order(|order| order.email = Redacted::new(email)), &new, &[("disposable_domain", 20)]);
    let costing = |dollars: i64| order(|order| order.total_usd = Usd::from_cents(100 * dollars));
    check(&costing(1_999), &new, &[]);
    check(&costing(2_000), &new, &[("amount", 15)]);
    check(&costing(5_000), &new, &[("amount", 30)]);
    // All orders of the history cost 101.50, so a tenth of that counts as the deviation.
    check(&costing(131), &history(20), &[]);
    check(&costing(132), &history(20), &[("amount", 15)]);
    check(&costing(163), &history(20), &[("amount", 30)]);
    check(&costing(163), &history(4), &[]);
    check(&order(|order| order.ship_to = to("BR")), &history(20), &[("country", 15)]);
    check(&order(|order| order.ship_to = to("BR")), &history(4), &[]);
    let busy = |orders: u32| (0..orders).fold(new.clone(), |profile, _| profile.with_order(&sample()));
    check(&sample(), &busy(2), &[]);
    check(&sample(), &busy(3), &[("velocity_1h", 15)]);
    check(&sample(), &busy(20), &[("velocity_1h", 40), ("velocity_24h", 30)]);
}

#[test]
fn country_is_usual_from_one_order_in_ten() {
    let once_abroad = |orders: i64| history(orders - 1).with_order(&order(|order| order.ship_to = to("BR")));
    let abroad = order(|order| order.ship_to = to("BR"));
    check(&abroad, &once_abroad(10), &[]);
    check(&abroad, &once_abroad(11), &[("country", 15)]);
}

#[test]
fn flag_threshold_must_be_a_whole_number_from_1_to_100() {
    let read = |text: &'static str| {
        let mut env = Env::from_lookup(move |_| Some(text.to_owned()));
        let fraud = Fraud::from_env(&mut env);
        env.finish(fraud.threshold).map_err(|error| error.to_string())
    };
    assert!(read("1").unwrap().is_reached_by(1) && !read("100").unwrap().is_reached_by(99));
    for bad in ["0", "101", "-1", "60.5", "", "high"] {
        let expected = "configuration: FLAG_THRESHOLD cannot be read: must be a whole number from 1 to 100";
        assert_eq!(read(bad).unwrap_err(), expected);
    }
    let mut env = Env::from_lookup(|_| None);
    let fraud = Fraud::from_env(&mut env);
    assert_eq!(env.finish(fraud.threshold), Ok(FlagThreshold::default()));
}

#[test]
fn review_days_must_be_a_whole_number_from_1_to_365() {
    for (text, days) in [("1", 1), ("7", 7), ("365", 365)] {
        assert_eq!(text.parse::<ReviewDays>().map(ReviewDays::get), Ok(days));
    }
    for bad in ["0", "366", "-1", "1.5", "", "week"] {
        assert!(bad.parse::<ReviewDays>().is_err(), "{bad:?}");
    }
    let mut env = Env::from_lookup(|name| (name == "REVIEW_DAYS").then(|| "0".to_owned()));
    ExpireReviews::from_env(&mut env);
    let expected = "configuration: REVIEW_DAYS cannot be read: must be a whole number from 1 to 365";
    assert_eq!(env.finish(()).unwrap_err().to_string(), expected);
    assert_eq!(ReviewDays::default().get(), 7);
}

#[test]
fn invalid_model_file_is_refused_with_the_reason() {
    let model_json = include_str!("../training/model.json");
    let refused = |from: &str, to: &str| {
        let text = model_json.replacen(from, to, 1);
        assert_ne!(text, model_json, "{from} is not in the model");
        Model::parse(&text).unwrap_err().to_string()
    };
    assert!(Model::parse(model_json).is_ok());
    assert!(Model::parse("{").unwrap_err().to_string().starts_with("model.json cannot be read: EOF"));
    assert!(refused("\"intercept\":", "\"intercepted\":").contains("missing field `intercept`"));
    assert!(refused("\"weight\":", "\"weight\": null, \"was\":").contains("invalid type: null, expected f64"));
    assert!(refused("\"weight\":", "\"weight\": 1e999, \"was\":").contains("number out of range"));
    assert!(refused("\"deviation\": ", "\"deviation\": -").contains("velocity_1h: deviation must be positive"));
    assert!(
        refused("\"name\": \"amount\"", "\"name\": \"amount_usd\"")
            .contains("features must be, each once: velocity_1h,")
    );
    assert!(refused("\"name\": \"amount\"", "\"name\": \"country\"").contains("each once"));
    assert!(refused("\"version\": \"", "\"version\": \"\", \"was\": \"").contains("version must be"));
}

#[test]
fn model_accepts_features_in_any_order() {
    let model_json = include_str!("../training/model.json");
    let mut file: serde_json::Value = serde_json::from_str(model_json).unwrap();
    file["features"].as_array_mut().unwrap().reverse();
    assert_eq!(Model::parse(&file.to_string()).unwrap(), Model::embedded().unwrap());
}

#[test]
fn unreadable_profile_row_is_empty_but_keeps_its_version() {
    let row = Row::new(Key::new("USER#u", "PROFILE")).set("version", 7_u64).set("orders", 7_u64).into_item();
    assert_eq!(Profile::from_item(Some(&row)), Profile { version: 7, ..Profile::default() });
    assert_eq!(Profile::from_item(None), Profile::default());
}

#[test]
fn cancelled_orders_count_for_velocity_but_build_no_trust() {
    let cancelled = |orders: usize| {
        (0..orders).fold(Profile::default(), |profile, _| profile.with_order(&sample()).with_cancellation(&sample()))
    };
    check(&sample(), &cancelled(20), &[("velocity_1h", 40), ("velocity_24h", 30)]);
    let profile = cancelled(20);
    assert_eq!((profile.orders, profile.cents, profile.squares, profile.countries.len()), (0, 0, 0, 0));
    // Ten cheap orders would make 200 dollars unusual. Cancelled, they say nothing.
    let costing = order(|order| order.total_usd = Usd::from_cents(20_000));
    check(&costing, &history(10), &[("amount", 30)]);
    let forgotten = (0..10).fold(history(10), |profile, _| profile.with_cancellation(&sample()));
    check(&costing, &forgotten, &[]);
}

#[test]
fn profile_without_its_sums_survives_a_cancellation() {
    let dear = order(|order| order.total_usd = Usd::from_cents(99_999_999));
    let lost = (0..9).fold(Profile::default(), |profile, _| profile.with_order(&sample())).with_cancellation(&dear);
    assert_eq!((lost.orders, lost.cents, lost.squares), (8, 0, 0));
    assert!(lost.with_order(&sample()).deviations(10_000).unwrap().is_finite());
}

#[test]
fn profile_row_is_read_as_it_was_written() {
    let profile = history(60).with_early_cancellation();
    let row = Row::new(Key::new("USER#u", "PROFILE"));
    let countries = Value::map(profile.countries.iter().map(|(c, n)| (c.clone(), Value::from(*n).0)).collect());
    let recent: Vec<_> = profile.recent.times().iter().map(|time| Value::from(*time)).collect();
    let row = row.set("version", profile.version).set("orders", profile.orders).set("recent", recent);
    let row = row.set("spent_usd", Usd::from_cents(i64::try_from(profile.cents).unwrap())).set("countries", countries);
    let row = row.set("squares", rust_decimal::Decimal::from(u64::try_from(profile.squares).unwrap()));
    let old_version = Profile { early_cancellations: 0, ..profile.clone() };
    assert_eq!(Profile::from_item(Some(&row.clone().into_item())), old_version);
    assert_eq!(Profile::from_item(Some(&row.set("early_cancellations", 1_u64).into_item())), profile);
}

//! The training script reproduces the checked-in model, and Rust and Python compute the same features and scores.

#![allow(clippy::unwrap_used)] // a failing helper fails its test
#![allow(clippy::cast_precision_loss)] // counts of a few thousand

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use fraud::{FEATURES, FlagThreshold, Model, Profile, Score, Signals, features};
use serde_json::Value;
use switchyard_events::{Address, CountryCode, EmailAddress, Envelope, OrderPlaced, Quantity, Redacted, Usd};

fn training() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("training")
}

/// An order of a file that `train.py` wrote, with its expected features and log-odds.
struct Example {
    order: OrderPlaced,
    user: String,
    fraud: bool,
    /// The features, then the log-odds.
    expected: Vec<f64>,
}

fn example(line: &str) -> Example {
    let text = include_str!("../../../events/samples/OrderPlaced.v1.json");
    let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(text).unwrap().data;
    let fields: Vec<_> = line.split(',').collect();
    let [_, user, placed_at, domain, country, total, quantity, fraud, expected @ ..] = fields.as_slice() else {
        panic!("{line}");
    };
    order.placed_at = placed_at.parse().unwrap();
    order.email = Redacted::new(EmailAddress::parse(format!("ada@{domain}")).unwrap());
    let country = CountryCode::parse(*country).unwrap();
    order.ship_to = Redacted::new(Address { country, ..order.ship_to.reveal().clone() });
    order.total_usd = Usd::parse(total).unwrap();
    order.items.truncate(1);
    order.items[0].quantity = Quantity::try_from(quantity.parse::<u64>().unwrap()).unwrap();
    let expected = expected.iter().map(|number| number.parse().unwrap()).collect();
    Example { order, user: (*user).to_owned(), fraud: *fraud == "1", expected }
}

/// Scores the orders of a file in sequence and compares features and log-odds with those in the file.
fn replay(file: &Path, model: &Model) -> Vec<(Score, f64, bool)> {
    let mut histories: HashMap<String, Profile> = HashMap::new();
    let text = fs::read_to_string(file).unwrap();
    let mut scored = Vec::new();
    for line in text.lines().skip(1) {
        let Example { order, user, fraud, expected } = example(line);
        let history = histories.remove(&user).unwrap_or_default();
        let signals = Signals::new(&order, &history);
        let values = features(&signals);
        let log_odds = model.log_odds(&values);
        assert_eq!(expected.len(), FEATURES.len() + 1);
        for (found, expected) in values.iter().chain([&log_odds]).zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}: {line}");
        }
        scored.push((Score::new(&signals, model), log_odds, fraud));
        histories.insert(user, history.with_order(&order));
    }
    scored
}

/// The probability that a fraud scores above an honest order; ties count half.
fn auc(scored: &[(f64, bool)]) -> f64 {
    let (frauds, honest): (Vec<_>, Vec<_>) = scored.iter().partition(|(_, fraud)| *fraud);
    let above =
        |(fraud, _): &(f64, bool)| honest.iter().map(|(honest, _)| half(fraud.partial_cmp(honest))).sum::<f64>();
    frauds.iter().map(above).sum::<f64>() / (frauds.len() as f64 * honest.len() as f64)
}

fn half(ordering: Option<std::cmp::Ordering>) -> f64 {
    match ordering {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    }
}

#[test]
fn rust_and_python_compute_the_same_scores() {
    let scored = replay(&training().join("examples.csv"), &Model::embedded().unwrap());
    let frauds = scored.iter().filter(|(_, _, fraud)| *fraud).count();
    assert!(scored.len() > 200 && frauds > 20, "{frauds} frauds in {} examples", scored.len());
}

#[test]
fn retraining_reproduces_the_model_and_its_figures() {
    let checked_in = fs::read_to_string(training().join("model.json")).unwrap();
    let model: Value = serde_json::from_str(&checked_in).unwrap();
    if model["data"].as_str().unwrap().starts_with("own") {
        return; // the training data are not in the repository
    }
    let out = env::temp_dir().join(format!("switchyard-fraud-{}", std::process::id()));
    fs::create_dir_all(&out).unwrap();
    let held_out = out.join("held_out.csv");
    let venv = training().join("../../../.venv/bin/python");
    let python = if venv.exists() { venv } else { "python3".into() };
    let mut train = Command::new(python);
    train.arg(training().join("train.py")).arg("--out").arg(&out).arg("--held-out").arg(&held_out);
    let ran = train.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(fs::read_to_string(out.join("model.json")).unwrap(), checked_in);
    replay(&out.join("examples.csv"), &Model::embedded().unwrap());

    let scored = replay(&held_out, &Model::embedded().unwrap());
    fs::remove_dir_all(&out).unwrap();
    assert_eq!(scored.len() as u64, model["held_out"]["orders"].as_u64().unwrap());
    let by_model: Vec<_> = scored.iter().map(|(_, log_odds, fraud)| (*log_odds, *fraud)).collect();
    let stated = model["held_out"]["auc"].as_f64().unwrap();
    assert!((auc(&by_model) - stated).abs() <= 0.000_05, "{} is not {stated}", auc(&by_model));

    // The figures in README.md for rules and model together at the default threshold.
    let by_score: Vec<_> = scored.iter().map(|(score, _, fraud)| (f64::from(score.points), *fraud)).collect();
    let flagged = |wanted: bool| {
        let of_kind = scored.iter().filter(|(_, _, fraud)| *fraud == wanted);
        let flags: Vec<_> = of_kind.map(|(score, _, _)| FlagThreshold::default().is_reached_by(score.points)).collect();
        flags.iter().filter(|flag| **flag).count() as f64 / flags.len() as f64
    };
    println!(
        "score: AUC {:.4}, flags {:.4} of frauds, {:.4} of honest orders",
        auc(&by_score),
        flagged(true),
        flagged(false)
    );
    assert!(auc(&by_score) > 0.95 && flagged(true) > 0.65 && flagged(false) < 0.01);
}

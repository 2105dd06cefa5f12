//! The logistic regression model that estimates the odds of fraud.

use std::collections::HashSet;
use std::f64::consts::LN_2;

use serde::Deserialize;

use crate::recent_orders::MAX_RECENT_ORDERS;
use crate::signals::Signals;

/// The file that `training/train.py` wrote, compiled in.
const MODEL_JSON: &str = include_str!("../training/model.json");

/// The points for each doubling of the odds.
const POINTS_PER_DOUBLING: f64 = 5.0;

/// A validated model. Its features are exactly those that this code computes, and all deviations are positive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Identifies the weights: a model with other weights has another version.
    pub version: String,
    intercept: f64,
    terms: [Term; FEATURES.len()],
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Term {
    name: String,
    mean: f64,
    deviation: f64,
    weight: f64,
}

/// Why the file of a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is no JSON, or a field is missing or of the wrong type.
    #[error("model.json cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A value is not allowed.
    #[error("model.json: {0}; write it with training/train.py of this version")]
    Unusable(String),
}

/// The features of the model, by the codes of their reasons.
pub const FEATURES: [&str; 8] = [
    "model_velocity_1h",
    "model_velocity_24h",
    "model_amount",
    "model_deviation",
    "model_quantity",
    "model_disposable_domain",
    "model_country",
    "model_history",
];

/// The values of [`FEATURES`] for an order, by the same formulas as in `training/features.py`.
#[allow(clippy::cast_precision_loss)] // counts up to fifty
pub fn features(signals: &Signals) -> [f64; FEATURES.len()] {
    let indicator = |holds: bool| if holds { 1.0 } else { 0.0 };
    [
        (signals.within_1h as f64).ln_1p(),
        (signals.within_24h as f64).ln_1p(),
        signals.dollars().ln_1p(),
        signals.deviations.unwrap_or(0.0).clamp(-3.0, 10.0),
        f64::from(signals.quantity).ln(),
        indicator(signals.is_disposable),
        indicator(signals.is_unusual_country),
        (signals.orders.min(MAX_RECENT_ORDERS as u64) as f64).ln_1p(),
    ]
}

impl Model {
    /// Parses the model that is compiled into this crate.
    pub fn embedded() -> Result<Self, ModelError> {
        Self::parse(MODEL_JSON)
    }

    /// Parses and validates the file of a model.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct File {
            version: String,
            intercept: f64,
            features: Vec<Term>,
        }
        let file: File = serde_json::from_str(text)?;
        let names: HashSet<_> = file.features.iter().map(|term| format!("model_{}", term.name)).collect();
        if file.features.len() != FEATURES.len() || FEATURES.iter().any(|name| !names.contains(*name)) {
            let known = FEATURES.map(|name| name.trim_start_matches("model_")).join(", ");
            return Err(ModelError::Unusable(format!("features must be, each once: {known}")));
        }
        if file.version.is_empty() || file.version.len() > 32 {
            return Err(ModelError::Unusable("version must be 1 to 32 characters".into()));
        }
        if let Some(term) = file.features.iter().find(|term| term.deviation <= 0.0) {
            return Err(ModelError::Unusable(format!("{}: deviation must be positive", term.name)));
        }
        let position = |term: &Term| FEATURES.iter().position(|name| name.trim_start_matches("model_") == term.name);
        let mut terms = file.features;
        terms.sort_by_key(position);
        let terms = terms.try_into().map_err(|_| ModelError::Unusable("features".into()))?;
        Ok(Self { version: file.version, intercept: file.intercept, terms })
    }

    /// What each feature adds to the log-odds of fraud, relative to the average order of the training data.
    pub fn contributions(&self, features: &[f64; FEATURES.len()]) -> [f64; FEATURES.len()] {
        std::array::from_fn(|index| {
            let term = &self.terms[index];
            term.weight * ((features[index] - term.mean) / term.deviation)
        })
    }

    /// The log-odds of fraud.
    pub fn log_odds(&self, features: &[f64; FEATURES.len()]) -> f64 {
        self.intercept + self.contributions(features).iter().sum::<f64>()
    }

    /// The contributions in points: five for each doubling of the odds, zero for the average order, negative where a feature makes
    /// the order less suspicious. A feature gives at most 100 points in either direction.
    #[allow(clippy::cast_possible_truncation)] // at most a hundred
    pub fn points(&self, signals: &Signals) -> [(&'static str, i16); FEATURES.len()] {
        let contributions = self.contributions(&features(signals));
        let points = contributions.map(|log_odds| (POINTS_PER_DOUBLING * log_odds / LN_2).round().clamp(-100.0, 100.0));
        std::array::from_fn(|index| (FEATURES[index], points[index] as i16))
    }
}

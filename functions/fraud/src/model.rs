//! The logistic model: what has told fraud from honest orders in the data it was trained on.

use std::collections::HashSet;
use std::f64::consts::LN_2;

use serde::Deserialize;

use crate::recent::KEPT;
use crate::signals::Signals;

/// What `training/train.py` wrote.
const PACKED: &str = include_str!("../training/model.json");

/// Points for each doubling of the odds.
const POINTS_PER_DOUBLING: f64 = 5.0;

/// A model that can be asked: its features are those that this code computes, each once, and its numbers are numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Names the weights: other weights, another version.
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

/// Why a model's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No JSON, or a field is missing or of the wrong type.
    #[error("model.json cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It says something that it may not.
    #[error("model.json: {0}; write it with training/train.py of this version")]
    Unusable(String),
}

/// The reasons that the model can give, one for each of its features.
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

/// What the model sees of an order, one number for each of [`FEATURES`]: as `training/features.py` computes them.
#[allow(clippy::cast_precision_loss)] // counts up to fifty
pub fn features(signals: &Signals) -> [f64; FEATURES.len()] {
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    [
        (signals.within_1h as f64).ln_1p(),
        (signals.within_24h as f64).ln_1p(),
        signals.dollars().ln_1p(),
        signals.deviations.unwrap_or(0.0).clamp(-3.0, 10.0),
        f64::from(signals.quantity).ln(),
        truth(signals.is_disposable),
        truth(signals.is_abroad),
        (signals.orders.min(KEPT as u64) as f64).ln_1p(),
    ]
}

impl Model {
    /// The model packed with the function.
    pub fn packed() -> Result<Self, ModelError> {
        Self::parse(PACKED)
    }

    /// Reads a model's file and makes sure that it can be asked.
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
        let place = |term: &Term| FEATURES.iter().position(|name| name.trim_start_matches("model_") == term.name);
        let mut terms = file.features;
        terms.sort_by_key(place);
        let terms = terms.try_into().map_err(|_| ModelError::Unusable("features".into()))?;
        Ok(Self { version: file.version, intercept: file.intercept, terms })
    }

    /// How much each feature adds to the log-odds of fraud, compared with the average order of the training data.
    pub fn contributions(&self, features: &[f64; FEATURES.len()]) -> [f64; FEATURES.len()] {
        std::array::from_fn(|place| {
            let term = &self.terms[place];
            term.weight * ((features[place] - term.mean) / term.deviation)
        })
    }

    /// The log-odds of fraud.
    pub fn log_odds(&self, features: &[f64; FEATURES.len()]) -> f64 {
        self.intercept + self.contributions(features).iter().sum::<f64>()
    }

    /// The contributions in points: five for each doubling of the odds, none for the average order, negative where a feature
    /// speaks for the order. No feature says more than the whole scale.
    #[allow(clippy::cast_possible_truncation)] // at most a hundred
    pub fn points(&self, signals: &Signals) -> [(&'static str, i16); FEATURES.len()] {
        let contributions = self.contributions(&features(signals));
        let points = contributions.map(|log_odds| (POINTS_PER_DOUBLING * log_odds / LN_2).round().clamp(-100.0, 100.0));
        std::array::from_fn(|place| (FEATURES[place], points[place] as i16))
    }
}

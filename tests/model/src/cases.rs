//! All models in all settings, and with all seeded bugs.

use crate::checker::{CheckReport, check, find_violation};
use crate::consumer::Consumer;
use crate::lease::Lease;
use crate::lifecycle::Lifecycle;
use crate::outbox::Outbox;
use crate::protocol::Protocol;

/// A model to be checked.
pub struct Case {
    /// The model's name.
    pub model: &'static str,
    /// Its setting.
    pub setting: String,
    /// The bug that is built into it.
    pub bug: Option<SeededBug>,
    check: Box<dyn Fn() -> CheckReport>,
}

/// A mistake that is built into a model on purpose.
pub struct SeededBug {
    /// Its name.
    pub name: String,
    /// The property that it must violate.
    pub violates: &'static str,
}

impl Case {
    /// Every case: of each model first the correct ones.
    pub fn all() -> Vec<Self> {
        let mut cases = Self::of_protocol::<Consumer>();
        cases.extend(Self::of_protocol::<Lease>());
        cases.extend(Self::of_protocol::<Outbox>());
        cases.extend(Self::of_protocol::<Lifecycle>());
        cases
    }

    fn of_protocol<P: Protocol>() -> Vec<Self> {
        let correct = P::correct().into_iter().map(|model| Self {
            model: P::NAME,
            setting: model.setting(),
            bug: None,
            check: Box::new(move || check(&model)),
        });
        let with_bug = P::BUGS.iter().map(|&(bug, violates)| {
            let model = P::with_bug(bug);
            Self {
                model: P::NAME,
                setting: model.setting(),
                bug: Some(SeededBug { name: format!("{bug:?}"), violates }),
                check: Box::new(move || find_violation(&model, violates)),
            }
        });
        correct.chain(with_bug).collect()
    }

    /// Checks the model.
    pub fn check(&self) -> CheckReport {
        (self.check)()
    }

    /// Whether the report is as it should be: without violations for a correct model, with the expected one for a seeded bug.
    pub fn is_as_expected(&self, report: &CheckReport) -> bool {
        let Some(bug) = &self.bug else { return report.violations.is_empty() };
        report.violations.iter().any(|found| found.property == bug.violates && !found.counterexample.is_empty())
    }
}

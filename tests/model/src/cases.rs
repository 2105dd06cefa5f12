//! All models in all settings, and all mistakes.

use crate::consumer::Consumer;
use crate::explore::{Explored, explore, expose};
use crate::lease::Lease;
use crate::outbox::Outbox;
use crate::promise::Protocol;
use crate::wave::Waves;

/// A model to be explored.
pub struct Case {
    /// The model's file.
    pub model: &'static str,
    /// Its setting.
    pub setting: String,
    /// The mistake in it, and what must break because of it.
    pub flaw: Option<(String, &'static str)>,
    explore: Box<dyn Fn() -> Explored>,
}

impl Case {
    /// Explores it.
    pub fn explore(&self) -> Explored {
        (self.explore)()
    }

    /// Whether what was found is what should be: nothing in a sound model, and that in a broken one which must break.
    pub fn is_as_expected(&self, explored: &Explored) -> bool {
        match self.flaw {
            None => explored.broken.is_empty(),
            Some((_, breaks)) => explored.broken.iter().any(|broken| broken.name == breaks && !broken.way.is_empty()),
        }
    }
}

/// Every case: each model, sound first.
pub fn all() -> Vec<Case> {
    let mut cases = of::<Consumer>();
    cases.extend(of::<Lease>());
    cases.extend(of::<Outbox>());
    cases.extend(of::<Waves>());
    cases
}

fn of<M: Protocol>() -> Vec<Case> {
    let sound = M::sound().into_iter().map(|model| Case {
        model: M::NAME,
        setting: model.setting(),
        flaw: None,
        explore: Box::new(move || explore(&model)),
    });
    let broken = M::FLAWS.iter().map(|&(flaw, breaks)| {
        let model = M::flawed(flaw);
        Case {
            model: M::NAME,
            setting: model.setting(),
            flaw: Some((format!("{flaw:?}"), breaks)),
            explore: Box::new(move || expose(&model, breaks)),
        }
    });
    sound.chain(broken).collect()
}

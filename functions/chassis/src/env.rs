//! Configuration from environment variables, with all mistakes in one error.

use std::fmt::Display;
use std::str::FromStr;

/// All variables that are missing or cannot be parsed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration: {}", .0.join("; "))]
pub struct EnvError(pub Vec<String>);

type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// Reads variables and collects the mistakes, so that one deployment shows all of them.
pub struct Env {
    lookup: Lookup,
    mistakes: Vec<String>,
}

impl Env {
    /// The variables of this process.
    pub fn process() -> Self {
        Self::from_lookup(|name: &str| std::env::var(name).ok())
    }

    /// Variables from elsewhere, for tests.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { lookup: Box::new(lookup), mistakes: Vec::new() }
    }

    /// A required variable. If it is missing, the value is a placeholder and [`Env::finish`] fails.
    pub fn required<T: FromStr<Err: Display> + Default>(&mut self, name: &str) -> T {
        if (self.lookup)(name).is_none() {
            self.mistakes.push(format!("{name} is not set"));
        }
        self.optional(name).unwrap_or_default()
    }

    /// An optional variable with a default.
    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// An optional variable.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = (self.lookup)(name)?;
        text.parse().map_err(|error| self.mistakes.push(format!("{name} cannot be read: {error}"))).ok()
    }

    /// Adds a mistake from elsewhere, such as from a data file packed with the function.
    pub fn mistake(&mut self, mistake: impl Display) {
        self.mistakes.push(mistake.to_string());
    }

    /// The configuration, or all mistakes found while reading it.
    pub fn finish<T>(self, configuration: T) -> Result<T, EnvError> {
        if self.mistakes.is_empty() { Ok(configuration) } else { Err(EnvError(self.mistakes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_error_lists_all_mistakes() {
        let mut env = Env::from_lookup(|name| (name == "MAX_RECEIVES").then(|| "five".into()));
        let table: String = env.required("TABLE_NAME");
        let receives: u32 = env.required("MAX_RECEIVES");
        let days: u32 = env.or("MARKER_TTL_DAYS", 90);
        env.mistake("thresholds.json is no JSON");
        let error = env.finish((table, receives, days)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration: TABLE_NAME is not set; MAX_RECEIVES cannot be read: invalid digit found in string; thresholds.json is no JSON"
        );
    }
}

//! The configuration of the sender.

use std::fmt;
use std::str::FromStr;

use switchyard_chassis::Env;
use switchyard_events::{EmailAddress, InvalidValue};

/// The environment variables of this function, in addition to those of the chassis.
#[derive(Debug)]
pub(crate) struct Config {
    /// `SENDER_ADDRESS`: an identity that is verified in SES.
    pub sender: SenderAddress,
    /// `SES_CONFIGURATION_SET`: where SES reports bounces and complaints; `None` if missing or empty.
    pub configuration_set: Option<ConfigurationSet>,
}

impl Config {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let configuration_set = env.optional("SES_CONFIGURATION_SET");
        Self {
            sender: env.required("SENDER_ADDRESS"),
            configuration_set: configuration_set.filter(|set: &ConfigurationSet| !set.0.is_empty()),
        }
    }
}

/// The address in `From`. The `Default` replaces a missing one until [`Env::finish`] fails.
#[derive(Debug, Default)]
pub(crate) struct SenderAddress(String);

impl SenderAddress {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SenderAddress {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        EmailAddress::parse(text).map(|address| Self(address.into()))
    }
}

/// The name of a configuration set: at most 64 ASCII letters, digits, `_` or `-`
/// (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html>, 2026-11-21).
#[derive(Debug)]
pub(crate) struct ConfigurationSet(String);

impl FromStr for ConfigurationSet {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.len() > 64 || !text.chars().all(is_ses_name) {
            return Err(InvalidValue::new("must be at most 64 ASCII letters, digits, _ or -"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ConfigurationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether SES allows a character in names of configuration sets and values of tags.
pub(crate) fn is_ses_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &'static [(&str, &str)]) -> Result<Config, String> {
        let mut env = Env::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let parsed = Config::from_env(&mut env);
        env.finish(parsed).map_err(|error| error.to_string())
    }

    const SENDER: (&str, &str) = ("SENDER_ADDRESS", "orders@switchyard.example");

    #[test]
    fn configuration_set_may_be_missing_or_empty() {
        let set = |result: Result<Config, String>| result.unwrap().configuration_set.map(|set| set.to_string());
        assert_eq!(set(config(&[SENDER])), None);
        assert_eq!(set(config(&[SENDER, ("SES_CONFIGURATION_SET", "")])), None);
        let named = config(&[SENDER, ("SES_CONFIGURATION_SET", "orders-1")]);
        assert_eq!(set(named).as_deref(), Some("orders-1"));
    }

    #[test]
    fn one_error_lists_all_configuration_mistakes() {
        let error =
            config(&[("SENDER_ADDRESS", "Orders <orders@switchyard.example>"), ("SES_CONFIGURATION_SET", "a set")])
                .unwrap_err();
        assert!(error.contains("SENDER_ADDRESS cannot be read"), "{error}");
        assert!(error.contains("SES_CONFIGURATION_SET cannot be read"), "{error}");
        assert_eq!(config(&[]).unwrap_err(), "configuration: SENDER_ADDRESS is not set");
    }
}

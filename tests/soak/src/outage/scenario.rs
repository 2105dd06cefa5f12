//! Which service is out of reach, and in which way.

use clap::ValueEnum;
use serde::Serialize;
use switchyard_faults::{Fault, Rule};

/// What is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutageService {
    /// The table of one consumer
    Table,
    /// SES
    Ses,
    /// The event bus
    Eventbridge,
    /// SQS, as the functions call it, and the table of one consumer, since without a failure no function calls SQS
    Sqs,
}

/// How calls to it fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutageWay {
    /// Answered with `AccessDeniedException`
    Denied,
    /// Answered with an internal error (500)
    Error,
    /// The connection is reset without an answer
    Refused,
    /// No answer until the caller gives up
    Hanging,
}

impl OutageService {
    /// The consumer that the outage affects if none is named; none if it affects all of them.
    pub(crate) fn default_consumer(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::Sqs => Some("tax"),
            Self::Ses => Some("email"),
            Self::Eventbridge => None,
        }
    }

    /// The proxy's rules. `table` is the table of the affected consumer.
    pub(crate) fn rules(self, way: OutageWay, table: &str) -> Vec<Rule> {
        let all = |service| Rule::new(service, "*", way.fault());
        // A statement of PartiQL is a text in the body, in which the quotes around the name are escaped.
        let of_table =
            || [format!("\"{table}\""), format!("\"{table}\\\"")].map(|name| all("dynamodb").containing(&name));
        match self {
            Self::Table => of_table().into(),
            Self::Ses => vec![all("ses")],
            Self::Eventbridge => vec![all("events")],
            Self::Sqs => of_table().into_iter().chain([all("sqs")]).collect(),
        }
    }
}

impl OutageWay {
    /// All services have one address here, and it cannot refuse the connections of one of them. A reset after the request was
    /// read is the nearest. For SES it is more than a refusal: the mail may have been sent.
    fn fault(self) -> Fault {
        match self {
            Self::Denied => Fault::AccessDenied,
            Self::Error => Fault::InternalError { after_effect: false },
            Self::Refused => Fault::ResetConnection,
            Self::Hanging => Fault::Hang,
        }
    }
}

/// The name on the command line.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

//! `/_faults`: shows the rules and changes them.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::Rule;
use crate::error_response::{ProxyResponse, json_response};
use crate::rule_set::RuleSet;

pub(crate) const PATH: &str = "/_faults";

#[derive(Deserialize)]
#[serde(untagged)]
enum RuleFile {
    List(Vec<Rule>),
    Object { rules: Vec<Rule> },
}

/// Parses rules: a JSON list, or an object with the list `rules`.
pub(crate) fn parse_rules(json: &[u8]) -> Result<Vec<Rule>, serde_json::Error> {
    // The list comes first, since its error says which rule is wrong and why. That of an untagged enum does not.
    serde_json::from_slice::<Vec<Rule>>(json).or_else(|error| match serde_json::from_slice(json) {
        Ok(RuleFile::List(rules) | RuleFile::Object { rules }) => Ok(rules),
        Err(_) => Err(error),
    })
}

pub(crate) fn handle(rules: &RuleSet, method: &Method, body: &[u8]) -> ProxyResponse {
    let respond = |status, body| json_response(status, "application/json", &body);
    match *method {
        Method::GET => respond(200, rules.to_json()),
        Method::DELETE => {
            rules.replace(Vec::new());
            respond(200, rules.to_json())
        }
        Method::PUT => match parse_rules(body) {
            Ok(replacement) => {
                rules.replace(replacement);
                respond(200, rules.to_json())
            }
            Err(error) => respond(400, json!({"error": error.to_string()})),
        },
        _ => respond(405, json!({"error": "GET, PUT or DELETE"})),
    }
}

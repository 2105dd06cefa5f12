//! `/_faults`: looking at the rules and changing them.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::Rule;
use crate::book::Book;
use crate::shape::{Answer, answer};

pub(crate) const PATH: &str = "/_faults";

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    List(Vec<Rule>),
    Object { rules: Vec<Rule> },
}

/// Reads rules: a list, or an object with the list `rules`.
pub(crate) fn rules(text: &[u8]) -> Result<Vec<Rule>, serde_json::Error> {
    // Read as a list first, for an error that says what is wrong with which rule.
    serde_json::from_slice::<Vec<Rule>>(text).or_else(|error| match serde_json::from_slice(text) {
        Ok(Rules::List(rules) | Rules::Object { rules }) => Ok(rules),
        Err(_) => Err(error),
    })
}

pub(crate) fn serve(book: &Book, method: &Method, body: &[u8]) -> Answer {
    let json = |status, body| answer(status, "application/json", &body);
    match *method {
        Method::GET => json(200, book.show()),
        Method::DELETE => {
            book.replace(Vec::new());
            json(200, book.show())
        }
        Method::PUT => match rules(body) {
            Ok(rules) => {
                book.replace(rules);
                json(200, book.show())
            }
            Err(error) => json(400, json!({"error": error.to_string()})),
        },
        _ => json(405, json!({"error": "GET, PUT or DELETE"})),
    }
}

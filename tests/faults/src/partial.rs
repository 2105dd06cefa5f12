//! Calls of which only some entries are done.

use data_encoding::HEXLOWER;
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::Call;

/// A call without the entries that are to fail.
pub(crate) struct Cut {
    /// What is left of the body; none if nothing is.
    pub(crate) body: Option<Bytes>,
    /// For each entry, whether it was left out.
    out: Vec<bool>,
    left_out: Vec<Value>,
    code: String,
}

impl Cut {
    /// Leaves out the entries that have the text in them; without a text those that `toss` says, at least one.
    pub(crate) fn of(call: &Call, text: Option<&str>, code: Option<&str>, mut toss: impl FnMut() -> bool) -> Self {
        let mut body = call.json();
        let all = entries(&call.operation, &mut body).map(std::mem::take).unwrap_or_default();
        let mut out: Vec<bool> = match text {
            Some(text) => all.iter().map(|entry| entry.to_string().contains(text)).collect(),
            None => all.iter().map(|_| toss()).collect(),
        };
        if text.is_none()
            && out.iter().all(|out| !out)
            && let Some(first) = out.first_mut()
        {
            *first = true;
        }
        let (left_out, kept): (Vec<_>, Vec<_>) = all.into_iter().zip(&out).partition(|(_, out)| **out);
        let entry_of = |(entry, _): (Value, &bool)| entry;
        let kept: Vec<_> = kept.into_iter().map(entry_of).collect();
        let rest = (!kept.is_empty()).then(|| {
            if let Some(place) = entries(&call.operation, &mut body) {
                *place = kept;
            }
            Bytes::from(body.to_string())
        });
        let code = code.unwrap_or(default_code(&call.operation)).to_owned();
        Self { body: rest, left_out: left_out.into_iter().map(entry_of).collect(), out, code }
    }

    /// The whole answer, from what was answered to the rest: null if there was none.
    pub(crate) fn answer(self, call: &Call, rest: &Value) -> Value {
        let failed = self.left_out.len();
        match call.operation.as_str() {
            "PutEvents" => json!({
                "FailedEntryCount": failed + usize::try_from(rest["FailedEntryCount"].as_u64().unwrap_or(0)).unwrap_or(0),
                "Entries": self.weave(&rest["Entries"], &json!({"ErrorCode": self.code, "ErrorMessage": "made by a fault proxy"})),
            }),
            "BatchExecuteStatement" => {
                let error = json!({"Error": {"Code": self.code, "Message": "made by a fault proxy"}});
                with(rest, "Responses", Value::from(self.weave(&rest["Responses"], &error)))
            }
            _ => {
                let table = call.json()["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
                let mut unprocessed = call.json()["RequestItems"].clone();
                if let Some(table) = table {
                    unprocessed[table]["Keys"] = Value::from(self.left_out);
                }
                let rest = if rest.is_null() { json!({"Responses": {}}) } else { rest.clone() };
                with(&rest, "UnprocessedKeys", unprocessed)
            }
        }
    }

    /// Puts the error wherever an entry was left out, and the rest's results where they belong.
    fn weave(&self, results: &Value, error: &Value) -> Vec<Value> {
        let mut results = results.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let result = |out: &bool| if *out { error.clone() } else { results.next().cloned().unwrap_or_default() };
        self.out.iter().map(result).collect()
    }
}

/// The header by which the local cloud takes the hash of the body as it was signed, and not of the body it gets
/// (`MiniStack` 1.5.33): so that a call that was cut still has a valid signature.
pub(crate) fn hash_as_signed(call: &Call) -> (&'static str, String) {
    ("x-amz-content-sha256", HEXLOWER.encode(&Sha256::digest(&call.body)))
}

fn entries<'a>(operation: &str, body: &'a mut Value) -> Option<&'a mut Vec<Value>> {
    match operation {
        "PutEvents" => body.get_mut("Entries")?.as_array_mut(),
        "BatchExecuteStatement" => body.get_mut("Statements")?.as_array_mut(),
        _ => body.get_mut("RequestItems")?.as_object_mut()?.values_mut().next()?.get_mut("Keys")?.as_array_mut(),
    }
}

fn default_code(operation: &str) -> &'static str {
    match operation {
        "PutEvents" => "ThrottlingException",
        _ => "ProvisionedThroughputExceeded",
    }
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    object.insert(name.to_owned(), value);
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, body: &Value) -> Call {
        Call { service: "x".into(), operation: operation.into(), body: body.to_string().into() }
    }

    fn cut(call: &Call, text: &str) -> (Value, Cut) {
        let cut = Cut::of(call, Some(text), None, || false);
        (cut.body.as_ref().map(|body| serde_json::from_slice(body).unwrap()).unwrap_or_default(), cut)
    }

    #[test]
    fn entries_of_the_bus_fail_one_by_one() {
        let call = call("PutEvents", &json!({"Entries": [{"Detail": "a"}, {"Detail": "b"}, {"Detail": "c"}]}));
        let (rest, cut) = cut(&call, "\"b\"");
        assert_eq!(rest, json!({"Entries": [{"Detail": "a"}, {"Detail": "c"}]}));
        let answer =
            cut.answer(&call, &json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}, {"EventId": "2"}]}));
        let failed = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "made by a fault proxy"});
        assert_eq!(answer, json!({"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, failed, {"EventId": "2"}]}));
    }

    #[test]
    fn a_call_of_which_nothing_is_left_is_not_made() {
        let call = call("PutEvents", &json!({"Entries": [{"Detail": "a"}]}));
        let cut = Cut::of(&call, None, Some("InternalFailure"), || false);
        assert!(cut.body.is_none());
        assert_eq!(cut.answer(&call, &Value::Null)["Entries"][0]["ErrorCode"], "InternalFailure");
    }

    #[test]
    fn keys_that_are_left_out_are_unprocessed_and_statements_have_errors() {
        let keys = json!({"RequestItems": {"t": {"ConsistentRead": true, "Keys": [{"pk": "a"}, {"pk": "b"}]}}});
        let read = call("BatchGetItem", &keys);
        let (rest, left) = cut(&read, "\"a\"");
        assert_eq!(rest["RequestItems"]["t"]["Keys"], json!([{"pk": "b"}]));
        let answer = left.answer(&read, &json!({"Responses": {"t": [{"pk": "b"}]}, "UnprocessedKeys": {}}));
        assert_eq!(answer["UnprocessedKeys"]["t"], json!({"ConsistentRead": true, "Keys": [{"pk": "a"}]}));

        let insert = call("BatchExecuteStatement", &json!({"Statements": [{"Statement": "a"}, {"Statement": "b"}]}));
        let (_, left) = cut(&insert, "\"b\"");
        let answer = left.answer(&insert, &json!({"Responses": [{"TableName": "t"}]}));
        assert_eq!(answer["Responses"][0], json!({"TableName": "t"}));
        assert_eq!(answer["Responses"][1]["Error"]["Code"], "ProvisionedThroughputExceeded");
    }
}

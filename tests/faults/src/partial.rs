//! Batch calls of which some entries fail.

use data_encoding::HEXLOWER;
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::AwsCall;

/// A batch call some of whose entries are not forwarded but fail.
pub(crate) struct PartialCall {
    operation: String,
    /// The whole body, as the caller sent it.
    body: Value,
    entries: Vec<BatchEntry>,
    /// The error code of the failed entries.
    code: String,
}

struct BatchEntry {
    value: Value,
    fails: bool,
}

impl PartialCall {
    /// Entries with this text in them fail. Without a text `random_bool` decides for each, and at least the first one
    /// fails.
    pub(crate) fn new(
        call: &AwsCall,
        text: Option<&str>,
        code: Option<&str>,
        mut random_bool: impl FnMut() -> bool,
    ) -> Self {
        let mut body = call.json();
        let values = entries_mut(&call.operation, &mut body).cloned().unwrap_or_default();
        let mut fails = |value: &Value| match text {
            Some(text) => value.to_string().contains(text),
            None => random_bool(),
        };
        let entry = |value: Value| BatchEntry { fails: fails(&value), value };
        let mut entries: Vec<_> = values.into_iter().map(entry).collect();
        if text.is_none()
            && entries.iter().all(|entry| !entry.fails)
            && let Some(first) = entries.first_mut()
        {
            first.fails = true;
        }
        let code = code.unwrap_or(default_code(&call.operation)).to_owned();
        Self { operation: call.operation.clone(), body, entries, code }
    }

    /// The body without the failed entries; none if all fail.
    pub(crate) fn forwarded_body(&self) -> Option<Bytes> {
        let kept: Vec<_> = self.entries.iter().filter(|entry| !entry.fails).map(|entry| entry.value.clone()).collect();
        if kept.is_empty() {
            return None;
        }
        let mut body = self.body.clone();
        if let Some(entries) = entries_mut(&self.operation, &mut body) {
            *entries = kept;
        }
        Some(Bytes::from(body.to_string()))
    }

    /// The response to the whole call. `results` is the cloud's response to the forwarded entries; null if none was
    /// forwarded.
    pub(crate) fn response(&self, results: &Value) -> Value {
        match self.operation.as_str() {
            "PutEvents" => {
                let error = json!({"ErrorCode": self.code, "ErrorMessage": "made by a fault proxy"});
                let failed_upstream = results["FailedEntryCount"].as_u64().unwrap_or(0);
                json!({
                    "FailedEntryCount": self.failed().count() as u64 + failed_upstream,
                    "Entries": self.merge(&results["Entries"], &error),
                })
            }
            "BatchExecuteStatement" => {
                let error = json!({"Error": {"Code": self.code, "Message": "made by a fault proxy"}});
                with_field(results, "Responses", Value::from(self.merge(&results["Responses"], &error)))
            }
            "SendMessageBatch" | "DeleteMessageBatch" => {
                let error = |entry: &Value| json!({"Id": entry["Id"], "Code": self.code, "Message": "made by a fault proxy", "SenderFault": false});
                let failed_upstream = results["Failed"].as_array().cloned().unwrap_or_default();
                let failed: Vec<_> = self.failed().map(error).chain(failed_upstream).collect();
                let successful = results.get("Successful").cloned().unwrap_or(json!([]));
                json!({"Successful": successful, "Failed": failed})
            }
            _ => self.response_to_batch_get(results),
        }
    }

    fn response_to_batch_get(&self, results: &Value) -> Value {
        let mut unprocessed = self.body["RequestItems"].clone();
        if let Some(table) = unprocessed.as_object_mut().and_then(|tables| tables.values_mut().next()) {
            table["Keys"] = self.failed().cloned().collect();
        }
        let results = if results.is_null() { &json!({"Responses": {}}) } else { results };
        with_field(results, "UnprocessedKeys", unprocessed)
    }

    fn failed(&self) -> impl Iterator<Item = &Value> {
        self.entries.iter().filter(|entry| entry.fails).map(|entry| &entry.value)
    }

    /// One result per entry of the whole call: the error for a failed one, otherwise the next of the cloud's results.
    fn merge(&self, results: &Value, error: &Value) -> Vec<Value> {
        let mut results = results.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let result = |entry: &BatchEntry| {
            if entry.fails { error.clone() } else { results.next().cloned().unwrap_or_default() }
        };
        self.entries.iter().map(result).collect()
    }
}

/// The header from which the local cloud takes the hash of the body as it was signed, instead of hashing the body that
/// it gets (`MiniStack` 1.5.33). With it the signature of a call stays valid after entries were removed.
pub(crate) fn signed_hash_header(call: &AwsCall) -> (&'static str, String) {
    ("x-amz-content-sha256", HEXLOWER.encode(&Sha256::digest(&call.body)))
}

fn entries_mut<'a>(operation: &str, body: &'a mut Value) -> Option<&'a mut Vec<Value>> {
    match operation {
        "PutEvents" | "SendMessageBatch" | "DeleteMessageBatch" => body.get_mut("Entries")?.as_array_mut(),
        "BatchExecuteStatement" => body.get_mut("Statements")?.as_array_mut(),
        _ => body.get_mut("RequestItems")?.as_object_mut()?.values_mut().next()?.get_mut("Keys")?.as_array_mut(),
    }
}

fn default_code(operation: &str) -> &'static str {
    match operation {
        "PutEvents" => "ThrottlingException",
        "SendMessageBatch" | "DeleteMessageBatch" => "InternalError",
        _ => "ProvisionedThroughputExceeded",
    }
}

fn with_field(object: &Value, name: &str, value: Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    object.insert(name.to_owned(), value);
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, body: &Value) -> AwsCall {
        AwsCall { service: "x".into(), operation: operation.into(), body: body.to_string().into() }
    }

    /// Entries with the text fail. Returns the forwarded body, too.
    fn partial(call: &AwsCall, text: &str) -> (Value, PartialCall) {
        let partial = PartialCall::new(call, Some(text), None, || false);
        let forwarded = partial.forwarded_body().map(|body| serde_json::from_slice(&body).unwrap());
        (forwarded.unwrap_or_default(), partial)
    }

    #[test]
    fn partial_put_events_fails_only_the_chosen_entries() {
        let call = call("PutEvents", &json!({"Entries": [{"Detail": "a"}, {"Detail": "b"}, {"Detail": "c"}]}));
        let (forwarded, partial) = partial(&call, "\"b\"");
        assert_eq!(forwarded, json!({"Entries": [{"Detail": "a"}, {"Detail": "c"}]}));
        let response =
            partial.response(&json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}, {"EventId": "2"}]}));
        let failed = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "made by a fault proxy"});
        assert_eq!(response, json!({"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, failed, {"EventId": "2"}]}));
    }

    #[test]
    fn partial_call_without_remaining_entries_is_not_forwarded() {
        let call = call("PutEvents", &json!({"Entries": [{"Detail": "a"}]}));
        let partial = PartialCall::new(&call, None, Some("InternalFailure"), || false);
        assert!(partial.forwarded_body().is_none());
        assert_eq!(partial.response(&Value::Null)["Entries"][0]["ErrorCode"], "InternalFailure");
    }

    #[test]
    fn partial_batch_reports_unprocessed_keys_or_errors() {
        let keys = json!({"RequestItems": {"t": {"ConsistentRead": true, "Keys": [{"pk": "a"}, {"pk": "b"}]}}});
        let (forwarded, get) = partial(&call("BatchGetItem", &keys), "\"a\"");
        assert_eq!(forwarded["RequestItems"]["t"]["Keys"], json!([{"pk": "b"}]));
        let response = get.response(&json!({"Responses": {"t": [{"pk": "b"}]}, "UnprocessedKeys": {}}));
        assert_eq!(response["UnprocessedKeys"]["t"], json!({"ConsistentRead": true, "Keys": [{"pk": "a"}]}));

        let statements = json!({"Statements": [{"Statement": "a"}, {"Statement": "b"}]});
        let (_, insert) = partial(&call("BatchExecuteStatement", &statements), "\"b\"");
        let response = insert.response(&json!({"Responses": [{"TableName": "t"}]}));
        assert_eq!(response["Responses"][0], json!({"TableName": "t"}));
        assert_eq!(response["Responses"][1]["Error"]["Code"], "ProvisionedThroughputExceeded");

        let letters = json!({"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "a"}, {"Id": "1"}]});
        let (forwarded, sent) = partial(&call("SendMessageBatch", &letters), "\"a\"");
        assert_eq!(forwarded, json!({"QueueUrl": "q", "Entries": [{"Id": "1"}]}));
        let response = sent.response(&json!({"Successful": [{"Id": "1"}], "Failed": []}));
        assert_eq!(response["Successful"], json!([{"Id": "1"}]));
        assert_eq!((&response["Failed"][0]["Id"], response["Failed"].as_array().unwrap().len()), (&json!("0"), 1));
    }
}

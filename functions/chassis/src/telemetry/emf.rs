//! Metrics that CloudWatch extracts from the log
//! (embedded metric format, <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//!
//! CloudWatch charges for each name and dimension that has a value in an hour. So only what an alarm or a person watches is a
//! metric. Every other figure is a property: a field of the same line, which CloudWatch Logs Insights can sum up.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// One line of figures. Those that are metrics are in the namespace `Switchyard`, under one dimension.
#[derive(Debug)]
pub struct Metrics {
    dimension: &'static str,
    definitions: Vec<Value>,
    members: Map<String, Value>,
}

impl Metrics {
    /// A line without metrics, with one dimension and its value, such as `Consumer` and `tax`.
    pub fn new(dimension: &'static str, name: &str) -> Self {
        Self {
            dimension,
            definitions: Vec::new(),
            members: Map::from_iter([(dimension.to_owned(), Value::from(name))]),
        }
    }

    /// Adds a metric with the unit count, if it is not zero: an alarm or a sum needs no zeros.
    pub fn count(self, name: &str, number: u32) -> Self {
        match number {
            0 => self,
            number => self.metric(name, "Count", number.into()),
        }
    }

    /// Adds a metric in milliseconds: one value or an array of values. An empty array adds nothing.
    pub fn milliseconds(self, name: &str, values: impl Into<Value>) -> Self {
        self.metric(name, "Milliseconds", values.into())
    }

    /// Adds a metric in seconds, if it has a value.
    pub fn seconds(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.metric(name, "Seconds", value.into()),
            None => self,
        }
    }

    /// Adds a field to the line that is not a metric.
    pub fn property(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    fn metric(mut self, name: &str, unit: &str, value: Value) -> Self {
        // CloudWatch refuses the whole line if a metric has no value.
        if value.as_array().is_some_and(Vec::is_empty) {
            return self;
        }
        self.definitions.push(json!({"Name": name, "Unit": unit}));
        self.property(name, value)
    }

    /// Writes the line to standard output.
    #[allow(clippy::print_stdout)] // standard output is where CloudWatch reads metrics from
    pub fn write(self, now: Timestamp) {
        println!("{}", self.line(now));
    }

    /// Without a metric, the line has no metadata, since the format requires at least one metric in it.
    fn line(mut self, now: Timestamp) -> Value {
        if self.definitions.is_empty() {
            return self.members.into();
        }
        let directive = json!({
            "Namespace": "Switchyard",
            "Dimensions": [[self.dimension]],
            "Metrics": self.definitions,
        });
        let aws = json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]});
        self.members.insert("_aws".to_owned(), aws);
        self.members.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_is_declared_and_property_is_not() {
        let metrics = Metrics::new("Consumer", "tax")
            .count("Orders", 3)
            .count("None", 0)
            .milliseconds("LagMs", vec![5, 9])
            .milliseconds("Idle", Vec::<u64>::new())
            .property("BatchSize", 4);
        let expected = json!({
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": [{
                "Namespace": "Switchyard",
                "Dimensions": [["Consumer"]],
                "Metrics": [{"Name": "Orders", "Unit": "Count"}, {"Name": "LagMs", "Unit": "Milliseconds"}],
            }]},
            "Consumer": "tax", "Orders": 3, "LagMs": [5, 9], "BatchSize": 4,
        });
        assert_eq!(metrics.line(Timestamp::UNIX_EPOCH), expected);
    }

    #[test]
    fn line_without_metrics_has_no_metadata() {
        let line = Metrics::new("Consumer", "tax").count("None", 0).seconds("Never", None).property("BatchSize", 4);
        assert_eq!(line.line(Timestamp::UNIX_EPOCH), json!({"Consumer": "tax", "BatchSize": 4}));
    }
}

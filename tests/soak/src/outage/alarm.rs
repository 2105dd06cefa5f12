//! An alarm of the deployed stack, evaluated on the values that its metric would have on AWS.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use yard::{Api, ApiRequest, Cloud};

/// An alarm on the maximum of a metric above a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    pub(crate) metric: String,
    pub(crate) threshold: f64,
    #[serde(skip)]
    namespace: String,
    #[serde(skip)]
    dimensions: Vec<(String, String)>,
    #[serde(skip)]
    period_secs: i64,
    #[serde(skip)]
    evaluation_periods: i64,
}

/// A value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) value: f64,
}

impl Alarm {
    /// Reads an alarm from the deployed stack.
    ///
    /// Not through the SDK: it speaks CBOR with CloudWatch, for which the local cloud needs a Python package that is not installed.
    pub(crate) async fn read(cloud: &Cloud, name: &str) -> Result<Self> {
        let endpoint = cloud.endpoint.as_deref().context("not a local cloud")?;
        let body = json!({"AlarmNames": [name]}).to_string();
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/monitoring/aws4_request"),
        ];
        let request = ApiRequest { method: "POST", path: "/", headers: &headers, body: body.as_bytes(), signed: false };
        let response = Api::new(cloud, endpoint)?.send(&request).await;
        let response = response.with_context(|| format!("the alarm {name} cannot be read"))?.json();
        Self::parse(&response["MetricAlarms"][0])
            .with_context(|| format!("the alarm {name} is missing or of another kind: {response}"))
    }

    fn parse(alarm: &Value) -> Option<Self> {
        if alarm["Statistic"] != "Maximum" || alarm["ComparisonOperator"] != "GreaterThanThreshold" {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let dimensions = alarm["Dimensions"].as_array()?.iter();
        Some(Self {
            name: text(&alarm["AlarmName"])?,
            metric: text(&alarm["MetricName"])?,
            threshold: alarm["Threshold"].as_f64()?,
            namespace: text(&alarm["Namespace"])?,
            dimensions: dimensions.map(|it| Some((text(&it["Name"])?, text(&it["Value"])?))).collect::<Option<_>>()?,
            period_secs: alarm["Period"].as_i64()?,
            evaluation_periods: alarm["EvaluationPeriods"].as_i64()?,
        })
    }

    /// The values of its metric in the lines of metrics that the functions wrote into a log.
    pub(crate) fn samples_from_log(&self, log: &str) -> Vec<Sample> {
        let lines = log.lines().filter(|line| line.starts_with('{') && line.contains(&self.metric));
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| self.sample(&line)).collect()
    }

    /// The value in a line of metrics, if CloudWatch extracts it and assigns it to this metric.
    fn sample(&self, line: &Value) -> Option<Sample> {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array()?;
        directives.iter().find(|directive| self.is_extracted_by(directive, line))?;
        let at = Timestamp::from_millisecond(line["_aws"]["Timestamp"].as_i64()?).ok()?;
        Some(Sample { at, value: line[&self.metric].as_f64()? })
    }

    fn is_extracted_by(&self, directive: &Value, line: &Value) -> bool {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let has_dimensions = |names: &Value| {
            let names = list(names);
            let matches =
                |(name, value): &(String, String)| names.contains(&Value::from(name.as_str())) && line[name] == **value;
            names.len() == self.dimensions.len() && self.dimensions.iter().all(matches)
        };
        directive["Namespace"] == *self.namespace
            && list(&directive["Metrics"]).iter().any(|metric| metric["Name"] == *self.metric)
            && list(&directive["Dimensions"]).iter().any(has_dimensions)
    }

    /// When the condition is met first: the maximum of so many periods in a row is above the threshold.
    pub(crate) fn met_at(&self, samples: &[Sample]) -> Option<Timestamp> {
        let mut above: Vec<_> =
            samples.iter().filter(|sample| sample.value > self.threshold).map(|sample| sample.at).collect();
        above.sort();
        let period = |at: &Timestamp| at.as_second().div_euclid(self.period_secs);
        let is_met = |at: &&Timestamp| {
            let last = period(at);
            (last - self.evaluation_periods + 1..last).all(|earlier| above.iter().any(|at| period(at) == earlier))
        };
        above.iter().find(is_met).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(period_secs: i64, evaluation_periods: i64) -> Alarm {
        Alarm {
            name: "a".into(),
            metric: "Age".into(),
            threshold: 300.0,
            namespace: "Switchyard".into(),
            dimensions: vec![("Consumer".into(), "tax".into())],
            period_secs,
            evaluation_periods,
        }
    }

    fn sample(second: i64, value: f64) -> Sample {
        Sample { at: Timestamp::from_second(second).unwrap(), value }
    }

    #[test]
    fn alarm_is_met_after_its_periods_in_a_row() {
        let met = |alarm: &Alarm, samples: &[Sample]| alarm.met_at(samples).map(Timestamp::as_second);
        assert_eq!(met(&alarm(900, 1), &[sample(5, 300.0), sample(9, 301.0)]), Some(9));
        assert_eq!(met(&alarm(900, 1), &[sample(5, 300.0)]), None);
        let three = alarm(60, 3);
        assert_eq!(
            met(&three, &[sample(0, 400.0), sample(70, 400.0), sample(130, 299.0), sample(150, 400.0)]),
            Some(150)
        );
        assert_eq!(met(&three, &[sample(0, 400.0), sample(70, 1.0), sample(130, 400.0), sample(190, 400.0)]), None);
    }

    #[test]
    fn only_declared_metrics_of_its_dimension_are_samples() {
        let line = |consumer: &str, declared: &str| {
            format!(
                r#"{{"Consumer":"{consumer}","Age":7,"_aws":{{"Timestamp":9000,"CloudWatchMetrics":[{{"Namespace":"Switchyard","Dimensions":[["Consumer"]],"Metrics":[{{"Name":"{declared}"}}]}}]}}}}"#
            )
        };
        let log = [line("tax", "Age"), line("email", "Age"), line("tax", "Retried"), "{no json, Age".into()].join("\n");
        assert_eq!(alarm(60, 1).samples_from_log(&log), [sample(9, 7.0)]);
    }
}

//! A JSON parser that refuses duplicate fields, because some parsers use the first of them and some the last.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use switchyard_events::safe_field_name;

/// Parses JSON. A duplicate field is an error of [`serde_json::error::Category::Data`], unlike invalid syntax.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).map(|UniqueFields(value)| value)
}

/// A value without duplicate fields.
struct UniqueFields(Value);

impl<'de> Deserialize<'de> for UniqueFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueFieldsVisitor).map(Self)
    }
}

struct UniqueFieldsVisitor;

impl<'de> Visitor<'de> for UniqueFieldsVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(UniqueFields(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, UniqueFields(value))) = fields.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "must name each field once; {} is there twice",
                    safe_field_name(&name)
                )));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_parses_as_serde_json_does() {
        let text = r#"{"a":[null,true,-1,18446744073709551615,1.5,-0.0,"\u00e9",{"a":{}}],"b":{"a":[]}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(["", "nul", "{\"a\":}", "1 2", "NaN", "1e400"].iter().all(|bad| parse(bad.as_bytes()).is_err()));
    }

    #[test]
    fn duplicate_field_is_named_if_name_is_safe() {
        let check = |text: &str, name: &str| {
            let error = parse(text.as_bytes()).unwrap_err();
            let expected = format!("must name each field once; {name} is there twice at line 1 column ");
            assert!(error.is_data() && error.to_string().starts_with(&expected), "{error}");
        };
        check(r#"{"email":"a","email":"a"}"#, "email");
        check(r#"{"items":[{"sku":"A","quantity":1,"quantity":null}]}"#, "quantity");
        check(r#"{"e\u006dail":1,"email":2}"#, "email");
        check(r#"{"ada@example.com":1,"ada@example.com":2}"#, "…");
    }
}

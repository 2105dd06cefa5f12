//! Parameters of a query string.

use checkout::http::Request;
use checkout::problem::FieldError;

/// Parses a parameter of the query; none if it is absent.
pub(crate) fn parameter<T>(
    request: Request<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, FieldError> {
    let Some(values) = request.0.query_string_parameters.all(name) else {
        return Ok(None);
    };
    let value = match values.as_slice() {
        [value] => parse(value),
        _ => Err("must be given once".to_owned()),
    };
    value.map(Some).map_err(|reason| FieldError { field: name.to_owned(), reason })
}

//! Canonical JSON (RFC 8785) of what entries are made of: objects, arrays, strings, whole numbers. Refuses
//! floats, and numbers that a reader could round: RFC 8785 §3.2.2.3 would have them rounded silently.

use serde::Serialize;
use serde_json::Value;

/// Largest whole number that every JSON reader keeps: 2^53 - 1.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Why a value has no canonical form here.
#[derive(Debug, thiserror::Error)]
pub(super) enum CanonicalError {
    /// Not JSON at all.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A float, or a number beyond 2^53.
    #[error("the number {0} may be rounded by a reader; write it as a string")]
    Number(serde_json::Number),
}

/// The canonical bytes of a value.
pub(super) fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value)?;
    // 1.5 times an entry of usual size.
    let mut bytes = Vec::with_capacity(2048);
    write(&value, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Number(number) => {
            if number.as_i64().is_none_or(|number| number.unsigned_abs() > NUMBER_MAX) {
                return Err(CanonicalError::Number(number.clone()));
            }
            serde_json::to_writer(out, number)?;
        }
        // serde_json escapes just what RFC 8785 §3.2.2.2 escapes, and in the same way.
        Value::String(text) => serde_json::to_writer(out, text)?,
        Value::Array(values) => sequence(b'[', values.iter(), b']', out, write)?,
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // RFC 8785 §3.2.3: by UTF-16 code units. The map's own order is that already, but for names beyond
            // the basic plane.
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            sequence(b'{', members.into_iter(), b'}', out, |(name, value), out| {
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write(value, out)
            })?;
        }
    }
    Ok(())
}

fn sequence<T>(
    open: u8,
    items: impl Iterator<Item = T>,
    close: u8,
    out: &mut Vec<u8>,
    item: impl Fn(T, &mut Vec<u8>) -> Result<(), CanonicalError>,
) -> Result<(), CanonicalError> {
    out.push(open);
    for (number, value) in items.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        item(value, out)?;
    }
    out.push(close);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_ordered_as_the_rfc_orders_them() {
        // RFC 8785 §3.2.3, its example.
        let value =
            json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let expected =
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(String::from_utf8(to_bytes(&value).unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_number_that_could_be_rounded_is_refused() {
        for value in [json!(1u64 << 53), json!(u64::MAX), json!(-(1i64 << 53)), json!(0.5), json!([1, [2.0]])]
        {
            assert!(matches!(to_bytes(&value), Err(CanonicalError::Number(_))), "{value}");
        }
        assert_eq!(to_bytes(&json!([NUMBER_MAX, -5])).unwrap(), b"[9007199254740991,-5]");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_an_independent_implementation(value in value()) {
            let bytes = to_bytes(&value).unwrap();
            prop_assert_eq!(&bytes, &serde_jcs::to_vec(&value).unwrap());
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }
}

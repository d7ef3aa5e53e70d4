//! 64-bit numbers in signed JSON: decimal strings, as protobuf's JSON form writes them.
//!
//! A JSON number is a double to most readers (RFC 8785 §3.2.2.3 makes it one by definition), which rounds
//! above 2^53. Rounded evidence is wrong evidence, so every `u64` of a record is written as a string.
//! Exactly one text stands for each number: no sign, no leading zero.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// For `#[serde(with = "decimal")]`.
pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// For `#[serde(with = "decimal")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| Error::custom(format_args!("{text:?} is not a 64-bit number in decimal")))
}

fn parse(text: &str) -> Option<u64> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if digits_only && canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        value: u64,
    }

    #[test]
    fn the_largest_number_survives() {
        let text = serde_json::to_string(&Holder { value: u64::MAX }).unwrap();
        assert_eq!(text, r#"{"value":"18446744073709551615"}"#);
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), Holder { value: u64::MAX });
    }

    #[test]
    fn one_number_has_one_text() {
        for text in ["", "01", "00", "+1", "-1", " 1", "1.0", "1e3", "18446744073709551616", "x"] {
            let json = format!(r#"{{"value":"{text}"}}"#);
            assert!(serde_json::from_str::<Holder>(&json).is_err(), "{text:?} was taken");
        }
        assert!(serde_json::from_str::<Holder>(r#"{"value":1}"#).is_err());
        assert_eq!(serde_json::from_str::<Holder>(r#"{"value":"0"}"#).unwrap().value, 0);
    }
}

//! Name rules: `.ssh` is the object of that name, or anything below a directory of that name; `*.pem` and
//! `.env.*` are the object's own name only. Nothing else is a pattern.

use std::fmt;

use guard_common::limits::NAME_RULE_LEN_MAX;
use guard_common::map::zone::NameKind;

use crate::policy::document::{Report, Text};

/// A name rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameRule {
    /// How it matches.
    pub kind: NameKind,
    /// Its text without `*`, 1 to 32 bytes.
    pub text: String,
}

impl NameRule {
    /// Whether an object's own name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match self.kind {
            NameKind::Exact => name == text,
            NameKind::Suffix => name.ends_with(text),
            NameKind::Prefix => name.starts_with(text),
        }
    }
}

impl fmt::Display for NameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            NameKind::Exact => write!(f, "{}", self.text),
            NameKind::Suffix => write!(f, "*{}", self.text),
            NameKind::Prefix => write!(f, "{}*", self.text),
        }
    }
}

pub(super) fn parse(text: &Text, report: &mut Report) -> Option<NameRule> {
    match rule(&text.text) {
        Ok(rule) => Some(rule),
        Err((reason, hint)) => {
            let shown: String = text.text.chars().take(80).collect();
            report.refuse(text.spot, format!("name rule `{}` {reason}", shown.escape_debug()), hint);
            None
        }
    }
}

fn rule(written: &str) -> Result<NameRule, (String, String)> {
    let refuse = |reason: &str, hint: &str| Err((reason.to_owned(), hint.to_owned()));
    let (kind, text) = match (written.strip_prefix('*'), written.strip_suffix('*')) {
        (Some(suffix), _) => (NameKind::Suffix, suffix),
        (None, Some(prefix)) => (NameKind::Prefix, prefix),
        (None, None) => (NameKind::Exact, written),
    };
    if written.is_empty() || written == "*" {
        return refuse(
            "matches everything or nothing",
            "name something; a zone of all files is paths = [\"/\"]",
        );
    }
    if text.contains(['*', '?', '[']) {
        return refuse("is a pattern of a kind that is not known", "one `*`, at the beginning or at the end");
    }
    if text.contains(['/', '\0']) || text == "." || text == ".." {
        return refuse("is not one name", "a name has no `/`; write a path in `paths`");
    }
    if text.len() > NAME_RULE_LEN_MAX {
        let reason = format!("is {} bytes long", text.len());
        return Err((reason, format!("the kernel compares {NAME_RULE_LEN_MAX}; shorten it with a `*`")));
    }
    Ok(NameRule { kind, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_first_or_last() {
        let kind = |text: &str| rule(text).map(|rule| (rule.kind, rule.text)).ok();
        assert_eq!(kind(".ssh"), Some((NameKind::Exact, ".ssh".to_owned())));
        assert_eq!(kind("*.pem"), Some((NameKind::Suffix, ".pem".to_owned())));
        assert_eq!(kind(".env.*"), Some((NameKind::Prefix, ".env.".to_owned())));
        for bad in ["", "*", "**", "*a*", "a*b", "a?b", "[ab]", "a/b", ".", "..", "*/"] {
            assert_eq!(kind(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_rule_has_32_bytes_at_most_without_its_star() {
        assert!(rule(&format!("*{}", "a".repeat(32))).is_ok());
        assert!(rule(&"a".repeat(33)).is_err());
    }
}

//! Programs by where they come from: a Debian package, or the digest of their content.

use crate::policy::document::{Report, Text};

/// A package's name, with its architecture where several are installed: `git`, `libc6:i386`.
pub(super) fn package(text: &Text, report: &mut Report) -> Option<String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.:".contains(c);
    let begins = text.text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && text.text.len() <= 128 && text.text.chars().all(good) {
        return Some(text.text.clone());
    }
    let reason = format!("`{}` cannot be a package's name", text.text.escape_debug());
    report.refuse(text.spot, reason, "write it as `dpkg -l` shows it");
    None
}

/// `sha256:` and 64 hex digits.
pub(super) fn digest(text: &Text, report: &mut Report) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = text.text.strip_prefix("sha256:");
    if digits.is_some_and(|digits| hex::decode_to_slice(digits, &mut digest).is_ok()) {
        return Some(digest);
    }
    let reason = format!("`{}` is no digest", text.text.escape_debug());
    report.refuse(text.spot, reason, "write `sha256:` and what `sha256sum FILE` prints first");
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::source::Spot;

    fn text(text: &str) -> Text {
        Text { text: text.to_owned(), spot: Spot { file: 0, offset: 0 } }
    }

    #[test]
    fn names_of_packages_are_those_that_dpkg_takes() {
        let ok = |name: &str| package(&text(name), &mut Report::default()).is_some();
        assert!(ok("git") && ok("libstdc++6") && ok("libc6:i386") && ok("0ad"));
        assert!(!ok("") && !ok("../git") && !ok("Git") && !ok("a b") && !ok(".git"));
    }

    #[test]
    fn a_digest_names_its_kind() {
        let ok = |written: &str| digest(&text(written), &mut Report::default()).is_some();
        let digits = "00ff".repeat(16);
        assert!(ok(&format!("sha256:{digits}")) && ok(&format!("sha256:{}", digits.to_uppercase())));
        assert!(!ok(&digits) && !ok("sha256:00") && !ok(&format!("sha512:{digits}")));
    }
}

//! The policy's sentences, from text to verdicts.

use super::*;

#[test]
fn the_embedded_default_is_a_policy_without_warnings() {
    let compiled =
        load(Sources::embedded(), &Lineage::default()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(compiled.warnings(), &[]);
    let (index, profile) = compiled.default_profile().unwrap();
    assert_eq!((index, profile.name.as_str()), (0, "agent"));
}

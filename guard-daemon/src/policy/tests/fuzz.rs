//! No text makes it panic, and the same text is the same policy.

use proptest::prelude::*;

use crate::policy::{Lineage, Sources, check, compile, load};

/// Loads bytes, as far as they go.
fn run(bytes: Vec<u8>) {
    let sources = Sources::gather("fuzz.toml", bytes, &mut |_| Err(std::io::Error::other("none")));
    let Ok(sources) = sources else { return };
    let first = load(sources.clone(), &Lineage::default());
    let second = load(sources.clone(), &Lineage::default());
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!((first.cells(), first.addresses()), (second.cells(), second.addresses()));
            assert_eq!((first.lineage(), first.sha256()), (second.lineage(), second.sha256()));
            let again = compile(check(sources).unwrap(), first.lineage()).unwrap();
            assert_eq!((again.lineage(), again.cells()), (first.lineage(), first.cells()));
            assert_eq!(crate::policy::diff(&first, &again), []);
            for (profile, zone, surface, verdict) in first.edges() {
                assert_eq!(first.verdict(profile, zone, surface), Some(verdict));
                assert!(first.edge_place(profile, zone, surface).is_some_and(|place| place.line > 0));
            }
        }
        (Err(first), Err(second)) => {
            assert!(!first.0.is_empty());
            assert_eq!(first, second);
        }
        (first, second) => panic!("once {first:?}, once {second:?}"),
    }
}

/// Texts that look like policies: words of the form, in any order.
fn near_policy() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "version = 1\n",
        "[zones.a]\n",
        "[zones.b]\n",
        "[profiles.p]\n",
        "[[edges]]\n",
        "paths = [\"/a\"]\n",
        "paths = [\"/b\", \"/a/b\"]\n",
        "names = [\".ssh\", \"*.pem\"]\n",
        "addresses = [\"10.0.0.0/8\", \"[::1]:80-90/tcp\"]\n",
        "profile = \"p\"\n",
        "zone = \"a\"\n",
        "zone = \"work\"\n",
        "allow = [\"read\"]\n",
        "allow = [\"connect\", \"exec\"]\n",
        "hold = [\"write\"]\n",
        "deny = [\"ipc\"]\n",
        "launch = { users = [\"*\"], workdirs = [\"/home/*\"] }\n",
        "default_profile = \"p\"\n",
        "include = [\"x\"]\n",
        "[kill_switch]\n",
        "[",
        "]",
        "\"",
        "=",
        "\n",
        "{",
        "}",
        "'''",
        "\\u0000",
        "é",
        "#:file x\n",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        run(bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        run(text.into_bytes());
    }

    #[test]
    fn nothing_like_a_policy_makes_it_panic(text in near_policy()) {
        run(text.clone().into_bytes());
        run(format!("version = 1\n[profiles.p]\n[zones.a]\npaths = [\"/a\"]\n{text}").into_bytes());
    }

    #[test]
    fn no_address_path_or_name_makes_it_panic(word in "[-0-9a-f:./*\\[\\]tcpud%~]{0,40}") {
        run(format!("version = 1\n[zones.a]\naddresses = ['{word}']\npaths = ['{word}', '/{word}']\nnames = ['{word}']\n").into_bytes());
    }
}

#[test]
fn a_text_made_to_be_slow_is_done_with_in_a_moment() {
    let texts = [
        format!("version = 1\nx = {}", "[".repeat(1_000_000)),
        "[".repeat(1_000_000),
        format!("version = 1\n{}", "x = 1\n".repeat(150_000)),
        format!("version = 1\n[zones.a]\npaths = [{}]\n", "\"x\",".repeat(250_000)),
        format!(
            "version = 1\n{}",
            (0..30_000).map(|n| format!("[zones.z{n}]\npaths=['/']\n")).collect::<String>()
        ),
        format!("version = 1\n[zones.a]\naddresses = [{}]\n", "\"[::/0]:1-1024\",".repeat(60_000)),
        format!(
            "version = 1\n[profiles.p]\n{}",
            "[[edges]]\nprofile='p'\nzone='work'\nallow=['read']\n".repeat(20_000)
        ),
        format!("version = 1\n{}", "a.".repeat(500_000)),
    ];
    for text in texts {
        let begin = std::time::Instant::now();
        run(text.clone().into_bytes());
        assert!(begin.elapsed().as_secs() < 10, "{:?} for {}", begin.elapsed(), &text[..60]);
    }
}

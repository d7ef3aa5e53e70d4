//! Checkpoints: the ledger's size and root under a signature, as a C2SP signed note (c2sp.org/tlog-checkpoint).
//!
//! A [`Checkpoint`] exists only signed or verified. Signatures of others (witnesses) and extension lines are
//! left standing and not judged.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::sign::{LedgerKey, PublicKey};
use super::tree::{Frontier, Hash};

/// C2SP signed-note: a signature line begins with an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";
/// Longest note that is looked at: some hundred witnesses' signatures.
const NOTE_BYTES_MAX: usize = 64 << 10;

/// A size and root that the ledger's key vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    size: u64,
    root: Hash,
    note: String,
}

/// Why a note is not a checkpoint of this ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note, or not a checkpoint.
    #[error("it is not a signed checkpoint ({0})")]
    Malformed(&'static str),
    /// Signed, but by somebody else.
    #[error("it is signed by {found}, not by {expected}")]
    OtherKey {
        /// Names and key ids that signed it.
        found: String,
        /// The key that was expected.
        expected: String,
    },
    /// Carries the key's name, but not its signature.
    #[error("its signature is false")]
    FalseSignature,
}

impl Checkpoint {
    /// Signs the tree as it stands.
    pub(super) fn sign(key: &LedgerKey, tree: &Frontier) -> Self {
        let (name, root) = (key.public().name(), tree.root());
        let mut note = format!("{name}\n{}\n{}\n", tree.size(), STANDARD.encode(root));
        let mut signature = key.public().id().to_vec();
        signature.extend(key.sign(note.as_bytes()));
        let signature = STANDARD.encode(signature);
        write!(note, "\n{SIGNATURE_PREFIX}{name} {signature}\n").expect("a string takes every write");
        Self { size: tree.size(), root, note }
    }

    /// Reads a note and verifies its signature.
    pub fn parse(note: &[u8], key: &PublicKey) -> Result<Self, NoteError> {
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed("not text"))?;
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("too long"));
        }
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("holds control characters"));
        }
        // The last blank line parts text and signatures; the text keeps its own newline.
        let gap = note.rfind("\n\n").ok_or(NoteError::Malformed("no signatures"))?;
        let (text, signatures) = (&note[..=gap], &note[gap + 2..]);
        verify(text, signatures, key)?;
        let (origin, size, root) = read(text)?;
        if origin != key.name() {
            return Err(NoteError::Malformed("its origin is not the name of its key"));
        }
        Ok(Self { size, root, note: note.to_owned() })
    }

    /// Entries under it.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree over them.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The root in base64, as the note writes it.
    pub fn root_base64(&self) -> String {
        STANDARD.encode(self.root)
    }

    /// The whole signed note.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// c2sp.org/tlog-checkpoint: origin, size in decimal, root in base64, one line each.
fn read(text: &str) -> Result<(&str, u64, Hash), NoteError> {
    let mut lines = text.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Malformed("it has fewer than three lines"));
    };
    let size: u64 = size
        .parse()
        .ok()
        .filter(|number: &u64| number.to_string() == size)
        .ok_or(NoteError::Malformed("its size is not a number"))?;
    let root = STANDARD
        .decode(root)
        .ok()
        .and_then(|root| root.try_into().ok())
        .ok_or(NoteError::Malformed("its root is not a hash"))?;
    Ok((origin, size, root))
}

/// Looks for the key's line among the signatures, and verifies that one.
fn verify(text: &str, signatures: &str, key: &PublicKey) -> Result<(), NoteError> {
    let Some(lines) = signatures.strip_suffix('\n') else {
        return Err(NoteError::Malformed("its last line is cut"));
    };
    let mut found = Vec::new();
    for line in lines.split('\n') {
        let (name, id, signature) =
            signature_line(line).ok_or(NoteError::Malformed("a signature line has another form"))?;
        if name != key.name() || id != key.id() {
            found.push(format!("{name} (key {})", hex::encode(id)));
            continue;
        }
        let signature = signature.as_slice().try_into().map_err(|_| NoteError::FalseSignature)?;
        return if key.verifies(text.as_bytes(), signature) {
            Ok(())
        } else {
            Err(NoteError::FalseSignature)
        };
    }
    let expected = format!("{} (key {})", key.name(), hex::encode(key.id()));
    Err(NoteError::OtherKey { found: found.join(", "), expected })
}

fn signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    let bytes = STANDARD.decode(signature).ok()?;
    let (id, signature) = bytes.split_first_chunk()?;
    super::sign::name_is_valid(name).then(|| (name, *id, signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> LedgerKey {
        LedgerKey::from_seed(name, &[7; 32])
    }

    fn tree(size: u8) -> Frontier {
        let mut tree = Frontier::default();
        (0..size).for_each(|leaf| tree.push([leaf; 32]));
        tree
    }

    #[test]
    fn the_note_has_the_form_of_the_specification() {
        let key = key("guard/host-a");
        let checkpoint = Checkpoint::sign(&key, &tree(5));
        let (text, signature) = checkpoint.note().split_once("\n\n").unwrap();
        assert_eq!(text, format!("guard/host-a\n5\n{}", STANDARD.encode(tree(5).root())));
        let signature = signature.strip_prefix("\u{2014} guard/host-a ").unwrap().strip_suffix('\n').unwrap();
        assert_eq!(STANDARD.decode(signature).unwrap().len(), 4 + 64);
        assert_eq!(Checkpoint::parse(checkpoint.note().as_bytes(), key.public()), Ok(checkpoint));
    }

    #[test]
    fn another_key_is_told_from_a_false_signature() {
        let note = Checkpoint::sign(&key("guard/a"), &tree(5)).note;
        let other = Checkpoint::parse(note.as_bytes(), key("guard/b").public());
        assert!(matches!(other, Err(NoteError::OtherKey { .. })), "{other:?}");
        let grown = note.replace("\n5\n", "\n6\n");
        assert_eq!(
            Checkpoint::parse(grown.as_bytes(), key("guard/a").public()),
            Err(NoteError::FalseSignature)
        );
    }

    #[test]
    fn signatures_of_witnesses_and_lines_of_extensions_are_left_standing() {
        let (own, witness) = (key("guard/a"), key("witness.example/w1"));
        let text = format!("guard/a\n5\n{}\nextension 1\n", STANDARD.encode(tree(5).root()));
        let line = |key: &LedgerKey| {
            let mut signature = key.public().id().to_vec();
            signature.extend(key.sign(text.as_bytes()));
            format!("\u{2014} {} {}\n", key.public().name(), STANDARD.encode(signature))
        };
        for lines in [line(&own) + &line(&witness), line(&witness) + &line(&own)] {
            let note = format!("{text}\n{lines}");
            let checkpoint = Checkpoint::parse(note.as_bytes(), own.public()).unwrap();
            assert_eq!((checkpoint.size(), checkpoint.note()), (5, note.as_str()));
        }
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let own = key("guard/a");
        let root = STANDARD.encode([0; 32]);
        for text in [
            "guard/a\n5\n".to_owned(),
            format!("guard/b\n5\n{root}\n"),
            format!("guard/a\n05\n{root}\n"),
            format!("guard/a\n-5\n{root}\n"),
            format!("guard/a\n99999999999999999999\n{root}\n"),
            format!("guard/a\n5\n{}\n", STANDARD.encode([0; 31])),
        ] {
            let mut signature = own.public().id().to_vec();
            signature.extend(own.sign(text.as_bytes()));
            let note = format!("{text}\n\u{2014} guard/a {}\n", STANDARD.encode(signature));
            let parsed = Checkpoint::parse(note.as_bytes(), own.public());
            assert!(matches!(parsed, Err(NoteError::Malformed(_))), "{text:?}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_byte_goes_unnoticed(at in 0..1000usize, change in 1..=255u8) {
            let own = key("guard/a");
            let mut note = Checkpoint::sign(&own, &tree(5)).note.into_bytes();
            let at = at % note.len();
            note[at] ^= change;
            prop_assert!(Checkpoint::parse(&note, own.public()).is_err());
        }

        #[test]
        fn hostile_notes_never_panic(note in "(\\PC|\n|\u{2014} ){0,80}", cut in 0..200usize) {
            let own = key("guard/a");
            let _ = Checkpoint::parse(note.as_bytes(), own.public());
            let good = Checkpoint::sign(&own, &tree(3)).note.into_bytes();
            let cut = cut % good.len();
            prop_assert!(Checkpoint::parse(&good[..cut], own.public()).is_err());
        }
    }
}

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

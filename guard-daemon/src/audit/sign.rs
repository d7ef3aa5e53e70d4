//! The ledger's key: Ed25519, in the text forms of C2SP signed-note. Owns the key file and its safety; refuses
//! a key that anybody else could have read or replaced. Never prints or keeps a private byte elsewhere.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::disk;

/// C2SP signed-note: the type byte of an Ed25519 key.
const ED25519: u8 = 1;
/// Longest key file: prefix, a host name of 64 bytes, hash, 44 bytes of base64.
const KEY_FILE_BYTES_MAX: u64 = 1024;

/// What is wrong with a key, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key file.
    #[error("{path}: no key there")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others can read or write the private key.
    #[error(
        "{path}: the ledger's private key has mode {mode:04o}, so others may have read it; \
         if you are sure that nobody did: chmod 600 {path}"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The private key belongs to somebody else.
    #[error("{path}: the ledger's private key belongs to uid {owner}, and guard runs as uid {own}; chown it")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs.
        own: u32,
    },
    /// Not a key.
    #[error("{path}: {why}; restore the file from a copy")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it is not.
        why: &'static str,
    },
    /// The two key files do not belong together.
    #[error("{path} is key {found}, but the private key beside it is {own}; restore the pair from a copy")]
    Pair {
        /// The public key's file.
        path: PathBuf,
        /// Its id.
        found: String,
        /// The private key's id.
        own: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A public key by the name of its ledger; text form `name+hash+base64(type || key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// The name: the origin of the ledger's checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// C2SP signed-note: key id is the first 4 bytes of SHA-256(name || 0x0A || type || key).
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The 32 bytes of the key, hex.
    pub fn raw_hex(&self) -> String {
        hex::encode(self.key.as_bytes())
    }

    /// Reads a public key file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read_bounded(path, open(path)?)?;
        text.trim_end().parse().map_err(|why| malformed(path, why))
    }

    /// Whether `signature` is this key's over `text`. Strict: refuses keys of small order and signatures in a
    /// second form.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, key } = self;
        write!(out, "{name}+{}+{}", hex::encode(self.id()), encode(key.as_bytes()).as_str())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, id, key) = split(text)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| "its bytes are no Ed25519 public key")?;
        let public = Self { name: name.to_owned(), key };
        if public.id() == id { Ok(public) } else { Err("its hash does not fit its name and key") }
    }
}

/// The private key. Its bytes are wiped when it is dropped.
pub struct LedgerKey {
    public: PublicKey,
    signing: SigningKey,
}

impl LedgerKey {
    /// Reads the private key file; refuses one that others could read, or that another user owns.
    pub(super) fn load(path: &Path) -> Result<Self, KeyError> {
        let file = open(path)?;
        let metadata = file.metadata().map_err(|source| io(path, source))?;
        let (mode, owner, own) = (metadata.mode() & 0o7777, metadata.uid(), nix::unistd::geteuid().as_raw());
        if !metadata.is_file() {
            return Err(malformed(path, "the ledger's private key is not an ordinary file"));
        }
        if owner != own {
            return Err(KeyError::Owner { path: path.to_owned(), owner, own });
        }
        if mode & 0o077 != 0 {
            return Err(KeyError::Mode { path: path.to_owned(), mode });
        }
        let text = read_bounded(path, file)?;
        Self::parse(&text).map_err(|why| malformed(path, why))
    }

    /// Makes a key. The file appears whole and on disk, or not at all, and never replaces another.
    pub(super) fn create(path: &Path, name: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| io(path, std::io::Error::other(error.to_string())))?;
        let key = Self::from_seed(name, &seed);
        disk::create_new(path, 0o600, key.to_text().as_bytes()).map_err(|source| io(path, source))?;
        Ok(key)
    }

    pub(super) fn from_seed(name: &str, seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        Self { public: PublicKey { name: name.to_owned(), key: signing.verifying_key() }, signing }
    }

    /// The signer form that the reference implementation reads: `PRIVATE+KEY+name+hash+base64(type || seed)`.
    fn to_text(&self) -> Zeroizing<String> {
        let (name, id) = (&self.public.name, hex::encode(self.public.id()));
        let seed = encode(self.signing.as_bytes());
        Zeroizing::new(format!("PRIVATE+KEY+{name}+{id}+{}\n", seed.as_str()))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let rest =
            text.trim_end().strip_prefix("PRIVATE+KEY+").ok_or("this is no private key of a ledger")?;
        let (name, id, seed) = split(rest)?;
        let key = Self::from_seed(name, &Zeroizing::new(seed));
        if key.public.id() == id { Ok(key) } else { Err("its hash does not fit its name and key") }
    }

    /// Writes the public key beside, where it is not yet; refuses one that belongs to another private key.
    pub(super) fn publish(&self, path: &Path) -> Result<(), KeyError> {
        match PublicKey::load(path) {
            Ok(found) if found == self.public => Ok(()),
            Ok(found) => Err(KeyError::Pair {
                path: path.to_owned(),
                found: hex::encode(found.id()),
                own: hex::encode(self.public.id()),
            }),
            Err(KeyError::Missing { .. }) => {
                let text = format!("{}\n", self.public);
                disk::create_new(path, 0o644, text.as_bytes()).map_err(|source| io(path, source))
            }
            Err(other) => Err(other),
        }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.signing.sign(text).to_bytes()
    }
}

impl fmt::Debug for LedgerKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LedgerKey({})", self.public)
    }
}

/// C2SP signed-note: a key name is not empty and holds neither spaces nor `+`.
pub(super) fn name_is_valid(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

fn encode(key: &[u8; 32]) -> Zeroizing<String> {
    let mut typed = Zeroizing::new([ED25519; 33]);
    typed[1..].copy_from_slice(key);
    Zeroizing::new(STANDARD.encode(typed.as_ref()))
}

/// `name+hash+base64(type || key)`, taken apart.
fn split(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), &'static str> {
    // Base64 has a `+` of its own: only the first two separate.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("it is not of the form name+hash+key");
    };
    if !name_is_valid(name) {
        return Err("its name is empty or holds a space");
    }
    let mut hash = [0; 4];
    hex::decode_to_slice(id, &mut hash).map_err(|_| "its hash is not 8 hex digits")?;
    let bytes = Zeroizing::new(STANDARD.decode(key).map_err(|_| "its key is not base64")?);
    let [ED25519, key @ ..] = bytes.as_slice() else { return Err("its key is not of type Ed25519") };
    let key = key.try_into().map_err(|_| "its key is not 32 bytes long")?;
    Ok((name, hash, key))
}

fn open(path: &Path) -> Result<File, KeyError> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    File::options().read(true).custom_flags(flags).open(path).map_err(|source| {
        let missing = source.kind() == std::io::ErrorKind::NotFound;
        if missing { KeyError::Missing { path: path.to_owned() } } else { io(path, source) }
    })
}

fn read_bounded(path: &Path, file: File) -> Result<Zeroizing<String>, KeyError> {
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize + 1));
    match file.take(KEY_FILE_BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(0) => Err(malformed(path, "the key file is empty")),
        Ok(read) if read as u64 > KEY_FILE_BYTES_MAX => {
            Err(malformed(path, "the file is too long for a key"))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(malformed(path, "the key file is not text"))
        }
        Err(source) => Err(io(path, source)),
    }
}

fn malformed(path: &Path, why: &'static str) -> KeyError {
    KeyError::Malformed { path: path.to_owned(), why }
}

fn io(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair, text and signature in the documentation of the reference implementation
    /// (golang.org/x/mod/sumdb/note).
    const SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    #[test]
    fn keys_and_signatures_are_those_of_the_reference_implementation() {
        let key = LedgerKey::parse(SIGNER).unwrap();
        assert_eq!(key.public().to_string(), VERIFIER);
        assert_eq!(key.to_text().trim_end(), SIGNER);
        assert_eq!(VERIFIER.parse::<PublicKey>().unwrap(), *key.public());
        let mut line = key.public().id().to_vec();
        line.extend(key.sign(TEXT.as_bytes()));
        assert_eq!(STANDARD.encode(line), SIGNATURE);
    }

    #[test]
    fn a_signature_verifies_over_its_own_text_alone() {
        let key = LedgerKey::parse(SIGNER).unwrap();
        let mut signature = key.sign(TEXT.as_bytes());
        assert!(key.public().verifies(TEXT.as_bytes(), &signature));
        assert!(!key.public().verifies(b"another text\n", &signature));
        signature[40] ^= 1;
        assert!(!key.public().verifies(TEXT.as_bytes(), &signature));
    }

    #[test]
    fn what_is_no_verifier_key_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "form"),
            ("guard", "form"),
            ("guard+c74f20a3", "form"),
            ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "name"),
            ("a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "name"),
            ("guard+xyz+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "hash"),
            ("guard+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "hash does not fit"),
            ("PeterNeumann+c74f20a3+!!!", "base64"),
            ("PeterNeumann+c74f20a3+AhpcAA==", "Ed25519"),
            ("PeterNeumann+c74f20a3+ARpc", "32 bytes"),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn no_private_byte_is_printed() {
        let key = LedgerKey::parse(SIGNER).unwrap();
        assert!(!format!("{key:?}").contains("gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMX"));
        assert_eq!(format!("{key:?}"), format!("LedgerKey({VERIFIER})"));
    }
}

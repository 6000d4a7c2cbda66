//! The key of the installation, which signs the head.
//!
//! `ledger.key` is the private key (PKCS #8, readable by its owner alone), `ledger.pub` the public one in PEM, so that
//! anyone can check a signature with the tools at hand.
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::error::Error;
use super::files;
use super::hash::{Hash, from_hex, hex};

/// What an Ed25519 public key looks like as SubjectPublicKeyInfo (RFC 8410, 10.1), before its 32 bytes.
const PUBLIC_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// How keys and signatures are written in JSON.
const PREFIX: &str = "ed25519:";

/// The pair of keys.
#[derive(Debug)]
pub(super) struct Key(Ed25519KeyPair);

impl Key {
    fn path(folder: &Path) -> PathBuf {
        folder.join("ledger.key")
    }

    /// Reads the key; `None` where there is none.
    pub(super) fn read(folder: &Path) -> Result<Option<Key>, Error> {
        let path = Key::path(folder);
        match fs::read(&path) {
            Ok(bytes) => match Ed25519KeyPair::from_pkcs8(&bytes) {
                Ok(pair) => Ok(Some(Key(pair))),
                Err(_) => Err(Error::NotAKey { path }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    /// Makes a key for a ledger that begins.
    pub(super) fn make(folder: &Path) -> Result<Key, Error> {
        let key = Key::generate(&Key::path(folder))?;
        key.publish(folder)?;
        Ok(key)
    }

    /// Makes a key that is to take the place of the one there is. It does so with [`Key::settle`].
    pub(super) fn make_next(folder: &Path) -> Result<Key, Error> {
        Key::generate(&Key::next_path(folder))
    }

    fn next_path(folder: &Path) -> PathBuf {
        folder.join("ledger.key.next")
    }

    fn generate(path: &Path) -> Result<Key, Error> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::NoRandomness)?;
        let not_a_key = |_| Error::NotAKey {
            path: path.to_owned(),
        };
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(not_a_key)?;
        files::replace(path, document.as_ref(), files::OWNER_ALONE)
            .map_err(Error::file("write", path))?;
        Ok(Key(pair))
    }

    fn publish(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join("ledger.pub");
        files::replace(&path, self.public().pem().as_bytes(), files::ALL_READ)
            .map_err(Error::file("write", &path))
    }

    /// Brings a replacement to its end, or undoes it, by what the head says: whatever moment it was left at.
    pub(super) fn settle(folder: &Path, signed: Option<Public>) -> Result<(), Error> {
        let next = Key::next_path(folder);
        if let Some(bytes) = files::read(&next).map_err(Error::file("read", &next))? {
            let pair = Ed25519KeyPair::from_pkcs8(&bytes);
            let is_signer = pair.is_ok_and(|pair| Some(Key(pair).public()) == signed);
            if is_signer {
                files::rename(&next, &Key::path(folder)).map_err(Error::file("move", &next))?;
            } else {
                files::remove(&next).map_err(Error::file("remove", &next))?;
            }
        }
        let path = folder.join("ledger.pub");
        let public = files::read(&path).map_err(Error::file("read", &path))?;
        match Key::read(folder)? {
            // Nothing is signed yet where the ledger is about to begin; its key may be there without the public one.
            Some(key)
                if signed.is_none_or(|signed| signed == key.public())
                    && public.as_deref() != Some(key.public().pem().as_bytes()) =>
            {
                key.publish(folder)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn public(&self) -> Public {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        Public(bytes)
    }

    pub(super) fn sign(&self, message: &str) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message.as_bytes()).as_ref());
        Signature(bytes)
    }
}

/// Whether others than its owner may read the key; `None` where it cannot be looked at.
pub(super) fn is_open_to_others(folder: &Path) -> Option<bool> {
    let mode = fs::metadata(Key::path(folder)).ok()?.mode();
    Some(mode & 0o077 != 0)
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public([u8; 32]);

impl Public {
    pub(super) fn parse(text: &str) -> Option<Public> {
        from_hex(text.strip_prefix(PREFIX)?).map(Public)
    }

    /// As `ledger.pub` holds it.
    pub(super) fn pem(self) -> String {
        let der = [&PUBLIC_PREFIX[..], &self.0[..]].concat();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            base64(&der)
        )
    }

    /// The SHA-256 of the key in DER: `openssl pkey -pubin -in ledger.pub -outform DER | sha256sum`.
    pub fn fingerprint(self) -> String {
        hex(&Hash::of(&[&PUBLIC_PREFIX, &self.0]).0)
    }

    pub(super) fn verifies(self, message: &str, signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message.as_bytes(), &signature.0)
            .is_ok()
    }
}

impl std::fmt::Display for Public {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", hex(&self.0))
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature([u8; 64]);

impl Signature {
    pub(super) fn parse(text: &str) -> Option<Signature> {
        from_hex(text.strip_prefix(PREFIX)?).map(Signature)
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", hex(&self.0))
    }
}

/// RFC 4648, 4. A public key fits one line of PEM.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |group, place| {
            group << 8 | chunk.get(place).map_or(0, |byte| u32::from(*byte))
        });
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() {
                digit.into()
            } else {
                '='
            });
        }
    }
    text
}

#[test]
fn base64_is_that_of_the_standard() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}

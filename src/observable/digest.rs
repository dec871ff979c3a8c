//! File digests.
//!
//! Is: raw bytes of the four lengths that are looked up, and their hexadecimal spelling.
//! Is not: a hash function; nothing is digested here.
//! Invariant: the length says the algorithm; text form is lower case.
//! Fails: with [`Refused::Digest`]; never panics.
//! Costs: none for MD5 and SHA-1, one allocation for SHA-256 and SHA-512.

use std::fmt;

use crate::observable::Refused;

/// A digest algorithm that is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The algorithm under any spelling of its name: `SHA-256`, `sha256`, `SHA_256` ...
    ///
    /// Case, hyphens, underscores and blanks do not count.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        const LETTERS: usize = 6;
        let mut letters = [0u8; LETTERS];
        let mut count = 0;
        for byte in name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b' ')) {
            *letters.get_mut(count)? = byte.to_ascii_lowercase();
            count += 1;
        }
        match letters.get(..count)? {
            b"md5" => Some(Algorithm::Md5),
            b"sha1" => Some(Algorithm::Sha1),
            b"sha256" => Some(Algorithm::Sha256),
            b"sha512" => Some(Algorithm::Sha512),
            _ => None,
        }
    }

    /// The algorithm whose digests have that many bytes.
    pub const fn from_len(bytes: usize) -> Option<Algorithm> {
        match bytes {
            16 => Some(Algorithm::Md5),
            20 => Some(Algorithm::Sha1),
            32 => Some(Algorithm::Sha256),
            64 => Some(Algorithm::Sha512),
            _ => None,
        }
    }

    /// Bytes of a digest.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
}

/// A digest: raw bytes, the length says the algorithm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(DigestBytes);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum DigestBytes {
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Sha256(Box<[u8; 32]>),
    Sha512(Box<[u8; 64]>),
}

impl Digest {
    /// Reads hexadecimal text in any case; with a named algorithm the length has to fit.
    ///
    /// # Errors
    /// [`Refused::Digest`].
    pub fn parse(text: &str, algorithm: Option<Algorithm>) -> Result<Digest, Refused> {
        let found = Algorithm::from_len(text.len() / 2).filter(|_| text.len().is_multiple_of(2));
        let found = found.ok_or(Refused::Digest)?;
        if algorithm.is_some_and(|named| named != found) {
            return Err(Refused::Digest);
        }
        let digest = match found {
            Algorithm::Md5 => hex(text).map(DigestBytes::Md5),
            Algorithm::Sha1 => hex(text).map(DigestBytes::Sha1),
            Algorithm::Sha256 => hex(text).map(|bytes| DigestBytes::Sha256(Box::new(bytes))),
            Algorithm::Sha512 => hex(text).map(|bytes| DigestBytes::Sha512(Box::new(bytes))),
        };
        digest.map(Digest).ok_or(Refused::Digest)
    }

    /// The digest with these raw bytes, if an algorithm has that length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Digest> {
        Some(Digest(match Algorithm::from_len(bytes.len())? {
            Algorithm::Md5 => DigestBytes::Md5(bytes.try_into().ok()?),
            Algorithm::Sha1 => DigestBytes::Sha1(bytes.try_into().ok()?),
            Algorithm::Sha256 => DigestBytes::Sha256(Box::new(bytes.try_into().ok()?)),
            Algorithm::Sha512 => DigestBytes::Sha512(Box::new(bytes.try_into().ok()?)),
        }))
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            DigestBytes::Md5(_) => Algorithm::Md5,
            DigestBytes::Sha1(_) => Algorithm::Sha1,
            DigestBytes::Sha256(_) => Algorithm::Sha256,
            DigestBytes::Sha512(_) => Algorithm::Sha512,
        }
    }
    /// The raw bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            DigestBytes::Md5(b) => b,
            DigestBytes::Sha1(b) => b,
            DigestBytes::Sha256(b) => &b[..],
            DigestBytes::Sha512(b) => &b[..],
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 128];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        let text = text.get(..2 * self.bytes().len()).unwrap_or_default();
        f.write_str(str::from_utf8(text).map_err(|_| fmt::Error)?)
    }
}

/// Hexadecimal text of exactly `2 * N` digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0u8; N];
    let mut bad = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        bad |= high | low;
        *byte = high << 4 | low & 15;
    }
    (bad < 16).then_some(bytes)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of each hex digit; 255 for all else.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut n = 0u8;
    while n < 16 {
        let digit = DIGITS[n as usize];
        values[digit as usize] = n;
        values[digit.to_ascii_uppercase() as usize] = n;
        n += 1;
    }
    values
};

//! File digests.

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
    pub fn from_name(_name: &str) -> Option<Algorithm> {
        todo!()
    }
    /// Bytes of a digest.
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
    pub fn parse(_text: &str, _algorithm: Option<Algorithm>) -> Result<Digest, Refused> {
        todo!()
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

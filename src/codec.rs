//! Compressed bytes -> bytes: gzip, zstd, bzip2 and xz, told by their first bytes.
//!
//! Is: several members, frames and streams behind each other; zero bytes between and behind gzip members are padding,
//! as on tapes. The only file that names the decoders.
//! Is not: archives; limits on what comes out (`intake`), threads (`stage`).
//! Invariants: text is not taken for compression; what was decoded before a fault is handed on before the error.
//! Fails: with `UnexpectedEof` for a cut stream, and other kinds for a broken one.
//! Costs: the decoder's window: at most 128 MiB for zstd, [`XZ_MEMORY`] for xz.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// Memory that an xz stream may ask for: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// Bytes that are enough for [`Codec::sniff`] to tell.
const HEAD_BYTES: usize = 10;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Bzip2.
    Bzip2,
    /// Xz.
    Xz,
}

/// What the first bytes of each are; `None` where a byte is one of several ([`Codec::varies`]).
const MAGIC: [(Codec, &[Option<u8>]); 6] = [
    (Codec::Gzip, &[Some(0x1f), Some(0x8b), Some(8)]),
    (Codec::Zstd, &[Some(0x28), Some(0xb5), Some(0x2f), Some(0xfd)]),
    (Codec::Zstd, &[None, Some(0x2a), Some(0x4d), Some(0x18)]), // skippable frame 0x184D2A5?
    (Codec::Bzip2, &bzip2_magic(*b"\x31\x41\x59\x26\x53\x59")),
    (Codec::Bzip2, &bzip2_magic(*b"\x17\x72\x45\x38\x50\x90")), // of nothing
    (Codec::Xz, &[Some(0xfd), Some(b'7'), Some(b'z'), Some(b'X'), Some(b'Z'), Some(0)]),
];

/// The mark of a block behind `BZh` and a level.
const fn bzip2_magic(block: [u8; 6]) -> [Option<u8>; HEAD_BYTES] {
    let mut magic = [Some(b'B'), Some(b'Z'), Some(b'h'), None, None, None, None, None, None, None];
    let mut at = 0;
    while at < block.len() {
        magic[4 + at] = Some(block[at]);
        at += 1;
    }
    magic
}

/// What the beginning of a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Compressed like this.
    Coded(Codec),
    /// Not compressed.
    Plain,
    /// It takes more bytes to tell; a stream that ends here is not compressed.
    Short,
}

impl Codec {
    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
        }
    }

    /// Reads the first bytes of a stream.
    pub(crate) fn sniff(head: &[u8]) -> Head {
        let mut short = false;
        for (codec, magic) in MAGIC {
            let fits = head.iter().zip(magic).all(|(&byte, expected)| match expected {
                Some(expected) => byte == *expected,
                None => codec.varies(byte),
            });
            if fits && head.len() >= magic.len() {
                return Head::Coded(codec);
            }
            short |= fits;
        }
        if short { Head::Short } else { Head::Plain }
    }

    /// Whether the byte may stand where first bytes are not always the same.
    const fn varies(self, byte: u8) -> bool {
        match self {
            Codec::Zstd => byte & 0xf0 == 0x50,
            _ => byte.is_ascii_digit() && byte != b'0',
        }
    }

    /// A reader of decoded bytes.
    ///
    /// # Errors
    /// When there is no memory for a decoder.
    pub(crate) fn reader<'a>(self, source: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Codec::Gzip => Box::new(Members { member: Some(GzDecoder::new(source)) }),
            Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
            Codec::Bzip2 => Box::new(MultiBzDecoder::new(source)),
            Codec::Xz => {
                Box::new(XzDecoder::new_stream(source, Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?))
            }
        })
    }
}

/// Gzip members one after the other; zero bytes between and behind them are padding, as on tapes.
struct Members<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let n = member.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            let Some(done) = self.member.take() else {
                return Ok(0);
            };
            let mut source = done.into_inner();
            match skip_zeros(&mut source)? {
                None => return Ok(0),
                Some(0x1f) => self.member = Some(GzDecoder::new(source)),
                Some(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "garbage behind the gzip data"));
                }
            }
        }
    }
}

/// Passes over zero bytes; gives the next other byte without taking it.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let available = match source.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(&last) = available.last() else {
            return Ok(None);
        };
        let zeros = available.iter().take_while(|&&byte| byte == 0).count();
        let next = available.get(zeros).copied();
        source.consume(zeros);
        if next.is_some() || last != 0 {
            return Ok(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell() {
        let cases: [(&[u8], Head); 11] = [
            (b"\x1f\x8b\x08", Head::Coded(Codec::Gzip)),
            (b"\x28\xb5\x2f\xfd\x00", Head::Coded(Codec::Zstd)),
            (b"\x5f\x2a\x4d\x18", Head::Coded(Codec::Zstd)),
            (b"BZh9\x31\x41\x59\x26\x53\x59", Head::Coded(Codec::Bzip2)),
            (b"BZh1\x17\x72\x45\x38\x50\x90..", Head::Coded(Codec::Bzip2)),
            (b"\xfd7zXZ\0", Head::Coded(Codec::Xz)),
            (b"BZh01AY&SY", Head::Plain),
            (b"BZh91AY&S_", Head::Plain),
            (b"{", Head::Plain),
            (b"BZh9", Head::Short),
            (b"", Head::Short),
        ];
        for (head, expected) in cases {
            assert_eq!(Codec::sniff(head), expected, "{head:?}");
            assert!(head.len() < HEAD_BYTES || Codec::sniff(head) != Head::Short);
        }
    }
}

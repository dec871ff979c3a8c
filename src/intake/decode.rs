//! Any stream of bytes -> plain UTF-8 text or JSON: decompressed, without byte order mark.
//!
//! Is: compressions (`codec`) and packings as text (`stix::packed`) undone as often as they are nested, up to
//! [`LAYERS_MAX`]; UTF-16 with a byte order mark becomes UTF-8.
//! Is not: archives; what is inside is found out by `sniff`.
//! Invariant: what was decoded before a fault is handed on before the error.
//! Fails: with the error of the stream, or of a limit; [`fault`] puts it in words.
//! Costs: the decoders' windows and a copy.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::rc::Rc;

use crate::codec::{Codec, Head};
use crate::stix::packed::{self, Packing, Unpacker};

/// Compressions and packings inside each other that are undone.
pub(crate) const LAYERS_MAX: usize = 3;

/// Decompressed bytes read of one file. The largest feeds known are a hundred times smaller.
pub(crate) const DECODED_BYTES_MAX: u64 = 16 << 30;

/// Decompressed bytes from which on a stream that grew more than [`RATIO_MAX`] times is taken for a bomb.
pub(crate) const RATIO_FROM_BYTES: u64 = 1 << 30;

/// How many times a stream may grow: ten times what feeds full of repetitions do.
pub(crate) const RATIO_MAX: u64 = 1000;

/// Undoes compression and encoding; says which it undid.
///
/// # Errors
/// What reading the first bytes of a layer gives.
pub(crate) fn decoded(raw: Box<dyn Read>, layers: &mut Vec<&'static str>) -> io::Result<Box<dyn Read>> {
    let taken = Rc::new(Cell::new(0));
    let mut reader: Box<dyn Read> = Box::new(Counted { inner: raw, taken: Rc::clone(&taken) });
    for layer in 0.. {
        let (head, rest) = peeked(reader, packed::HEAD_BYTES as u64)?;
        let start = head.get(..HEAD_BYTES).unwrap_or(&head);
        let found = match Codec::sniff(start) {
            // cut before its method: no other feed is these two bytes
            Head::Short if head == [0x1f, 0x8b] => Head::Coded(Codec::Gzip),
            found => found,
        };
        match found {
            Head::Coded(codec) if layer < LAYERS_MAX => {
                layers.push(codec.as_str());
                reader = codec.reader(BufReader::with_capacity(BUFFER_BYTES, rest))?;
            }
            _ if layer < LAYERS_MAX
                && let Some(packing) = Packing::of(&head) =>
            {
                layers.push(packing.as_str());
                reader = Box::new(Unpacked {
                    inner: rest,
                    unpacker: Unpacker::new(packing),
                    out: Cursor::default(),
                });
            }
            _ if layer > 0 => return text(Box::new(Capped { inner: rest, given: 0, taken }), layers),
            _ => return text(rest, layers),
        }
    }
    Ok(reader)
}

/// Says what is wrong with a stream that failed.
pub(crate) fn fault(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the compressed data is cut".to_owned(),
        ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("cannot be read to its end ({error})"),
    }
}

/// The first bytes, and a reader that begins with them.
fn peeked(mut reader: Box<dyn Read>, bytes: u64) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = Vec::new();
    let rest: Box<dyn Read> = match reader.by_ref().take(bytes).read_to_end(&mut head) {
        Ok(_) => reader,
        Err(error) if head.is_empty() => return Err(error),
        // What came before the fault is handed on first.
        Err(error) => Box::new(Faulty(Some(error))),
    };
    let whole = Cursor::new(head.clone()).chain(rest);
    Ok((head, Box::new(whole)))
}

/// The end of a stream that failed: the error, once.
struct Faulty(Option<io::Error>);

impl Read for Faulty {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn text(reader: Box<dyn Read>, layers: &mut Vec<&'static str>) -> io::Result<Box<dyn Read>> {
    let (head, mut reader) = peeked(reader, HEAD_BYTES as u64)?;
    let skip = match head.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => 3,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => 2,
        _ => return Ok(reader),
    };
    io::copy(&mut reader.by_ref().take(skip), &mut io::sink())?;
    if skip == 3 {
        return Ok(reader);
    }
    layers.push("UTF-16");
    Ok(Box::new(Utf16 {
        inner: reader,
        big_endian: head[0] == 0xfe,
        units: Vec::new(),
        text: Cursor::default(),
    }))
}

/// Counts what is taken from the file.
struct Counted {
    inner: Box<dyn Read>,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// Ends with an error where a limit is passed.
struct Capped {
    inner: Box<dyn Read>,
    given: u64,
    taken: Rc<Cell<u64>>,
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let refuse = |what: String| Err(io::Error::new(ErrorKind::FileTooLarge, what));
        if self.given >= DECODED_BYTES_MAX {
            return refuse(format!("more than {DECODED_BYTES_MAX} bytes when decompressed"));
        }
        if self.given >= RATIO_FROM_BYTES && self.given / RATIO_MAX > self.taken.get() {
            return refuse(format!("grows more than {RATIO_MAX} times when decompressed, like a bomb"));
        }
        let count = self.inner.read(buffer)?;
        self.given += count as u64;
        Ok(count)
    }
}

/// Text that a document is packed into, as the document.
struct Unpacked {
    inner: Box<dyn Read>,
    unpacker: Unpacker,
    /// Unpacked and not handed on yet.
    out: Cursor<Vec<u8>>,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.out.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let mut chunk = [0; 8192];
            let read = self.inner.read(&mut chunk)?;
            let out = self.out.get_mut();
            out.clear();
            self.unpacker.push(chunk.get(..read).unwrap_or_default(), read == 0, out);
            self.out.set_position(0);
            if read == 0 && self.out.get_ref().is_empty() {
                return Ok(0);
            }
        }
    }
}

/// UTF-16 as UTF-8; what is no character is replaced.
struct Utf16 {
    inner: Box<dyn Read>,
    big_endian: bool,
    /// Bytes not decoded yet.
    units: Vec<u8>,
    text: Cursor<Vec<u8>>,
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let mut chunk = [0; 8192];
            let read = self.inner.read(&mut chunk)?;
            self.units.extend_from_slice(chunk.get(..read).unwrap_or_default());
            if read == 0 && self.units.is_empty() {
                return Ok(0);
            }
            self.text = Cursor::new(self.decode(read == 0).into_bytes());
        }
    }
}

impl Utf16 {
    fn decode(&mut self, last: bool) -> String {
        let mut units: Vec<u16> = self
            .units
            .chunks_exact(2)
            .map(|pair| {
                if self.big_endian {
                    u16::from_be_bytes([pair[0], pair[1]])
                } else {
                    u16::from_le_bytes([pair[0], pair[1]])
                }
            })
            .collect();
        // The first half of a pair waits for the second.
        if !last && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        self.units.drain(..if last { self.units.len() } else { units.len() * 2 });
        String::from_utf16_lossy(&units)
    }
}

/// Bytes looked at to tell compressions and encodings.
const HEAD_BYTES: usize = 16;

const BUFFER_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> (Vec<u8>, Option<io::Error>) {
        let mut out = Vec::new();
        let error = match decoded(Box::new(Cursor::new(bytes.to_vec())), &mut Vec::new()) {
            Ok(mut reader) => reader.read_to_end(&mut out).err(),
            Err(error) => Some(error),
        };
        (out, error)
    }
    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
    fn xz(bytes: &[u8]) -> Vec<u8> {
        liblzma::encode_all(Cursor::new(bytes), 1).unwrap()
    }
    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    #[test]
    fn undoes_every_compression_with_several_parts() {
        for encode in [gzip, bzip2, xz, zstd] {
            let parts = [encode(b"evil.com\n"), encode(b"1.2.3.4\n")].concat();
            let (text, error) = read(&parts);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(text, b"evil.com\n1.2.3.4\n");
            assert_eq!(read(&gzip(&encode(b"a"))).0, b"a");
        }
        // zero bytes pad the blocks of tapes
        let padded = [gzip(b"evil.com\n"), vec![0; 700], gzip(b"1.2.3.4\n"), vec![0; 300_000]].concat();
        let (text, error) = read(&padded);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text, b"evil.com\n1.2.3.4\n");
        let (text, error) = read(&[gzip(b"evil.com\n"), vec![0; 700], b"more".to_vec()].concat());
        assert!(error.is_some() && text == b"evil.com\n");
    }

    #[test]
    fn a_cut_stream_gives_what_it_has() {
        let text: Vec<u8> = (0..60_000u32)
            .flat_map(|n| format!("{}.example\n", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect();
        for encode in [gzip, xz, zstd] {
            let whole = encode(&text);
            let (part, error) = read(&whole[..whole.len() * 3 / 4]);
            assert!(fault(&error.unwrap()).contains("cut"));
            assert!(part.len() > text.len() / 4 && text.starts_with(&part));
        }
        let whole = bzip2(&text);
        assert!(read(&whole[..whole.len() - 9]).1.is_some());
    }

    #[test]
    fn a_fault_in_the_first_bytes_loses_none_of_them() {
        let whole = gzip(b"evil.com\n1.2.3.4\n");
        let (part, error) = read(&whole[..whole.len() - 8]);
        assert!(error.is_some());
        assert_eq!(part, b"evil.com\n1.2.3.4\n");
        assert!(!read(&whole[..18]).0.is_empty());
    }

    #[test]
    fn other_encodings_become_utf8() {
        assert_eq!(read(b"\xef\xbb\xbfa").0, b"a");
        let units: Vec<u16> = "é😀,x\n".repeat(5000).encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(read(&[b"\xff\xfe", little.as_slice()].concat()).0, "é😀,x\n".repeat(5000).as_bytes());
        assert_eq!(read(&[b"\xfe\xff", big.as_slice()].concat()).0, "é😀,x\n".repeat(5000).as_bytes());
        assert_eq!(read(b"").0, b"");
        assert_eq!(read(b"B").0, b"B");
    }

    #[test]
    fn packings_are_undone_with_compressions_inside_and_outside() {
        let document = format!("<?xml version='1.0'?>{}", "<a>caf\u{e9}</a>".repeat(5000));
        let hex = |bytes: &[u8]| {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            format!("\\x{digits}").into_bytes()
        };
        for packed in
            [hex(document.as_bytes()), gzip(&hex(document.as_bytes())), hex(&gzip(document.as_bytes()))]
        {
            let (text, error) = read(&packed);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(text, document.as_bytes());
        }
    }

    #[test]
    fn bombs_end() {
        let taken = Rc::new(Cell::new(10));
        let mut capped = Capped { inner: Box::new(io::repeat(b'a')), given: RATIO_FROM_BYTES, taken };
        assert!(fault(&capped.read(&mut [0; 8]).unwrap_err()).contains("bomb"));
        let taken = Rc::new(Cell::new(u64::MAX));
        let mut capped = Capped { inner: Box::new(io::repeat(b'a')), given: DECODED_BYTES_MAX, taken };
        assert!(capped.read(&mut [0; 8]).is_err());
    }
}

//! Documents packed into text: base64, `\x` hex, and markup that is escaped once more.
//!
//! Is: what TAXII 1 servers and databases make of a document: telling that something is one, and unpacking it piece by
//! piece.
//! Is not: compression (`codec`), or a guess: text is packed only if what comes out begins as a document does.
//! Invariant: how the bytes are cut into pieces does not change what comes out.
//! Fails: never; what is no digit, letter or entity of its packing is passed over.
//! Costs: one pass and a copy.

use std::borrow::Cow;

/// Packings in packings that are undone.
pub const LAYERS_MAX: usize = 3;

/// Bytes that are enough to tell.
pub const HEAD_BYTES: usize = 512;

/// How a document is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// RFC 4648, either alphabet, with or without padding and line ends.
    Base64,
    /// `\x3c3f786d6c`, as databases write bytes; `\x3c\x3f` and two back-slashes are read as well.
    Hex,
    /// `&lt;?xml ...`
    Escaped,
}

impl Packing {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Packing::Base64 => "base64",
            Packing::Hex => "hex",
            Packing::Escaped => "escaped markup",
        }
    }

    /// How a document that begins like this is packed; `None` if it is not.
    pub fn of(head: &[u8]) -> Option<Packing> {
        let head = head.trim_ascii_start();
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        let packing = match head {
            [b'\\', ..] => Packing::Hex,
            [b'&', ..] => Packing::Escaped,
            _ => Packing::Base64,
        };
        let mut out = Vec::new();
        if packing == Packing::Base64 && !head.iter().all(|b| sextet(*b).is_some() || is_between(*b)) {
            return None;
        }
        Unpacker::new(packing).push(head, true, &mut out);
        begins_a_document(&out).then_some(packing)
    }
}

/// Undoes a packing.
#[derive(Debug)]
pub struct Unpacker {
    packing: Packing,
    /// Bits that are no byte yet, and how many there are.
    bits: u32,
    held: u32,
    /// The beginning of an entity.
    entity: Vec<u8>,
}

impl Unpacker {
    /// For a document that is packed like this.
    pub fn new(packing: Packing) -> Unpacker {
        Unpacker { packing, bits: 0, held: 0, entity: Vec::new() }
    }

    /// Unpacks the next bytes; with `last` nothing follows.
    pub fn push(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        match self.packing {
            Packing::Base64 => bytes.iter().filter_map(|b| sextet(*b)).for_each(|six| self.add(six, 6, out)),
            Packing::Hex => bytes.iter().filter_map(|b| nibble(*b)).for_each(|four| self.add(four, 4, out)),
            Packing::Escaped => {
                for byte in bytes {
                    self.unescape(*byte, out);
                }
                if last {
                    out.append(&mut self.entity);
                }
            }
        }
    }

    fn add(&mut self, bits: u32, count: u32, out: &mut Vec<u8>) {
        self.bits = self.bits << count | bits;
        self.held += count;
        if self.held >= 8 {
            self.held -= 8;
            out.extend(u8::try_from(self.bits >> self.held & 0xff));
            self.bits &= (1 << self.held) - 1;
        }
    }

    fn unescape(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'&' => {
                out.append(&mut self.entity);
                self.entity.push(byte);
            }
            _ if self.entity.is_empty() => out.push(byte),
            b';' => {
                self.entity.push(byte);
                match entity(&self.entity) {
                    Some(character) => {
                        out.extend(character.encode_utf8(&mut [0; 4]).bytes());
                        self.entity.clear();
                    }
                    None => out.append(&mut self.entity),
                }
            }
            _ => {
                self.entity.push(byte);
                if self.entity.len() > ENTITY_BYTES_MAX {
                    out.append(&mut self.entity);
                }
            }
        }
    }
}

/// A whole document, unpacked as often as it is packed.
pub fn unpacked(document: &[u8]) -> Cow<'_, [u8]> {
    let mut found = Cow::Borrowed(document);
    for _ in 0..LAYERS_MAX {
        let Some(packing) = Packing::of(&found) else { break };
        let mut out = Vec::with_capacity(found.len());
        Unpacker::new(packing).push(&found, true, &mut out);
        found = Cow::Owned(out);
    }
    found
}

/// Whether bytes look like the beginning of XML or JSON, or of one of them packed or compressed.
fn begins_a_document(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if text.len() < DOCUMENT_BYTES_MIN {
        return false;
    }
    let is_text = || text.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
    match text {
        [b'<', b'?' | b'!' | b'_', ..] | [b'&', b'l', b't', b';', ..] => is_text(),
        [b'<', letter, ..] => letter.is_ascii_alphabetic() && is_text(),
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start(), [b'"', ..]) && is_text(),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [b'{', ..]) && is_text(),
        // UTF-16 and gzip
        [0xff, 0xfe, b'<' | b'{', 0, ..] | [0xfe, 0xff, 0, b'<' | b'{', ..] | [0x1f, 0x8b, 8, ..] => true,
        _ => false,
    }
}

/// The character that an entity stands for: one of the five of XML, or a number.
fn entity(text: &[u8]) -> Option<char> {
    Some(match text {
        b"&lt;" => '<',
        b"&gt;" => '>',
        b"&amp;" => '&',
        b"&quot;" => '"',
        b"&apos;" => '\'',
        [b'&', b'#', b'x' | b'X', digits @ .., b';'] => {
            char::from_u32(u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?)?
        }
        [b'&', b'#', digits @ .., b';'] => char::from_u32(str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    })
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// What may stand among the letters of base64.
fn is_between(byte: u8) -> bool {
    byte == b'=' || byte.is_ascii_whitespace()
}

fn nibble(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Fewer say nothing.
const DOCUMENT_BYTES_MIN: usize = 8;

/// `&#x10ffff;`
const ENTITY_BYTES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<?xml version=\"1.0\"?>\n<a b='&amp;'>caf\u{e9}</a>";

    fn base64(text: &str, alphabet: &[u8; 64]) -> String {
        let mut out = String::new();
        for three in text.as_bytes().chunks(3) {
            let bits =
                three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for n in 0..=three.len() {
                out.push(char::from(alphabet[(bits >> (18 - 6 * n) & 63) as usize]));
            }
            out.extend(std::iter::repeat_n('=', 3 - three.len()));
            if out.len() % 77 == 76 {
                out.push_str("\r\n");
            }
        }
        out
    }

    fn packed() -> Vec<(Packing, String)> {
        let hex = DOCUMENT.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let escaped = DOCUMENT.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let other = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        vec![
            (Packing::Base64, base64(DOCUMENT, alphabet)),
            (Packing::Base64, base64(DOCUMENT, other).trim_end_matches('=').to_owned()),
            (Packing::Hex, format!("\\x{hex}")),
            (Packing::Hex, format!("\\\\x{}", hex.to_uppercase())),
            (
                Packing::Hex,
                DOCUMENT.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<Vec<_>>().concat(),
            ),
            (Packing::Escaped, escaped.clone()),
            (Packing::Escaped, escaped.replace("&lt;", "&#60;").replace("&gt;", "&#x3E;")),
        ]
    }

    #[test]
    fn each_packing_is_told_and_undone() {
        for (packing, text) in packed() {
            assert_eq!(Packing::of(text.as_bytes()), Some(packing), "{text}");
            assert_eq!(&*unpacked(text.as_bytes()), DOCUMENT.as_bytes(), "{text}");
            for size in [1, 2, 3, 7] {
                let (mut out, mut unpacker) = (Vec::new(), Unpacker::new(packing));
                text.as_bytes().chunks(size).for_each(|piece| unpacker.push(piece, false, &mut out));
                unpacker.push(b"", true, &mut out);
                assert_eq!(out, DOCUMENT.as_bytes(), "{text}");
            }
        }
        let twice =
            base64(&packed()[5].1, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
        assert_eq!(&*unpacked(twice.as_bytes()), DOCUMENT.as_bytes());
    }

    #[test]
    fn what_is_not_packed_stays() {
        for text in [
            "",
            "44d88612fea8a8f36de82e1278abb02f\n275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f\n",
            "evil\nlocalhost\n",
            "\\x00\\x01",
            "&c;",
            DOCUMENT,
            "{\"type\":\"bundle\"}",
            "[ipv4-addr:value = '192.0.2.1']",
        ] {
            assert_eq!(Packing::of(text.as_bytes()), None, "{text}");
            assert_eq!(&*unpacked(text.as_bytes()), text.as_bytes());
        }
    }
}

//! Class masks without SIMD: a table of 256 words, eight bytes at a time. There on every machine.

use crate::engine::scan::{BLOCK, Classes, Masks};

/// Plain Rust.
#[derive(Debug)]
pub(crate) struct Scalar;

/// For each byte one bit in each of eight bytes: alpha, digit, a-f, dot, colon, hyphen, underscore, back-slash.
static TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0u64; 256];
    let mut i = 0;
    while i < 128 {
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
        let b = i as u8;
        let facts = [
            b.is_ascii_alphabetic(),
            b.is_ascii_digit(),
            b.is_ascii_hexdigit() && !b.is_ascii_digit(),
            b == b'.',
            b == b':',
            b == b'-',
            b == b'_',
            b == b'\\',
        ];
        let mut k = 0;
        while k < 8 {
            if facts[k] {
                table[i] |= 1 << (8 * k);
            }
            k += 1;
        }
        i += 1;
    }
    table
}

/// The top bit of each of eight bytes, gathered into the low eight bits.
#[inline(always)]
fn high_bits(word: u64) -> u64 {
    ((word & 0x8080_8080_8080_8080) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Classes for Scalar {
    #[inline(always)]
    fn classify(block: &[u8; BLOCK]) -> Masks {
        let mut m = [0u64; 8];
        let mut high = 0;
        for (i, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let mut facts = 0u64;
            for (j, &byte) in eight.iter().enumerate() {
                facts |= TABLE[usize::from(byte)] << j;
            }
            for (k, mask) in m.iter_mut().enumerate() {
                *mask |= (facts >> (8 * k) & 255) << (8 * i);
            }
            high |= high_bits(u64::from_le_bytes(*eight)) << (8 * i);
        }
        let [alpha, digit, hex_alpha, dot, colon, hyphen, underscore, backslash] = m;
        Masks {
            alpha,
            digit,
            hex: digit | hex_alpha,
            dot,
            colon,
            label: alpha | digit | hyphen | high,
            underscore,
            high,
            backslash,
        }
    }

    #[inline(always)]
    fn delimiters(window: &[u8; 32]) -> (u32, u32) {
        let (mut delimiters, mut high) = (0, 0);
        for (i, &byte) in window.iter().enumerate() {
            let inside = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte >= 0x80;
            delimiters |= u32::from(!inside) << i;
            high |= u32::from(byte >= 0x80) << i;
        }
        (delimiters, high)
    }

    #[inline(always)]
    fn digits_and_dots(window: &[u8; 32]) -> (u32, u32) {
        let (mut digits, mut dots) = (0, 0);
        for (i, &byte) in window.iter().enumerate() {
            digits |= u32::from(byte.is_ascii_digit()) << i;
            dots |= u32::from(byte == b'.') << i;
        }
        (digits, dots)
    }
}

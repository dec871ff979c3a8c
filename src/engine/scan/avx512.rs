//! Class masks with AVX-512 (BW): one 64-byte register a block, classes by two nibble look-ups.

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_cmpeq_epi8_mask,
    _mm512_loadu_si512, _mm512_movepi8_mask, _mm512_set1_epi8, _mm512_shuffle_epi8, _mm512_srli_epi16,
    _mm512_test_epi8_mask,
};

use crate::engine::scan::avx2::Avx2;
use crate::engine::scan::{BLOCK, Classes, HIGH_NIBBLE, LOW_NIBBLE, Masks, class};

/// AVX-512 with byte operations (BW). Only entered behind a run-time check of the machine.
#[derive(Debug)]
pub(crate) struct Avx512;

#[inline(always)]
fn table(bytes: &[u8; 16]) -> __m512i {
    // SAFETY: 16 readable bytes, no alignment needed; AVX-512 was checked before this tier was entered.
    unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

impl Classes for Avx512 {
    #[inline(always)]
    fn classify(block: &[u8; BLOCK]) -> Masks {
        let (low, high) = (table(&LOW_NIBBLE), table(&HIGH_NIBBLE));
        // SAFETY: 64 readable bytes, no alignment needed; AVX-512 as above.
        unsafe {
            let v = _mm512_loadu_si512(block.as_ptr().cast());
            let nibble = _mm512_set1_epi8(15);
            let by_low = _mm512_shuffle_epi8(low, v);
            let by_high = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16::<4>(v), nibble));
            let c = _mm512_and_si512(by_low, by_high);
            let any = |bits: u8| _mm512_test_epi8_mask(c, _mm512_set1_epi8(bits.cast_signed()));
            let high = _mm512_movepi8_mask(v);
            Masks {
                alpha: any(class::ALPHA),
                digit: any(class::DIGIT),
                hex: any(class::HEX),
                dot: any(class::DOT),
                colon: any(class::COLON),
                label: any(class::LABEL) | high,
                underscore: any(class::UNDERSCORE),
                high,
                backslash: _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(b'\\'.cast_signed())),
            }
        }
    }

    #[inline(always)]
    fn delimiters(window: &[u8; 32]) -> (u32, u32) {
        Avx2::delimiters(window)
    }

    #[inline(always)]
    fn digits_and_dots(window: &[u8; 32]) -> (u32, u32) {
        Avx2::digits_and_dots(window)
    }
}

//! Class masks with 128-bit registers (SSSE3): four 16-byte registers a block, classes by two nibble look-ups.

use std::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_set1_epi8, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_slli_epi16, _mm_srli_epi16, _mm_sub_epi8,
};

use crate::engine::scan::{BLOCK, Classes, HIGH_NIBBLE, LOW_NIBBLE, Masks, class};

/// SSE up to SSE4.2. Only entered behind a run-time check of the machine.
#[derive(Debug)]
pub(crate) struct Wide128;

#[inline(always)]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 readable bytes, no alignment needed.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// The top bit of each byte; spelled out for the reason given in `avx2`.
#[inline(always)]
fn mask(v: __m128i) -> u32 {
    let mask: u32;
    // SAFETY: touches no memory and no flags; SSE2 is part of x86-64.
    unsafe {
        std::arch::asm!(
            "pmovmskb {mask:e}, {v}",
            mask = lateout(reg) mask,
            v = in(xmm_reg) v,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    mask
}

/// The class byte of each of 16 bytes; 0 for bytes above 0x7f.
#[inline(always)]
fn classes(v: __m128i) -> __m128i {
    let (low, high) = (load(&LOW_NIBBLE), load(&HIGH_NIBBLE));
    // SAFETY: no memory is touched; SSSE3 was checked before this tier was entered.
    unsafe {
        let by_high = _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16::<4>(v), _mm_set1_epi8(15)));
        _mm_and_si128(_mm_shuffle_epi8(low, v), by_high)
    }
}

#[inline(always)]
fn any(c: __m128i, bits: u8) -> u32 {
    // SAFETY: no memory is touched; SSE2 is part of x86-64.
    unsafe {
        let wanted = _mm_and_si128(c, _mm_set1_epi8(bits.cast_signed()));
        mask(_mm_cmpeq_epi8(wanted, _mm_setzero_si128())) ^ 0xffff
    }
}

#[inline(always)]
fn equal(v: __m128i, byte: u8) -> u32 {
    // SAFETY: no memory is touched; SSE2 is part of x86-64.
    unsafe { mask(_mm_cmpeq_epi8(v, _mm_set1_epi8(byte.cast_signed()))) }
}

impl Classes for Wide128 {
    #[inline(always)]
    fn classify(block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks::default();
        for (i, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let v = load(part);
            let c = classes(v);
            // SAFETY: no memory is touched; SSE2 is part of x86-64.
            let (digit, dot, underscore) = unsafe {
                (mask(_mm_slli_epi16::<7>(c)), mask(_mm_slli_epi16::<3>(c)), mask(_mm_slli_epi16::<1>(c)))
            };
            let high = mask(v);
            let place = |bits: u32| u64::from(bits) << (16 * i);
            masks.alpha |= place(any(c, class::ALPHA));
            masks.digit |= place(digit);
            masks.hex |= place(any(c, class::HEX));
            masks.dot |= place(dot);
            masks.colon |= place(mask(c));
            masks.label |= place(any(c, class::LABEL) | high);
            masks.underscore |= place(underscore);
            masks.high |= place(high);
            masks.backslash |= place(equal(v, b'\\'));
        }
        masks
    }

    #[inline(always)]
    fn delimiters(window: &[u8; 32]) -> (u32, u32) {
        let (mut delimiters, mut highs) = (0, 0);
        for (i, part) in window.as_chunks::<16>().0.iter().enumerate() {
            let v = load(part);
            let high = mask(v);
            let inside = any(classes(v), class::LABEL | class::UNDERSCORE) | high;
            delimiters |= (inside ^ 0xffff) << (16 * i);
            highs |= high << (16 * i);
        }
        (delimiters, highs)
    }

    #[inline(always)]
    fn digits_and_dots(window: &[u8; 32]) -> (u32, u32) {
        let (mut digits, mut dots) = (0, 0);
        for (i, part) in window.as_chunks::<16>().0.iter().enumerate() {
            let v = load(part);
            // SAFETY: no memory is touched; SSE2 is part of x86-64.
            let digit = unsafe {
                let from_zero = _mm_sub_epi8(v, _mm_set1_epi8(b'0'.cast_signed()));
                mask(_mm_cmpeq_epi8(_mm_min_epu8(from_zero, _mm_set1_epi8(9)), from_zero))
            };
            digits |= digit << (16 * i);
            dots |= equal(v, b'.') << (16 * i);
        }
        (digits, dots)
    }
}

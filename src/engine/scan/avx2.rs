//! Class masks with AVX2: two 32-byte registers a block, classes by two nibble look-ups.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
    _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srli_epi16, _mm256_sub_epi8,
};

use crate::engine::scan::{BLOCK, Classes, HIGH_NIBBLE, LOW_NIBBLE, Masks, class};

/// AVX2. Only entered behind a run-time check of the machine.
#[derive(Debug)]
pub(crate) struct Avx2;

#[inline(always)]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 readable bytes, no alignment needed; AVX2 was checked before this tier was entered.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline(always)]
fn table(bytes: &[u8; 16]) -> __m256i {
    // SAFETY: 16 readable bytes, no alignment needed; AVX2 as above.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

/// [`mask_in_avx2`], called from where AVX2 is known to be there.
#[inline(always)]
fn mask(v: __m256i) -> u64 {
    // SAFETY: AVX2 as above.
    unsafe { mask_in_avx2(v) }
}

/// The top bit of each byte. One instruction, spelled out: the compiler sees through the intrinsic and turns the
/// arithmetic on masks that follows into vector code many times as slow (measured: 0.5 instead of 2 GB/s). It sets
/// the upper half of the register to zero.
#[inline]
#[target_feature(enable = "avx2")]
fn mask_in_avx2(v: __m256i) -> u64 {
    let mask: u64;
    // SAFETY: touches no memory and no flags; AVX2 as above.
    unsafe {
        std::arch::asm!(
            "vpmovmskb {mask:e}, {v}",
            mask = lateout(reg) mask,
            v = in(ymm_reg) v,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    mask
}

/// The class byte of each of 32 bytes; 0 for bytes above 0x7f.
#[inline(always)]
fn classes(v: __m256i) -> __m256i {
    let (low, high) = (table(&LOW_NIBBLE), table(&HIGH_NIBBLE));
    // SAFETY: no memory is touched; AVX2 as above.
    unsafe {
        let nibble = _mm256_set1_epi8(15);
        let by_low = _mm256_shuffle_epi8(low, v);
        let by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(v), nibble));
        _mm256_and_si256(by_low, by_high)
    }
}

#[inline(always)]
fn any(c: __m256i, bits: u8) -> u64 {
    // SAFETY: no memory is touched; AVX2 as above.
    unsafe {
        let wanted = _mm256_and_si256(c, _mm256_set1_epi8(bits.cast_signed()));
        mask(_mm256_cmpgt_epi8(wanted, _mm256_setzero_si256()))
    }
}

#[inline(always)]
fn equal(v: __m256i, byte: u8) -> u64 {
    // SAFETY: no memory is touched; AVX2 as above.
    unsafe { mask(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte.cast_signed()))) }
}

impl Classes for Avx2 {
    #[inline(always)]
    fn classify(block: &[u8; BLOCK]) -> Masks {
        let ([a, b], _) = block.as_chunks::<32>() else { unreachable!("64 bytes are two times 32") };
        let (a, b) = (load(a), load(b));
        let (ca, cb) = (classes(a), classes(b));
        let join = |a: u64, b: u64| a | b << 32;
        let in_class = |bits: u8| join(any(ca, bits), any(cb, bits));
        // SAFETY: no memory is touched; AVX2 as above.
        let (digit, hex_alpha, dot, hyphen, underscore) = unsafe {
            (
                join(mask(_mm256_slli_epi16::<7>(ca)), mask(_mm256_slli_epi16::<7>(cb))),
                join(mask(_mm256_slli_epi16::<4>(ca)), mask(_mm256_slli_epi16::<4>(cb))),
                join(mask(_mm256_slli_epi16::<3>(ca)), mask(_mm256_slli_epi16::<3>(cb))),
                join(mask(_mm256_slli_epi16::<2>(ca)), mask(_mm256_slli_epi16::<2>(cb))),
                join(mask(_mm256_slli_epi16::<1>(ca)), mask(_mm256_slli_epi16::<1>(cb))),
            )
        };
        let high = join(mask(a), mask(b));
        let alpha = in_class(class::ALPHA);
        Masks {
            alpha,
            digit,
            hex: digit | hex_alpha,
            dot,
            colon: join(mask(ca), mask(cb)),
            label: alpha | digit | hyphen | high,
            underscore,
            high,
            backslash: join(equal(a, b'\\'), equal(b, b'\\')),
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are set")]
    fn delimiters(window: &[u8; 32]) -> (u32, u32) {
        let v = load(window);
        let high = mask(v);
        (!(any(classes(v), class::LABEL | class::UNDERSCORE) | high) as u32, high as u32)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are set")]
    fn digits_and_dots(window: &[u8; 32]) -> (u32, u32) {
        let v = load(window);
        // SAFETY: no memory is touched; AVX2 as above.
        let digits = unsafe {
            let from_zero = _mm256_sub_epi8(v, _mm256_set1_epi8(b'0'.cast_signed()));
            mask(_mm256_cmpeq_epi8(_mm256_min_epu8(from_zero, _mm256_set1_epi8(9)), from_zero))
        };
        (digits as u32, equal(v, b'.') as u32)
    }
}

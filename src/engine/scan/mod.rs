//! The scan: which events may hold a listed value.
//!
//! Is: one pass over raw bytes that knows neither JSON nor fields. Class masks of 64 bytes at a time (one file a
//! tier) become anchors (`anchor`), anchors become keys (`key`), keys are asked of the prefilter, and what is left
//! is looked up in the snapshot (`sift`).
//! Is not: an answer. It gives positions; the judge reads the events they lie in by docs/MATCHING.md.
//! Invariants: every hit by docs/MATCHING.md has a position in its string, whatever the tier and wherever blocks and
//! batches begin; nothing outside of the batch is read. All tiers give the same positions.
//! Fails: never. Costs: about 0.2 ns a byte for anchors, 10 ns a candidate for its key and the prefilter.
//!
//! `unsafe` is used for SIMD loads, for entering a tier after the machine was asked for it, and for fetching
//! ahead; the argument stands at each place.

mod anchor;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "SIMD loads and intrinsics behind a run-time check")]
#[expect(clippy::inline_always, reason = "intrinsics have to land in the tier's entry function")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "SIMD loads and intrinsics behind a run-time check")]
#[expect(clippy::inline_always, reason = "intrinsics have to land in the tier's entry function")]
mod avx512;
mod join;
mod key;
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
mod scalar;
mod sift;
mod url;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "SIMD loads and intrinsics behind a run-time check")]
#[expect(clippy::inline_always, reason = "intrinsics have to land in the tier's entry function")]
mod wide128;

#[cfg(test)]
mod tests;

pub(crate) use self::sift::Sift;

/// Bytes looked at together.
const BLOCK: usize = 64;

/// One bit for each byte of a block, bit 0 for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Masks {
    /// ASCII letters.
    alpha: u64,
    /// ASCII digits.
    digit: u64,
    /// Hexadecimal digits.
    hex: u64,
    dot: u64,
    colon: u64,
    /// Letters, digits, hyphens and all bytes above 0x7f.
    label: u64,
    underscore: u64,
    /// Bytes above 0x7f.
    high: u64,
    backslash: u64,
}

/// What differs from tier to tier.
trait Classes {
    /// The classes of 64 bytes.
    fn classify(block: &[u8; BLOCK]) -> Masks;
    /// Of 32 bytes: those that end a label (neither label byte nor underscore), and those above 0x7f.
    fn delimiters(window: &[u8; 32]) -> (u32, u32);
    /// Of 32 bytes: the digits and the dots.
    fn digits_and_dots(window: &[u8; 32]) -> (u32, u32);
}

/// Bits of the class byte that two nibble look-ups give.
mod class {
    pub(super) const DIGIT: u8 = 1;
    pub(super) const ALPHA_LOW: u8 = 2;
    pub(super) const ALPHA_HIGH: u8 = 4;
    pub(super) const ALPHA: u8 = ALPHA_LOW | ALPHA_HIGH;
    pub(super) const HEX_ALPHA: u8 = 8;
    pub(super) const HEX: u8 = DIGIT | HEX_ALPHA;
    pub(super) const DOT: u8 = 16;
    pub(super) const HYPHEN: u8 = 32;
    pub(super) const LABEL: u8 = DIGIT | ALPHA | HYPHEN;
    pub(super) const UNDERSCORE: u8 = 64;
    pub(super) const COLON: u8 = 128;
}

/// Classes that a low nibble allows.
static LOW_NIBBLE: [u8; 16] = {
    let mut table = [0u8; 16];
    let mut low = 0;
    while low < 16 {
        let mut bits = 0;
        if low <= 9 {
            bits |= class::DIGIT;
        }
        if low >= 1 {
            bits |= class::ALPHA_LOW;
        }
        if low <= 10 {
            bits |= class::ALPHA_HIGH;
        }
        if low >= 1 && low <= 6 {
            bits |= class::HEX_ALPHA;
        }
        bits |= match low {
            10 => class::COLON,
            13 => class::HYPHEN,
            14 => class::DOT,
            15 => class::UNDERSCORE,
            _ => 0,
        };
        table[low] = bits;
        low += 1;
    }
    table
};

/// Classes that a high nibble allows; none from 8 on.
static HIGH_NIBBLE: [u8; 16] = {
    let mut table = [0u8; 16];
    table[2] = class::DOT | class::HYPHEN;
    table[3] = class::DIGIT | class::COLON;
    table[4] = class::ALPHA_LOW | class::HEX_ALPHA;
    table[5] = class::ALPHA_HIGH | class::UNDERSCORE;
    table[6] = class::ALPHA_LOW | class::HEX_ALPHA;
    table[7] = class::ALPHA_HIGH;
    table
};

/// How wide the scan reads, from the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// 64-byte registers (AVX-512 with BW).
    Avx512,
    /// 32-byte registers (AVX2).
    Avx2,
    /// 16-byte registers (SSE up to SSE4.2).
    Wide128,
    /// Plain Rust.
    Scalar,
}

impl Tier {
    /// All tiers, widest first.
    pub const ALL: [Tier; 4] = [Tier::Avx512, Tier::Avx2, Tier::Wide128, Tier::Scalar];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Avx512 => "avx512",
            Tier::Avx2 => "avx2",
            Tier::Wide128 => "wide128",
            Tier::Scalar => "scalar",
        }
    }

    /// Whether this machine has it.
    #[cfg(target_arch = "x86_64")]
    pub fn is_available(self) -> bool {
        let bits = is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        match self {
            Tier::Avx512 => {
                bits && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && Tier::Avx2.is_available()
            }
            Tier::Avx2 => bits && is_x86_feature_detected!("avx2"),
            Tier::Wide128 => is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt"),
            Tier::Scalar => true,
        }
    }

    /// Whether this machine has it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn is_available(self) -> bool {
        self == Tier::Scalar
    }

    /// The widest tier of this machine.
    pub fn best() -> Tier {
        Tier::ALL.into_iter().find(|tier| tier.is_available()).unwrap_or(Tier::Scalar)
    }
}

/// Asks the machine to bring a block of the prefilter near.
#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction of the inner loop")]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a hint; touches no memory"))]
fn fetch_ahead(block: Option<&[u8; crate::index::filter::BLOCK]>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(block) = block {
        // SAFETY: a hint on an address inside a live slice; SSE is part of x86-64.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(block.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _: Option<_> = block;
}

//! One column of integers, as small as what is in it.
//!
//! Is: frame of reference, common divisor, straight line and bit-packing in one type: value `i` is
//! `base + slope * i / 65536 + step * code[i]`, the codes packed to the width of the largest.
//! Is not: a container of text or of raw bytes.
//! Invariants: a constant column has codes of no bits; code 0 is "nothing" in a column that has gaps.
//! Fails: writing, when codes do not fit 64 bits; reading never: a number out of range is `None`, and any header
//! gives some value for each number in range.
//! Costs: one or two nanoseconds a read when the bytes are in cache.
//!
//! ```text
//! base i64 | slope i64 | step u64 | length u32 | width u8 | gaps u8 | zero u16 | codes, lowest bit first
//! ```

use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Fields, damaged};
use crate::index::table::lower_bound;

/// Bytes before the codes.
const HEAD: usize = 32;

/// Where a column lies in the file, and how to read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    base: i64,
    slope: i64,
    step: u64,
    len: u32,
    width: u32,
    gaps: bool,
    at: usize,
}

impl Column {
    /// Reads the head of a column at `range.start`; gives the column and where it ends. An empty range is an
    /// empty column.
    pub(crate) fn read(bytes: &[u8], range: Range<usize>) -> Option<(Column, usize)> {
        if range.is_empty() {
            return Some((Column::default(), range.start));
        }
        let mut fields = Fields::new(bytes.get(range.clone())?);
        let base = fields.u64()?.cast_signed();
        let slope = fields.u64()?.cast_signed();
        let step = fields.u64()?;
        let len = fields.u32()?;
        let [width, gaps, zero_a, zero_b] = fields.array()?;
        if width > 64 || gaps > 1 || zero_a != 0 || zero_b != 0 {
            return None;
        }
        let at = range.start + HEAD;
        let end = at.checked_add(packed_len(len, u32::from(width)))?;
        let column = Column { base, slope, step, len, width: u32::from(width), gaps: gaps == 1, at };
        (end <= range.end).then_some((column, end))
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Whether all values are the same.
    pub(crate) const fn is_constant(&self) -> bool {
        self.width == 0 && self.slope == 0
    }

    /// Value number `i`; `None` for a gap, and behind the end.
    #[inline]
    pub(crate) fn get(&self, bytes: &[u8], i: u32) -> Option<i64> {
        if i >= self.len {
            return None;
        }
        let mut code = if self.width == 0 { 0 } else { self.code(bytes, i)? };
        if self.gaps {
            code = code.checked_sub(1)?;
        }
        let line = line(self.base, self.slope, i);
        Some(line.wrapping_add(self.step.wrapping_mul(code).cast_signed()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to at most 64 bits")]
    fn code(&self, bytes: &[u8], i: u32) -> Option<u64> {
        let bit = u64::from(i) * u64::from(self.width);
        let at = self.at.checked_add(usize::try_from(bit / 8).ok()?)?;
        let window = if let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
            u128::from_le_bytes(*window)
        } else {
            let mut window = [0; 16];
            for (place, byte) in window.iter_mut().zip(bytes.get(at..)?) {
                *place = *byte;
            }
            u128::from_le_bytes(window)
        };
        Some((window >> (bit % 8)) as u64 & (u64::MAX >> (64 - self.width)))
    }

    /// The first number in a column of ascending values whose value is at least `least`.
    pub(crate) fn lower_bound(&self, bytes: &[u8], least: i64) -> u32 {
        lower_bound(0..self.len, |i| self.get(bytes, i).is_some_and(|value| value < least))
    }
}

fn packed_len(len: u32, width: u32) -> usize {
    usize::try_from((u64::from(len) * u64::from(width)).div_ceil(8)).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "wraps, as writing does")]
fn line(base: i64, slope: i64, i: u32) -> i64 {
    if slope == 0 {
        return base;
    }
    base.wrapping_add(((i128::from(slope) * i128::from(i)) >> 16) as i64)
}

/// How values are expected to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Around one value.
    Flat,
    /// Along a straight line, when there are no gaps.
    Line,
}

/// Writes a column; one without values is nothing at all.
///
/// # Errors
/// [`Error::Damaged`] when there are 2^32 values or more, or values with gaps that lie 2^64 apart.
pub(crate) fn write<I>(out: &mut Vec<u8>, values: I, shape: Shape) -> Result<(), Error>
where
    I: Iterator<Item = Option<i64>> + Clone,
{
    let survey = Survey::of(values.clone(), shape).ok_or_else(too_large)?;
    let width = survey.write_head(out)?;
    if width > 0 {
        pack(out, values, &survey, width);
    }
    Ok(())
}

/// Writes a column of the same value again and again.
///
/// # Errors
/// [`Error::Damaged`] when there are 2^32 values or more.
pub(crate) fn write_constant(out: &mut Vec<u8>, value: Option<i64>, len: usize) -> Result<(), Error> {
    let one = Survey::of(std::iter::once(value), Shape::Flat).ok_or_else(too_large)?;
    let survey = Survey { len: u32::try_from(len).map_err(|_| too_large())?, ..one };
    survey.write_head(out).map(|_| ())
}

fn too_large() -> Error {
    damaged("a column passes a limit of the snapshot format")
}

fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = Option<i64>>, survey: &Survey, width: u32) {
    let (mut pending, mut bits) = (0u128, 0);
    for (i, value) in (0u32..).zip(values) {
        let code = value.map_or(0, |value| {
            let above = value.wrapping_sub(line(survey.base, survey.slope, i)).cast_unsigned();
            above / survey.step + u64::from(survey.gaps)
        });
        pending |= u128::from(code) << bits;
        bits += width;
        while bits >= 32 {
            let [a, b, c, d, ..] = pending.to_le_bytes();
            out.extend_from_slice(&[a, b, c, d]);
            pending >>= 32;
            bits -= 32;
        }
    }
    let last = pending.to_le_bytes();
    out.extend(last.iter().take(bits.div_ceil(8) as usize));
}

/// What has to be known before codes can be written.
struct Survey {
    len: u32,
    base: i64,
    slope: i64,
    step: u64,
    span: u64,
    gaps: bool,
    some: bool,
}

impl Survey {
    /// Writes the head of a column; gives the width of its codes.
    fn write_head(&self, out: &mut Vec<u8>) -> Result<u32, Error> {
        if self.len == 0 {
            return Ok(0);
        }
        let largest = self.span / self.step;
        let largest = if self.gaps { largest.checked_add(1).ok_or_else(too_large)? } else { largest };
        let largest = if self.some { largest } else { 0 };
        let width = 64 - largest.leading_zeros();
        out.reserve(HEAD + packed_len(self.len, width));
        out.extend_from_slice(&self.base.to_le_bytes());
        out.extend_from_slice(&self.slope.to_le_bytes());
        out.extend_from_slice(&self.step.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.push(u8::try_from(width).map_err(|_| too_large())?);
        out.extend_from_slice(&[u8::from(self.gaps), 0, 0]);
        Ok(width)
    }

    fn of(values: impl Iterator<Item = Option<i64>> + Clone, shape: Shape) -> Option<Survey> {
        let (mut len, mut gaps) = (0u32, false);
        let (mut first, mut last) = (None, None);
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        for value in values.clone() {
            len = len.checked_add(1)?;
            let Some(value) = value else {
                gaps = true;
                continue;
            };
            first = first.or(Some(value));
            last = Some(value);
            low = low.min(value);
            high = high.max(value);
        }
        let some = first.is_some();
        let slope = match (first, last) {
            (Some(first), Some(last)) if shape == Shape::Line && !gaps && len > 1 => slope(first, last, len),
            _ => 0,
        };
        let mut survey = Survey { len, base: 0, slope, step: 1, span: 0, gaps, some };
        if !some {
            return Some(survey);
        }
        if slope != 0 {
            (low, high) = residuals(values.clone(), slope);
        }
        survey.base = low;
        survey.span = high.wrapping_sub(low).cast_unsigned();
        survey.step = divisor(values, low, slope).max(1);
        Some(survey)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked")]
fn slope(first: i64, last: i64, len: u32) -> i64 {
    let rise = (i128::from(last) - i128::from(first)) << 16;
    let slope = rise / i128::from(len - 1);
    // beyond this a line is no help, and the sums could wrap
    if slope.unsigned_abs() < 1 << 47 { slope as i64 } else { 0 }
}

fn residuals(values: impl Iterator<Item = Option<i64>>, slope: i64) -> (i64, i64) {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for (i, value) in (0u32..).zip(values) {
        let residual = value.unwrap_or_default().wrapping_sub(line(0, slope, i));
        low = low.min(residual);
        high = high.max(residual);
    }
    (low, high)
}

fn divisor(values: impl Iterator<Item = Option<i64>>, base: i64, slope: i64) -> u64 {
    let mut divisor = 0u64;
    for (i, value) in (0u32..).zip(values) {
        let Some(value) = value else { continue };
        let mut rest = value.wrapping_sub(line(base, slope, i)).cast_unsigned();
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        if divisor == 1 {
            break;
        }
    }
    divisor
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(values: &[Option<i64>], shape: Shape) -> (Vec<u8>, Column) {
        let mut out = Vec::new();
        write(&mut out, values.iter().copied(), shape).unwrap();
        let (column, end) = Column::read(&out, 0..out.len()).unwrap();
        assert_eq!(end, out.len());
        assert_eq!(column.len() as usize, values.len());
        (out, column)
    }

    fn comes_back(values: &[Option<i64>], shape: Shape) -> usize {
        let (out, column) = written(values, shape);
        for (i, value) in (0..).zip(values) {
            assert_eq!(column.get(&out, i), *value, "number {i} of {values:?}");
        }
        assert_eq!(column.get(&out, column.len()), None);
        out.len()
    }

    #[test]
    fn sizes() {
        assert_eq!(comes_back(&[], Shape::Flat), 0);
        assert_eq!(comes_back(&[Some(7); 1000], Shape::Flat), HEAD);
        assert_eq!(comes_back(&[None; 1000], Shape::Flat), HEAD);
        // whole days in microseconds: the common divisor leaves nine bits
        let days: Vec<_> =
            (0..1000).map(|i| Some(1_700_000_000_000_000 + i % 365 * 86_400_000_000)).collect();
        assert_eq!(comes_back(&days, Shape::Flat), HEAD + 1000 * 9 / 8);
        // numbers in order take nothing
        let order: Vec<_> = (0..1000).map(Some).collect();
        assert_eq!(comes_back(&order, Shape::Line), HEAD);
    }

    #[test]
    fn extremes() {
        comes_back(&[Some(i64::MIN), Some(i64::MAX)], Shape::Flat);
        comes_back(&[Some(i64::MAX), Some(i64::MIN), Some(0)], Shape::Line);
        comes_back(&[Some(i64::MIN), None, Some(0)], Shape::Flat);
        let gaps_and_all = [Some(i64::MIN), None, Some(i64::MIN + 1), Some(i64::MAX)];
        assert!(write(&mut Vec::new(), gaps_and_all.into_iter(), Shape::Flat).is_err());
    }

    #[test]
    fn bounds() {
        let (out, column) = written(&[Some(1), Some(3), Some(3), Some(9)], Shape::Flat);
        let found: Vec<_> = (0..11).map(|least| column.lower_bound(&out, least)).collect();
        assert_eq!(found, [0, 0, 1, 1, 3, 3, 3, 3, 3, 3, 4]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_values_come_back(
            values in proptest::collection::vec(proptest::option::weighted(0.9, any::<i32>()), 0..200),
            step in 1..1_000_000_000i64,
            line in any::<bool>(),
            full in any::<bool>(),
        ) {
            let shape = if line { Shape::Line } else { Shape::Flat };
            let values: Vec<_> = values
                .into_iter()
                .map(|v| v.map(|v| i64::from(v) * step).or(full.then_some(17)))
                .collect();
            comes_back(&values, shape);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80), i in any::<u32>()) {
            if let Some((column, _)) = Column::read(&bytes, 0..bytes.len()) {
                column.get(&bytes, i);
                column.lower_bound(&bytes, 1 << 40);
            }
        }
    }
}

//! Values of a fixed width: sorted raw bytes.
//!
//! Is: the tables of digests, one an algorithm. Is not: hexadecimal text.
//! Invariants: ascending, each once.
//! Fails: never; a table whose length is no multiple of the width is refused when it is read.
//! Costs: digests are spread evenly, so the place is estimated from the first eight bytes and found within a few
//! steps; where they are not (a crafted table) at most `2 log2(n)` steps.

use std::ops::Range;

use crate::index::table::lower_bound;

/// Where a table of values of `width` bytes lies in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    width: usize,
    count: u32,
    at: usize,
}

impl Fixed {
    pub(crate) fn read(range: &Range<usize>, width: usize) -> Option<Fixed> {
        let count = u32::try_from(range.len() / width).ok()?;
        range.len().is_multiple_of(width).then_some(Fixed { width, count, at: range.start })
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Value number `i`.
    pub(crate) fn get<'a>(&self, bytes: &'a [u8], i: u32) -> Option<&'a [u8]> {
        if i >= self.count {
            return None;
        }
        let start = self.at.checked_add(self.width.checked_mul(i as usize)?)?;
        bytes.get(start..start.checked_add(self.width)?)
    }

    /// The number of a value.
    pub(crate) fn find(&self, bytes: &[u8], value: &[u8]) -> Option<u32> {
        if value.len() != self.width {
            return None;
        }
        let below = |i: u32| self.get(bytes, i).is_some_and(|there| there < value);
        let guess = self.guess(value)?;
        let (mut low, mut high) = (0, self.count);
        let mut step = 1u32;
        if below(guess) {
            low = guess + 1;
            while let Some(next) = low.checked_add(step).filter(|&next| next < self.count) {
                if !below(next) {
                    high = next;
                    break;
                }
                low = next + 1;
                step = step.saturating_mul(2);
            }
        } else {
            high = guess;
            while let Some(next) = high.checked_sub(step) {
                if below(next) {
                    low = next + 1;
                    break;
                }
                high = next;
                step = step.saturating_mul(2);
            }
        }
        let low = lower_bound(low..high, below);
        (self.get(bytes, low)? == value).then_some(low)
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the number of values")]
    fn guess(&self, value: &[u8]) -> Option<u32> {
        let head = u64::from_be_bytes(*value.first_chunk()?);
        let guess = (u128::from(head) * u128::from(self.count)) >> 64;
        (self.count > 0).then_some(guess as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: &[[u8; 16]]) -> (Vec<u8>, Fixed) {
        let bytes = values.concat();
        let table = Fixed::read(&(0..bytes.len()), 16).unwrap();
        (bytes, table)
    }

    #[test]
    fn finds_each_and_nothing_else() {
        // evenly spread, all in one corner, and all in the other
        for shift in [0, 64, 100] {
            for count in [0u32, 1, 2, 3, 50, 1000] {
                let mut values: Vec<[u8; 16]> = (0..count)
                    .map(|i| u128::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> shift)
                    .map(|n| if count % 2 == 0 { n } else { !n }.to_be_bytes())
                    .collect();
                values.sort_unstable();
                values.dedup();
                let (bytes, table) = table(&values);
                for (i, value) in (0..).zip(&values) {
                    assert_eq!(table.find(&bytes, value), Some(i));
                    let mut other = *value;
                    other[15] ^= 1;
                    assert_eq!(table.find(&bytes, &other).is_some(), values.contains(&other));
                }
                assert_eq!(table.find(&bytes, &[0xff; 16]).is_some(), values.contains(&[0xff; 16]));
                assert_eq!(table.find(&bytes, &[0; 15]), None);
            }
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        assert!(Fixed::read(&(0..33), 16).is_none());
    }
}

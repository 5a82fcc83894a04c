//! The middle and the end of a sample's numbers.

use serde::Serialize;

/// By nearest rank, so that each is a number of the sample; `None` where that one does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Spread {
    pub(super) median: Option<usize>,
    pub(super) p99: Option<usize>,
    pub(super) worst: Option<usize>,
}

impl Spread {
    pub(super) fn of(numbers: impl IntoIterator<Item = usize>) -> Self {
        Self::of_those_that_fit(numbers.into_iter().map(Some))
    }

    /// What does not fit counts as more than anything that does.
    pub(super) fn of_those_that_fit(numbers: impl IntoIterator<Item = Option<usize>>) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable_by_key(|number| (number.is_none(), *number));
        let ranked = |percent: usize| {
            let rank = numbers.len().saturating_mul(percent).div_ceil(100);
            numbers.get(rank.saturating_sub(1)).copied().flatten()
        };
        Self { median: ranked(50), p99: ranked(99), worst: ranked(100) }
    }

    /// Whether it is one number three times.
    pub(super) fn is_one(&self) -> bool {
        self.median == self.worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three(spread: Spread) -> [Option<usize>; 3] {
        [spread.median, spread.p99, spread.worst]
    }

    #[test]
    fn each_is_a_number_of_the_sample() {
        assert_eq!(three(Spread::of((1..=1_000).rev())), [500, 990, 1_000].map(Some));
        assert_eq!(three(Spread::of([7])), [7, 7, 7].map(Some));
        assert_eq!(three(Spread::of([1, 9])), [1, 9, 9].map(Some));
        assert_eq!(three(Spread::of([])), [None; 3]);
    }

    #[test]
    fn what_does_not_fit_is_above_all_that_does() {
        let numbers = [None, Some(2), Some(1)];
        assert_eq!(three(Spread::of_those_that_fit(numbers)), [Some(2), None, None]);
        assert_eq!(three(Spread::of_those_that_fit([None, None, Some(1)])), [None; 3]);
    }
}

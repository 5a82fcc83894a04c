//! Finding a name that is twice in one map.
//!
//! A few names are compared pair by pair, more are sorted in place when their map ends: no hashing,
//! no memory of its own, and never more than n log n comparisons whatever an attacker names things.

/// Any name that is there twice. `text` gives the bytes behind a name, which may be a slice or a
/// place in a buffer.
pub(super) fn repeated<'b, N: Copy>(
    names: &mut [N],
    text: impl Fn(N) -> &'b [u8],
) -> Option<&'b [u8]> {
    if names.len() <= FEW {
        return repeated_of_few(names, text);
    }
    names.sort_unstable_by(|a, b| {
        let (a, b) = (text(*a), text(*b));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    });
    names.windows(2).find_map(|pair| match pair {
        [a, b] if text(*a) == text(*b) => Some(text(*a)),
        _ => None,
    })
}

/// Every pair: for the handful of names that maps have, quicker than any order.
fn repeated_of_few<'b, N: Copy>(mut names: &[N], text: impl Fn(N) -> &'b [u8]) -> Option<&'b [u8]> {
    while let Some((first, others)) = names.split_first() {
        let first = text(*first);
        if others.iter().any(|other| text(*other) == first) {
            return Some(first);
        }
        names = others;
    }
    None
}

/// Names that are compared pair by pair: at most 120 comparisons, mostly of lengths.
const FEW: usize = 16;

/// The same for names that are slices.
pub(super) fn repeated_str<'a>(names: &mut [&'a str]) -> Option<&'a str> {
    repeated(names, |name| name.as_bytes()).and_then(|name| str::from_utf8(name).ok())
}

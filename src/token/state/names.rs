//! Finding a name that is twice in one map.
//!
//! Names are sorted in place when their map ends: no hashing, no memory of its own, and never more
//! than n log n comparisons whatever an attacker names things. For the handful of names that maps
//! have, the sort is an insertion sort that mostly compares lengths.

/// Any name that is there twice. `text` gives the bytes behind a name, which may be a slice or a
/// place in a buffer.
pub(super) fn repeated<'b, N: Copy>(
    names: &mut [N],
    text: impl Fn(N) -> &'b [u8],
) -> Option<&'b [u8]> {
    names.sort_unstable_by(|a, b| {
        let (a, b) = (text(*a), text(*b));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    });
    names.windows(2).find_map(|pair| match pair {
        [a, b] if text(*a) == text(*b) => Some(text(*a)),
        _ => None,
    })
}

/// The same for names that are slices.
pub(super) fn repeated_str<'a>(names: &mut [&'a str]) -> Option<&'a str> {
    repeated(names, |name| name.as_bytes()).and_then(|name| str::from_utf8(name).ok())
}

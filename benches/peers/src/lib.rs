//! saddlebag beside the libraries that people would pick instead: what both binaries share.

pub mod clock;
pub mod contenders;
pub mod harness;
pub mod json;
#[cfg(feature = "others")]
pub mod laws;
#[cfg(any(feature = "others", feature = "josekit"))]
pub mod rings;
pub mod states;

//! The application's state: CBOR on the wire, typed values and JSON on either side of it.
//!
//! One file a direction. All of them read items through `item.rs` and write through `writer.rs`,
//! so that each rule of `docs/token-format.md` §6 is written once:
//!
//! ```text
//!   T: Serialize ── encode ──┐                    ┌── decode ──▶ T: Deserialize
//!                         writer ──▶ CBOR ──▶ item┤
//!   JSON text ── from_json ──┘                    └── walk ──▶ check, to_json, weights, pick
//! ```

mod check;
mod decode;
mod decode_compound;
mod decode_key;
mod encode;
mod encode_compound;
mod encode_key;
mod error;
mod from_json;
mod item;
mod names;
mod pick;
mod to_json;
mod walk;
mod writer;

pub(crate) use check::{check, weights};
pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub use error::{StateError, StateErrorKind};
pub(crate) use from_json::from_json;
pub(crate) use pick::pick;
pub(crate) use to_json::to_json;

/// How deep state may nest: a scalar has depth 0, a container one more than its deepest item.
const MAX_DEPTH: usize = 32;

/// The names under which `serde_json` passes text it has not read through serde: the struct that
/// holds a `RawValue`, and, where a build turns on `arbitrary_precision`, a `Number`.
pub(crate) const RAW_VALUE: &str = "$serde_json::private::RawValue";
const RAW_NUMBER: &str = "$serde_json::private::Number";

#[cfg(test)]
mod tests;

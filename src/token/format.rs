//! Between a token's text and its header and body: one accepted spelling each.

use base64_simd::URL_SAFE_NO_PAD;
use saddlebag_keys::KeyId;

/// How a token protects its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protection {
    /// Anyone can read it, nobody without the key can change it (HMAC-SHA-256).
    Signed,
    /// Nobody without the key can read or change it (XAES-256-GCM).
    Sealed,
    /// An ordinary RFC 7515 JWS, readable, for software that only speaks JWT.
    Jwt,
}

impl Protection {
    /// `signed`, `sealed` or `jwt`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Sealed => "sealed",
            Self::Jwt => "jwt",
        }
    }
}

impl std::fmt::Display for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a text looks like before anything of it is decoded.
pub(crate) fn looks_like(text: impl AsRef<[u8]>) -> Option<Protection> {
    let text = text.as_ref();
    if text.starts_with(b"sb1s") {
        Some(Protection::Signed)
    } else if text.starts_with(b"sb1e") {
        Some(Protection::Sealed)
    } else if has_two_dots(text) {
        Some(Protection::Jwt)
    } else {
        None
    }
}

// Apart from the way that sealed and signed tokens take.
#[inline(never)]
fn has_two_dots(text: &[u8]) -> bool {
    memchr::memchr_iter(b'.', text).count() == 2
}

/// A header: the kind and the key.
pub(crate) fn header(kind: [u8; 3], key: KeyId) -> [u8; HEADER_LEN] {
    let [a, b, c] = kind;
    let [d, e, f, g] = key.to_bytes();
    [a, b, c, d, e, f, g]
}

/// The bytes of a token of at least `shortest` characters, with room for `more` after them, and the key id
/// in their header.
pub(crate) fn decode(
    text: impl AsRef<[u8]>,
    shortest: usize,
    more: usize,
) -> Option<(Vec<u8>, KeyId)> {
    let text = text.as_ref();
    if text.len() < shortest {
        return None;
    }
    let length = text.len().saturating_mul(3).checked_div(4)?;
    // `base64` makes room for whole groups first: up to 3 bytes more than the text has.
    let mut bytes = Vec::with_capacity(length.saturating_add(more.max(3)));
    decode_into(text, &mut bytes)?;
    let [_, _, _, a, b, c, d, ..] = *bytes.as_slice() else {
        return None;
    };
    Some((bytes, KeyId::from_bytes([a, b, c, d])))
}

/// The text of a token's bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// Both decoders refuse padding, other alphabets, white space and unused trailing bits.
#[inline(always)]
pub(super) fn decode_into(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    #[cfg(target_arch = "x86_64")]
    if text.len() >= long::LEAST
        && let Some(decoder) = &*long::DECODER
    {
        return base64::Engine::decode_vec(decoder, text, bytes).ok();
    }
    URL_SAFE_NO_PAD.decode_append(text, bytes).ok()
}

/// With AVX2 `base64` reads long texts faster than `base64-simd`, and short ones slower (benches/peers).
#[cfg(target_arch = "x86_64")]
mod long {
    use std::sync::LazyLock;

    use base64::engine::Avx2;
    use base64::engine::general_purpose::NO_PAD;

    /// Characters from which on it is faster.
    pub(super) const LEAST: usize = 512;
    /// `None` without AVX2.
    pub(super) static DECODER: LazyLock<Option<Avx2>> = LazyLock::new(|| Avx2::url_safe(NO_PAD));
}

/// Characters that so many bytes take.
pub(crate) fn text_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// Spelled `sb1s` together with the first two bits of the key id.
pub(crate) const SIGNED: [u8; 3] = [0xb1, 0xbd, 0x6c];
/// Spelled `sb1e`.
pub(crate) const SEALED: [u8; 3] = [0xb1, 0xbd, 0x5e];
pub(crate) const HEADER_LEN: usize = 7;
pub(crate) const TAG_LEN: usize = 16;
/// Characters of the shortest signed token.
pub(crate) const SHORTEST_SIGNED: usize = 59;
/// Characters of the shortest sealed token.
pub(crate) const SHORTEST_SEALED: usize = 91;

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kinds_spell_what_tokens_start_with() {
        assert_eq!(encode(&SIGNED), "sb1s");
        assert_eq!(encode(&SEALED), "sb1e");
    }

    #[test]
    fn one_string_decodes_to_given_bytes() {
        let text = encode(&[0xb1, 0xbd, 0x6c, 1, 2, 3, 4, 5]);
        assert!(decode(&text, 0, 0).is_some());
        for other in [
            format!("{text}="),
            format!("{text} "),
            format!("{text}\n"),
            format!("{text}AA"),
            text.replace('U', "V"),
            format!("{}\u{e9}", text.trim_end_matches('U')),
        ] {
            assert!(decode(&other, 0, 0).is_none(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_base64_accepts_is_accepted_and_nothing_else(
            // Of either decoder.
            bytes in prop_oneof![prop::collection::vec(any::<u8>(), 7..200), prop::collection::vec(any::<u8>(), 380..420)],
            at in any::<prop::sample::Index>(),
            other in prop::option::of(prop_oneof![any::<char>(), "[A-Za-z0-9_=+/ -]".prop_map(|text| text.chars().next().unwrap())]),
            cut in 0..4_usize,
        ) {
            let text = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(&encode(&bytes), &text);
            let mut text: Vec<char> = text.chars().collect();
            text.truncate(text.len() - cut);
            if let Some(other) = other {
                let at = at.index(text.len());
                text[at] = other;
            }
            let text: String = text.into_iter().collect();
            let theirs = BASE64_URL_SAFE_NO_PAD.decode(&text).ok().filter(|bytes| bytes.len() >= 7);
            let others = URL_SAFE_NO_PAD.decode_to_vec(&text).ok().filter(|bytes| bytes.len() >= 7);
            prop_assert_eq!(&others, &theirs);
            prop_assert_eq!(decode(&text, 0, 3).map(|(bytes, _)| bytes), theirs);
        }
    }

    #[test]
    fn a_protection_is_shown_as_it_is_asked_for() {
        let names = [Protection::Signed, Protection::Sealed, Protection::Jwt];
        assert_eq!(names.map(Protection::as_str), ["signed", "sealed", "jwt"]);
        assert_eq!(names.map(|name| format!("{name:>7}")), [" signed", " sealed", "    jwt"]);
    }

    #[test]
    fn a_text_is_told_by_its_start_or_its_dots() {
        assert_eq!(looks_like("sb1sAAAA"), Some(Protection::Signed));
        assert_eq!(looks_like("sb1eAAAA"), Some(Protection::Sealed));
        assert_eq!(looks_like("a.b.c"), Some(Protection::Jwt));
        assert_eq!(looks_like("..."), None);
        assert_eq!(looks_like("SB1sAAAA"), None);
        assert_eq!(looks_like(""), None);
    }
}

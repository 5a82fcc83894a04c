//! The signed suite: claims anyone can read, under the first 16 bytes of an HMAC-SHA-256.
//!
//! ```text
//! header (7) ‖ claims ‖ tag (16)       tag over header ‖ be32(len(binding)) ‖ binding ‖ claims
//! ```

use saddlebag_keys::{Secret, derive};
use subtle::ConstantTimeEq;

use super::format::{HEADER_LEN, TAG_LEN};
use super::provider::Mac;

/// K_signed, keyed once.
pub(crate) struct SignedKey {
    mac: Mac,
}

impl SignedKey {
    pub(crate) fn new(audience: &Secret) -> Self {
        Self { mac: Mac::new(&derive::signed(audience)) }
    }

    /// Appends the tag to a header and claims.
    pub(crate) fn sign(&self, token: &mut Vec<u8>, binding: &[u8]) {
        let tag = self.tag(token, binding);
        token.extend_from_slice(&tag);
    }

    /// Whether the last 16 bytes are the tag of those before them, in constant time.
    pub(crate) fn verifies(&self, token: &[u8], binding: &[u8]) -> bool {
        let Some((signed, tag)) = token.split_last_chunk::<TAG_LEN>() else {
            return false;
        };
        self.tag(signed, binding).ct_eq(tag).into()
    }

    fn tag(&self, signed: &[u8], binding: &[u8]) -> [u8; TAG_LEN] {
        let (header, claims) = signed.split_at_checked(HEADER_LEN).unwrap_or((signed, &[]));
        // At most 1,024, so that the length always fits.
        let length = u32::try_from(binding.len()).unwrap_or(u32::MAX).to_be_bytes();
        let [tag @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.mac.tag(&[header, &length, binding, claims]);
        tag
    }
}

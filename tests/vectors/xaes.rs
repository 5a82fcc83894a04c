//! XAES-256-GCM out of AES-256 and AES-256-GCM, after C2SP's `XAES-256-GCM.md`.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Payload};

/// The key of all nonces that start with these 12 bytes.
pub fn derive(key: &[u8; 32], prefix: &[u8]) -> [u8; 32] {
    let aes = Aes256::new(key.into());
    let encrypt = |block: [u8; 16]| -> [u8; 16] {
        let mut block = block.into();
        aes.encrypt_block(&mut block);
        block.into()
    };
    let l = u128::from_be_bytes(encrypt([0; 16]));
    let k1 = (l << 1) ^ (if l >> 127 == 1 { 0x87 } else { 0 });
    let half = |counter: u8| {
        let mut m = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        m[4..].copy_from_slice(prefix);
        encrypt((u128::from_be_bytes(m) ^ k1).to_be_bytes())
    };
    [half(1), half(2)].concat().try_into().unwrap()
}

/// ciphertext ‖ tag.
pub fn seal(key: &[u8; 32], nonce: &[u8; 24], plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    let (prefix, rest) = nonce.split_at(12);
    aes_gcm(&derive(key, prefix), rest, plaintext, aad)
}

/// Plain AES-256-GCM with a nonce of 12 bytes.
pub fn aes_gcm(key: &[u8; 32], nonce: &[u8], plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = nonce.try_into().unwrap();
    let payload = Payload { msg: plaintext, aad };
    Aes256Gcm::new(key.into()).encrypt(&nonce.into(), payload).unwrap()
}

mod tests {
    use shake::{ExtendableOutput, Shake128, Update, XofReader};
    use xaes_256_gcm::Xaes256Gcm;

    use super::*;
    use crate::text::hex;

    const NONCE: &[u8; 24] = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    const TEXT: &[u8] = b"XAES-256-GCM";

    #[test]
    fn the_first_printed_vector_holds() {
        let derived = "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b";
        let sealed = "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271";
        assert_eq!(hex(&derive(&[1; 32], &NONCE[..12])), derived);
        assert_eq!(hex(&seal(&[1; 32], NONCE, TEXT, b"")), sealed);
    }

    #[test]
    fn the_second_printed_vector_holds_where_the_doubling_carries() {
        let derived = "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8";
        let sealed = "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d";
        assert_eq!(hex(&derive(&[3; 32], &NONCE[..12])), derived);
        assert_eq!(hex(&seal(&[3; 32], NONCE, TEXT, b"c2sp.org/XAES-256-GCM")), sealed);
    }

    #[test]
    fn ten_thousand_accumulated_vectors_hold() {
        let digest = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
        assert_eq!(accumulate(10_000), digest);
    }

    #[test]
    fn a_million_accumulated_vectors_hold_where_long_tests_are_asked_for() {
        let digest = "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15";
        if std::env::var_os("SADDLEBAG_LONG_TESTS").is_some_and(|value| value == "1") {
            assert_eq!(accumulate(1_000_000), digest);
        }
    }

    /// C2SP's accumulated test; each case is compared with the crate `xaes-256-gcm` too.
    fn accumulate(cases: usize) -> String {
        let mut random = Shake128::default().finalize_xof();
        let mut all = Shake128::default();
        for case in 0..cases {
            let key: [u8; 32] = draw(&mut random, 32).try_into().unwrap();
            let nonce: [u8; 24] = draw(&mut random, 24).try_into().unwrap();
            let length = draw(&mut random, 1)[0].into();
            let text = draw(&mut random, length);
            let length = draw(&mut random, 1)[0].into();
            let aad = draw(&mut random, length);
            let sealed = seal(&key, &nonce, &text, &aad);
            let oracle = Xaes256Gcm::new((&key).into());
            let payload = Payload { msg: &text, aad: &aad };
            assert_eq!(oracle.encrypt((&nonce).into(), payload).unwrap(), sealed, "case {case}");
            all.update(&sealed);
        }
        let mut digest = [0; 32];
        all.finalize_xof().read(&mut digest);
        hex(&digest)
    }

    fn draw(random: &mut impl XofReader, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        random.read(&mut bytes);
        bytes
    }
}

//! AES-GCM from its definition (SP 800-38D), to make what no library makes.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

fn encrypt(key: &[u8; 32], block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    Aes256::new(key.into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// XAES-256-GCM's key for a prefix (C2SP).
pub(super) fn derive(key: &[u8; 32], prefix: &[u8]) -> [u8; 32] {
    let l = encrypt(key, 0);
    let k1 = (l << 1) ^ (0x87 * (l >> 127));
    let half = |counter: u8| {
        let mut block = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        block[4..].copy_from_slice(prefix);
        encrypt(key, u128::from_be_bytes(block) ^ k1).to_be_bytes()
    };
    [half(1), half(2)].concat().try_into().unwrap()
}

fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut shifted) = (0, y);
    for bit in (0..128).rev() {
        product ^= shifted * ((x >> bit) & 1);
        shifted = (shifted >> 1) ^ ((0xe1 << 120) * (shifted & 1));
    }
    product
}

fn power(x: u128, exponent: u128) -> u128 {
    // One is the first bit.
    let (mut result, mut square) = (1 << 127, x);
    for bit in 0..128 {
        if (exponent >> bit) & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
    }
    result
}

fn ghash(h: u128, aad: &[u8], text: &[u8]) -> u128 {
    let mut hash = 0;
    for part in [aad, text] {
        for block in part.chunks(16) {
            let mut padded = [0; 16];
            padded[..block.len()].copy_from_slice(block);
            hash = times(hash ^ u128::from_be_bytes(padded), h);
        }
    }
    let lengths = ((aad.len() as u128 * 8) << 64) | (text.len() as u128 * 8);
    times(hash ^ lengths, h)
}

/// Replaces the last block of a text of whole blocks so that both keys give it one tag: their tags
/// are linear in that block, so one equation in the field of 2^128 elements has it.
pub(super) fn collide(keys: &[[u8; 32]; 2], nonce: &[u8], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
    let last = text.len() - 16;
    text[last..].fill(0);
    let mut first_counter = [0; 16];
    first_counter[..12].copy_from_slice(nonce);
    first_counter[15] = 1;
    let first_counter = u128::from_be_bytes(first_counter);
    let [h1, h2] = [0, 1].map(|n| encrypt(&keys[n], 0));
    let tag =
        |n: usize, h: u128, text: &[u8]| ghash(h, aad, text) ^ encrypt(&keys[n], first_counter);
    // The last block is multiplied by H^2: its own step, and that of the lengths.
    let difference = tag(0, h1, text) ^ tag(1, h2, text);
    let slope = times(h1, h1) ^ times(h2, h2);
    let block = times(difference, power(slope, u128::MAX - 1));
    text[last..].copy_from_slice(&block.to_be_bytes());
    assert_eq!(tag(0, h1, text), tag(1, h2, text));
    tag(0, h1, text).to_be_bytes()
}

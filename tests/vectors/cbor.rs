//! The few CBOR heads (RFC 8949) that claims are made of, in their shortest and in longer forms.

pub const NULL: &[u8] = &[0xf6];

pub fn uint(n: u64) -> Vec<u8> {
    head(0, n)
}

pub fn bytes(content: &[u8]) -> Vec<u8> {
    [&head(2, content.len() as u64), content].concat()
}

pub fn text(content: &str) -> Vec<u8> {
    [&head(3, content.len() as u64), content.as_bytes()].concat()
}

/// The shortest head of a major type with this argument.
pub fn head(major: u8, n: u64) -> Vec<u8> {
    let width = match n {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    head_of(major, n, width)
}

/// The longer heads of the same argument, each with how many bytes it spends on it.
pub fn longer_heads(major: u8, n: u64) -> Vec<(usize, Vec<u8>)> {
    let shortest = head(major, n).len();
    let longer = [1, 2, 4, 8].into_iter().filter(|width| width + 1 > shortest);
    longer.map(|width| (width, head_of(major, n, width))).collect()
}

fn head_of(major: u8, n: u64, width: usize) -> Vec<u8> {
    let info = match width {
        0 => n as u8,
        1 => 24,
        2 => 25,
        4 => 26,
        _ => 27,
    };
    [&[major << 5 | info], &n.to_be_bytes()[8 - width..]].concat()
}

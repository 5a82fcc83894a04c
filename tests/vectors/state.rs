//! `state.json`: section 6's state, as JSON and as CBOR. Both sides are written by hand: nothing is
//! computed here, so that no code of ours can agree with itself.

use serde::Serialize;

use crate::text::{hex, unhex};

#[derive(Serialize)]
pub struct StateVector {
    name: String,
    expect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cbor: Option<String>,
}

pub fn vectors() -> Vec<StateVector> {
    let mut vectors = Vec::new();
    let mut pair = |from, name: &str, json: &str, cbor: &str| {
        let vector = StateVector { json: Some(json.into()), ..empty(name, "accept", from) };
        vectors.push(StateVector { cbor: Some(hex(&unhex(cbor))), ..vector });
    };
    both_ways().iter().for_each(|(name, json, cbor)| pair("both", name, json, cbor));
    from_json().iter().for_each(|(name, json, cbor)| pair("json", name, json, cbor));
    from_cbor().iter().for_each(|(name, json, cbor)| pair("cbor", name, json, cbor));
    for (depth, heads, open, end, close) in [
        (32, "81", "[", ("80", "[]"), "]"),
        (32, "a1 6161", "{\"a\":", ("a0", "{}"), "}"),
        (32, "81", "[", ("81 00", "[0]"), "]"),
    ] {
        let name = format!("depth {depth}: {open} around {}", end.1);
        let cbor = format!("{}{}", heads.repeat(depth - 1), end.0);
        let json = format!("{}{}{}", open.repeat(depth - 1), end.1, close.repeat(depth - 1));
        pair("both", &name, &json, &cbor);
    }
    refused_cbor().iter().for_each(|(reason, name, cbor)| {
        let vector = StateVector { reason: Some(reason), ..empty(name, "refuse", "cbor") };
        vectors.push(StateVector { cbor: Some(hex(&unhex(cbor))), ..vector });
    });
    for (name, cbor) in [
        ("33 arrays", format!("{}80", "81".repeat(32))),
        ("33 maps", format!("{}a0", "a16161".repeat(32))),
        ("33 arrays behind a shallow item", format!("82 00 {}80", "81".repeat(31))),
        ("33 arrays around a number", format!("{}00", "81".repeat(33))),
        ("2,000 arrays", format!("{}80", "81".repeat(1_999))),
    ] {
        let vector = StateVector { reason: Some("depth"), ..empty(name, "refuse", "cbor") };
        vectors.push(StateVector { cbor: Some(hex(&unhex(&cbor))), ..vector });
    }
    refused_json().iter().for_each(|(reason, name, json)| {
        let vector = StateVector { reason: Some(reason), ..empty(name, "refuse", "json") };
        vectors.push(StateVector { json: Some((*json).into()), ..vector });
    });
    for (reason, name, json) in [
        ("depth", "33 arrays", format!("{}{}", "[".repeat(33), "]".repeat(33))),
        ("depth", "33 objects", format!("{}0{}", r#"{"a":"#.repeat(33), "}".repeat(33))),
        ("depth", "2,000 arrays", format!("{}{}", "[".repeat(2_000), "]".repeat(2_000))),
        ("number", "an integer of 400 digits", "9".repeat(400)),
    ] {
        let vector = StateVector { reason: Some(reason), ..empty(name, "refuse", "json") };
        vectors.push(StateVector { json: Some(json), ..vector });
    }
    for (name, bytes) in [
        ("text that is a lone byte ff", "22 ff 22"),
        ("text with an encoded surrogate", "22 eda080 22"),
        ("text with NUL in two bytes", "22 c080 22"),
        ("text past U+10FFFF", "22 f4908080 22"),
        ("a name that is not UTF-8", "7b 22 ff 22 3a 30 7d"),
        ("an object in UTF-16", "fffe 7b00 7d00"),
        ("an object in UTF-16 without its mark", "007b 007d"),
    ] {
        let vector = StateVector { reason: Some("utf8"), ..empty(name, "refuse", "json") };
        vectors.push(StateVector { json_hex: Some(hex(&unhex(bytes))), ..vector });
    }
    vectors
}

fn empty(name: &str, expect: &'static str, from: &'static str) -> StateVector {
    let name = name.to_owned();
    StateVector { name, expect, reason: None, from, json: None, json_hex: None, cbor: None }
}

type Pair = (&'static str, &'static str, &'static str);

/// The JSON becomes this CBOR, and the CBOR is shown as this JSON.
fn both_ways() -> Vec<Pair> {
    vec![
        ("null", "null", "f6"),
        ("true", "true", "f5"),
        ("false", "false", "f4"),
        ("zero", "0", "00"),
        ("23, the last in one byte", "23", "17"),
        ("24, the first in two", "24", "1818"),
        ("255", "255", "18ff"),
        ("256", "256", "190100"),
        ("65535", "65535", "19ffff"),
        ("65536", "65536", "1a00010000"),
        ("2^32 - 1", "4294967295", "1affffffff"),
        ("2^32", "4294967296", "1b0000000100000000"),
        ("2^53 + 1, which no binary64 holds", "9007199254740993", "1b0020000000000001"),
        ("2^63 - 1", "9223372036854775807", "1b7fffffffffffffff"),
        ("2^63", "9223372036854775808", "1b8000000000000000"),
        ("2^64 - 1, the largest integer", "18446744073709551615", "1bffffffffffffffff"),
        ("minus one", "-1", "20"),
        ("-24", "-24", "37"),
        ("-25", "-25", "3818"),
        ("-256", "-256", "38ff"),
        ("-257", "-257", "390100"),
        ("-65536", "-65536", "39ffff"),
        ("-65537", "-65537", "3a00010000"),
        ("-2^32", "-4294967296", "3affffffff"),
        ("-2^32 - 1", "-4294967297", "3b0000000100000000"),
        ("-2^53 - 1", "-9007199254740993", "3b0020000000000000"),
        ("-2^63, the smallest integer", "-9223372036854775808", "3b7fffffffffffffff"),
        ("a whole float keeps its fraction", "1.0", "f93c00"),
        ("zero as float", "0.0", "f90000"),
        ("minus zero as float", "-0.0", "f98000"),
        ("a half", "1.5", "f93e00"),
        ("65504.0, the largest half float", "65504.0", "f97bff"),
        ("65505.0, too odd for a half float", "65505.0", "fa477fe100"),
        ("65536.0, too large for a half float", "65536.0", "fa47800000"),
        ("2049.0, too fine for a half float", "2049.0", "fa45001000"),
        ("-4.1 needs all eight bytes", "-4.1", "fbc010666666666666"),
        ("0.1 needs all eight bytes", "0.1", "fb3fb999999999999a"),
        ("16777217.0, too fine for a single", "16777217.0", "fb4170000010000000"),
        ("empty text", r#""""#, "60"),
        ("text of one letter", r#""a""#, "6161"),
        (
            "text of 23 bytes",
            r#""abcdefghijklmnopqrstuvw""#,
            "77 6162636465666768696a6b6c6d6e6f7071727374757677",
        ),
        (
            "text of 24 bytes",
            r#""abcdefghijklmnopqrstuvwx""#,
            "7818 6162636465666768696a6b6c6d6e6f707172737475767778",
        ),
        ("text of two bytes", "\"\u{e9}\"", "62c3a9"),
        ("text of two characters, not composed", "\"e\u{301}\"", "6365cc81"),
        ("text of three bytes", "\"\u{6c34}\"", "63e6b0b4"),
        ("text of four bytes", "\"\u{1f600}\"", "64f09f9880"),
        ("a byte order mark in front of text", "\"\u{feff}a\"", "64 efbbbf61"),
        ("the last character there is", "\"\u{10ffff}\"", "64f48fbfbf"),
        ("an empty array", "[]", "80"),
        ("an empty object", "{}", "a0"),
        (
            "an array of 23",
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]",
            "97 0102030405060708090a0b0c0d0e0f1011121314151617",
        ),
        (
            "an array of 24",
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]",
            "9818 0102030405060708090a0b0c0d0e0f10111213141516171818",
        ),
        (
            "an array of everything",
            r#"[null,true,1,1.0,"1",[],{}]"#,
            "87 f6 f5 01 f93c00 6131 80 a0",
        ),
        ("an object with one member", r#"{"a":1}"#, "a1 6161 01"),
        ("an object with two members", r#"{"a":1,"b":[2,3]}"#, "a2 6161 01 6162 820203"),
        ("an empty name", r#"{"":0}"#, "a1 60 00"),
        ("names that differ in case", r#"{"A":1,"a":2}"#, "a2 6141 01 6161 02"),
        (
            "names that only a normaliser thinks equal",
            "{\"\u{c5}\":1,\"\u{212b}\":2}",
            "a2 62c385 01 63e284ab 02",
        ),
        (
            "names that differ in a byte order mark in front",
            "{\"k\":0,\"\u{feff}k\":1}",
            "a2 616b 00 64 efbbbf6b 01",
        ),
        ("one name at two depths", r#"{"a":{"a":{"a":0}}}"#, "a1 6161 a1 6161 a1 6161 00"),
        ("one name in two objects", r#"[{"a":0},{"a":0}]"#, "82 a1 6161 00 a1 6161 00"),
        ("a name that languages trip over", r#"{"__proto__":{}}"#, "a1 695f5f70726f746f5f5f a0"),
    ]
}

/// The JSON becomes this CBOR; shown again it is spelled in another way.
fn from_json() -> Vec<Pair> {
    vec![
        ("white space of all four sorts", " \t\r\n[ 1 ,\n{ } ]\n", "82 01 a0"),
        ("minus zero is the integer zero", "-0", "00"),
        ("an exponent makes a float", "1e3", "f963d0"),
        ("a capital exponent makes a float", "1E3", "f963d0"),
        ("an exponent of zero makes a float", "1e0", "f93c00"),
        ("an exponent with a plus sign", "1e+1", "f94900"),
        ("a negative exponent", "25e-1", "f94100"),
        ("a small number with a large exponent", "0.0001e308", "fb7f0d2a1be4048f90"),
        ("2^64 is a float", "18446744073709551616", "fa5f800000"),
        ("-2^63 - 1 is a float", "-9223372036854775809", "fadf000000"),
        ("ten to the hundredth is a float", "1e100", "fb54b249ad2594c37d"),
        (
            "an integer of 30 digits is a float",
            "100000000000000000000000000000",
            "fb45f431e0fae6d721",
        ),
        ("the largest binary64", "1.7976931348623157e308", "fb7fefffffffffffff"),
        (
            "a number just below overflow rounds down",
            "1.7976931348623158e308",
            "fb7fefffffffffffff",
        ),
        ("the smallest binary64", "5e-324", "fb0000000000000001"),
        ("a number below the smallest is zero", "1e-400", "f90000"),
        ("a negative one is minus zero", "-1e-400", "f98000"),
        ("the smallest half float", "5.9604644775390625e-8", "f90001"),
        ("the smallest normal half float", "0.00006103515625", "f90400"),
        ("half of the smallest half float", "2.98023223876953125e-8", "fa33000000"),
        ("the largest single", "3.4028234663852886e38", "fa7f7fffff"),
        ("the smallest single", "1.401298464324817070923729583289916131280e-45", "fa00000001"),
        (
            "half of the smallest single",
            "7.00649232162408535461864791644958065640e-46",
            "fb3690000000000000",
        ),
        ("a number that must round to the nearest", "9007199254740993.0", "fa5a000000"),
        ("digits past the binary64", "0.1000000000000000055511151231257827", "fb3fb999999999999a"),
        ("a float that many readers miss by one", "8.41e21", "fb447c7e83209e90b2"),
        ("every short escape", r#""\"\\\/\b\f\n\r\t""#, "68 225c2f080c0a0d09"),
        ("an escaped NUL", r#""\u0000""#, "6100"),
        ("an escaped letter", r#""\u0061\u00e9\u6C34""#, "66 61c3a9e6b0b4"),
        ("an escaped pair of surrogates", r#""\ud83d\ude00""#, "64f09f9880"),
        ("an escaped pair in capitals", r#""\uDBFF\uDFFF""#, "64f48fbfbf"),
        ("an escaped backslash before u", r#""\\ud800""#, "66 5c7564383030"),
        ("a byte order mark inside of text", "\"\u{feff}\"", "63efbbbf"),
        ("an escaped byte order mark in front of text", r#""\ufeffa""#, "64 efbbbf61"),
        ("DEL and the line separator need no escape", "\"\u{7f}\u{2028}\"", "64 7f e280a8"),
        ("an escaped name", r#"{"\u0061":0}"#, "a1 6161 00"),
    ]
}

/// The CBOR is shown as this JSON; no encoder writes it like this.
fn from_cbor() -> Vec<Pair> {
    vec![
        ("bytes are shown as base64url", r#""AQID""#, "43 010203"),
        ("bytes that need both special letters", r#""-_8A""#, "43 fbff00"),
        ("no bytes", r#""""#, "40"),
        ("bytes inside", r#"{"k":["_w"]}"#, "a1 616b 81 41ff"),
        ("bytes with a longer length", r#""AA""#, "5801 00"),
        ("zero in two bytes", "0", "1800"),
        ("zero in nine bytes", "0", "1b0000000000000000"),
        ("minus one in five bytes", "-1", "3a00000000"),
        ("text with a longer length", r#""a""#, "7801 61"),
        ("text with a length in eight bytes", r#""a""#, "7b0000000000000001 61"),
        ("an array with a longer length", "[0]", "9801 00"),
        ("a map with a longer length", r#"{"a":0}"#, "b900 01 6161 00"),
        ("a single that a half float could be", "1.0", "fa3f800000"),
        ("a double that a half float could be", "1.0", "fb3ff0000000000000"),
        ("a double that a single could be", "65505.0", "fb40effc2000000000"),
        ("minus zero in a double", "-0.0", "fb8000000000000000"),
        ("keys in falling order", r#"{"b":1,"a":2}"#, "a2 6162 01 6161 02"),
        ("the longer key first", r#"{"aa":1,"b":2}"#, "a2 626161 01 6162 02"),
        ("a half float that is subnormal", "5.960464477539063e-8", "f90001"),
        ("text with control characters", r#""\u0000\u001f""#, "62 001f"),
    ]
}

fn refused_cbor() -> Vec<Pair> {
    vec![
        ("truncated", "no bytes at all", ""),
        ("trailing", "two items", "00 00"),
        ("trailing", "a byte behind an array", "80 ff"),
        ("trailing", "a break behind an item", "f6 ff"),
        ("truncated", "an integer without its byte", "18"),
        ("truncated", "an integer cut short", "1b 00000000000000"),
        ("truncated", "a float cut short", "fb 3ff00000000000"),
        ("truncated", "text cut short", "62 61"),
        ("truncated", "bytes cut short", "42 00"),
        ("truncated", "an array without its item", "81"),
        ("truncated", "a map without its pair", "a1"),
        ("truncated", "a key without its value", "a1 6161"),
        ("truncated", "text of 2^64 - 1 bytes", "7b ffffffffffffffff 61"),
        ("truncated", "bytes of 2^64 - 1 bytes", "5b ffffffffffffffff 00"),
        ("truncated", "an array of 2^64 - 1 items", "9b ffffffffffffffff 00"),
        ("truncated", "an array of 2^32 - 1 items", "9a ffffffff 00"),
        ("truncated", "a map of 2^64 - 1 pairs", "bb ffffffffffffffff 6161 00"),
        ("truncated", "a map of 2^63 pairs, whose items are 2^64", "bb 8000000000000000 6161 00"),
        ("indefinite", "indefinite bytes", "5f 4100 ff"),
        ("indefinite", "indefinite text", "7f 6161 ff"),
        ("indefinite", "indefinite text without chunks", "7f ff"),
        ("indefinite", "an indefinite array", "9f 00 ff"),
        ("indefinite", "an indefinite map", "bf 6161 00 ff"),
        ("indefinite", "an indefinite array inside", "81 9f ff"),
        ("indefinite", "an indefinite key", "a1 7f 6161 ff 00"),
        ("tag", "a time", "c1 1a6ab1b980"),
        ("tag", "a bignum", "c2 49 010000000000000000"),
        ("tag", "the CBOR tag", "d9d9f7 80"),
        ("tag", "a tag inside", "a1 6161 c0 6161"),
        ("tag", "a tagged key", "a1 c0 6161 00"),
        ("key", "a key that is an integer", "a1 01 02"),
        ("key", "a key that is bytes", "a1 4161 00"),
        ("key", "a key that is null", "a1 f6 00"),
        ("key", "a key that is an array", "a1 80 00"),
        ("key", "a key that is an integer, deep inside", "81 a1 6161 a1 00 00"),
        ("duplicate", "a key twice", "a2 6161 00 6161 00"),
        ("duplicate", "a key twice, not side by side", "a3 6161 00 6162 00 6161 01"),
        ("duplicate", "a key twice, with lengths spelled in two ways", "a2 6161 00 7801 61 00"),
        ("duplicate", "an empty key twice", "a2 60 00 60 00"),
        ("duplicate", "a key twice, deep inside", "a1 6178 81 a2 6161 00 6161 00"),
        ("utf8", "text that is a lone byte ff", "61 ff"),
        ("utf8", "text with NUL in two bytes", "62 c080"),
        ("utf8", "text with a surrogate", "63 eda080"),
        ("utf8", "text past U+10FFFF", "64 f4908080"),
        ("utf8", "text cut within a character", "61 c3"),
        ("utf8", "a key that is not UTF-8", "a1 61ff 00"),
        ("float", "NaN", "f9 7e00"),
        ("float", "NaN in a single", "fa 7fc00000"),
        ("float", "NaN in a double", "fb 7ff8000000000000"),
        ("float", "NaN with a payload and a sign", "fb fff4000000000001"),
        ("float", "infinity", "f9 7c00"),
        ("float", "minus infinity", "f9 fc00"),
        ("float", "infinity in a single", "fa 7f800000"),
        ("float", "infinity in a double", "fb 7ff0000000000000"),
        ("float", "infinity inside", "81 f9 7c00"),
        ("simple", "undefined", "f7"),
        ("simple", "simple value 0", "e0"),
        ("simple", "simple value 19", "f3"),
        ("simple", "simple value 32", "f8 20"),
        ("simple", "simple value 255", "f8 ff"),
        ("simple", "false in two bytes", "f8 14"),
        ("simple", "null in two bytes", "f8 16"),
        ("simple", "undefined inside", "81 f7"),
        ("reserved", "a reserved integer head", "1c"),
        ("reserved", "a reserved negative head", "3d"),
        ("reserved", "a reserved byte string head", "5e"),
        ("reserved", "a reserved text head", "7c"),
        ("reserved", "a reserved array head", "9d"),
        ("reserved", "a reserved map head", "be"),
        ("reserved", "a reserved simple head", "fc"),
        ("reserved", "an indefinite integer", "1f"),
        ("reserved", "an indefinite negative", "3f"),
        ("reserved", "a break", "ff"),
        ("reserved", "a break in an array", "81 ff"),
        ("integer", "-2^63 - 1", "3b 8000000000000000"),
        ("integer", "-2^64", "3b ffffffffffffffff"),
        ("integer", "-2^63 - 1 inside", "81 3b 8000000000000000"),
    ]
}

fn refused_json() -> Vec<Pair> {
    vec![
        ("syntax", "nothing", ""),
        ("syntax", "white space alone", " \n"),
        ("syntax", "an open object", "{"),
        ("syntax", "an open array", "[1"),
        ("syntax", "an open text", "\"a"),
        ("syntax", "a brace too many", "{}}"),
        ("syntax", "two values", "1 2"),
        ("syntax", "a value and a letter", "{}x"),
        ("syntax", "a value and a zero byte", "{}\0"),
        ("syntax", "a trailing comma in an array", "[1,]"),
        ("syntax", "a trailing comma in an object", r#"{"a":1,}"#),
        ("syntax", "a missing comma", "[1 2]"),
        ("syntax", "a missing value", r#"{"a":}"#),
        ("syntax", "a name without quotes", "{a:1}"),
        ("syntax", "a name that is a number", "{1:1}"),
        ("syntax", "single quotes", "'a'"),
        ("syntax", "a line comment", "1 // one"),
        ("syntax", "a comment", "/* one */ 1"),
        ("syntax", "capitals in true", "True"),
        ("syntax", "undefined", "undefined"),
        ("syntax", "NaN", "NaN"),
        ("syntax", "infinity", "Infinity"),
        ("syntax", "minus infinity", "-Infinity"),
        ("syntax", "a leading zero", "01"),
        ("syntax", "a leading zero behind a minus", "-01"),
        ("syntax", "a plus sign", "+1"),
        ("syntax", "a minus alone", "-"),
        ("syntax", "no digit before the point", ".5"),
        ("syntax", "no digit behind the point", "1."),
        ("syntax", "no digit in the exponent", "1e"),
        ("syntax", "hexadecimal", "0x10"),
        ("syntax", "digits in groups", "1_000"),
        ("syntax", "a digit beyond ASCII", "\u{661}"),
        ("syntax", "a line feed in text", "\"a\nb\""),
        ("syntax", "a zero byte in text", "\"a\0b\""),
        ("syntax", "an unknown escape", r#""\x41""#),
        ("syntax", "an escape cut short", r#""\u00""#),
        ("syntax", "a form feed as white space", "\u{c}1"),
        ("syntax", "a no-break space as white space", "\u{a0}1"),
        ("syntax", "a byte order mark", "\u{feff}{}"),
        ("surrogate", "a high surrogate alone", r#""\ud800""#),
        ("surrogate", "a low surrogate alone", r#""\udc00""#),
        ("surrogate", "a high surrogate before a letter", r#""\ud800a""#),
        ("surrogate", "a high surrogate before an escaped letter", r#""\ud800\u0041""#),
        ("surrogate", "two high surrogates", r#""\ud800\ud800\udc00""#),
        ("surrogate", "a pair the wrong way round", r#""\udc00\ud800""#),
        ("surrogate", "a high surrogate before another escape", r#""\ud800\n""#),
        ("surrogate", "a lone surrogate deep inside", r#"{"a":[{"b":"x\udfff"}]}"#),
        ("surrogate", "a lone surrogate in a name", r#"{"\ud83d":0}"#),
        ("duplicate", "a name twice", r#"{"a":1,"a":2}"#),
        ("duplicate", "a name twice with one value", r#"{"a":1,"a":1}"#),
        ("duplicate", "a name twice, not side by side", r#"{"a":1,"b":2,"a":3}"#),
        ("duplicate", "a name twice, once in escapes", r#"{"a":1,"\u0061":2}"#),
        ("duplicate", "a name twice, both in escapes", r#"{"\u006B":1,"\u006b":2}"#),
        (
            "duplicate",
            "a pair of surrogates and its character",
            "{\"\\ud83d\\ude00\":1,\"\u{1f600}\":2}",
        ),
        ("duplicate", "an empty name twice", r#"{"":1,"":2}"#),
        ("duplicate", "a name twice, deep inside", r#"[{"x":{"a":1,"a":2}}]"#),
        ("duplicate", "a name twice with null", r#"{"a":null,"a":null}"#),
        ("number", "a number that overflows", "1e400"),
        ("number", "a negative number that overflows", "-1e400"),
        ("number", "the first number that rounds to infinity", "1.797693134862315808e308"),
        ("number", "ten to the 309th", "1e309"),
        ("number", "an exponent of twenty digits", "1e99999999999999999999"),
        ("number", "a number that overflows, deep inside", r#"{"a":[1e999]}"#),
    ]
}

//! `keys watch`: many rotators on one ring.

use super::program::{Place, code, stderr};
use super::running::{Running, eventually};

/// A ring that is rotated every two seconds.
fn hasty() -> Place {
    let place = Place::empty();
    let end = place.run(&[
        "keys",
        "init",
        "--name",
        "shop",
        "--rotate-every",
        "2s",
        "--publish-ahead",
        "1s",
        "--max-token-lifetime",
        "2s",
        "--clock-skew",
        "0s",
    ]);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    place
}

#[test]
fn of_three_rotators_one_makes_each_generation_and_no_rotation_is_done_twice() {
    let place = hasty();
    let rotators: Vec<Running> =
        (0..3).map(|_| Running::start(&place, &["keys", "watch", "--json"])).collect();
    eventually("the ring is rotated many times", || place.ring().generation() >= 9);
    let mut made = Vec::new();
    for rotator in rotators {
        let (code, lines, notes) = rotator.end();
        assert_eq!((code, notes), (Some(0), Vec::new()));
        for line in lines {
            let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
            if answer["saved"] == true {
                // Two that did the same would each stage a key.
                let changes = answer["changes"].as_array().unwrap();
                let added = changes.iter().filter(|change| change["change"] == "added").count();
                assert!(added <= 1, "{line}");
                made.push(answer["generation"].as_u64().unwrap());
            }
        }
    }
    made.sort_unstable();
    let last = place.ring().generation();
    // Who saved a generation and was ended before it could say so leaves a gap at the end alone.
    let whole: Vec<u64> = (2..=last).collect();
    assert!(made == whole || made == whole[..whole.len() - 1], "{made:?} of {last}");
}

#[test]
fn a_rotator_tells_once_what_keeps_it_and_goes_on_when_that_is_mended() {
    let place = Place::empty();
    let rotator = Running::start(&place, &["keys", "watch"]);
    rotator.note("error: file:ring.json: there is no ring");
    rotator.note("help: ");
    // Long enough for more looks.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(code(&place.run(&["keys", "init", "--name", "shop"])), 0);
    rotator.line("file:ring.json: generation 1 of shop, nothing is due; next in 29 d, at ");
    let (code, lines, notes) = rotator.end();
    assert_eq!((code, lines), (Some(0), Vec::new()));
    assert_eq!(notes, ["file:ring.json can be used again"]);
}

#[test]
fn a_rotator_sees_what_others_change_and_says_it_once() {
    let place = hasty();
    let rotator = Running::start(&place, &["keys", "watch"]);
    rotator.line("generation 1 of shop, nothing is due");
    rotator.line("file:ring.json: generation 2 of shop");
    rotator.line("  key ");
    rotator.line("next rotation in ");
    assert_eq!(rotator.end().0, Some(0));
}

#[test]
fn a_scoped_ring_has_no_rotator() {
    let place = Place::with_ring();
    let export = ["keys", "export", "--audience", "shop", "--out", "shop.json"];
    assert_eq!(code(&place.run(&export)), 0);
    let end = place.run(&["keys", "watch", "--ring", "file:shop.json"]);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).starts_with("error: the ring is scoped to shop: "), "{}", stderr(&end));
}

/// What it would make of an older ring is newer to the nodes, and lacks the revocations since.
#[test]
fn a_ring_that_went_back_is_left_alone() {
    let place = hasty();
    std::fs::copy(place.path("ring.json"), place.path("old.json")).unwrap();
    let rotator = Running::start(&place, &["keys", "watch"]);
    rotator.line("file:ring.json: generation 3 of shop");
    std::fs::rename(place.path("old.json"), place.path("ring.json")).unwrap();
    rotator.note("error: file:ring.json: generation 1 is there, where generation ");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(place.ring().generation(), 1, "though a rotation is due");
    assert_eq!(rotator.end().0, Some(0));
}

//! Many processes on one ring.

use std::process::{Command, Output};

use super::program::{Place, code, stderr};

fn at_once(place: &Place, processes: usize, args: &[&str]) -> Vec<Output> {
    let start = |_| -> std::process::Child { Command::spawn(&mut place.command(args)).unwrap() };
    let children: Vec<_> = (0..processes).map(start).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

#[test]
fn of_50_stages_at_once_each_success_is_a_generation_and_each_loser_names_the_winner() {
    let place = Place::with_ring();
    let ends = at_once(&place, 50, &["keys", "stage"]);
    let ring = place.ring();
    let won = ends.iter().filter(|end| code(end) == 0).count();
    assert!(won >= 1);
    assert_eq!(ring.generation(), 1 + won as u64);
    assert_eq!(ring.keys().len(), 2 + won);
    for end in ends.iter().filter(|end| code(end) != 0) {
        let told = stderr(end);
        // 32 keys are the most: late starters may find the ring full.
        if code(end) == 1 {
            assert!(ring.keys().len() == 32 && told.contains("the ring is full"), "{told}");
            continue;
        }
        assert_eq!(code(end), 4, "{told}");
        let winner = told.split("generation ").nth(1).and_then(|rest| rest.split(' ').next());
        let winner: u64 = winner.unwrap().parse().unwrap();
        assert!((2..=ring.generation()).contains(&winner), "{told}");
        assert!(told.contains("somebody else wrote first"), "{told}");
    }
}

#[test]
fn of_50_rotations_at_once_all_succeed_and_one_does_it() {
    let place = Place::empty();
    super::rings::write(place.folder.path());
    std::fs::rename(place.path("late.json"), place.path("ring.json")).unwrap();
    let ends = at_once(&place, 50, &["keys", "rotate"]);
    for end in &ends {
        assert_eq!(code(end), 0, "{}", stderr(end));
    }
    assert_eq!(place.ring().generation(), 2);
}

#[test]
fn of_20_inits_at_once_one_makes_the_ring() {
    let place = Place::empty();
    let ends = at_once(&place, 20, &["keys", "init"]);
    assert_eq!(ends.iter().filter(|end| code(end) == 0).count(), 1);
    assert_eq!(ends.iter().filter(|end| code(end) == 4).count(), 19);
    assert_eq!(place.ring().generation(), 1);
}

//! Runs the transcripts of `tests/cmd/`: `TRYCMD=overwrite cargo test --test cli` writes them anew.

use std::path::Path;

use super::{program, rings};

#[test]
fn the_transcripts_say_what_the_program_does() {
    let rings = tempfile::tempdir().unwrap();
    rings::write(rings.path());
    let folder = rings.path().to_str().unwrap().to_owned();
    let programs = program::program().parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());

    let cases = trycmd::TestCases::new();
    cases
        .register_bin("sh", Path::new("/bin/sh"))
        .default_bin_path(program::program())
        .env("PATH", path)
        .env("RINGS", &folder)
        .env("SADDLEBAG_RING", format!("file:{folder}/drill.json"))
        .env("COLUMNS", "100")
        .insert_var("[RINGS]", folder)
        .unwrap();
    cases.case("tests/cmd/*.trycmd");
    cases.run();
}

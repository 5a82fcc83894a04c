//! The laboratory of the tradeoff. Without a subcommand it runs the whole of it (`lab/run`), which starts this program
//! again as the nodes of an application, as their load, and as a relay that counts bytes. See README.md.

// What measures has a clock of its own.
#![allow(clippy::disallowed_methods)]

mod load;
mod node;
mod relay;
mod state;
mod systems;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;

#[derive(Parser)]
#[command(disable_help_subcommand = true)]
enum Part {
    /// One node of the application, on one kind of session.
    Node(node::Options),
    /// Users with sessions, who know what their answers must be.
    Load(load::Options),
    /// Passes connections on, and tells the bytes of both ways for each line that it reads.
    Relay(relay::Options),
    /// Makes a ring with which nodes of saddlebag share their sessions.
    Ring { file: PathBuf },
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_none_or(|first| first.starts_with('-')) {
        laboratory(&arguments);
    }
    match Part::parse() {
        Part::Node(options) => node::run(options).await,
        Part::Load(options) => load::run(options).await,
        Part::Relay(options) => relay::run(options).await,
        Part::Ring { file } => systems::saddlebag::write_ring(file),
    }
}

/// Becomes the laboratory, with this program as the one that it starts.
fn laboratory(arguments: &[String]) -> ! {
    let program = std::env::current_exe().expect("this program's file");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/run");
    let error = Command::new(script).arg("--program").arg(program).args(arguments).exec();
    panic!("{script}: {error}");
}

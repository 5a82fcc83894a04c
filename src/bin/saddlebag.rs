//! The program: `saddlebag serve`, `keys`, `token` and `credential`.

use std::process::ExitCode;

fn main() -> ExitCode {
    saddlebag::cli::main()
}

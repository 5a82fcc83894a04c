//! The command line.
use std::process::ExitCode;
#[doc(hidden)]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}

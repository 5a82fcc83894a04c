//! A ring document from a file or standard input: what `import` and `restore` read.

use std::path::Path;

use saddlebag_keys::{KeyRing, Store, StoreErrorKind, document};
use zeroize::Zeroizing;

use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::ring::RingLocation;

/// Reads and checks the document in `file`, or on standard input where that is called `-`.
pub(super) fn read(
    console: &mut Console,
    file: &Path,
    allow_group_read: bool,
) -> Result<KeyRing, Failure> {
    if file.as_os_str() != "-" {
        let source = RingLocation::file(file);
        let loaded = source.store(allow_group_read)?.load();
        return loaded.map_err(|error| match error.kind() {
            StoreErrorKind::NotFound => {
                Failure::unavailable(error.to_string(), "check the path of the document")
            }
            _ => Failure::store(&error, &source),
        });
    }
    let text = Zeroizing::new(console.read_input("the ring", document::MAX_LEN)?);
    document::parse(&text).map_err(|invalid| {
        Failure::unavailable(
            format!("standard input: not a ring: {invalid}"),
            "send a whole ring document, as it was written",
        )
    })
}

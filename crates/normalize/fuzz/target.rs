//! `cargo +nightly fuzz run FORMAT` in `crates/normalize`: a row of messages through the whole normalizer. Form of the input and
//! property are those of the replay in `make test`.

use std::sync::OnceLock;

#[path = "../tests/corpus/drive.rs"]
mod drive;

static SITE: OnceLock<drive::Site> = OnceLock::new();

pub(crate) fn check(format: &str, input: &[u8]) {
    let site = SITE.get_or_init(|| drive::Site::of(format, drive::catalogue()));
    site.check(input);
}

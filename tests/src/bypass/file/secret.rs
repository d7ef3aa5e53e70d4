//! Reading what is secret.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use guard_common::{Operation, Surface};

use super::{Effect, PLACES, Refusal, Trick, at};
use crate::act::way;
use crate::harness::fixture::SECRET;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("read", |a, out| read(a.path(0)?, out))],
    python: None,
    cases: || {
        at(
            PLACES,
            "F49",
            "a_secret_cannot_be_read",
            Refusal::no_edge(Surface::Read, Operation::Open),
            ("read {s}", &Effect::Told(SECRET)),
            ("read {pd}/p", &Effect::Told("the protected content")),
        )
    },
};

fn read(path: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(path)?.read_to_end(&mut content)?;
    out.write_all(&content)
}

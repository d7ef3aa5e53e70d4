//! Names that a text would stumble over: line ends, bytes that are no UTF-8, words that the kernel itself appends,
//! dots at the end, and folders in which case means nothing.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, on_pd};
use crate::act::hex;
use crate::harness::case::Undo;
use crate::harness::fixture::{CASELESS, SECRET, folder, put};
use crate::harness::shell::sh;

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let create = |id, sentence, name: &[u8]| {
        // The place is filled in later: the name goes on in hexadecimal, behind the folder's own words.
        let line = |folder: &str| format!("create-in {folder} {}", hex(name));
        on_pd(id, sentence, Operation::Mknod, &line("{pd}"), &line("{w}"))
    };
    // A file system of its own: overlays take none that could be so.
    let who = Who::BOTH.map(|who| (Spot::Ext4, who));
    let secret = format!("{CASELESS}/d/.ENV");
    [
        create("F40", "a_name_with_a_line_end_is_not_made", b"new\nline"),
        create("F40b", "a_name_that_is_no_text_is_not_made", b"\xff\xfe\x01"),
        create("F40c", "a_name_that_says_it_is_deleted_is_not_made", b"new (deleted)"),
        create("F40d", "a_name_that_ends_in_dots_is_not_made", b"new..."),
        create("F40e", "a_name_of_255_bytes_is_not_made", &[b'n'; 255]),
        at(
            who,
            "F40f",
            "a_secrets_name_is_known_where_case_means_nothing",
            Refusal::no_edge(Surface::Read, Operation::Open),
            (&format!("read {secret}"), &Effect::Told(SECRET)),
            ("read {w}/f", &Effect::Done),
        )
        .prepared(caseless_secret),
        at(
            who,
            "F40g",
            "a_secrets_name_is_not_moved_where_case_means_nothing",
            Refusal::no_edge(Surface::Write, Operation::Rename),
            (&format!("rename {secret} {CASELESS}/free"), &Effect::changed(CASELESS)),
            ("rename {w}/f {w}/new", &Effect::changed("{w}")),
        )
        .prepared(caseless_secret),
    ]
    .into()
}

fn caseless_secret(_: Spot) -> Result<Undo> {
    let (caseless, free) = (format!("{CASELESS}/d"), format!("{CASELESS}/free"));
    for path in [&caseless, &free] {
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    }
    folder(&caseless)?;
    sh(&format!("chattr +F {caseless}"))?;
    put(format!("{caseless}/.env").as_ref(), SECRET.as_bytes())?;
    Ok(Box::new(()))
}

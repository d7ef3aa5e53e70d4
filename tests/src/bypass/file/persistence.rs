//! Files that other programs obey, unasked, when somebody logs in, opens a folder, or waits for the hour. Each is made
//! anew.

use std::fs;

use anyhow::Result;
use guard_common::Operation;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::folder;
use guard_common::Surface;

const HOME: &str = "/home/guardtest";
/// Folders of the home that the files lie in.
const FOLDERS: [&str; 6] = [
    ".ssh",
    ".config/systemd/user",
    ".config/autostart",
    "project/.git/hooks",
    "project/.vscode",
    ".local/bin",
];

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let of = |who, id, top: &str, path: &str| {
        let refusal = Refusal::no_edge(Surface::Write, Operation::Mknod);
        let sentence = "nothing_is_left_for_others_to_obey";
        let attack = format!("create {top}/{path}");
        let (there, w) = (&Effect::changed(&format!("{top}/{path}")), &Effect::changed("{w}"));
        at([(Spot::Tmpfs, who)], id, sentence, refusal, (&attack, there), ("create {w}/new", w)).each(
            |case| {
                case.sentence =
                    format!("nothing_is_left_in_{}@{}", path.replace(['/', '.'], "_"), who.name());
            },
        )
    };
    let home = |id, path| of(Who::User, id, HOME, path).prepared(home);
    let etc = |id, path| of(Who::Root, id, "/etc", path).prepared(etc);
    [
        home("F51", ".bashrc"),
        home("F51b", ".profile"),
        home("F51c", ".ssh/authorized_keys"),
        home("F51d", ".config/systemd/user/x.service"),
        home("F51e", ".config/autostart/x.desktop"),
        home("F51f", "project/.git/hooks/pre-commit"),
        home("F51g", "project/.git/config"),
        home("F51h", "project/.vscode/tasks.json"),
        home("F51i", "project/.mcp.json"),
        home("F51j", ".local/bin/ls"),
        etc("F51k", "cron.d/x"),
        etc("F51l", "systemd/system/x.service"),
        etc("F51m", "ld.so.preload"),
        etc("F51n", "profile.d/x.sh"),
        etc("F51o", "sudoers.d/x"),
    ]
    .into()
}

/// What was made, to be removed.
struct Made(Vec<String>);

fn home(_: Spot) -> Result<Undo> {
    let made = Made(vec![HOME.to_owned()]);
    drop(fs::remove_dir_all(HOME));
    folder(HOME)?;
    for below in FOLDERS {
        let mut path = HOME.to_owned();
        for part in below.split('/') {
            path = format!("{path}/{part}");
            folder(&path)?;
        }
    }
    Ok(Box::new(made))
}

fn etc(_: Spot) -> Result<Undo> {
    for below in ["cron.d", "systemd/system", "profile.d", "sudoers.d"] {
        fs::create_dir_all(format!("/etc/{below}"))?;
    }
    let files = ["cron.d/x", "systemd/system/x.service", "ld.so.preload", "profile.d/x.sh", "sudoers.d/x"];
    Ok(Box::new(Made(files.map(|path| format!("/etc/{path}")).to_vec())))
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
    }
}

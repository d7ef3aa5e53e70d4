//! Files that other programs obey, unasked, when somebody logs in, opens a folder, or waits for the hour. Each is made
//! anew, or added to.

use std::fs;

use anyhow::Result;
use guard_common::Operation;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::{OPEN, folder, put};
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

/// Folders of the system's.
const ETC: [&str; 4] = ["cron.d", "systemd/system", "profile.d", "sudoers.d"];
/// What is there already: in the home, in the system.
const STANDING: [&str; 2] = [".bash_login", "cron.d/standing"];

/// A name that the suite's policy makes no secret of, wherever it is.
fn harmless(path: &str) -> String {
    path.replace(".ssh", "ssh")
}

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let of = |who, id, operation, top: &str, (way, path): (&str, &str)| {
        let refusal = Refusal::no_edge(Surface::Write, operation);
        // The same name, where nobody obeys it.
        let (there, here) = (format!("{top}/{path}"), format!("{{w}}/{}", harmless(path)));
        let (attack, allowed) = (format!("{way} {there}"), format!("{way} {here}"));
        let (obeyed, own) = (&Effect::changed(&there), &Effect::changed(&here));
        let sentence = format!("nothing_is_left_in_{}", path.replace(['/', '.'], "_"));
        at([(Spot::Tmpfs, who)], id, &sentence, refusal, (&attack, obeyed), (&allowed, own)).each(|case| {
            case.sentence = format!("{sentence}@{}", who.name());
            case.allowed.prepare = Some(in_w);
        })
    };
    let (mknod, open) = (Operation::Mknod, Operation::Open);
    let home = |id, path| of(Who::User, id, mknod, HOME, ("create", path)).prepared(in_home);
    let etc = |id, path| of(Who::Root, id, mknod, "/etc", ("create", path)).prepared(in_etc);
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
        of(Who::User, "F51p", open, HOME, ("append", STANDING[0])).prepared(in_home),
        of(Who::Root, "F51q", open, "/etc", ("append", STANDING[1])).prepared(in_etc),
    ]
    .into()
}

/// What was made, to be removed.
struct Made(Vec<String>);

fn in_home(_: Spot) -> Result<Undo> {
    let made = Made(vec![HOME.to_owned()]);
    drop(fs::remove_dir_all(HOME));
    make(HOME, &FOLDERS)?;
    put(format!("{HOME}/{}", STANDING[0]).as_ref(), OPEN)?;
    Ok(Box::new(made))
}

fn in_etc(_: Spot) -> Result<Undo> {
    for below in ETC {
        fs::create_dir_all(format!("/etc/{below}"))?;
    }
    put(format!("/etc/{}", STANDING[1]).as_ref(), OPEN)?;
    let new = ["cron.d/x", "systemd/system/x.service", "ld.so.preload", "profile.d/x.sh", "sudoers.d/x"];
    let made = new.iter().chain(&STANDING[1..]);
    Ok(Box::new(Made(made.map(|path| format!("/etc/{path}")).collect())))
}

/// The same folders and files in W.
fn in_w(spot: Spot) -> Result<Undo> {
    make(&spot.at("w"), &FOLDERS.map(harmless))?;
    make(&spot.at("w"), &ETC)?;
    for path in STANDING {
        put(spot.w(path).as_ref(), OPEN)?;
    }
    Ok(Box::new(()))
}

fn make<Name: AsRef<str>>(top: &str, folders: &[Name]) -> Result<()> {
    folder(top)?;
    for below in folders {
        let mut path = top.to_owned();
        for part in below.as_ref().split('/') {
            path = format!("{path}/{part}");
            folder(&path)?;
        }
    }
    Ok(())
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
    }
}

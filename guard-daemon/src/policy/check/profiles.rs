//! Profiles: what an agent may be started as, by whom, and where its work folder may lie.

use std::path::Path;

use guard_common::limits::PROFILES_MAX;

use super::{Draft, Profile, name_is_good, path, proposal};
use crate::policy::document::{Report, Table, Text};

const EXAMPLE: &str = "write [profiles.agent]";
const LAUNCH_EXAMPLE: &str = "write launch = { users = [\"*\"], workdirs = [\"/home/*\"] }";

/// Who besides root may start a profile, and where. Empty: nobody besides root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// User names or numbers; `*` is everybody.
    pub users: Vec<String>,
    /// Group names or numbers.
    pub groups: Vec<String>,
    /// Folders below which a work folder may lie; a component `*` stands for any one name.
    pub workdirs: Vec<String>,
}

/// Who asks for a start, with the names that the host knows for the numbers.
#[derive(Clone, Debug, Default)]
pub struct Launcher {
    /// User id.
    pub uid: u32,
    /// The user's name.
    pub user: Option<String>,
    /// Every group: id and name.
    pub groups: Vec<(u32, Option<String>)>,
}

impl Launch {
    /// Whether the profile may be started by this user. Root always may.
    pub fn permits_user(&self, who: &Launcher) -> bool {
        let is = |written: &String, id: u32, name: Option<&String>| {
            name == Some(written) || *written == id.to_string()
        };
        who.uid == 0
            || self.users.iter().any(|user| user == "*" || is(user, who.uid, who.user.as_ref()))
            || self
                .groups
                .iter()
                .any(|group| who.groups.iter().any(|(gid, name)| is(group, *gid, name.as_ref())))
    }

    /// Whether a work folder, given without symbolic links, may be here. Never the whole file system; below one
    /// of the profile's folders, and not one of them itself; root may choose any other.
    pub fn permits_workdir(&self, who: &Launcher, workdir: &Path) -> bool {
        let Some(folder) = workdir.to_str().and_then(|text| text.strip_prefix('/')) else {
            return who.uid == 0 && workdir.is_absolute();
        };
        let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
        let below = |pattern: &String| {
            let wanted: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
            names.len() > wanted.len()
                && wanted.iter().zip(&names).all(|(wanted, name)| *wanted == "*" || wanted == name)
        };
        !names.is_empty() && !names.contains(&"..") && (who.uid == 0 || self.workdirs.iter().any(below))
    }
}

pub(super) fn read(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    if let Some(name) = table
        .value("default_profile")
        .and_then(|value| value.text("`default_profile`", "default_profile = \"agent\"", report))
    {
        match &draft.default_profile {
            Some(first) => {
                let reason = format!("a second `default_profile`, after `{}`", first.text);
                report.refuse(name.spot, reason, "keep one of them");
            }
            None => draft.default_profile = Some(name),
        }
    }
    let Some(profiles) = table.value("profiles").and_then(|value| value.table("`profiles`", EXAMPLE, report))
    else {
        return;
    };
    for (name, value) in profiles.entries() {
        let what = format!("profile `{}`", name.text);
        let Some(body) = value.table(&what, EXAMPLE, report) else { continue };
        if name_is_good("profile", &name.text, name.spot, report) {
            profile(name, &what, body, draft, report);
        }
    }
}

fn profile(name: Text, what: &str, body: Table<'_>, draft: &mut Draft, report: &mut Report) {
    body.only(what, &["launch"], report);
    let launch = body
        .value("launch")
        .and_then(|value| value.table(&format!("`launch` of {what}"), LAUNCH_EXAMPLE, report))
        .map(|table| launch(what, table, report))
        .unwrap_or_default();
    if draft.profiles.contains_key(&name.text) {
        report.refuse(name.spot, format!("a second {what}"), "put the two together");
        return;
    }
    if draft.profiles.len() == PROFILES_MAX as usize {
        let reason = format!("more than {PROFILES_MAX} profiles");
        report.refuse(name.spot, reason, "let agents with the same edges share one");
    }
    let profile = Profile { name: name.text.clone(), launch, spot: name.spot };
    draft.profiles.insert(name.text, profile);
}

fn launch(what: &str, table: Table<'_>, report: &mut Report) -> Launch {
    table.only(&format!("`launch` of {what}"), &["users", "groups", "workdirs"], report);
    let mut people = |key: &str| -> Vec<String> {
        table
            .texts(key, LAUNCH_EXAMPLE, report)
            .into_iter()
            .filter(|text| person_is_good(key, text, report))
            .map(|text| text.text)
            .collect()
    };
    let (users, groups) = (people("users"), people("groups"));
    let workdirs = table
        .texts("workdirs", LAUNCH_EXAMPLE, report)
        .into_iter()
        .filter_map(|text| workdir(&text, report))
        .collect();
    let launch = Launch { users, groups, workdirs };
    if (!launch.users.is_empty() || !launch.groups.is_empty()) && launch.workdirs.is_empty() {
        let reason = format!("{what} may be started by others than root, and nowhere");
        report.refuse(table.spot, reason, "write where: workdirs = [\"/home/*\"]");
    }
    launch
}

fn person_is_good(key: &str, text: &Text, report: &mut Report) -> bool {
    let good = text.text == "*" && key == "users"
        || (!text.text.is_empty() && !text.text.contains(|c: char| c == '*' || c == ':' || c.is_control()));
    if !good {
        let reason = format!("`{}` in `{key}` names nobody", text.text.escape_debug());
        report.refuse(text.spot, reason, "write names or numbers; users = [\"*\"] is everybody");
    }
    good
}

/// A folder in which one component may be `*`.
fn workdir(text: &Text, report: &mut Report) -> Option<String> {
    // A name that no path has, so that all other rules of paths hold.
    const ANY: &str = "\u{fffc}";
    let components: Vec<&str> =
        text.text.split('/').map(|component| if component == "*" { ANY } else { component }).collect();
    let plain = path::parse(&Text { text: components.join("/"), spot: text.spot }, report)?;
    Some(plain.replace(ANY, "*"))
}

/// The default profile's name, if there is one.
pub(super) fn finish(draft: &Draft, report: &mut Report) -> Option<String> {
    let Some(name) = &draft.default_profile else {
        // With one profile there is nothing to choose.
        let mut names = draft.profiles.keys();
        return names.next().filter(|_| draft.profiles.len() == 1).cloned();
    };
    if !draft.profiles.contains_key(&name.text) {
        let none = "define it: [profiles.agent]";
        let hint = proposal(&name.text, draft.profiles.keys().map(String::as_str), none);
        report.refuse(name.spot, format!("no profile `{}`", name.text.escape_debug()), hint);
    }
    Some(name.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Launcher {
        Launcher {
            uid: 1000,
            user: Some("alice".into()),
            groups: vec![(1000, None), (27, Some("dev".into()))],
        }
    }

    #[test]
    fn nobody_but_root_starts_a_profile_that_names_nobody() {
        let launch = Launch::default();
        assert!(!launch.permits_user(&alice()));
        assert!(launch.permits_user(&Launcher::default()));
    }

    #[test]
    fn users_and_groups_are_names_or_numbers() {
        let with = |users: &[&str], groups: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            Launch { users: own(users), groups: own(groups), workdirs: Vec::new() }.permits_user(&alice())
        };
        assert!(with(&["alice"], &[]) && with(&["1000"], &[]) && with(&["*"], &[]));
        assert!(with(&[], &["dev"]) && with(&[], &["27"]));
        assert!(!with(&["alic", "0", "10"], &["wheel"]));
    }

    #[test]
    fn a_work_folder_lies_below_a_listed_folder_and_is_none_of_them() {
        let launch = Launch { workdirs: vec!["/home/*".into(), "/srv".into()], ..Launch::default() };
        let may = |path: &str| launch.permits_workdir(&alice(), Path::new(path));
        assert!(may("/home/alice/project") && may("/srv/x/y"));
        for path in ["/", "/home", "/home/alice", "/srv", "/srvx/y", "/etc/x", "/srv/..", "srv/x"] {
            assert!(!may(path), "{path}");
        }
        let root = |path: &str| launch.permits_workdir(&Launcher::default(), Path::new(path));
        assert!(root("/etc/x") && !root("/"));
    }
}

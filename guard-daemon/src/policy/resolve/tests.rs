//! Resolving on real files.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::*;
use crate::policy::{Lineage, Sources, load};

struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        // Without symbolic links, wherever the temporary folder lies.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn mkdir(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.path(name)).unwrap();
        self.path(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        fs::write(self.path(name), "x").unwrap();
        self.path(name)
    }

    /// Zones by name, each of one path below the host's folder; `read` is allowed in zones named `open…`.
    fn policy(&self, zones: &[(&str, &str)]) -> Compiled {
        let mut text = "version = 1\n[profiles.agent]\n[zones.all]\npaths = [\"/\"]\n".to_owned();
        for (zone, path) in zones {
            text += &format!("[zones.{zone}]\npaths = [{:?}]\n", self.path(path));
        }
        for (zone, _) in zones.iter().filter(|(zone, _)| zone.starts_with("open")) {
            text += &format!("[[edges]]\nprofile = \"agent\"\nzone = \"{zone}\"\nallow = [\"read\"]\n");
        }
        compiled(&text)
    }
}

fn compiled(text: &str) -> Compiled {
    load(Sources::unbundle("test.toml", text).unwrap(), &Lineage::default()).unwrap()
}

fn key(path: &Path) -> InodeKey {
    object(path).unwrap().0
}

fn zone_at(policy: &Compiled, resolved: &Resolved, key: InodeKey) -> Option<String> {
    let mark = resolved.rows.marks.iter().find(|(marked, _)| *marked == key)?.1;
    policy.zone_name(ZoneId(mark.zone)).map(str::to_owned)
}

fn child(policy: &Compiled, resolved: &Resolved, directory: &Path, name: &str) -> Option<String> {
    let directory = key(directory);
    let named = |row: &&(InodeKey, [u8; CHILD_NAME_LEN_MAX], Mark)| {
        row.0 == directory && row.1.iter().take_while(|byte| **byte != 0).eq(name.as_bytes())
    };
    let row = resolved.rows.children.iter().find(named)?;
    let flags = resolved.rows.marks.iter().find(|(marked, _)| *marked == directory)?.1.flags;
    assert_eq!(flags & MARK_HAS_CHILDREN, MARK_HAS_CHILDREN, "the walk would not look for the name");
    policy.zone_name(ZoneId(row.2.zone)).map(str::to_owned)
}

#[test]
fn an_object_is_named_by_the_kernels_device_number_and_its_inode() {
    let host = Host::new();
    let file = host.file("a");
    let metadata = fs::metadata(&file).unwrap();
    let (major, minor) = (nix::libc::major(metadata.dev()), nix::libc::minor(metadata.dev()));
    assert_eq!(key(&file), ((major << 20) | minor, metadata.ino()));
}

#[test]
fn a_root_is_marked_through_symbolic_links_and_by_name() {
    let host = Host::new();
    let (real, _) = (host.mkdir("real/data"), host.mkdir("links"));
    symlink(&real, host.path("links/data")).unwrap();
    let policy = host.policy(&[("closed", "links/data")]);
    let resolved = resolve(&policy, &[]).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(&real)).as_deref(), Some("closed"));
    assert_eq!(child(&policy, &resolved, &host.path("links"), "data").as_deref(), Some("closed"));
    assert_eq!(child(&policy, &resolved, &host.path("real"), "data").as_deref(), Some("closed"));
    assert_eq!(resolved.unresolved, []);
}

#[test]
fn a_file_that_is_replaced_stays_in_its_zone_by_its_name() {
    let host = Host::new();
    host.file("shadow");
    let policy = host.policy(&[("closed", "shadow")]);
    let resolved = resolve(&policy, &[]).unwrap();
    fs::rename(host.file("shadow.new"), host.path("shadow")).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(&host.path("shadow"))), None);
    assert_eq!(child(&policy, &resolved, &host.path(""), "shadow").as_deref(), Some("closed"));
}

#[test]
fn a_root_that_does_not_exist_is_a_rule_for_its_name_or_is_reported() {
    let host = Host::new();
    let policy = host.policy(&[("later", "later"), ("never", "no/such/folder")]);
    let resolved = resolve(&policy, &[]).unwrap();
    assert_eq!(child(&policy, &resolved, &host.path(""), "later").as_deref(), Some("later"));
    let [missing] = resolved.unresolved.as_slice() else { panic!("{:?}", resolved.unresolved) };
    assert_eq!((missing.zone.as_str(), missing.place.as_ref().map(|place| place.line)), ("never", Some(8)));
}

#[test]
fn a_root_whose_name_is_too_long_for_a_rule_is_marked_and_reported() {
    let host = Host::new();
    let (fits, long) = ("x".repeat(CHILD_NAME_LEN_MAX), "x".repeat(CHILD_NAME_LEN_MAX + 1));
    host.mkdir(&long);
    host.mkdir(&fits);
    let policy = host.policy(&[("closed", &long), ("named", &fits)]);
    let resolved = resolve(&policy, &[]).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(&host.path(&long))).as_deref(), Some("closed"));
    let [told] = resolved.unresolved.as_slice() else { panic!("{:?}", resolved.unresolved) };
    assert_eq!((told.zone.as_str(), told.place.as_ref().map(|place| place.line)), ("closed", Some(6)));
    assert!(told.to_string().contains("longer than 40 bytes; name the folder"), "{told}");
}

#[test]
fn a_link_that_leads_nowhere_yet_is_followed_to_where_it_will_lead() {
    let host = Host::new();
    host.mkdir("target");
    symlink(host.path("target/later"), host.path("link")).unwrap();
    let policy = host.policy(&[("closed", "link")]);
    let resolved = resolve(&policy, &[]).unwrap();
    assert_eq!(child(&policy, &resolved, &host.path(""), "link").as_deref(), Some("closed"));
    assert_eq!(child(&policy, &resolved, &host.path("target"), "later").as_deref(), Some("closed"));
    assert_eq!(resolved.unresolved, []);

    symlink(host.path("loop"), host.path("loop")).unwrap();
    let policy = host.policy(&[("closed", "loop")]);
    assert_eq!(resolve(&policy, &[]).unwrap().unresolved.len(), 1);
}

#[test]
fn two_names_of_one_object_put_it_in_the_stricter_zone_and_that_is_told() {
    let host = Host::new();
    let real = host.mkdir("real");
    symlink(&real, host.path("alias")).unwrap();
    for zones in [[("open", "alias"), ("shut", "real")], [("a_shut", "alias"), ("open", "real")]] {
        let policy = host.policy(&zones);
        let resolved = resolve(&policy, &[]).unwrap();
        let zone = zone_at(&policy, &resolved, key(&real)).unwrap();
        assert!(zone.ends_with("shut"), "{zone}");
        assert!(resolved.notes.iter().any(|note| note.contains("two zones")), "{:?}", resolved.notes);
    }
}

#[test]
fn guards_own_files_are_in_the_zone_guard_and_a_policy_may_not_name_them() {
    let host = Host::new();
    let state = host.mkdir("state");
    host.mkdir("state/ledger");
    symlink(&state, host.path("alias")).unwrap();
    let guard = [state.clone(), host.path("state-later")];
    let policy = host.policy(&[("open", "elsewhere")]);
    let resolved = resolve(&policy, &guard).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(&state)).as_deref(), Some("guard"));
    assert_eq!(child(&policy, &resolved, &host.path(""), "state-later").as_deref(), Some("guard"));
    for path in
        ["state", "state/ledger", "state/not-yet", "alias", "alias/ledger", "state-later", "state-later/x"]
    {
        let policy = host.policy(&[("open", path)]);
        let problems = match resolve(&policy, &guard) {
            Err(problems) => problems,
            // What does not exist, in a folder that does not either, opens nothing.
            Ok(resolved) => {
                assert_eq!((path, resolved.unresolved.len()), ("state-later/x", 1));
                continue;
            }
        };
        assert_eq!((problems.0.len(), problems.0[0].place.line), (1, 6), "{path}: {problems}");
    }
    // What contains guard's folders does not contain them.
    let policy = host.policy(&[("open", "")]);
    let resolved = resolve(&policy, &guard).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(&state)).as_deref(), Some("guard"));
}

#[test]
fn every_mounted_file_system_has_a_zone_by_its_mount_point() {
    let policy =
        compiled("version = 1\n[zones.all]\npaths = [\"/\"]\n[zones.processes]\npaths = [\"/proc\"]\n");
    let resolved = resolve(&policy, &[]).unwrap();
    assert_eq!(zone_at(&policy, &resolved, key(Path::new("/proc"))).as_deref(), Some("processes"));
    assert_eq!(zone_at(&policy, &resolved, key(Path::new("/"))).as_deref(), Some("all"));
    assert_eq!(zone_at(&policy, &resolved, key(Path::new("/sys"))).as_deref(), Some("all"));

    let nothing = compiled("version = 1\n");
    let resolved = resolve(&nothing, &[]).unwrap();
    assert_eq!(zone_at(&nothing, &resolved, key(Path::new("/"))).as_deref(), Some("elsewhere"));

    let named = compiled("version = 1\n[zones.all]\npaths = [\"/\"]\n[zones.named]\nnames = [\"proc\"]\n");
    let resolved = resolve(&named, &[]).unwrap();
    assert_eq!(zone_at(&named, &resolved, key(Path::new("/proc"))).as_deref(), Some("named"));
}

#[test]
fn an_object_is_held_where_its_number_would_not_stay_and_a_mount_never() {
    let handles = |path: &str| {
        let policy = compiled(&format!("version = 1\n[zones.a]\npaths = [{path:?}]\n"));
        resolve(&policy, &[]).unwrap().handles.len()
    };
    assert_eq!(handles("/proc"), 0, "a held mount cannot be unmounted");
    assert_eq!(handles("/proc/sys"), 1);
}

#[test]
fn the_ready_policies_resolve_here_and_twice_the_same() {
    let policy = load(Sources::embedded(), &Lineage::default()).unwrap();
    let (first, second) = (resolve(&policy, &[]).unwrap(), resolve(&policy, &[]).unwrap());
    assert_eq!(first.rows, second.rows);
    assert_eq!(zone_at(&policy, &first, key(Path::new("/etc/shadow"))).as_deref(), Some("secrets"));
    assert_eq!(zone_at(&policy, &first, key(Path::new("/dev/null"))).as_deref(), Some("devices"));
    assert!(
        first.rows.marks.is_sorted_by_key(|row| row.0)
            && first.rows.children.is_sorted_by_key(|row| (row.0, row.1))
    );
}

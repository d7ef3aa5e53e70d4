//! What the ledger will not open: it says who is wrong, and leaves everything as it found it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::audit::store::Store;

fn refusal(place: &Place) -> LedgerError {
    Ledger::open(place, host()).map(|_| ()).unwrap_err()
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let scene = Scene::new();
    drop(scene.open());
    fs::remove_dir_all(scene.place.database()).unwrap();
    fs::remove_file(scene.place.anchor()).unwrap();
    Store::foreign(&scene.place.database());
    let before = content(scene.place.state());
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    assert_eq!(content(scene.place.state()), before);
    assert!(matches!(verify(&scene.place, &scene.key()), Err(LedgerError::Foreign { .. })));
    assert!(matches!(Reader::open(&scene.place), Err(LedgerError::Foreign { .. })));
}

#[test]
fn an_overwritten_list_of_families_is_damage_not_somebody_elses() {
    let scene = Scene::with_batches(&[3]);
    for entry in fs::read_dir(scene.place.database()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("MANIFEST") {
            let len = fs::metadata(&path).unwrap().len();
            fs::write(&path, vec![0xa5; usize::try_from(len).unwrap()]).unwrap();
        }
    }
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
}

#[test]
fn somebody_elses_files_are_left_alone() {
    let scene = Scene::new();
    fs::create_dir_all(scene.place.database()).unwrap();
    fs::write(scene.place.database().join("thesis.tex"), "ten years of work").unwrap();
    let before = content(scene.place.state());
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    assert_eq!(content(scene.place.state()), before, "not even a key was made");
}

#[test]
fn an_empty_folder_made_by_an_installer_becomes_a_ledger() {
    let scene = Scene::new();
    fs::create_dir_all(scene.place.database()).unwrap();
    drop(scene.open());
    assert!(scene.verify().is_clean());
}

#[test]
fn a_ledger_of_another_key_is_left_alone() {
    let (scene, other) = (Scene::with_batches(&[3]), Scene::with_batches(&[3]));
    for file in ["ledger.key", "ledger.pub"] {
        fs::copy(other.place.state().join(file), scene.place.state().join(file)).unwrap();
    }
    fs::remove_file(scene.place.anchor()).unwrap();
    let before = content(scene.place.state());
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::OtherKey { .. }), "{error}");
    assert_eq!(content(scene.place.state()), before);
}

#[test]
fn no_new_key_is_made_for_an_old_ledger() {
    let scene = Scene::with_batches(&[3]);
    fs::remove_file(scene.place.key()).unwrap();
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::KeyLost { .. }), "{error}");
    assert!(!scene.place.key().exists());
}

#[test]
fn no_new_ledger_is_made_where_one_was() {
    let scene = Scene::with_batches(&[3]);
    fs::remove_dir_all(scene.place.database()).unwrap();
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Gone { entries: 3, .. }), "{error}");
    assert!(!scene.place.database().exists());
    assert_eq!(scene.verify().fault.map(|fault| fault.kind), Some(FaultKind::CutOff));
}

#[test]
fn a_second_daemon_is_told_who_holds_the_ledger() {
    const NAME: &str = "audit::tests::refuse::a_second_daemon_is_told_who_holds_the_ledger";
    if let Some((_, place)) = part() {
        println!("\nsays: {}", refusal(&place));
        return;
    }
    let scene = Scene::new();
    let mut ledger = scene.open();
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    let output = play(NAME, "second", &scene.place).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = format!("another daemon holds this ledger (process {})", std::process::id());
    assert!(said.contains(&expected), "{said}");
    // The first goes on, and its lock still stands.
    ledger.append(vec![Pending::durable(decision(0))]).unwrap();
    assert_eq!(scene.place.holder(), Some(std::process::id()));
}

#[test]
fn a_key_that_others_could_read_is_refused() {
    let scene = Scene::with_batches(&[1]);
    for mode in [0o640, 0o604, 0o660, 0o666] {
        fs::set_permissions(scene.place.key(), fs::Permissions::from_mode(mode)).unwrap();
        let error = refusal(&scene.place);
        assert!(matches!(error, LedgerError::Key(KeyError::Mode { mode: found, .. }) if found == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(scene.place.key(), fs::Permissions::from_mode(0o400)).unwrap();
    drop(scene.open());
}

#[test]
fn a_key_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can give a file away; the packaged daemon runs as root, and so does the test command.
        return;
    }
    let scene = Scene::with_batches(&[1]);
    std::os::unix::fs::chown(scene.place.key(), Some(12345), None).unwrap();
    let error = refusal(&scene.place);
    assert!(matches!(error, LedgerError::Key(KeyError::Owner { owner: 12345, .. })), "{error}");
}

#[test]
fn a_key_file_that_holds_no_key_is_refused_and_kept() {
    let scene = Scene::with_batches(&[1]);
    let good = fs::read_to_string(scene.place.key()).unwrap();
    let cut = good[..good.len() - 6].to_owned();
    let long = good.repeat(20);
    for bad in ["", "\n", "hello", &cut, &long, "PRIVATE+KEY+a+b+c", &good.replace("PRIVATE+KEY+", "")] {
        fs::write(scene.place.key(), bad).unwrap();
        let error = refusal(&scene.place);
        assert!(matches!(error, LedgerError::Key(KeyError::Malformed { .. })), "{bad:?}: {error}");
        assert_eq!(fs::read_to_string(scene.place.key()).unwrap(), bad);
    }
    fs::remove_file(scene.place.key()).unwrap();
    fs::create_dir(scene.place.key()).unwrap();
    assert!(matches!(refusal(&scene.place), LedgerError::Key(KeyError::Malformed { .. })));
    fs::remove_dir(scene.place.key()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", scene.place.key()).unwrap();
    assert!(matches!(refusal(&scene.place), LedgerError::Key(KeyError::Io { .. })), "a link is not followed");
}

#[test]
fn a_public_key_that_is_not_its_private_keys_is_refused() {
    let (scene, other) = (Scene::with_batches(&[1]), Scene::with_batches(&[1]));
    fs::copy(other.place.public_key(), scene.place.public_key()).unwrap();
    assert!(matches!(refusal(&scene.place), LedgerError::Key(KeyError::Pair { .. })));
    fs::remove_file(scene.place.public_key()).unwrap();
    drop(scene.open());
    assert!(scene.verify().is_clean(), "a lost public key is written again");
}

#[test]
fn the_first_start_makes_a_key_for_its_owner_alone() {
    let scene = Scene::new();
    let ledger = scene.open();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(scene.place.key()), 0o600);
    assert_eq!(mode(scene.place.state().to_owned()), 0o700);
    let public = fs::read_to_string(scene.place.public_key()).unwrap();
    assert_eq!(public.trim_end(), ledger.public_key().to_string());
    assert!(ledger.public_key().name().starts_with("guard/"));
    let secret = fs::read_to_string(scene.place.key()).unwrap();
    let seed = secret.trim_end().splitn(5, '+').nth(4).unwrap();
    assert!(!format!("{:?}", ledger.public_key()).contains(seed));
}

#[test]
fn a_crash_while_the_first_files_are_made_does_no_harm() {
    let scene = Scene::new();
    fs::create_dir_all(scene.place.state()).unwrap();
    fs::write(scene.place.state().join("ledger.key.new"), "half a k").unwrap();
    Store::foreign(&scene.place.draft());
    let mut ledger = scene.open();
    ledger.append(vec![Pending::durable(decision(0))]).unwrap();
    drop(ledger);
    assert!(scene.verify().is_clean());
}

#[test]
fn a_later_format_is_left_alone() {
    let scene = Scene::with_batches(&[2]);
    Store::open(&scene.place).unwrap().tamper(store::Family::Meta, b"format", Some(b"guard-ledger/2"));
    let error = refusal(&scene.place);
    assert!(matches!(&error, LedgerError::Foreign { why, .. } if why.contains("guard-ledger/2")), "{error}");
}

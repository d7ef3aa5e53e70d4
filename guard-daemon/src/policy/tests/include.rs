//! Texts and their includes: what is taken together, and what is refused before it is read.

use std::collections::BTreeMap;
use std::io;

use crate::policy::{FILES_MAX, INCLUDE_DEPTH_MAX, Lineage, Problems, Sources, TEXT_BYTES_MAX, load};

/// Gathers from files in memory, beginning with `/p/main.toml`.
fn gather(files: &[(&str, &str)]) -> Result<Sources, String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
    let text = files["/p/main.toml"].as_bytes().to_vec();
    Sources::gather("/p/main.toml", text, &mut |name| {
        files.get(name).map(|text| text.as_bytes().to_vec()).ok_or_else(missing)
    })
    .map_err(|problems| problems.to_string())
}

#[test]
fn an_include_is_found_beside_the_file_that_names_it() {
    let sources = gather(&[
        ("/p/main.toml", "version = 1\ninclude = [\"./sub/a.toml\"]\n[profiles.agent]\n"),
        ("/p/sub/a.toml", "include = [\"../b.toml\"]\n[zones.a]\npaths = [\"/a\"]\n"),
        ("/p/b.toml", "[[edges]]\nprofile = \"agent\"\nzone = \"a\"\nallow = [\"read\"]\n"),
    ])
    .unwrap();
    let names: Vec<&str> = sources.files().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["/p/main.toml", "/p/sub/a.toml", "/p/b.toml"]);
    let policy = load(sources, &Lineage::default()).unwrap();
    let zone = policy.zone_id("a").unwrap();
    let place = policy.edge_place(0, zone, guard_common::Surface::Read).unwrap();
    assert_eq!(place.to_string(), "/p/b.toml:4:10");
}

#[test]
fn the_built_in_policy_is_included_without_a_file_and_kept_as_it_was() {
    let sources = gather(&[("/p/main.toml", "version = 1\ninclude = [\"guard:default\"]\n")]).unwrap();
    let policy = load(sources.clone(), &Lineage::default()).unwrap();
    assert_eq!(policy.default_profile().unwrap().1.name, "agent");
    let older = sources.bundle().replace("[zones.loopback]", "# older\n[zones.loopback]");
    assert!(Sources::unbundle("/p/main.toml", &older).unwrap().bundle().contains("# older"));
}

#[test]
fn a_bundle_is_the_same_policy() {
    let files = [
        ("/p/main.toml", "version = 1\ninclude = [\"a.toml\", \"b.toml\"]"),
        ("/p/a.toml", "[zones.a]\npaths = [\"/a\"]\n"),
        ("/p/b.toml", "[zones.b]\npaths = [\"/b\"]"),
    ];
    let sources = gather(&files).unwrap();
    let again = Sources::unbundle(sources.name(), &sources.bundle()).unwrap();
    assert_eq!((again.sha256(), &again), (sources.sha256(), &sources));
    let alone = gather(&[("/p/main.toml", "version = 1\n")]).unwrap();
    assert_eq!(alone.bundle(), "version = 1\n");
    assert!(gather(&[("/p/main.toml", "version = 1\n#:file x\n")]).unwrap_err().contains("main.toml:2:1"));
}

#[test]
fn a_bundle_is_the_same_policy_by_whatever_name_its_file_is_called() {
    let files = [
        ("p/main.toml", "version = 1\ninclude = [\"a.toml\", \"../up.toml\", \"/etc/abs.toml\"]\n"),
        ("p/a.toml", "# a\n"),
        ("up.toml", "# up\n"),
        ("/etc/abs.toml", "# abs\n"),
    ];
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
    let text =
        |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_bytes().to_vec());
    let near = Sources::gather("p/main.toml", text("p/main.toml").unwrap(), &mut |name| {
        text(name).ok_or_else(missing)
    })
    .unwrap();
    for name in
        ["p/main.toml", "./p/../p/main.toml", "/home/alice/p/main.toml", "/etc/guard/main.toml", "main.toml"]
    {
        let far =
            Sources::unbundle(name, &near.bundle()).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!(far.files().len(), 4, "{name}");
        assert_eq!((far.bundle(), far.sha256()), (near.bundle(), near.sha256()), "{name}");
    }
}

#[test]
fn the_digest_of_one_file_is_what_sha256sum_prints() {
    let sources = gather(&[("/p/main.toml", "version = 1\n")]).unwrap();
    // printf 'version = 1\n' | sha256sum
    assert_eq!(sources.sha256(), "dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1");
    let include = |text: &str| {
        gather(&[("/p/main.toml", "version = 1\ninclude = [\"a.toml\"]\n"), ("/p/a.toml", text)])
            .unwrap()
            .sha256()
    };
    assert_ne!(include("# a\n"), include("# b\n"));
}

#[test]
fn a_circle_of_includes_is_refused_with_its_way() {
    let error = gather(&[
        ("/p/main.toml", "version = 1\ninclude = [\"a.toml\"]\n"),
        ("/p/a.toml", "include = [\"./main.toml\"]\n"),
    ])
    .unwrap_err();
    assert_eq!(
        error,
        "policy /p/a.toml:1:12: includes go round in a circle: /p/main.toml -> /p/a.toml -> /p/main.toml; take one of them out"
    );
    // Twice the same is no circle, and is taken once.
    let twice = gather(&[
        ("/p/main.toml", "version = 1\ninclude = [\"a.toml\", \"b.toml\"]\n"),
        ("/p/a.toml", "include = [\"b.toml\"]\n"),
        ("/p/b.toml", "[zones.b]\npaths = [\"/b\"]\n"),
    ]);
    assert_eq!(twice.unwrap().files().len(), 3);
}

#[test]
fn includes_that_are_missing_too_deep_or_too_many_are_refused_by_name() {
    let missing = gather(&[("/p/main.toml", "version = 1\ninclude = [\"gone.toml\"]\n")]).unwrap_err();
    assert!(
        missing.starts_with(
            "policy /p/main.toml:2:12: the included file `/p/gone.toml` cannot be read: no such file"
        ),
        "{missing}"
    );

    let chain = |length: usize| {
        let mut files = vec![("/p/main.toml".to_owned(), "version = 1\ninclude = [\"0.toml\"]\n".to_owned())];
        files.extend(
            (0..length).map(|n| (format!("/p/{n}.toml"), format!("include = [\"{}.toml\"]\n", n + 1))),
        );
        files.push((format!("/p/{length}.toml"), "# end\n".to_owned()));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        gather(&files)
    };
    assert!(chain(INCLUDE_DEPTH_MAX - 1).is_ok());
    assert!(chain(INCLUDE_DEPTH_MAX).unwrap_err().contains("nested more than 8 deep"));

    let names: Vec<String> = (0..FILES_MAX).map(|n| format!("/p/{n}.toml")).collect();
    let main = format!("version = 1\ninclude = {:?}\n", names);
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "# one\n")).collect();
    files.push(("/p/main.toml", &main));
    assert!(gather(&files).unwrap_err().contains("more than 64 files"));
}

fn told(bytes: Vec<u8>) -> String {
    match Sources::gather("p.toml", bytes, &mut |_| Err(io::Error::other("none"))) {
        Ok(_) => "taken".to_owned(),
        Err(Problems(problems)) => problems[0].to_string(),
    }
}

#[test]
fn a_text_that_was_cut_off_to_nothing_is_refused_and_a_policy_that_denies_all_is_taken() {
    for nothing in ["", "\n", " \n\t"] {
        assert!(told(nothing.into()).starts_with("policy p.toml: the text is empty"), "{nothing:?}");
    }
    let deny = super::compiled("version = 1\n");
    assert!(deny.cells().is_empty() && deny.default_profile().is_none());
}

#[test]
fn a_text_that_is_too_large_is_refused_before_it_is_parsed() {
    let mut largest = b"version = 1\n#".to_vec();
    largest.resize(TEXT_BYTES_MAX, b'x');
    assert_eq!(told(largest.clone()), "taken");
    largest.push(b'x');
    assert!(told(largest).contains("larger than 1048576 bytes"));
    let begin = std::time::Instant::now();
    assert!(told(vec![b'['; 10_000_000]).contains("larger than"));
    assert!(begin.elapsed().as_millis() < 200, "{:?}", begin.elapsed());
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_with_the_byte() {
    let told = told(b"version = 1\n# caf\xe9\n".to_vec());
    assert_eq!(told, "policy p.toml:2:6: byte 17 (0xe9) is not UTF-8; save the file as UTF-8");
}

#[test]
fn only_a_regular_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let told = |path: &std::path::Path| Sources::read(path).unwrap_err().to_string();
    assert!(told(dir.path()).contains("it is not a regular file"));
    assert!(told(&dir.path().join("none")).contains("cannot be read"));
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(told(&fifo).contains("it is not a regular file"));
    let large = std::fs::File::create(dir.path().join("large")).unwrap();
    large.set_len(10_000_000).unwrap();
    assert!(told(&dir.path().join("large")).contains("larger than"));
}

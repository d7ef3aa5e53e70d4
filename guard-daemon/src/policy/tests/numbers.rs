//! Numbers, limits, cells and addresses: what the kernel gets.

use std::net::IpAddr;

use guard_common::limits::{PROFILES_MAX, ZONES_MAX};
use guard_common::{Surface, Verdict, ZoneId};

use super::{compiled, complaints};
use crate::policy::{Compiled, Lineage, Sources, load};

fn after(text: &str, lineage: &Lineage) -> Result<Compiled, String> {
    let text = format!("version = 1\n{text}");
    load(Sources::unbundle("test.toml", &text).unwrap(), lineage).map_err(|problems| problems.to_string())
}

fn zones(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("[zones.{name}]\npaths = [\"/{name}\"]\n")).collect()
}

fn profiles(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("[profiles.{name}]\n")).collect()
}

#[test]
fn a_name_keeps_its_number_and_a_removed_profile_may_do_nothing() {
    let edge = "[[edges]]\nprofile = \"b\"\nzone = \"work\"\nallow = [\"read\"]\n";
    let first =
        after(&format!("[profiles.b]\n[zones.y]\npaths = [\"/y\"]\n{edge}"), &Lineage::default()).unwrap();
    assert_eq!(first.verdict(0, ZoneId::WORK, Surface::Read), Some(Verdict::Allow));

    let second = after("[profiles.a]\n[zones.x]\npaths = [\"/x\"]\n", first.lineage()).unwrap();
    assert_eq!((second.profile("a").unwrap().0, second.profile("b").map(|found| found.0)), (1, None));
    assert_eq!(second.verdict(0, ZoneId::WORK, Surface::Read), None);
    assert!(second.cells().iter().all(|(profile, _, _)| *profile != 0));
    assert_eq!(second.profile_name(0), Some("b"), "records of its agents still have its name");
    assert_eq!(second.zone_id("x"), Some(ZoneId(ZoneId::POLICY_FIRST.0 + 1)));
    assert_eq!((second.zone_id("y"), second.zone_name(ZoneId::POLICY_FIRST)), (None, Some("y")));

    let third = after("[profiles.b]\n[profiles.a]\n", second.lineage()).unwrap();
    assert_eq!((third.profile("a").unwrap().0, third.profile("b").unwrap().0), (1, 0));
}

#[test]
fn an_index_of_a_removed_profile_is_never_given_to_another() {
    let lineage =
        Lineage { profiles: (0..PROFILES_MAX).map(|n| format!("old{n}")).collect(), zones: Vec::new() };
    let error = after("[profiles.new]\n", &lineage).unwrap_err();
    assert!(error.starts_with("policy test.toml:2:11: no index is left for profile `new`"), "{error}");
    assert!(after("[profiles.old7]\n", &lineage).is_ok());
}

#[test]
fn ids_of_removed_zones_are_given_again_only_when_no_other_is_left() {
    let most = (ZONES_MAX - u32::from(ZoneId::POLICY_FIRST.0)) as usize;
    let full = Lineage { profiles: Vec::new(), zones: (0..most).map(|n| format!("z{n}")).collect() };
    let policy =
        after(&zones(["new".to_owned(), "z0".to_owned(), "z1".to_owned()].into_iter()), &full).unwrap();
    assert_eq!(policy.zone_id("z1"), Some(ZoneId(ZoneId::POLICY_FIRST.0 + 1)));
    let new = policy.zone_id("new").unwrap();
    assert!(new.0 > ZoneId::POLICY_FIRST.0 + 1 && !new.is_private(), "{new:?}");
    assert_eq!(policy.lineage().zones.len(), most);
}

#[test]
fn a_policy_of_500_zones_loads_and_one_too_many_of_anything_is_refused() {
    let policy = compiled(&format!("version = 1\n{}", zones((0..500).map(|n| format!("z{n}")))));
    assert_eq!(policy.zones().count(), 500);
    let told = |text: String| complaints(&format!("version = 1\n{text}")).join("\n");
    assert!(told(zones((0..1009).map(|n| format!("z{n}")))).contains("more than 1008 zones"));
    assert!(told(profiles((0..65).map(|n| format!("p{n}")))).contains("more than 64 profiles"));
    let list = |what: &str, count: usize, item: &dyn Fn(usize) -> String| {
        let items: Vec<String> = (0..count).map(item).collect();
        format!("[zones.z]\n{what} = {items:?}\n")
    };
    assert!(told(list("paths", 2001, &|n| format!("/p/{n}"))).contains("more than 2000 paths"));
    assert!(told(list("names", 2049, &|n| format!("n{n}"))).contains("more than 2048 names"));
    let ports = |n: usize| format!("10.0.0.{n}:1-1024");
    assert!(told(list("addresses", 65, &ports)).contains("more than 65536 address rows"));
    compiled(&format!("version = 1\n{}", list("addresses", 64, &ports)));
}

#[test]
fn a_cell_holds_one_verdict_a_surface() {
    let policy = compiled(
        "version = 1\n[profiles.a]\n[profiles.b]\n[[edges]]\nprofile = \"b\"\nzone = \"work\"\n\
         allow = [\"read\"]\nhold = [\"write\"]\ndeny = [\"exec\"]\n",
    );
    let [(profile, zone, cell)] = policy.cells()[..] else { panic!("{:?}", policy.cells()) };
    assert_eq!((profile, zone), (1, ZoneId::WORK.0));
    for surface in Surface::ALL {
        let wanted = match surface {
            Surface::Read => Some(Verdict::Allow),
            Surface::Write => Some(Verdict::Hold),
            Surface::Exec => Some(Verdict::Deny),
            Surface::Connect | Surface::Listen | Surface::Ipc | Surface::Admin => None,
            Surface::Tool | Surface::Http | Surface::Sql | Surface::Deploy => None,
        };
        assert_eq!((cell.verdict(*surface), policy.verdict(1, ZoneId::WORK, *surface)), (wanted, wanted));
    }
}

#[test]
fn a_peer_is_in_the_zone_of_the_longest_prefix_then_of_the_port_then_of_the_protocol() {
    let policy = compiled(
        "version = 1\n[zones.ten]\naddresses = [\"10.0.0.0/8\"]\n[zones.machine]\naddresses = [\"10.0.0.5\"]\n\
         [zones.port]\naddresses = [\"10.0.0.0/8:443\", \"*:53/udp\"]\n[zones.udp]\naddresses = [\"10.0.0.0/8/udp\"]\n\
         [zones.six]\naddresses = [\"::/0\"]\n",
    );
    let zone = |address: &str, port: u16, protocol: u8| {
        let id = policy.zone_of_address(address.parse::<IpAddr>().unwrap(), port, protocol);
        policy.zone_name(id).unwrap().to_owned()
    };
    for (address, port, protocol, wanted) in [
        ("10.9.9.9", 80, 6, "ten"),
        ("10.0.0.5", 443, 6, "machine"),
        ("10.9.9.9", 443, 6, "port"),
        ("10.9.9.9", 443, 17, "port"),
        ("10.9.9.9", 80, 17, "udp"),
        ("::ffff:10.9.9.9", 80, 6, "ten"),
        ("192.0.2.1", 80, 6, "elsewhere"),
        ("192.0.2.1", 53, 17, "port"),
        ("2001:db8::1", 80, 6, "six"),
        ("::ffff:192.0.2.1", 80, 6, "elsewhere"),
    ] {
        assert_eq!(zone(address, port, protocol), wanted, "{address}:{port}/{protocol}");
    }
}

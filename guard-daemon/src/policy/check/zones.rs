//! Zones: each a name and what belongs to it. One object, as far as text can tell, belongs to one zone.

use std::collections::BTreeMap;
use std::fmt::Display;

use guard_common::ZoneId;
use guard_common::limits::{ADDRESSES_MAX, CHILDREN_MAX, DIGESTS_MAX, NAMES_MAX, SLOTS, ZONES_MAX};

use super::{Draft, Zone, address, name, name_is_good, path, program};
use crate::policy::document::{Report, Table, Text};
use crate::policy::source::Spot;

const EXAMPLE: &str = "write [zones.data] with paths = [\"/srv/data\"]";

/// Zones that a policy may define: all ids but the built-in ones'.
pub(crate) const ZONES_OWN_MAX: usize = (ZONES_MAX - ZoneId::POLICY_FIRST.0 as u32) as usize;
/// Roots. Each can need two rows for its name (its own, and that of a symbolic link to it); guard's own roots
/// need some too: 2 * 2,000 + 96 = 8,192 / 2 generations.
pub(crate) const ROOTS_MAX: usize = 2_000;
/// Name rules.
pub(crate) const NAME_RULES_MAX: usize = (NAMES_MAX / SLOTS) as usize;
/// Digests of programs.
pub(crate) const DIGESTS_OWN_MAX: usize = (DIGESTS_MAX / SLOTS) as usize;
/// Address rows, ranges of ports counted port by port.
pub(crate) const ADDRESS_ROWS_MAX: usize = (ADDRESSES_MAX / SLOTS) as usize;

const _: () = assert!(ROOTS_MAX * 2 < (CHILDREN_MAX / SLOTS) as usize);

pub(super) fn read(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    let Some(zones) = table.value("zones").and_then(|value| value.table("`zones`", EXAMPLE, report)) else {
        return;
    };
    for (name, value) in zones.entries() {
        let what = format!("zone `{}`", name.text);
        let Some(body) = value.table(&what, EXAMPLE, report) else { continue };
        if !name_is_good("zone", &name.text, name.spot, report) {
            continue;
        }
        if ZoneId::BUILT_IN.iter().any(|(built_in, _)| *built_in == name.text) {
            let reason = format!("{what} is built in, and what belongs to it is not for a policy to say");
            report.refuse(name.spot, reason, "give your zone another name");
            continue;
        }
        let zone = zone(&name, &what, body, report);
        if draft.zones.contains_key(&name.text) {
            report.refuse(name.spot, format!("a second {what}"), "put the two together");
            continue;
        }
        draft.zones.insert(name.text, zone);
    }
}

fn zone(name: &Text, what: &str, body: Table<'_>, report: &mut Report) -> Zone {
    body.only(what, &["paths", "names", "packages", "digests", "addresses"], report);
    let paths = body.texts("paths", "paths = [\"/srv/data\"]", report);
    let names = body.texts("names", "names = [\".ssh\", \"*.pem\"]", report);
    let packages = body.texts("packages", "packages = [\"git\"]", report);
    let digests = body.texts("digests", "digests = [\"sha256:0123…\"]", report);
    let addresses = body.texts("addresses", "addresses = [\"10.0.0.0/8\"]", report);
    if [&paths, &names, &packages, &digests, &addresses].iter().all(|list| list.is_empty()) {
        let reason = format!("{what} has neither paths, names, packages, digests nor addresses");
        report.refuse(name.spot, reason, "write what belongs to it, or take it out");
    }
    fn each<T>(
        texts: Vec<Text>,
        parse: fn(&Text, &mut Report) -> Option<T>,
        report: &mut Report,
    ) -> Vec<(T, Spot)> {
        texts.iter().filter_map(|text| Some((parse(text, report)?, text.spot))).collect()
    }
    Zone {
        name: name.text.clone(),
        paths: each(paths, path::parse, report),
        names: each(names, name::parse, report),
        packages: each(packages, program::package, report),
        digests: each(digests, program::digest, report),
        addresses: each(addresses, address::parse, report),
        spot: name.spot,
    }
}

/// What only shows when all zones are known.
pub(super) fn finish(draft: &Draft, report: &mut Report) {
    let zones: Vec<&Zone> = {
        let mut zones: Vec<&Zone> = draft.zones.values().collect();
        zones.sort_by_key(|zone| zone.spot);
        zones
    };
    let mut count = Count::default();
    let (mut paths, mut names, mut rows) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let (mut packages, mut digests) = (BTreeMap::new(), BTreeMap::new());
    for zone in zones {
        count.one("zones", ZONES_OWN_MAX, zone.spot, report);
        for (path, spot) in &zone.paths {
            count.one("paths", ROOTS_MAX, *spot, report);
            claim(&mut paths, path.as_str(), zone, ("path", path), *spot, report);
        }
        for (rule, spot) in &zone.names {
            count.one("names", NAME_RULES_MAX, *spot, report);
            claim(&mut names, rule, zone, ("name rule", rule), *spot, report);
        }
        for (package, spot) in &zone.packages {
            claim(&mut packages, package.as_str(), zone, ("package", package), *spot, report);
        }
        for (digest, spot) in &zone.digests {
            count.one("digests", DIGESTS_OWN_MAX, *spot, report);
            claim(&mut digests, digest, zone, ("digest", &hex::encode(digest)), *spot, report);
        }
        for (rule, spot) in &zone.addresses {
            for row in crate::policy::compile::rows_of(rule) {
                count.one("address rows", ADDRESS_ROWS_MAX, *spot, report);
                if count.over("address rows", ADDRESS_ROWS_MAX)
                    || !claim(&mut rows, row, zone, ("address", rule), *spot, report)
                {
                    break;
                }
            }
        }
    }
}

/// Notes that `key` belongs to `zone`; complains, and says false, where it has a zone already.
fn claim<'a, K: Ord>(
    owners: &mut BTreeMap<K, &'a str>,
    key: K,
    zone: &'a Zone,
    (what, shown): (&str, &dyn Display),
    spot: Spot,
    report: &mut Report,
) -> bool {
    let shown = shown.to_string();
    let shown = shown.escape_debug();
    match owners.insert(key, &zone.name) {
        None => true,
        Some(owner) if owner == zone.name => {
            report.warn(spot, format!("{what} `{shown}` stands twice in zone `{owner}`"), "once is enough");
            false
        }
        Some(owner) => {
            let reason = format!("{what} `{shown}` is in zone `{}` and in zone `{owner}`", zone.name);
            report.refuse(spot, reason, "an object has one zone: take it out of one of them");
            false
        }
    }
}

/// Counts by kind; complains once, at the first that is too many.
#[derive(Default)]
struct Count(BTreeMap<&'static str, usize>);

impl Count {
    fn one(&mut self, what: &'static str, most: usize, spot: Spot, report: &mut Report) {
        let count = self.0.entry(what).or_default();
        *count += 1;
        if *count == most + 1 {
            report.refuse(spot, format!("more than {most} {what}"), "the kernel's tables end there");
        }
    }

    fn over(&self, what: &str, most: usize) -> bool {
        self.0.get(what).is_some_and(|count| *count > most)
    }
}

//! Lines that tell of refusals as they happen: the first of its kind at once, equal ones after it counted, and a
//! flood of different ones summed by zone. Every refusal is in some line. Knows no clock: `now` is the caller's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cli::output::printable;
use crate::control::wire::Refusal;
use crate::model::effect::Notice;

/// Equal refusals within this time of a line about them are counted, not told one by one.
const WINDOW: Duration = Duration::from_secs(1);
/// Lines a window before refusals of different objects are summed by zone.
const LINES_MAX: u32 = 40;

/// What makes two refusals equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    surface: String,
    /// `None` where many objects are summed.
    object: Option<String>,
    zone: String,
    reason: String,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    untold: u64,
}

/// Folds refusals into lines.
#[derive(Debug)]
pub(super) struct Fold {
    open: BTreeMap<Kind, Open>,
    window_end: Instant,
    lines: u32,
    total: u64,
}

impl Fold {
    /// Nothing told yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { open: BTreeMap::new(), window_end: now + WINDOW, lines: 0, total: 0 }
    }

    /// Refusals so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes one refusal; the line to print now, if it is one to tell at once.
    pub(super) fn take(&mut self, refusal: &Refusal, now: Instant) -> Option<String> {
        self.total += 1;
        if now >= self.window_end {
            (self.window_end, self.lines) = (now + WINDOW, 0);
        }
        let Notice { surface, object, zone, reason, .. } = &refusal.notice;
        let mut kind = Kind {
            surface: surface.clone(),
            object: Some(object.clone()),
            zone: zone.clone(),
            reason: reason.clone(),
        };
        if !self.open.contains_key(&kind) && self.lines >= LINES_MAX {
            kind.object = None;
        }
        if let Some(open) = self.open.get_mut(&kind) {
            open.untold += 1;
            return None;
        }
        let summed = kind.object.is_none();
        self.open.insert(kind, Open { until: now + WINDOW, untold: u64::from(summed) });
        self.lines += 1;
        (!summed).then(|| line(&refusal.notice))
    }

    /// When [`Self::due`] has something to do next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }

    /// Lines about refusals that were counted and not told, their time being over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        self.open.retain(|kind, open| {
            if now < open.until {
                return true;
            }
            if open.untold == 0 {
                return false;
            }
            lines.push(count_line(kind, open.untold));
            *open = Open { until: now + WINDOW, untold: 0 };
            true
        });
        lines
    }

    /// The same for all, at the end.
    pub(super) fn finish(&mut self) -> Vec<String> {
        let open = std::mem::take(&mut self.open);
        open.iter()
            .filter(|(_, open)| open.untold > 0)
            .map(|(kind, open)| count_line(kind, open.untold))
            .collect()
    }
}

/// One refusal in one line.
fn line(notice: &Notice) -> String {
    let Notice { surface, object, zone, reason, sentence, .. } = notice;
    printable(&format!("guard: refused {surface} {object} (zone {zone}): {sentence} [{reason}]"))
}

fn count_line(kind: &Kind, count: u64) -> String {
    let Kind { surface, object, zone, reason } = kind;
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    printable(&match object {
        Some(object) => format!("guard: refused {times} more: {surface} {object} (zone {zone}) [{reason}]"),
        None => format!(
            "guard: refused {times} more: {surface} in zone {zone} [{reason}]; `guard why` lists them"
        ),
    })
}

/// The last line of a run; none where nothing was refused.
pub(super) fn summary(total: u64, agent: &str) -> Option<String> {
    let refusals = match total {
        0 => return None,
        1 => "1 refusal".to_owned(),
        many => format!("{many} refusals"),
    };
    Some(printable(&format!("guard: {refusals} in this run; `guard why --agent {agent}` tells more")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(object: &str) -> Refusal {
        let notice = Notice { object: object.to_owned(), ..Notice::example() };
        Refusal { entry: None, wall_ms: 0, notice }
    }

    #[test]
    fn a_refusal_is_one_line_with_object_zone_sentence_and_reason() {
        let now = Instant::now();
        assert_eq!(
            Fold::new(now).take(&refusal("/etc/passwd"), now).unwrap(),
            "guard: refused write /etc/passwd (zone system): no edge of the policy leads from this profile to \
             that zone [no_edge]"
        );
    }

    #[test]
    fn equal_refusals_are_folded_with_a_count_and_a_steady_stream_gives_a_line_a_second() {
        let start = Instant::now();
        let mut fold = Fold::new(start);
        assert!(fold.take(&refusal("/a"), start).is_some());
        for _ in 0..7 {
            assert_eq!(fold.take(&refusal("/a"), start), None);
        }
        assert!(fold.take(&refusal("/b"), start).is_some(), "another object is another line");
        assert!(fold.due(start).is_empty());
        let later = fold.next().unwrap();
        assert_eq!(fold.due(later), ["guard: refused 7 times more: write /a (zone system) [no_edge]"]);
        assert_eq!(fold.take(&refusal("/a"), later), None, "the stream goes on");
        assert_eq!(fold.due(later + WINDOW), ["guard: refused once more: write /a (zone system) [no_edge]"]);
        assert!(fold.due(later + WINDOW * 2).is_empty());
        assert_eq!(fold.next(), None);
        assert!(fold.take(&refusal("/a"), later + WINDOW * 3).is_some(), "after a pause it is news again");
    }

    #[test]
    fn a_flood_of_different_objects_is_summed_and_none_is_lost() {
        let now = Instant::now();
        let mut fold = Fold::new(now);
        let told = (0..1000).filter(|n| fold.take(&refusal(&format!("/{n}")), now).is_some()).count();
        assert_eq!(told, LINES_MAX as usize);
        let rest = fold.finish();
        assert_eq!(
            rest,
            [format!(
                "guard: refused {} times more: write in zone system [no_edge]; `guard why` lists them",
                1000 - LINES_MAX
            )]
        );
        assert_eq!(fold.total(), 1000);
    }

    #[test]
    fn an_object_cannot_write_lines_of_its_own() {
        let now = Instant::now();
        let line = Fold::new(now).take(&refusal("/a\nguard: all is well"), now).unwrap();
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn a_summary_comes_only_with_refusals() {
        assert_eq!(summary(0, "a"), None);
        assert!(summary(1, "a").unwrap().starts_with("guard: 1 refusal in"));
        assert!(summary(2, "a").unwrap().contains("2 refusals"));
    }
}

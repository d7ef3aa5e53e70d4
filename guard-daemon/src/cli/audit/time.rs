//! Points in time as people write them: a full time, a local one, a date, or how long ago.

use jiff::{Timestamp, civil, tz::TimeZone};

/// Nanoseconds since the Unix epoch.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    parse_at(text, Timestamp::now(), &TimeZone::system())
}

fn parse_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<u64, String> {
    let local = |time: civil::DateTime| time.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let timestamp = ago(text)
        .and_then(|seconds| now.as_second().checked_sub(seconds))
        .and_then(|second| Timestamp::from_second(second).ok())
        .or_else(|| text.parse::<Timestamp>().ok())
        .or_else(|| text.parse::<civil::DateTime>().ok().and_then(local))
        .or_else(|| text.parse::<civil::Date>().ok().and_then(|date| local(date.at(0, 0, 0, 0))));
    timestamp.and_then(|timestamp| u64::try_from(timestamp.as_nanosecond()).ok()).ok_or_else(|| {
        "write 2026-03-01T14:05:09+01:00, 2026-03-01T14:05, 2026-03-01, or 90s, 10m, 2h, 7d ago".to_owned()
    })
}

fn ago(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u32>().ok().map(|count| i64::from(count) * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let read = |text: &str| parse_at(text, now, &zone).map(|ns| ns / 1_000_000_000);
        assert_eq!(read("10m"), Ok(1_700_000_000 - 600));
        assert_eq!(read("2d"), Ok(1_700_000_000 - 172_800));
        assert_eq!(read("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        assert_eq!(read("2023-11-14T23:13:20"), Ok(1_700_000_000), "local time");
        assert_eq!(read("2023-11-15"), Ok(1_700_002_800), "local midnight");
        for wrong in ["", "soon", "-1d", "10", "1e9s", "2023-13-01", "d", "1é"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

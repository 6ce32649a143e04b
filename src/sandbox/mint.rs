//! New ids and the time: what the platform makes up by itself.

use std::time::{SystemTime, UNIX_EPOCH};

use ulid::Ulid;

/// When everything in a world that was read or seeded came to be.
pub(super) const LONG_AGO: &str = "2024-06-01T00:00:00Z";

/// Where counted ids start. Spelt so that one sees at once that the sandbox made it.
const COUNTED_FROM: &str = "01J0NEW0000000000000000000";

/// Makes ids that only ever go up, so that a list in order of ids is in order of creation.
#[derive(Debug, Clone, Default)]
pub(super) struct Mint {
    last: Option<Ulid>,
    counted: bool,
}

impl Mint {
    /// Counts up from a fixed id and stands still in time.
    pub(super) fn counted() -> Mint {
        Mint { last: Ulid::from_string(COUNTED_FROM).ok(), counted: true }
    }

    /// The next id.
    pub(super) fn id(&mut self) -> String {
        // The random part runs over once in 2^80 ids; a fresh id is then as good as any.
        let following = self.last.map(|last| last.increment().unwrap_or_else(|_| Ulid::generate()));
        let id = match following {
            Some(following) if self.counted => following,
            Some(following) => following.max(Ulid::generate()),
            None => Ulid::generate(),
        };
        self.last = Some(id);
        id.to_string()
    }

    /// The time now, as the platform writes times (RFC 3339, UTC).
    pub(super) fn now(&self) -> String {
        if self.counted {
            return LONG_AGO.to_owned();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        rfc3339(since.as_secs())
    }
}

/// The canonical spelling of a ULID; `None` when it is not one.
///
/// Decoders of Crockford's base 32 are lenient by custom (`O` for `0`, values past 128 bits): writing
/// the id out again and comparing is what makes this strict.
pub(super) fn ulid(text: &str) -> Option<String> {
    let id = Ulid::from_string(text).ok()?.to_string();
    id.eq_ignore_ascii_case(text).then_some(id)
}

/// Days to a date in the proleptic Gregorian calendar, counted in years that begin in March, so that
/// the leap day comes last.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..=9 => (year + era * 400, month + 3),
        _ => (year + era * 400 + 1, month - 9),
    };
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_civil() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(rfc3339(1_772_323_200), "2026-03-01T00:00:00Z");
    }

    #[test]
    fn ids_only_go_up() {
        for mut mint in [Mint::default(), Mint::counted()] {
            let ids: Vec<String> = (0..1_000).map(|_| mint.id()).collect();
            assert!(ids.is_sorted_by(|a, b| a < b));
        }
        assert_eq!(Mint::counted().id(), "01J0NEW0000000000000000001");
    }

    #[test]
    fn only_ulids_are_ulids() {
        assert_eq!(ulid("01j0new0000000000000000001").as_deref(), Some("01J0NEW0000000000000000001"));
        for text in [
            "",
            "shopify",
            "01J0NEW000000000000000000",
            "01J0NEW00000000000000000001",
            "01J0NEW000000000000000000O",
            "01J0NEW000000000000000000U",
            "81J0NEW0000000000000000000",
            "../../../../../../../../..",
        ] {
            assert_eq!(ulid(text), None, "{text}");
        }
    }
}

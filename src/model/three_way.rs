//! The comparison of one field: declared, recorded, observed.

use serde_json::Value;

use super::plan::Cause;

/// What the three values of a field say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As declared.
    InSync,
    /// Not as declared, for this reason.
    Differs(Cause),
    /// Once declared, now no longer: to be reset to the platform's default.
    Unset,
    /// Once declared, now no longer, and at its default already: to be forgotten.
    Forget,
    /// Never declared: left alone.
    NotOurs,
}

/// Compares the values of one field. `observed` is the live value with absent ones filled in;
/// `default` is what the platform takes an absent field for.
pub fn judge(declared: Option<&Value>, recorded: Option<&Value>, observed: &Value, default: &Value) -> Verdict {
    match (declared, recorded) {
        (Some(declared), _) if declared == observed => Verdict::InSync,
        (Some(declared), Some(recorded)) if declared == recorded => Verdict::Differs(Cause::Drift),
        (Some(_), Some(recorded)) if recorded != observed => Verdict::Differs(Cause::Conflict),
        (Some(_), _) => Verdict::Differs(Cause::Manifest),
        (None, Some(_)) if observed == default => Verdict::Forget,
        (None, Some(_)) => Verdict::Unset,
        (None, None) => Verdict::NotOurs,
    }
}

/// Compares a field that the platform never shows, by its keyed hash. `known` is whether the resource is
/// recorded at all: one that is adopted is taken to hold the declared secret already, since nothing can
/// be known about it.
pub fn judge_unseen(declared: Option<&Value>, recorded: Option<&Value>, known: bool) -> Verdict {
    match (declared, recorded) {
        (Some(declared), Some(recorded)) if declared == recorded => Verdict::InSync,
        (Some(_), _) if !known => Verdict::InSync,
        (Some(_), _) => Verdict::Differs(Cause::Manifest),
        // There is no default to go back to: the platform keeps what it has.
        (None, Some(_)) => Verdict::Forget,
        (None, None) => Verdict::NotOurs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_row_of_the_design_s_table() {
        let (a, b, c, default) = (json!("a"), json!("b"), json!("c"), json!(""));
        let judge = |d: Option<&Value>, r: Option<&Value>, o: &Value| judge(d, r, o, &default);
        assert_eq!(judge(Some(&a), Some(&a), &a), Verdict::InSync);
        assert_eq!(judge(Some(&a), Some(&b), &a), Verdict::InSync);
        assert_eq!(judge(Some(&a), None, &a), Verdict::InSync);
        assert_eq!(judge(Some(&a), Some(&a), &b), Verdict::Differs(Cause::Drift));
        assert_eq!(judge(Some(&a), Some(&b), &b), Verdict::Differs(Cause::Manifest));
        assert_eq!(judge(Some(&a), None, &b), Verdict::Differs(Cause::Manifest));
        assert_eq!(judge(Some(&a), Some(&b), &c), Verdict::Differs(Cause::Conflict));
        assert_eq!(judge(None, Some(&a), &a), Verdict::Unset);
        assert_eq!(judge(None, Some(&a), &default), Verdict::Forget);
        assert_eq!(judge(None, None, &a), Verdict::NotOurs);
    }

    #[test]
    fn a_secret_is_judged_by_what_was_sent_last() {
        let (a, b) = (json!("a"), json!("b"));
        assert_eq!(judge_unseen(Some(&a), Some(&a), true), Verdict::InSync);
        assert_eq!(judge_unseen(Some(&a), Some(&b), true), Verdict::Differs(Cause::Manifest));
        assert_eq!(judge_unseen(Some(&a), None, true), Verdict::Differs(Cause::Manifest), "filled in later");
        assert_eq!(judge_unseen(Some(&a), None, false), Verdict::InSync, "adopted");
        assert_eq!(judge_unseen(None, Some(&a), true), Verdict::Forget);
        assert_eq!(judge_unseen(None, None, true), Verdict::NotOurs);
    }
}

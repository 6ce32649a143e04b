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
}

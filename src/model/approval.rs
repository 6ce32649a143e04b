//! Approvals: what lets held deletes through, once.

use jiff::Timestamp;

use super::pass::Found;
use super::plan::Plan;

/// Fewer digits could mean anything.
const SHORTEST_PREFIX: usize = 8;

/// How many digits a whole hash has.
const DIGITS: usize = 64;

/// Somebody's word that the deletes of one plan are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The hash of a plan, or of the deletes that one held.
    pub hash: String,
    /// The hash of the deletes that the plan held, where a pass has held them: other changes of the plan may
    /// have been applied since, and what remains has another hash. Nothing for a plan that no pass has made yet.
    pub held_hash: Option<String>,
    /// When it was given.
    pub approved_at: Timestamp,
}

impl Approval {
    /// Whether it is about exactly what this plan holds.
    pub fn covers(&self, plan: &Plan) -> bool {
        let Some(held) = plan.held_hash() else { return false };
        self.held_hash.as_ref() == Some(&held) || self.hash == held || self.hash == plan.hash()
    }
}

/// A plan that held deletes, as passes leave it behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPlan {
    /// The plan's hash.
    pub hash: String,
    /// The hash of the deletes that it held.
    pub held_hash: String,
}

/// There is nothing to approve, or it cannot be told what is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// The last pass held no deletes that an approval lets through.
    #[error("there is nothing to approve: the last `apply` or `run` held no deletes that an approval lets through")]
    NothingHeld,
    /// Nor did it hold those of the plan with this hash, which is no plan to come.
    #[error(
        "there is nothing to approve: the last `apply` or `run` held no deletes of plan {0} that an approval lets through"
    )]
    HeldNoMore(String),
    /// It is no hash.
    #[error("{0:?} is no plan hash")]
    NoHash(String),
    /// No pass left a plan behind whose hash begins so.
    #[error("no pass that held deletes had a plan hash that begins with {0}")]
    Unknown(String),
    /// Several did.
    #[error("{0} begins several plan hashes")]
    Ambiguous(String),
    /// A pass held its deletes once, and the last one held others.
    #[error("what plan {0} held is no longer what is held: the last pass held the deletes of plan {1}")]
    Outdated(String, String),
}

impl ApprovalError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            ApprovalError::NothingHeld => {
                "for what only `versync plan` has shown, take the command that it ends with; `versync status` shows what is held and why"
            }
            ApprovalError::HeldNoMore(_) => {
                "`versync status` shows what is held and why; where `versync plan` shows it anew, let `versync apply` hold it first"
            }
            ApprovalError::NoHash(_) => {
                "give the 64 hex digits that `plan --json` or `status --json` show as `hash`, or the first 8 or more of them"
            }
            ApprovalError::Unknown(_) | ApprovalError::Ambiguous(_) => "give all 64 digits",
            ApprovalError::Outdated(..) => {
                "look at what is held now (`versync status`), and approve that; where `versync plan` shows it anew, let `versync apply` hold it first"
            }
        }
    }
}

/// What is to be approved: what the last pass held, or what `given` names. `known` are the plans that
/// earlier passes held deletes of.
///
/// # Errors
///
/// Where nothing is held, or something else, and where it is unclear what is meant.
pub fn approve(
    given: Option<&str>,
    last: Option<&Found>,
    known: &[HeldPlan],
    now: Timestamp,
) -> Result<Approval, ApprovalError> {
    let held_now = last.and_then(|found| found.held_hash.clone());
    let Some(given) = given else {
        let held = held_now.ok_or(ApprovalError::NothingHeld)?;
        return Ok(Approval { held_hash: Some(held.clone()), hash: held, approved_at: now });
    };
    let hash = whole(given, known)?;
    let meant = known.iter().find(|plan| plan.hash == hash || plan.held_hash == hash);
    let held_hash = meant.map(|plan| plan.held_hash.clone());
    match (&held_hash, held_now) {
        // A word that was used, or came too late, must not wait for the same deletes to come up again.
        (Some(_), None) => Err(ApprovalError::HeldNoMore(hash)),
        (Some(then), Some(now)) if *then != now => Err(ApprovalError::Outdated(hash, now)),
        (None, _) if last.is_some_and(|found| found.hash == hash) => Err(ApprovalError::HeldNoMore(hash)),
        _ => Ok(Approval { hash, held_hash, approved_at: now }),
    }
}

/// A hash with all its digits.
fn whole(given: &str, known: &[HeldPlan]) -> Result<String, ApprovalError> {
    let given = given.to_ascii_lowercase();
    let is_hex = given.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(SHORTEST_PREFIX..=DIGITS).contains(&given.len()) {
        return Err(ApprovalError::NoHash(given));
    }
    if given.len() == DIGITS {
        return Ok(given);
    }
    let all = known.iter().flat_map(|plan| [&plan.hash, &plan.held_hash]);
    let mut matches: Vec<_> = all.filter(|hash| hash.starts_with(&given)).collect();
    matches.sort();
    matches.dedup();
    match matches.as_slice() {
        [] => Err(ApprovalError::Unknown(given)),
        [one] => Ok((*one).clone()),
        [..] => Err(ApprovalError::Ambiguous(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(beginning: &str) -> String {
        format!("{beginning:0<64}")
    }

    fn known() -> Vec<HeldPlan> {
        vec![
            HeldPlan { hash: hash("aaaaaaaa1"), held_hash: hash("cccccccc") },
            HeldPlan { hash: hash("aaaaaaaa2"), held_hash: hash("cccccccc") },
        ]
    }

    fn approved(hash: String, held_hash: Option<String>) -> Approval {
        Approval { hash, held_hash, approved_at: Timestamp::UNIX_EPOCH }
    }

    /// What comes of a word given after a pass that held the deletes with this hash.
    fn given_while(held: Option<&str>, given: &str) -> Result<Approval, ApprovalError> {
        let last = Found { held_hash: held.map(hash), ..Found::default() };
        approve(Some(given), Some(&last), &known(), Timestamp::UNIX_EPOCH)
    }

    fn given(given: &str) -> Result<Approval, ApprovalError> {
        given_while(Some("cccccccc"), given)
    }

    #[test]
    fn a_hash_stands_for_itself_and_for_what_its_plan_held() {
        let whole = approved(hash("aaaaaaaa1"), Some(hash("cccccccc")));
        assert_eq!(given(&hash("aaaaaaaa1")), Ok(whole.clone()));
        assert_eq!(given("AAAAAAAA1"), Ok(whole));
        assert_eq!(given("cccccccc"), Ok(approved(hash("cccccccc"), Some(hash("cccccccc")))));
        assert_eq!(given(&hash("d")), Ok(approved(hash("d"), None)), "of a plan to come");
    }

    #[test]
    fn what_names_no_plan_or_several_is_refused() {
        use ApprovalError::{Ambiguous, NoHash, NothingHeld, Unknown};
        assert_eq!(given("aaaaaaa"), Err(NoHash("aaaaaaa".to_owned())));
        assert_eq!(given("not hexadecimal"), Err(NoHash("not hexadecimal".to_owned())));
        let longer = format!("{}0", hash("a"));
        assert_eq!(given(&longer), Err(NoHash(longer)));
        assert_eq!(given("eeeeeeee"), Err(Unknown("eeeeeeee".to_owned())));
        assert_eq!(given("aaaaaaaa"), Err(Ambiguous("aaaaaaaa".to_owned())));
        assert_eq!(approve(None, None, &known(), Timestamp::UNIX_EPOCH), Err(NothingHeld));
    }

    #[test]
    fn what_was_held_once_is_refused_when_it_is_held_no_more() {
        for plan in ["aaaaaaaa1", "cccccccc"] {
            assert!(matches!(given_while(None, plan), Err(ApprovalError::HeldNoMore(it)) if it.starts_with(plan)));
            assert!(matches!(given_while(Some("f"), plan), Err(ApprovalError::Outdated(_, now)) if now == hash("f")));
        }
    }
}

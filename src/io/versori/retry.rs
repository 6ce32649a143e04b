//! When a request is sent again, and how long after. A request that may have arrived is repeated only where
//! twice does the same as once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::error::{ApiError, ErrorKind};
use super::request::Request;

/// The ceiling of the first wait; it doubles from one to the next.
const FIRST: Duration = Duration::from_millis(250);

/// No wait is longer, unless the platform asks for it.
const CEILING: Duration = Duration::from_secs(8);

/// How often a request is repeated at most.
const REPEATS: u32 = 4;

/// How long a request is repeated at most. Past it the daemon's own pause between passes takes over.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How many repetitions a process may have at hand.
const MOST_AT_HAND: f64 = 50.0;

/// How many of them a success brings back: in the long run one request in ten may be repeated.
const EARNED: f64 = 0.1;

/// The waits between repetitions: anything up to a ceiling that doubles, so that those who failed together
/// do not come back together.
pub(super) fn waits() -> impl Iterator<Item = Duration> + Send + Sync + Unpin {
    (0..REPEATS).map(|n| FIRST.saturating_mul(2_u32.saturating_pow(n)).min(CEILING).mul_f64(fastrand::f64()))
}

/// Whether the request may be sent again after this error.
pub(super) fn may_repeat(request: &Request, error: &ApiError) -> bool {
    match error.kind {
        // It never arrived, or was refused before anything was done.
        ErrorKind::Unconnected | ErrorKind::TooMany => true,
        ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Busy => request.is_repeatable(),
        _ => false,
    }
}

/// The wait that follows: at least what the platform asks for. Nothing where that takes longer than is `left`.
pub(super) fn wait(error: &ApiError, wait: Duration, left: Duration) -> Option<Duration> {
    let wait = error.retry_after.map_or(wait, |asked| asked.max(wait));
    (wait <= left).then_some(wait)
}

/// What an answer's `Retry-After` asks for: seconds, or a date.
pub(in crate::io) fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default())
}

/// Repetitions are paid for with successes: a platform that answers nothing is not asked five times as often.
#[derive(Debug)]
pub(super) struct Allowance(Mutex<f64>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Mutex::new(MOST_AT_HAND))
    }
}

impl Allowance {
    /// Takes one repetition, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let some = *left >= 1.0;
        if some {
            *left -= 1.0;
        }
        some
    }

    /// Something succeeded.
    pub(super) fn earn(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + EARNED).min(MOST_AT_HAND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn error(retry_after: Option<Duration>) -> ApiError {
        ApiError { retry_after, ..ApiError::new(ErrorKind::Busy, "", "") }
    }

    #[test]
    fn waits_grow_up_to_a_ceiling_and_are_spread_below_it() {
        for _ in 0..100 {
            let waits: Vec<Duration> = waits().collect();
            assert_eq!(waits.len(), REPEATS as usize);
            let most = [250, 500, 1000, 2000];
            assert!(waits.iter().zip(most).all(|(wait, most)| *wait <= Duration::from_millis(most)), "{waits:?}");
        }
    }

    #[test]
    fn what_the_platform_asks_for_counts_unless_it_takes_too_long() {
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(3));
        assert_eq!(wait(&error(None), short, long), Some(short));
        assert_eq!(wait(&error(Some(long)), short, long), Some(long));
        assert_eq!(wait(&error(Some(long)), short, short), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            asked_for(&headers)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "that is over");
        assert!(asked("Thu, 31 Dec 2099 23:59:59 GMT").is_some_and(|wait| wait > PATIENCE));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn an_allowance_runs_out_and_is_earned_back() {
        let allowance = Allowance::default();
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 50);
        (0..11).for_each(|_| allowance.earn());
        assert!(allowance.take() && !allowance.take());
    }
}

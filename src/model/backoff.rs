//! How long to wait after a failure, by how often it has failed.

use std::time::Duration;

/// Doubling waits with a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub ceiling: Duration,
}

impl Backoff {
    /// The longest wait after `failures` failures in a row (from 1). `spread`, between 0 and 1, picks a
    /// point in its upper half, so that many hosts do not come back at the same moment.
    pub fn wait(&self, failures: u32, spread: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        doubled.min(self.ceiling).mul_f64(0.5 + spread.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_secs(60) };
        let waits: Vec<u64> = (1..9).map(|failures| backoff.wait(failures, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.wait(u32::MAX, 1.0).as_secs(), 60);
        assert_eq!(backoff.wait(1, 0.0), Duration::from_millis(500));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_the_ceiling_nor_shorter_than_half_of_the_one_before(
            first in 1..10_000_u64, ceiling in 1..1_000_000_u64, failures in 1..u32::MAX, spread in -1.0..2.0_f64,
        ) {
            let backoff = Backoff { first: Duration::from_millis(first), ceiling: Duration::from_millis(ceiling) };
            let (now, later) = (backoff.wait(failures, spread), backoff.wait(failures.saturating_add(1), spread));
            prop_assert!(now <= backoff.ceiling && later >= now && later <= now * 2 + Duration::from_millis(1));
            prop_assert!(now >= backoff.first.min(backoff.ceiling) / 2);
        }
    }
}

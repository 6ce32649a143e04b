//! What has been said already, so that a lasting state is said once when it begins and once when it
//! ends, and not on every pass.

use std::collections::BTreeMap;

/// Lasting states by what they are about, as of the last pass.
#[derive(Debug)]
pub struct Ledger<K, V> {
    open: BTreeMap<K, V>,
}

impl<K, V> Default for Ledger<K, V> {
    fn default() -> Self {
        Self { open: BTreeMap::new() }
    }
}

/// The difference between two passes.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes<K, V> {
    /// What began, or is now different.
    pub begun: Vec<(K, V)>,
    /// What ended, as it last was.
    pub ended: Vec<(K, V)>,
}

impl<K: Ord + Clone, V: PartialEq + Clone> Ledger<K, V> {
    /// Takes in what holds now, and says what is new about it.
    pub fn update(&mut self, now: BTreeMap<K, V>) -> Changes<K, V> {
        let begun = now
            .iter()
            .filter(|(key, value)| self.open.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let ended = std::mem::replace(&mut self.open, now)
            .into_iter()
            .filter(|(key, _)| !self.open.contains_key(key))
            .collect();
        Changes { begun, ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_said_when_it_begins_changes_and_ends_and_not_between() {
        let mut ledger = Ledger::default();
        let world = |value| BTreeMap::from([("a", value)]);
        assert_eq!(ledger.update(world(1)), Changes { begun: vec![("a", 1)], ended: vec![] });
        assert_eq!(ledger.update(world(1)), Changes { begun: vec![], ended: vec![] });
        assert_eq!(ledger.update(world(2)), Changes { begun: vec![("a", 2)], ended: vec![] });
        assert_eq!(ledger.update(BTreeMap::new()), Changes { begun: vec![], ended: vec![("a", 2)] });
        assert_eq!(ledger.update(BTreeMap::new()), Changes { begun: vec![], ended: vec![] });
    }
}

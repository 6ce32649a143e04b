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
        self.update_known(now, |_| true)
    }

    /// The same where this pass could tell only of some of them: what is not `known` stays as it was.
    pub fn update_known(&mut self, mut now: BTreeMap<K, V>, known: impl Fn(&K) -> bool) -> Changes<K, V> {
        for (key, value) in self.open.iter().filter(|(key, _)| !known(key)) {
            now.entry(key.clone()).or_insert_with(|| value.clone());
        }
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

    #[test]
    fn what_is_not_known_goes_on_without_a_word() {
        let mut ledger = Ledger::default();
        ledger.update(BTreeMap::from([("a", 1), ("b", 1)]));
        let changes = ledger.update_known(BTreeMap::new(), |key| *key == "b");
        assert_eq!(changes, Changes { begun: vec![], ended: vec![("b", 1)] });
        assert_eq!(ledger.update(BTreeMap::from([("a", 1)])), Changes { begun: vec![], ended: vec![] });
    }
}

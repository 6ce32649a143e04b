//! What is as declared: most of all there is, so what is kept is what is not.

use std::sync::Arc;

use crate::model::manifest::Declared;

/// The resources that are as declared: all that are declared, but for some.
#[derive(Debug, Clone, Default)]
pub struct InSync {
    declared: Arc<Vec<Arc<Declared>>>,
    /// Where the others are, in ascending order.
    others: Vec<usize>,
}

impl InSync {
    /// These, which are among what is declared and in its order.
    pub(in crate::model) fn only(declared: &Arc<Vec<Arc<Declared>>>, in_sync: &[&Arc<Declared>]) -> Self {
        let mut in_sync = in_sync.iter().peekable();
        let mut is_other = |slot: &Arc<Declared>| in_sync.next_if(|it| std::ptr::eq(**it, slot)).is_none();
        let slots = declared.iter().enumerate().filter(|(_, slot)| is_other(slot));
        let others = slots.map(|(at, _)| at).collect();
        Self { declared: Arc::clone(declared), others }
    }

    /// All that is declared but for what is at these places, which are in ascending order.
    pub(in crate::model) fn all_but(declared: &Arc<Vec<Arc<Declared>>>, others: Vec<usize>) -> Self {
        Self { declared: Arc::clone(declared), others }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.declared.len() - self.others.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What declares them, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Declared> {
        let mut others = self.others.iter().peekable();
        let all = self.declared.iter().enumerate();
        all.filter(move |(at, _)| others.next_if_eq(&at).is_none()).map(|(_, declared)| &**declared)
    }

    /// What declares the others, in the order of their addresses.
    pub(in crate::model) fn others(&self) -> impl Iterator<Item = &Declared> {
        self.others.iter().map(|at| &*self.declared[*at])
    }
}

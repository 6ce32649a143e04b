//! Who speaks for what. What some file speaks for, sound or not, is no orphan.

use super::index::{Map, Set};
use crate::model::address::Identity;
use crate::model::manifest::Declared;

/// Identities that files speak for, and in which way.
#[derive(Default)]
pub(super) struct Claims<'a> {
    declared: Map<&'a Identity, &'a Declared>,
    /// What a file renames, with what it is to be.
    renamed: Map<Identity, Identity>,
    /// From what each declared template would be renamed, done or not.
    wishes: Map<Identity, Identity>,
    /// The ids of templates that files turned out to be about, but for those that are as they were recorded.
    taken: Set<String>,
    /// What is spoken for by way of something else: the old place of what moves, for example.
    others: Set<Identity>,
    /// What files declared last that are in error now.
    reserved: Set<Identity>,
    /// Files of which something could not be planned: it is not known for what else they speak.
    open_files: Set<String>,
}

impl<'a> Claims<'a> {
    /// Of so many identities, all of them different ones.
    pub(super) fn with_room(declared: usize) -> Self {
        let mut claims = Self::default();
        claims.declared.reserve(declared);
        claims
    }

    /// Some file declares it. Returns what has declared it before.
    pub(super) fn declare(&mut self, identity: &'a Identity, declared: &'a Declared) -> Option<&'a Declared> {
        self.declared.insert(identity, declared)
    }

    /// Whether some file declares it.
    pub(super) fn is_declared(&self, identity: &Identity) -> bool {
        self.declared.contains_key(identity)
    }

    /// A file says that this was once the other.
    pub(super) fn wish(&mut self, new: Identity, old: Identity) {
        self.wishes.insert(new, old);
    }

    /// Whether two files say of each other's template that it was once theirs.
    pub(super) fn are_swapped(&self, new: &Identity, old: &Identity) -> bool {
        self.wishes.get(new) == Some(old) && self.wishes.get(old) == Some(new)
    }

    /// Some file renames what is recorded as the one to the other.
    pub(super) fn rename(&mut self, old: Identity, new: Identity) {
        self.renamed.insert(old, new);
    }

    /// Whether some file renames what is recorded as the one to the other.
    pub(super) fn is_renamed(&self, old: &Identity, new: &Identity) -> bool {
        self.renamed.get(old) == Some(new)
    }

    /// Something could not be planned for this file.
    pub(super) fn leave_open(&mut self, file: &str) {
        self.open_files.insert(file.to_owned());
    }

    /// Claims it. False where a file speaks for it already.
    pub(super) fn insert(&mut self, identity: Identity) -> bool {
        !self.declared.contains_key(&identity) && !self.reserved.contains(&identity) && self.others.insert(identity)
    }

    /// Whether a file speaks for it.
    pub(super) fn contains(&self, identity: &Identity) -> bool {
        let is_claimed = self.declared.contains_key(identity) || self.others.contains(identity);
        is_claimed || self.renamed.contains_key(identity) || self.reserved.contains(identity)
    }

    /// The file that declared it last is in error: what it says of it now is not known.
    pub(super) fn reserve(&mut self, identity: &Identity) {
        if !self.declared.contains_key(identity) {
            self.reserved.insert(identity.clone());
        }
    }

    /// Whether it stays as it is, since the file that declared it last is in error.
    pub(super) fn is_reserved(&self, identity: &Identity) -> bool {
        self.reserved.contains(identity)
    }

    /// The template of this id is what some file is about.
    pub(super) fn take(&mut self, id: &str) {
        self.taken.insert(id.to_owned());
    }

    /// Whether some file is about the template of this id.
    pub(super) fn is_taken(&self, id: &str) -> bool {
        self.taken.contains(id)
    }

    /// Whether a file wants it for itself: declares it, or renames it to something else than `here`. Then it is
    /// nothing that `here` takes the place of, whatever was begun.
    pub(super) fn is_wanted(&self, identity: &Identity, here: &Identity) -> bool {
        self.declared.contains_key(identity) || self.renamed.get(identity).is_some_and(|new| new != here)
    }

    /// Whether a file may speak for more than could be told.
    pub(super) fn is_open(&self, file: &str) -> bool {
        self.open_files.contains(file)
    }
}

//! Templates under other names than their files give them: renamed by a file, or by somebody.

use super::Planner;
use super::resolve::Resolved;
use crate::model::address::{Identity, Scope};
use crate::model::manifest::Declared;
use crate::model::observed::LiveTemplate;
use crate::model::plan::Bookkeeping;
use crate::model::recorded::RecordedResource;
use crate::model::source::Problem;

/// What a `renamed_from` comes to.
pub(super) enum Rename<'a, 'd> {
    /// Nothing.
    None,
    /// It has its new name already, and is recorded under its old one: the answer to the rename was lost.
    Done(&'a RecordedResource),
    /// It is to be looked for under this name.
    Open(&'d str),
}

impl<'a, 'd> Rename<'a, 'd> {
    pub(super) fn done(&self) -> Option<&'a RecordedResource> {
        if let Rename::Done(record) = self { Some(record) } else { None }
    }

    pub(super) fn open(&self) -> Option<&'d str> {
        if let Rename::Open(old) = self { Some(old) } else { None }
    }
}

impl<'a> Planner<'a> {
    /// What the file's `renamed_from` comes to. What it says about the old name is history once the rename was
    /// recorded, and the old name is no longer.
    pub(super) fn rename<'d>(
        &mut self,
        declared: &'d Declared,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
    ) -> Result<Rename<'a, 'd>, Problem> {
        let Some(old) = declared.lifecycle.renamed_from.as_deref() else { return Ok(Rename::None) };
        let identity = Identity::ConnectionTemplate { scope: scope.clone(), name: old.to_owned() };
        let record = self.index.record(&identity);
        let named = |name: &str| self.index.templates(scope, name).first().copied();
        // Known by its id, whatever somebody calls it.
        let before = record.and_then(|record| match &record.template_id {
            Some(id) => self.index.template(scope, id),
            None => named(old),
        });
        if self.claimed.are_swapped(&resolved.identity, &identity) {
            let message = format!("{} cannot be renamed from {old:?}, which is to be renamed to it", declared.address);
            let help = "swap two names in steps: rename one to a third name, apply, rename the other, apply, and so on";
            return Err(Problem::at(declared.place.clone(), message).help(help));
        }
        if let Some(record) = record.filter(|_| self.claimed.is_reserved(&identity)) {
            return Err(while_in_error(declared, old, &record.source.file));
        }
        if record.is_some() && self.claimed.is_declared(&identity) && !self.is_recorded(&resolved.identity) {
            return Err(spoken_for(declared, old));
        }
        if self.is_recorded(&resolved.identity) {
            let is_meant = before.is_some() && !self.claimed.contains(&identity);
            return if is_meant { Err(self.made_anew(declared, old, identity)) } else { Ok(Rename::None) };
        }
        let Some(new) = named(name) else { return Ok(Rename::Open(old)) };
        if let Some(record) = record.filter(|record| record.template_id.as_ref() == Some(&new.id)) {
            // Whatever becomes of the rest, it is known under its new name from now on.
            self.claimed.insert(identity.clone());
            let renamed = RecordedResource { address: declared.address.clone(), ..record.clone() };
            let renamed = Bookkeeping::Record(resolved.identity.clone(), Box::new(renamed));
            self.plan.bookkeeping.extend([Bookkeeping::Forget(identity), renamed]);
            return Ok(Rename::Done(record));
        }
        if before.is_none() {
            return Ok(Rename::None);
        }
        Err(self.taken(declared, old, identity))
    }

    fn is_recorded(&self, identity: &Identity) -> bool {
        self.recorded.resources.contains_key(identity)
    }

    /// The file says too late that it renames: the new one is made already.
    fn made_anew(&mut self, declared: &Declared, old: &str, identity: Identity) -> Problem {
        let help = format!(
            "versync has made or adopted one under the new name already: to keep the one called {old:?}, give it that name in \
             its file again, have the other one deleted, and rename it then; to keep the new one, remove `renamed_from`, and \
             {old:?} is no longer declared"
        );
        self.taken(declared, old, identity).help(help)
    }

    /// Two templates where the file speaks of one. It speaks for the old one still, so that is no orphan.
    fn taken(&mut self, declared: &Declared, old: &str, identity: Identity) -> Problem {
        self.claimed.insert(identity);
        let message =
            format!("{} cannot be renamed from {old:?}: the platform has another of its new name", declared.address);
        let help = "choose another name, or delete the one that is not in use; where that one is renamed as well, apply \
                    one rename after the other; where the rename is long done, remove `renamed_from`";
        Problem::at(declared.place.clone(), message).help(help)
    }

    /// The live templates of a name that may be the declared one. Those of the name are not, where the one that is
    /// recorded is there under another name: that one is known by its id, whatever somebody has called it or others. Nor
    /// are those that are recorded as what another file speaks for, or as what its template takes the place of.
    pub(super) fn candidates(&self, scope: &Scope, name: &str, rename: &Rename<'_, '_>) -> Vec<&'a LiveTemplate> {
        let known = Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() };
        let recorded = self.index.record(&known).and_then(|known| known.template_id.as_deref());
        let recorded = recorded.and_then(|id| self.index.template(scope, id)).filter(|_| rename.done().is_none());
        let is_anothers = |template: &LiveTemplate| {
            let owner = self.index.owner(&template.id).filter(|_| rename.done().is_none());
            owner.is_some_and(|owner| self.claimed.contains(owner) && !is_named(owner, scope, name))
        };
        let has_strayed = recorded.is_some_and(|known| known.name != name);
        // Two files that rename the same one are told so.
        let is_taken = |template: &LiveTemplate| rename.open().is_none() && self.claimed.is_taken(&template.id);
        let may_be = |template: &&LiveTemplate| !has_strayed && !is_anothers(template) && !is_taken(template);
        self.index.templates(scope, name).iter().copied().filter(may_be).collect()
    }

    /// A template that is recorded as this, and that somebody has given another name, unless another file has taken it
    /// over, or has renamed it.
    pub(super) fn renamed_by_somebody<'t>(
        &mut self,
        identity: &Identity,
        scope: &Scope,
        live: &'t [LiveTemplate],
        recorded: Option<&RecordedResource>,
    ) -> Option<&'t LiveTemplate> {
        let ours = recorded?.template_id.as_deref()?;
        let found = live.iter().find(|template| template.id == ours)?;
        let other = Identity::ConnectionTemplate { scope: scope.clone(), name: found.name.clone() };
        if self.is_taken(scope, found) || self.claimed.is_renamed(identity, &other) {
            return None;
        }
        let namesake = self.recorded.resources.get(&other).and_then(|resource| resource.template_id.as_ref());
        if namesake.is_none_or(|namesake| *namesake == found.id) {
            self.claimed.insert(other);
        }
        Some(found)
    }

    /// Whether some file is about a template under the name that it has now.
    pub(super) fn is_taken(&self, scope: &Scope, found: &LiveTemplate) -> bool {
        let named = Identity::ConnectionTemplate { scope: scope.clone(), name: found.name.clone() };
        let is_recorded_so = || {
            let known = self.index.record(&named).and_then(|record| record.template_id.as_ref());
            known == Some(&found.id) && self.claimed.contains(&named)
        };
        self.claimed.is_taken(&found.id) || is_recorded_so()
    }
}

/// What is to be renamed is declared all the same, or renamed by another file as well.
pub(super) fn spoken_for(declared: &Declared, old: &str) -> Problem {
    let message = format!("{} cannot be renamed from {old:?}, for which a file speaks already", declared.address);
    let help = "remove the other declaration of it, or the other `renamed_from`, or this one; apply renames that follow \
                each other one after the other";
    Problem::at(declared.place.clone(), message).help(help)
}

fn while_in_error(declared: &Declared, old: &str, file: &str) -> Problem {
    let address = &declared.address;
    let message = format!("{address} cannot be renamed from {old:?} while {file}, which declared that, is in error");
    Problem::at(declared.place.clone(), message).help(format!("mend {file}"))
}

fn is_named(identity: &Identity, scope: &Scope, name: &str) -> bool {
    matches!(identity, Identity::ConnectionTemplate { scope: within, name: known } if within == scope && known == name)
}

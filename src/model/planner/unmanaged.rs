//! What is live, in the places that were read, and neither files nor state speak for.

use super::Planner;
use super::index::Other;
use crate::model::address::{Address, Scope, is_ulid};
use crate::model::export::written;
use crate::model::plan::Unmanaged;

impl Planner<'_> {
    /// Counts them, and lists them where the policy asks for that.
    pub(super) fn count_unmanaged(&mut self) {
        let mut unmanaged = Unmanaged::default();
        let mut listed = Vec::new();
        for other in self.index.others(&self.claimed) {
            match &other {
                Other::Template(scope, _) => *unmanaged.templates.entry((*scope).clone()).or_default() += 1,
                Other::Config(owner, _) => *unmanaged.configs.entry((*owner).clone()).or_default() += 1,
            }
            listed.extend(self.policy.lists_unmanaged.then(|| self.address_of(&other)));
        }
        listed.sort();
        self.plan.unmanaged = unmanaged;
        self.plan.listed_unmanaged = listed;
    }

    /// What files would call it.
    fn address_of(&self, other: &Other<'_>) -> Address {
        match other {
            Other::Template(scope, live) => {
                let (project, environment) = self.as_written(scope);
                Address::ConnectionTemplate { project, environment, name: live.name.clone() }
            }
            Other::Config(owner, id) => {
                let written = self.system_as_written(&owner.id).to_owned();
                Address::AuthSchemeConfig { kind: owner.kind, owner: written, id: (*id).to_owned() }
            }
        }
    }

    fn as_written(&self, scope: &Scope) -> (String, String) {
        let read = self.observed.projects.iter().filter_map(|(written, found)| Some((written, found.as_ref().ok()?)));
        let found = read.filter(|(_, project)| project.id == scope.project);
        // By its name where any file writes that.
        let Some((project, found)) = found.min_by_key(|(written, _)| is_ulid(written)) else {
            return (scope.project.clone(), scope.environment.clone());
        };
        let all = found.environments.iter().map(|(_, name)| name.as_str());
        let environment = found.environments.iter().find(|(id, _)| *id == scope.environment);
        let environment = environment.map_or(&*scope.environment, |(id, name)| written(id, name, all));
        (project.clone(), environment.to_owned())
    }
}

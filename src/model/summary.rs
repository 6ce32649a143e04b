//! A plan in numbers.

use serde::{Deserialize, Serialize};

use super::plan::{Action, Plan};
use super::source::Severity;
use super::wording::complaints;

/// How many resources there are of each sort; the shape of `summary` in the plan's JSON. Actions count
/// what applying would do; a held one counts as held only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub adopt: usize,
    pub drifted: usize,
    pub held: usize,
    pub unchanged: usize,
    pub unmanaged: usize,
    pub problems: usize,
    /// Not in the JSON's `summary`: what is only reported, because it is foreign or no longer declared.
    #[serde(default)]
    pub reported: usize,
    /// Not in the JSON's `summary` either: what is left as it is, since its file is in error.
    #[serde(default)]
    pub in_broken_files: usize,
    /// Nor this: those of the adopted that are only protected from now on.
    #[serde(default)]
    pub protect: usize,
    /// And those that no longer are.
    #[serde(default)]
    pub release: usize,
    /// Those of the problems that are warnings.
    #[serde(default)]
    pub warnings: usize,
}

impl Summary {
    /// Its problems in words; nothing where there are none.
    pub fn complaints(&self) -> Option<String> {
        complaints(self.problems - self.warnings, self.warnings)
    }

    /// How many resources of those that something is done about are there afterwards.
    pub fn stay(&self) -> usize {
        self.create + self.update + self.replace + self.adopt
    }
}

impl Plan {
    /// Counts.
    pub fn summary(&self) -> Summary {
        let due = |action| self.changes.iter().filter(|change| change.is_due() && change.action == action).count();
        let remembered = |is_protected| {
            self.changes.iter().filter(|it| it.is_due() && it.protection() == Some(is_protected)).count()
        };
        Summary {
            create: due(Action::Create),
            update: due(Action::Update),
            replace: due(Action::Replace),
            delete: due(Action::Delete),
            adopt: due(Action::Adopt),
            drifted: self.changes.iter().filter(|change| change.is_drifted()).count(),
            held: self.changes.iter().filter(|change| change.action != Action::None && change.held.is_some()).count(),
            unchanged: self.in_sync.len(),
            unmanaged: self.unmanaged.count(),
            problems: self.problems.len(),
            in_broken_files: self.in_broken_files,
            protect: remembered(true),
            release: remembered(false),
            warnings: self.problems.iter().filter(|problem| problem.severity == Severity::Warning).count(),
            reported: self.changes.iter().filter(|it| it.action == Action::None && !it.is_drifted()).count(),
        }
    }
}

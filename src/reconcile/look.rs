//! Looking at the live platform, as much of it as a pass needs.

use crate::io::versori::{ApiError, Names, Read, observe};
use crate::model::observed::{Observed, Wanted};
use crate::model::plan::Plan;
use crate::model::seen::{Seen, concerns};

/// How a pass looks at the live platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// At all that is declared or recorded.
    Whole,
    /// As far as something is to be done, judged by what was seen last: enough after an edit.
    WhereNeeded,
    /// Not at all: the recorded state stands in for it.
    Never,
}

/// What a look has found, and where it has looked; nothing where it has looked everywhere.
pub(super) struct Found {
    pub(super) observed: Observed,
    pub(super) only: Option<Wanted>,
}

/// Reads all that is wanted.
pub(super) async fn everywhere<A: Read>(api: &A, wanted: &Wanted, names: &mut Names) -> Result<Found, ApiError> {
    Ok(Found { observed: observe(api, wanted, names).await?, only: None })
}

/// Reads what was not seen before, and what the plan that `plan` makes of the rest is about.
pub(super) async fn where_needed<A: Read>(
    api: &A,
    wanted: &Wanted,
    names: &mut Names,
    seen: Seen,
    plan: impl FnOnce(&Observed) -> Plan,
) -> Result<Found, ApiError> {
    let Some((mut observed, mut looked)) = seen.part_of(wanted) else { return everywhere(api, wanted, names).await };
    take_in(&mut observed, api, &looked, names).await?;
    let Some(mut concerned) = concerns(&plan(&observed)) else { return everywhere(api, wanted, names).await };
    concerned.scopes.retain(|scope| !looked.scopes.contains(scope));
    concerned.owners.retain(|owner| !looked.owners.contains(owner));
    take_in(&mut observed, api, &concerned, names).await?;
    looked.scopes.append(&mut concerned.scopes);
    looked.owners.append(&mut concerned.owners);
    Ok(Found { observed, only: Some(looked) })
}

async fn take_in<A: Read>(
    observed: &mut Observed,
    api: &A,
    wanted: &Wanted,
    names: &mut Names,
) -> Result<(), ApiError> {
    if *wanted != Wanted::default() {
        let Observed { templates, configs, .. } = observe(api, wanted, names).await?;
        observed.templates.extend(templates);
        observed.configs.extend(configs);
    }
    Ok(())
}

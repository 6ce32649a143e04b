//! Looking at the live platform, as much of it as a pass needs.

use super::{Hands, Memory, PassError, Told};
use crate::io::folder::Manifests;
use crate::io::versori::{ApiError, Names, Read, observe};
use crate::model::desired::{Desired, ManifestFile, NoSecret, Parses};
use crate::model::observed::{Observed, Wanted};
use crate::model::plan::Plan;
use crate::model::recorded::Recorded;
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

/// What a pass goes by.
#[derive(Debug)]
pub struct Sight {
    /// The files.
    pub files: Vec<ManifestFile>,
    /// What they declare.
    pub desired: Desired,
    /// What was last applied.
    pub recorded: Recorded,
    /// What is live.
    pub observed: Observed,
    /// The git commit of the files.
    pub revision: Option<String>,
}

/// What a pass knows before it looks at the platform.
pub(super) struct Ground {
    pub(super) files: Vec<ManifestFile>,
    pub(super) desired: Desired,
    pub(super) recorded: Recorded,
    pub(super) wanted: Wanted,
    pub(super) revision: Option<String>,
}

/// Reads and looks at everything, as a pass does that only wants to know. `more` may add to what is looked at. With
/// [`Look::Never`] the recorded state stands in for the platform.
///
/// # Errors
///
/// As [`super::reconcile`].
pub async fn look<H: Hands, F: Manifests>(
    manifests: &F,
    memory: &mut Memory,
    look: Look,
    hands: &H,
    more: impl FnOnce(&mut Wanted),
) -> Result<Sight, PassError> {
    let Ground { files, desired, recorded, wanted, revision } =
        stand(manifests, &mut memory.parses, hands, more).await?;
    let observed = if look == Look::Never {
        Observed::from_recorded(&recorded, &wanted)
    } else {
        let found = everywhere(&Told::of(hands), &wanted, &mut memory.names).await;
        found.map_err(|error| PassError::Api { error, problems: desired.problems.clone() })?.observed
    };
    Ok(Sight { files, desired, recorded, observed, revision })
}

/// Reads the files, their secrets, and what is recorded.
pub(super) async fn stand<H: Hands, F: Manifests>(
    manifests: &F,
    parses: &mut Parses,
    hands: &H,
    more: impl FnOnce(&mut Wanted),
) -> Result<Ground, PassError> {
    let files = manifests.read().await?;
    let key = hands.digest_key()?;
    let recorded = hands.recorded()?;
    let mut desired = Desired::assemble_sharing(&files, parses, &recorded);
    desired.take_secrets(|reference| {
        let value =
            manifests.secret(reference).map_err(|error| NoSecret { why: error.to_string(), help: error.help() })?;
        let hash = key.digest(&value);
        Ok((value, hash))
    });
    let revision = manifests.revision();
    let mut wanted = desired.wanted(&recorded);
    more(&mut wanted);
    Ok(Ground { files, desired, recorded, wanted, revision })
}

/// What a look has found, and where it has looked; nothing where it has looked everywhere.
pub(super) struct Found {
    pub(super) observed: Observed,
    pub(super) only: Option<Wanted>,
    /// The plan that follows, where it was made already.
    pub(super) plan: Option<Plan>,
}

/// Reads all that is wanted.
pub(super) async fn everywhere<A: Read>(api: &A, wanted: &Wanted, names: &mut Names) -> Result<Found, ApiError> {
    Ok(Found { observed: observe(api, wanted, names).await?, only: None, plan: None })
}

/// Reads what was not seen before and what was `touched`, and what else the plan that `plan` makes then is about.
pub(super) async fn where_needed<A: Read>(
    api: &A,
    wanted: &Wanted,
    names: &mut Names,
    seen: Seen,
    touched: impl FnOnce(&Observed) -> Wanted,
    plan: impl FnOnce(&Observed) -> Plan,
) -> Result<Found, ApiError> {
    let Some((mut observed, mut looked)) = seen.part_of(wanted) else { return everywhere(api, wanted, names).await };
    looked.append(touched(&observed));
    take_in(&mut observed, api, &looked, names).await?;
    let plan = plan(&observed);
    let Some(mut concerned) = concerns(&plan) else { return everywhere(api, wanted, names).await };
    concerned.scopes.retain(|scope| !looked.scopes.contains(scope));
    concerned.owners.retain(|owner| !looked.owners.contains(owner));
    // What has been looked at just now needs no second plan.
    let plan = (concerned == Wanted::default()).then_some(plan);
    take_in(&mut observed, api, &concerned, names).await?;
    looked.append(concerned);
    Ok(Found { observed, only: Some(looked), plan })
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

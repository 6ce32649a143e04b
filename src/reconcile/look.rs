//! Looking at the live platform, as much of it as a pass needs.

use std::cell::OnceCell;
use std::mem;
use std::sync::Arc;

use futures_util::future::{join, try_join};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::ahead::{Ahead, Answers, Asking};
use super::{Hands, Memory, PassError, Told};
use crate::io::aside;
use crate::io::folder::Manifests;
use crate::io::manifests::FolderError;
use crate::io::secrets::DigestKey;
use crate::io::store::Reading;
use crate::io::versori::{ApiError, Names, Read, observe, observe_elsewhere};
use crate::model::desired::{Desired, ManifestFile, NoSecret, SecretHashes};
use crate::model::observed::{Observed, Wanted};
use crate::model::parses::Parses;
use crate::model::part::{Calm, Part};
use crate::model::plan::Plan;
use crate::model::planner::{self, Policy};
use crate::model::recorded::Recorded;
use crate::model::seen::{Seen, concerns, is_within, touched};

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

/// Whether the files are to be at rest when they are read, or whether that is found out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Awaited,
    /// Awaited only where something stands in the way of reading them.
    Unknown,
    /// Awaited by nobody: what stands in the way is another's concern.
    Ignored,
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
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) files: Vec<ManifestFile>,
    pub(super) desired: Desired,
    pub(super) secrets: SecretHashes,
    pub(super) recorded: Recorded,
    pub(super) revision: Option<String>,
    /// What has been read already.
    pub(super) answers: Answers,
    /// When the files had been read.
    pub(super) read_at: Instant,
    wanted: OnceCell<Wanted>,
}

impl Ground {
    fn of<F: Manifests>(
        manifests: &F,
        key: &DigestKey,
        (files, read_at): (Vec<ManifestFile>, Instant),
        mut desired: Desired,
        recorded: Recorded,
    ) -> Self {
        let secrets = desired.take_secrets(&recorded, |reference| {
            let value =
                manifests.secret(reference).map_err(|error| NoSecret { why: error.to_string(), help: error.help() })?;
            let hash = key.digest(&value);
            Ok((value, hash))
        });
        let revision = manifests.revision();
        let (answers, wanted) = (Answers::default(), OnceCell::new());
        Self { files, desired, secrets, recorded, revision, answers, read_at, wanted }
    }

    /// What a look at everything has to read.
    fn wanted(&self) -> &Wanted {
        self.wanted.get_or_init(|| self.desired.wanted(&self.recorded))
    }

    fn plan(&self, policy: &Policy, observed: &Observed) -> Plan {
        planner::plan(&self.desired, &self.recorded, observed, policy, self.revision.clone())
    }
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
    let ground = stand(manifests, Rest::Awaited, memory, look, hands).await?;
    let mut wanted = ground.wanted().clone();
    more(&mut wanted);
    let Ground { files, desired, recorded, revision, answers, .. } = ground;
    let observed = if look == Look::Never {
        Observed::from_recorded(&recorded, &wanted)
    } else {
        let api = Ahead { api: Told::of(hands), answers: &answers };
        let observed = observe(&api, &wanted, &mut memory.names, None).await;
        observed.map_err(|error| PassError::Api { error, problems: desired.problems.clone() })?
    };
    Ok(Sight { files, desired, recorded, observed, revision })
}

/// Reads the files, their secrets, and what is recorded. The first time, the platform is asked about what is recorded
/// meanwhile if the pass is to look at everything.
pub(super) async fn stand<H: Hands, F: Manifests>(
    manifests: &F,
    rest: Rest,
    memory: &mut Memory,
    look: Look,
    hands: &H,
) -> Result<Ground, PassError> {
    let is_first = !mem::replace(&mut memory.has_stood, true);
    let ground = if is_first && look == Look::Whole {
        // Boxed, since the daemon's loop would carry all of it.
        Box::pin(stand_asking(manifests, rest, memory, hands)).await?
    } else {
        // Both may wait for the disk.
        let state = async { (hands.digest_key(), hands.recorded()) };
        let (read, (key, recorded)) = join(read(manifests, rest), state).await;
        let ((files, read_at), key, recorded) = (read?, key?, recorded?);
        let desired = Desired::assemble_sharing(&files, &mut memory.parses, &recorded);
        Ground::of(manifests, &key, (files, read_at), desired, recorded)
    };
    memory.parses.remember(&ground.desired);
    Ok(ground)
}

/// The same while the platform is asked about what is recorded, as soon as it is known where that is.
async fn stand_asking<H: Hands, F: Manifests>(
    manifests: &F,
    rest: Rest,
    memory: &mut Memory,
    hands: &H,
) -> Result<Ground, PassError> {
    let key = hands.digest_key();
    let (api, asking) = (Told::of(hands), Asking::default());
    let Reading { glimpse, whole } = hands.reading();
    let ahead = async {
        asking.gather(&api, &*glimpse.await).await;
        Ok::<_, PassError>(())
    };
    let stand = async {
        // The requests go out meanwhile, for which reading the files would leave no time.
        let recorded = whole.await;
        let (files, read_at) = read(manifests, rest).await?;
        let (key, recorded) = (key?, recorded?);
        asking.share_with(&recorded);
        let resources = Arc::clone(&recorded.resources);
        let assemble = async {
            let desired;
            (desired, memory.parses) = assemble_aside(&files, &recorded, mem::take(&mut memory.parses)).await;
            let ground = Ground::of(manifests, &key, (files, read_at), desired, recorded);
            // There is time for it now.
            ground.wanted();
            ground
        };
        let (ground, ()) = join(assemble, asking.gather(&api, &resources)).await;
        Ok(ground)
    };
    let ((), ground) = try_join(ahead, stand).await?;
    Ok(Ground { answers: asking.done(), ..ground })
}

/// Reads the files, and tells when that was done.
async fn read<F: Manifests>(manifests: &F, rest: Rest) -> Result<(Vec<ManifestFile>, Instant), FolderError> {
    let files = match rest {
        Rest::Awaited => manifests.read().await?,
        Rest::Ignored => manifests.read_ahead().await?,
        Rest::Unknown => match manifests.read_ahead().await {
            Ok(files) => files,
            Err(_) => manifests.read().await?,
        },
    };
    Ok((files, Instant::now()))
}

/// Parses the files beside the thread that talks to the platform. That has a core to itself: an answer that waits for
/// one keeps the next request from being sent.
async fn assemble_aside(files: &[ManifestFile], recorded: &Recorded, mut parses: Parses) -> (Desired, Parses) {
    let (files, recorded) = (files.to_vec(), recorded.clone());
    aside(move || {
        parses.leaves_a_core = true;
        let desired = Desired::assemble_sharing(&files, &mut parses, &recorded);
        parses.leaves_a_core = false;
        (desired, parses)
    })
    .await
}

/// What a look has found, and what follows.
pub(super) struct Found {
    pub(super) observed: Observed,
    /// Where was looked; nothing where that was everywhere.
    pub(super) only: Option<Wanted>,
    pub(super) plan: Plan,
}

/// Looks as far as a pass has to, and plans.
pub(super) async fn find<A: Read>(
    api: &A,
    look: Look,
    ground: &Ground,
    policy: &Policy,
    memory: &mut Memory,
) -> Result<Found, ApiError> {
    let before = (memory.seen.take(), memory.calm.take());
    let mut found = match (look, before) {
        (Look::Never, _) => {
            let observed = Observed::from_recorded(&ground.recorded, ground.wanted());
            let plan = ground.plan(policy, &observed);
            Found { observed, only: None, plan }
        }
        (Look::WhereNeeded, (Some(seen), calm)) if ground.recorded.approvals.is_empty() => {
            let in_part = match calm {
                Some(calm) => at_part(api, ground, policy, memory, calm, seen).await?,
                None => Err(seen),
            };
            match in_part {
                Ok(found) => found,
                Err(seen) => where_needed(api, ground, policy, memory, seen).await?,
            }
        }
        (_, (seen, _)) => everywhere(api, ground, policy, &mut memory.names, seen.as_ref().map(Seen::observed)).await?,
    };
    if found.only.as_ref().is_some_and(|looked| !is_within(&found.plan, looked)) {
        found = everywhere(api, ground, policy, &mut memory.names, None).await?;
    }
    if found.plan.needs_every_template() {
        observe_elsewhere(api, &mut found.observed).await;
        found.plan = ground.plan(policy, &found.observed);
    }
    Ok(found)
}

/// Reads all that is wanted.
async fn everywhere<A: Read>(
    api: &A,
    ground: &Ground,
    policy: &Policy,
    names: &mut Names,
    last: Option<&Observed>,
) -> Result<Found, ApiError> {
    let observed = observe(api, ground.wanted(), names, last).await?;
    let plan = ground.plan(policy, &observed);
    Ok(Found { observed, only: None, plan })
}

/// Reads what the files' edit is about, and plans that part alone. Gives back what was seen where that is not enough.
async fn at_part<A: Read>(
    api: &A,
    ground: &Ground,
    policy: &Policy,
    memory: &mut Memory,
    calm: Calm,
    mut seen: Seen,
) -> Result<Result<Found, Seen>, ApiError> {
    let Ground { desired, secrets, recorded, revision, .. } = ground;
    let Some(part) = Part::of(&calm, memory.parses.edit(), (desired, secrets), recorded, &seen) else {
        return Ok(Err(seen));
    };
    let look = async {
        if part.looks.is_empty() {
            return Ok(Observed::default());
        }
        observe(api, &part.looks, &mut memory.names, Some(seen.observed())).await
    };
    let remember = async {
        // The requests go out first.
        yield_now().await;
        part.recorded(recorded)
    };
    let (read, recorded) = join(look, remember).await;
    if !seen.renew(read?) {
        return Ok(Err(seen));
    }
    let plan = part.plan(&calm, (desired, &recorded), &mut seen, |desired, recorded, observed| {
        planner::plan(desired, recorded, observed, policy, revision.clone())
    });
    let Some(mut plan) = plan else { return Ok(Err(seen)) };
    let observed;
    (observed, plan.unlooked) = seen.into_parts();
    debug_assert!(!plan.unlooked.is_empty() || plan.says_the_same(&ground.plan(policy, &observed)));
    Ok(Ok(Found { observed, only: Some(part.looks), plan }))
}

/// Reads what was not seen before and what the files' edit touches, and what else the plan that follows is about.
async fn where_needed<A: Read>(
    api: &A,
    ground: &Ground,
    policy: &Policy,
    memory: &mut Memory,
    seen: Seen,
) -> Result<Found, ApiError> {
    let Memory { names, parses, .. } = memory;
    let Some((mut observed, mut looked)) = seen.part_of(ground.wanted()) else {
        return everywhere(api, ground, policy, names, None).await;
    };
    looked.append(touched(parses.edit().after(&ground.desired), &ground.recorded, &observed));
    take_in(&mut observed, api, &looked, names).await?;
    let mut plan = ground.plan(policy, &observed);
    let Some(mut concerned) = concerns(&plan) else { return everywhere(api, ground, policy, names, None).await };
    concerned.scopes.retain(|scope| !looked.scopes.contains(scope));
    concerned.owners.retain(|owner| !looked.owners.contains(owner));
    // What has been looked at just now needs no second plan.
    if !concerned.is_empty() {
        take_in(&mut observed, api, &concerned, names).await?;
        plan = ground.plan(policy, &observed);
        looked.append(concerned);
    }
    Ok(Found { observed, only: Some(looked), plan })
}

async fn take_in<A: Read>(
    observed: &mut Observed,
    api: &A,
    wanted: &Wanted,
    names: &mut Names,
) -> Result<(), ApiError> {
    if !wanted.is_empty() {
        let Observed { templates, configs, .. } = observe(api, wanted, names, Some(observed)).await?;
        observed.templates.extend(templates);
        observed.configs.extend(configs);
    }
    Ok(())
}

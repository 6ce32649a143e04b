//! The secrets that resources refer to: read once in each pass, and compared by their keyed hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use super::Desired;
use crate::model::document::SecretRef;
use crate::model::manifest::Declared;
use crate::model::recorded::{FieldsByAddress, Recorded};
use crate::model::source::{Problem, sort_problems};

/// For so many resources, it is not looked up what is recorded: they were edited, and will be recorded anew.
const FEW: usize = 16;

/// Secrets, by where they are.
pub type Secrets = BTreeMap<SecretRef, SecretString>;

/// The keyed hash of every secret that is referred to.
pub type SecretHashes = BTreeMap<SecretRef, String>;

/// Why there is no secret where a reference points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSecret {
    /// What is wrong.
    pub why: String,
    /// How to mend it, where `why` does not say so.
    pub help: Option<&'static str>,
}

/// Which of the resources in their order refer to secrets, and which of these hold the hashes in their fields already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Referring {
    /// Where those are that refer to each secret.
    places: Arc<BTreeMap<SecretRef, BTreeSet<usize>>>,
    /// The hashes that their fields hold, but for those at the places in `fresh`.
    hashes: Arc<SecretHashes>,
    fresh: BTreeSet<usize>,
    /// Whether some of what is declared was left out, since a secret could not be read.
    pub(crate) is_lacking: bool,
}

impl Referring {
    /// None of these holds a hash yet.
    pub(super) fn of(resources: &[Arc<Declared>]) -> Self {
        let mut places = BTreeMap::new();
        resources.iter().enumerate().for_each(|(at, declared)| note(&mut places, at, declared));
        Self { places: Arc::new(places), ..Self::default() }
    }

    /// At this place there is another one now.
    pub(super) fn replace(&mut self, at: usize, before: &Declared, now: &Declared) {
        if before.secrets.is_empty() && now.secrets.is_empty() {
            return;
        }
        let places = Arc::make_mut(&mut self.places);
        for (_, secret) in &before.secrets {
            places.get_mut(&secret.value).map(|places| places.remove(&at));
        }
        places.retain(|_, places| !places.is_empty());
        note(places, at, now);
        self.fresh.insert(at);
    }
}

/// Notes which secrets the resource at this place refers to.
fn note(places: &mut BTreeMap<SecretRef, BTreeSet<usize>>, at: usize, declared: &Declared) {
    for (_, secret) in &declared.secrets {
        places.entry(secret.value.clone()).or_default().insert(at);
    }
}

impl Desired {
    /// Reads every secret that is referred to, each once. `read` gives its value and its keyed hash, or why
    /// there is none: then the resources that refer to it take no part, and are no orphans either. Returns the hashes.
    /// Fields that are recorded just so are not kept a second time.
    pub fn take_secrets(
        &mut self,
        recorded: &Recorded,
        mut read: impl FnMut(&SecretRef) -> Result<(SecretString, String), NoSecret>,
    ) -> SecretHashes {
        let (mut secrets, mut hashes, mut missing) = (Secrets::new(), SecretHashes::new(), Vec::new());
        let mut changed = mem::take(&mut self.referring.fresh);
        for (reference, places) in self.referring.places.iter() {
            match read(reference) {
                Ok((secret, hash)) => {
                    if self.referring.hashes.get(reference) != Some(&hash) {
                        changed.extend(places);
                    }
                    secrets.insert(reference.clone(), secret);
                    hashes.insert(reference.clone(), hash);
                }
                Err(why) => missing.push((reference.clone(), why)),
            }
        }
        if !changed.is_empty() {
            let known = if changed.len() > FEW { recorded.fields_by_address() } else { FieldsByAddress::default() };
            let resources = Arc::make_mut(&mut self.resources);
            for at in changed {
                // What is kept of the file knows no hashes.
                let Declared { address, secrets, fields, .. } = Arc::make_mut(&mut resources[at]);
                for (name, secret) in secrets.iter() {
                    fields.extend(hashes.get(&secret.value).map(|hash| (*name, Value::String(hash.clone()))));
                }
                if let Some(known) = known.get(address) {
                    fields.share_with(known);
                }
            }
        }
        self.leave_out(&missing);
        (self.secrets, self.referring.hashes) = (Arc::new(secrets), Arc::new(hashes.clone()));
        hashes
    }

    /// Leaves out what refers to secrets that could not be read.
    fn leave_out(&mut self, missing: &[(SecretRef, NoSecret)]) {
        if missing.is_empty() {
            return;
        }
        self.referring.is_lacking = true;
        for (reference, NoSecret { why, help }) in missing {
            let places = self.referring.places.get(reference).into_iter().flatten();
            for resource in places.map(|at| &self.resources[*at]) {
                for (name, secret) in resource.secrets.iter().filter(|(_, secret)| secret.value == *reference) {
                    let message = format!("{} cannot use its {name}: {why}", resource.address);
                    let problem = Problem::at(secret.place.clone(), message);
                    self.problems.push(Problem { help: help.map(str::to_owned), ..problem });
                    self.disputed.insert(resource.address.clone());
                }
            }
        }
        Arc::make_mut(&mut self.resources).retain(|resource| !self.disputed.contains(&resource.address));
        sort_problems(&mut self.problems);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;
    use crate::model::parses::Parses;
    use crate::model::source::SourceFile;

    #[test]
    fn fields_hold_the_hashes_of_the_secrets_that_files_refer_to_now() {
        let plain = |id: &str| file("", id).text().to_owned();
        let secret = |id: &str| {
            plain(id).replace("none", "oauth2")
                + "authorize_url = \"https://a.example\"\ntoken_url = \"https://a.example\"\nscopes = []\n\
                   default_scopes = []\n\
                   grant = { type = \"password\", client_id = \"c\", client_secret = { env = \"S\" } }\n"
        };
        let mut parses = Parses::default();
        // The hashes that the resources then have; of one that is left out, nothing.
        let mut read = |b: &str, c: &str, hash: Option<&str>| {
            let files = [Ok(file("a.toml", "a")), Ok(SourceFile::new("b.toml", b)), Ok(SourceFile::new("c.toml", c))];
            let mut desired = Desired::assemble_known(&files, &mut parses);
            let mut asked = 0;
            desired.take_secrets(&Recorded::default(), |_| {
                asked += 1;
                let hash = hash.ok_or_else(|| NoSecret { why: "is not set".to_owned(), help: None })?;
                Ok((SecretString::from("hunter2"), hash.to_owned()))
            });
            parses.remember(&desired);
            let fields = desired.resources.iter().map(|it| it.fields.get("grant.client_secret").cloned());
            let hashes = fields.map(|hash| hash.map_or(String::new(), |hash| hash.as_str().unwrap().to_owned()));
            (asked, desired.problems.len(), hashes.collect::<Vec<_>>().join(","))
        };
        let (b, c, with_b, with_c) = (plain("b"), plain("c"), secret("b"), secret("c"));
        let mut expect = |b: &str, c: &str, hash: Option<&str>, expected: (usize, usize, &str)| {
            let (asked, problems, hashes) = read(b, c, hash);
            assert_eq!((asked, problems, hashes.as_str()), expected);
        };
        expect(&with_b, &c, Some("one"), (1, 0, ",one,"));
        expect(&b, &c, Some("one"), (0, 0, ",,"));
        expect(&with_b, &c, Some("one"), (1, 0, ",one,"));
        expect(&with_b, &c, Some("two"), (1, 0, ",two,"));
        expect(&with_b, &with_c, Some("two"), (1, 0, ",two,two"));
        expect(&b, &with_c, Some("three"), (1, 0, ",,three"));
        expect(&with_b, &with_c, None, (1, 2, ""));
        expect(&with_b, &with_c, Some("three"), (1, 0, ",three,three"));
    }
}

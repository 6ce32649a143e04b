//! What is allowed and still looks like a mistake, as far as the files alone tell. Only `validate` says it: what is live
//! may make it right.

use std::collections::{BTreeMap, BTreeSet};

use super::address::OwnerKind;
use super::auth_scheme_config::{CLIENT_CREDENTIALS, CLIENT_ID, GRANT_TYPE};
use super::desired::Desired;
use super::document::locate;
use super::manifest::{Declared, Target};
use super::rule::Rule;
use super::source::{Problem, nearest};

/// Warnings about what the files declare.
pub fn warnings(desired: &Desired) -> Vec<Problem> {
    let clients = desired.resources.iter().filter_map(|resource| no_client(resource));
    clients.chain(unknown_configs(desired)).map(Problem::warning).collect()
}

/// The grants of versync's users, rather than of each end user, need a client.
fn no_client(resource: &Declared) -> Option<Problem> {
    let grant = resource.fields.get(GRANT_TYPE.name)?.as_str()?;
    if grant == CLIENT_CREDENTIALS || resource.fields.contains_key(CLIENT_ID.name) {
        return None;
    }
    let place = locate(&resource.place, &["grant"], None).unwrap_or_else(|| resource.place.clone());
    let message = format!("without a client_id no token can be had by this {grant} grant");
    let help = "add client_id = \"…\" and client_secret = { env = \"NAME\" }, unless they are set on the platform";
    Some(Problem::at(place, message).of(Rule::MissingKey).help(help))
}

/// What a template lists and no file declares, where the same file declares something of nearly that name on the same
/// system. Anything else may be on the platform already.
fn unknown_configs(desired: &Desired) -> Vec<Problem> {
    // What a file in error declares is not known.
    if !desired.broken_files.is_empty() {
        return Vec::new();
    }
    let mut ids = BTreeSet::new();
    let mut beside: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for resource in desired.resources.iter() {
        if let Target::AuthSchemeConfig { kind: OwnerKind::System, owner, id } = &resource.target {
            ids.insert(id.as_str());
            beside.entry((resource.place.file(), &owner.value)).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    for resource in desired.resources.iter() {
        let Target::ConnectionTemplate { system, auth_scheme_configs, .. } = &resource.target else { continue };
        let Some(near) = beside.get(&(resource.place.file(), system.value.as_str())) else { continue };
        for listed in auth_scheme_configs.iter().filter(|listed| !ids.contains(listed.value.as_str())) {
            if let Some(meant) = nearest(&listed.value, near) {
                let message =
                    format!("no file declares an auth scheme config {:?} of {:?}", listed.value, system.value);
                found.push(Problem::at(listed.place.clone(), message).help(format!("did you mean {meant:?}?")));
            }
        }
    }
    found
}

//! What a plan goes by, kept for one resource that somebody asks about: the verdicts are the planner's own.

use serde_json::Value;

use super::Planner;
use super::compare::judge_fields;
use super::resolve::Resolved;
use crate::model::address::{Address, Identity, Owner, OwnerKind, Scope, is_ulid};
use crate::model::auth_scheme_config::field_named;
use crate::model::connection_template::{self, SYSTEM};
use crate::model::manifest::Declared;
use crate::model::observed::{Observed, Unread};
use crate::model::plan::{Cause, Step};
use crate::model::recorded::{RecordedResource, References};
use crate::model::schema::{Field, Fields};
use crate::model::source::Problem;
use crate::model::three_way::Verdict;

/// What was compared of one resource.
#[derive(Debug, Clone)]
pub struct Compared {
    /// What it is; nothing where its names mean nothing.
    pub identity: Option<Identity>,
    /// What the references in its file mean.
    pub references: References,
    /// Whether it is live; nothing where that is not known.
    pub is_live: Option<bool>,
    /// The platform's id of a live template.
    pub template_id: Option<String>,
    /// As what it is recorded, where it was compared with that: before a rename, under its old name.
    pub recorded_as: Option<Address>,
    /// Every field that it has, as far as it came to a comparison.
    pub fields: Vec<FieldView>,
    /// What keeps it from being compared.
    pub problems: Vec<Problem>,
}

/// One field with its three values, as they may be shown. Those of a secret are `null` where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldView {
    /// The field's name in manifests.
    pub path: &'static str,
    /// What the files want.
    pub declared: Option<Value>,
    /// What was last applied.
    pub recorded: Option<Value>,
    /// What is live. Nothing where the platform does not show it.
    pub observed: Option<Value>,
    /// Whether the values may not be shown.
    pub sensitive: bool,
    /// What the three say.
    pub case: FieldCase,
}

/// What the values of a field say, or why nothing is made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldCase {
    /// The verdict of the comparison.
    Judged(Verdict),
    /// `lifecycle.ignore` has it left alone.
    Ignored,
    /// There is nothing live to compare it with.
    Missing(Cause),
    /// No file declares the resource any more, so nothing is compared.
    Undeclared,
}

/// Keeps what is compared of one resource.
pub(super) struct Watch {
    address: Address,
    seen: Option<Compared>,
}

impl Watch {
    pub(super) fn over(address: Address) -> Self {
        Self { address, seen: None }
    }
}

impl Planner<'_> {
    /// Whether somebody asks about this resource, so that a comparison may not be cut short.
    pub(super) fn watches(&self, address: &Address) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.address == *address)
    }

    fn seen(&mut self, declared: &Declared) -> Option<&mut Compared> {
        self.watch.as_mut().filter(|watch| watch.address == declared.address)?.seen.as_mut()
    }

    pub(super) fn note_meaning(&mut self, declared: &Declared, resolved: &Resolved<'_>) {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.address == declared.address) else { return };
        watch.seen = Some(Compared { references: resolved.references(), ..Compared::of(Some(&resolved.identity)) });
    }

    /// Keeps the problems that were planned behind the first so many.
    pub(super) fn note_problems(&mut self, declared: &Declared, behind: usize) {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.address == declared.address) else { return };
        let seen = watch.seen.get_or_insert_with(|| Compared::of(None));
        seen.problems.extend_from_slice(&self.plan.problems[behind..]);
    }

    pub(super) fn note_missing(&mut self, declared: &Declared, wanted: &Fields, identity: &Identity) {
        if !self.watches(&declared.address) {
            return;
        }
        let recorded = self.recorded.resources.get(identity);
        let cause = if recorded.is_some() { Cause::Drift } else { Cause::Manifest };
        let before = |name: &str| recorded.and_then(|recorded| recorded.fields.get(name));
        let view = |(name, value): (&&'static str, &Value)| {
            self.view(known(name)?, Some(value), before(name), None, FieldCase::Missing(cause))
        };
        let fields = wanted.iter().filter_map(view).collect();
        if let Some(seen) = self.seen(declared) {
            (seen.is_live, seen.fields) = (Some(false), fields);
        }
    }

    pub(super) fn note_comparison(
        &mut self,
        declared: &Declared,
        fields: &[&'static Field],
        wanted: &Fields,
        recorded: Option<&RecordedResource>,
        (live, template_id): (&Fields, Option<&str>),
    ) {
        if !self.watches(&declared.address) {
            return;
        }
        let judged = judge_fields(fields, wanted, recorded, live, &declared.lifecycle);
        let view = |judged: super::compare::Judged<'_>| {
            let case = judged.verdict.map_or(FieldCase::Ignored, FieldCase::Judged);
            let live = live.get(judged.field.name).cloned().unwrap_or_else(|| judged.field.default_value());
            self.view(judged.field, judged.wanted, judged.before, Some(&live), case)
        };
        let fields = judged.filter_map(view).collect();
        if let Some(seen) = self.seen(declared) {
            (seen.is_live, seen.fields) = (Some(true), fields);
            seen.template_id = template_id.map(str::to_owned);
            seen.recorded_as = recorded.map(|recorded| recorded.address.clone());
        }
    }

    /// What was compared of the resource that is watched; of one that no file declares, what is recorded and live.
    pub(super) fn compared(&mut self) -> Option<Compared> {
        let watch = self.watch.take()?;
        if watch.seen.is_some() {
            return watch.seen;
        }
        let (identity, resource) = self.recorded.resources.iter().find(|(_, known)| known.address == watch.address)?;
        let mut compared =
            Compared { references: References::clone(&resource.references), ..Compared::of(Some(identity)) };
        let live = match self.find_live(identity, resource) {
            Ok(found) => {
                compared.is_live = Some(found.is_some());
                found
            }
            Err(why) => {
                compared.problems.push(Problem::general(format!("cannot tell whether it still exists: {why}")));
                None
            }
        };
        let (step, live) = live.unwrap_or((Step::Nothing, Fields::new()));
        compared.template_id = step.template_id().map(str::to_owned);
        let names = resource.fields.keys().chain(live.keys().filter(|name| !resource.fields.contains_key(name)));
        let view = |name: &&'static str| {
            self.view(known(name)?, None, resource.fields.get(name), live.get(name), FieldCase::Undeclared)
        };
        compared.fields = names.filter_map(view).collect();
        compared.fields.sort_by_key(|field| field.path);
        Some(compared)
    }

    /// A field as it may be shown, with systems as files write them.
    fn view(
        &self,
        field: &'static Field,
        declared: Option<&Value>,
        recorded: Option<&Value>,
        observed: Option<&Value>,
        case: FieldCase,
    ) -> Option<FieldView> {
        let sensitive = field.is_secret();
        let shown = |value: &Value| match value.as_str() {
            _ if sensitive => Value::Null,
            Some(id) if field.name == SYSTEM.name => Value::String(self.system_as_written(id).to_owned()),
            _ => field.shown(value.clone()),
        };
        // What has no value anywhere says nothing.
        let is_known = declared.is_some() || recorded.is_some() || observed.is_some_and(|value| !value.is_null());
        is_known.then(|| FieldView {
            path: field.name,
            declared: declared.map(shown),
            recorded: recorded.map(shown),
            observed: observed.filter(|value| !sensitive && !value.is_null()).map(shown),
            sensitive,
            case,
        })
    }
}

impl Compared {
    fn of(identity: Option<&Identity>) -> Self {
        let (references, fields, problems) = Default::default();
        Self {
            identity: identity.cloned(),
            references,
            is_live: None,
            template_id: None,
            recorded_as: None,
            fields,
            problems,
        }
    }

    /// What is live under an identity of which neither files nor state know; nothing where nothing is.
    pub fn of_unmanaged(identity: &Identity, observed: &Observed) -> Option<Self> {
        let (fields, template_id) = match identity {
            Identity::ConnectionTemplate { scope, name } => {
                let list = observed.templates.get(scope)?.as_ref().ok()?;
                let live = list.iter().find(|template| template.name == *name)?;
                (live.fields(), Some(live.id.clone()))
            }
            Identity::AuthSchemeConfig { owner, id } => {
                let list = observed.configs.get(owner)?.as_ref().ok()?;
                (list.iter().find(|config| config.id == *id)?.fields.clone(), None)
            }
        };
        let view = |(name, value): (&'static str, Value)| {
            let field = known(name)?;
            let observed = (!value.is_null()).then(|| field.shown(value));
            let case = FieldCase::Judged(Verdict::NotOurs);
            Some(FieldView { path: name, declared: None, recorded: None, observed, sensitive: false, case })
        };
        let fields = fields.into_iter().filter_map(view).collect();
        Some(Self { is_live: Some(true), template_id, fields, ..Self::of(Some(identity)) })
    }
}

fn known(name: &str) -> Option<&'static Field> {
    field_named(name).or_else(|| connection_template::field_named(name))
}

/// What an address means, as far as its names were looked up.
///
/// # Errors
///
/// Which of its parts means nothing, or why that is not known.
pub fn identity_of(address: &Address, observed: &Observed) -> Result<Identity, String> {
    let why = |what: &str, written: &str, unread: Option<&Unread>| match unread {
        Some(Unread::Absent | Unread::Unnamed { near: None }) => {
            format!("there is no {what} {written:?} in the organisation")
        }
        Some(Unread::Unnamed { near: Some(near) }) => {
            format!("there is no {what} {written:?} in the organisation: did you mean {near:?}?")
        }
        Some(Unread::Ambiguous { ids }) => format!("several {what}s are called {written:?}: {}", ids.join(", ")),
        Some(Unread::Failed(why)) => format!("cannot read {what} {written}: {why}"),
        None => format!("{what} {written} was not read"),
    };
    match address {
        Address::ConnectionTemplate { project: written, environment, name } => {
            let project = match observed.projects.get(written) {
                Some(Ok(project)) => project,
                lookup => return Err(why("project", written, lookup.and_then(|lookup| lookup.as_ref().err()))),
            };
            let found = project.environments.iter().find(|(id, name)| id == environment || name == environment);
            let (environment, _) =
                found.ok_or_else(|| format!("project {written} has no environment {environment:?}"))?;
            let scope = Scope { project: project.id.clone(), environment: environment.clone() };
            Ok(Identity::ConnectionTemplate { scope, name: name.clone() })
        }
        Address::AuthSchemeConfig { kind: OwnerKind::System, owner: written, id } => {
            match observed.systems.get(written) {
                Some(Ok(system)) => Ok(Identity::AuthSchemeConfig { owner: Owner::system(system), id: id.clone() }),
                lookup => Err(why("system", written, lookup.and_then(|lookup| lookup.as_ref().err()))),
            }
        }
        Address::AuthSchemeConfig { kind: OwnerKind::Connector, owner, id } if is_ulid(owner) => {
            Ok(Identity::AuthSchemeConfig { owner: Owner::connector(owner), id: id.clone() })
        }
        Address::AuthSchemeConfig { owner, .. } => {
            Err(format!("connector {owner:?} is not a ULID, and connectors are named by their id"))
        }
    }
}

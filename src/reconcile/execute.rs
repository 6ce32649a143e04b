//! One change as requests to the platform. A change of several requests is made in parts: what one part has made is
//! recorded before the next is sent.

use jiff::Timestamp;

use super::apply::Failure;
use crate::io::store::Entry;
use crate::io::versori::Write;
use crate::model::address::Identity;
use crate::model::connection_template::AUTH_SCHEME_CONFIGS;
use crate::model::history::Event;
use crate::model::observed::Remark;
use crate::model::plan::{Action, Bookkeeping, Change, Step, TemplateStep};
use crate::model::recorded::{OldTemplate, RecordedResource};

/// What is to be done next for a change.
pub(super) struct Part<'c> {
    pub(super) change: &'c Change,
    /// What is left to do of it.
    pub(super) left: Left,
    /// The row of the history that says what was done of it already.
    pub(super) row: Option<i64>,
}

/// What is left to do of a change.
pub(super) enum Left {
    /// All of it.
    All,
    /// The list of configs of the template with this id, which is to be recorded with it.
    List(String, RecordedResource),
    /// The delete of the template whose place the recorded one has taken.
    Old(RecordedResource),
}

/// What came of a part.
#[derive(Default)]
pub(super) struct Made {
    /// What the platform remarks on it.
    pub(super) remarks: Vec<Remark>,
    /// What is to be recorded.
    pub(super) entry: Entry,
    /// What is to be done once that is recorded.
    pub(super) left: Option<Left>,
}

/// Makes changes of a plan whose files are of this revision.
pub(super) struct Executor<'a, A> {
    pub(super) api: &'a A,
    pub(super) revision: Option<&'a str>,
}

impl<'c> Part<'c> {
    pub(super) fn first(change: &'c Change) -> Self {
        Self { change, left: Left::All, row: None }
    }
}

impl<A: Write> Executor<'_, A> {
    /// Sends what a part consists of.
    ///
    /// # Errors
    ///
    /// Where the platform refuses it, or is not there.
    pub(super) async fn execute(&self, part: Part<'_>) -> Result<Made, Failure> {
        let Part { change, left, row } = part;
        let mut made = match left {
            Left::All => self.begin(change).await?,
            Left::List(id, record) => {
                if let Step::CreateTemplate(step) | Step::ReplaceTemplate { step, .. } = &change.step {
                    self.api.update_template(&id, step).await?;
                }
                self.created(change, record)
            }
            Left::Old(record) => {
                let Some(old) = replaced(&change.step) else { return Ok(Made::default()) };
                self.replaced(change, old, record).await?
            }
        };
        made.entry.row = row;
        Ok(made)
    }

    async fn begin(&self, change: &Change) -> Result<Made, Failure> {
        let forget = |identity: Option<&Identity>| identity.cloned().map(Bookkeeping::Forget);
        let save = |record: &RecordedResource| save(change, record.clone());
        let books = match &change.step {
            Step::Nothing => Vec::new(),
            Step::Record { record, renamed_from } => {
                forget(renamed_from.as_ref()).into_iter().chain([save(record)]).collect()
            }
            Step::CreateTemplate(step) | Step::ReplaceTemplate { step, .. } => return self.create(change, step).await,
            Step::UpdateTemplate { id, renamed_from, step } => {
                self.api.update_template(id, step).await?;
                forget(renamed_from.as_ref()).into_iter().chain([save(&step.record)]).collect()
            }
            Step::FinishReplacement { old, record } => {
                return self.replaced(change, old, RecordedResource::clone(record)).await;
            }
            Step::DeleteTemplate { scope, id } => {
                self.api.delete_template(scope, id).await?;
                vec![Bookkeeping::Forget(change.identity.clone())]
            }
            Step::PutConfig(step) => {
                let remarks = self.api.put_config(step).await?;
                return Ok(Made { remarks, ..self.made(change, vec![save(&step.record)]) });
            }
            Step::DeleteConfig { owner, id } => {
                self.api.delete_config(owner, id).await?;
                vec![Bookkeeping::Forget(change.identity.clone())]
            }
        };
        Ok(self.made(change, books))
    }

    /// A template is made without its list of configs, where the platform does not take that from a create.
    async fn create(&self, change: &Change, step: &TemplateStep) -> Result<Made, Failure> {
        let live = self.api.create_template(step).await?;
        let record = RecordedResource { template_id: Some(live.id.clone()), ..step.record.clone() };
        if live.auth_scheme_configs == step.auth_scheme_configs {
            return Ok(self.created(change, record));
        }
        let mut so_far = record.clone();
        so_far.fields.remove(AUTH_SCHEME_CONFIGS.name);
        let mut made = self.created(change, so_far);
        if let Some(event) = &mut made.entry.event {
            event.fields.retain(|field| field.path != AUTH_SCHEME_CONFIGS.name);
        }
        made.left = Some(Left::List(live.id, record));
        Ok(made)
    }

    /// A template was made, and is all that was wanted. Until the one is gone whose place it takes, nothing is replaced.
    fn created(&self, change: &Change, record: RecordedResource) -> Made {
        let mut made = self.made(change, vec![save(change, record.clone())]);
        if replaced(&change.step).is_some() {
            made.entry.event.iter_mut().for_each(|event| event.action = Action::Create);
            made.left = Some(Left::Old(record));
        }
        made
    }

    async fn replaced(&self, change: &Change, old: &OldTemplate, record: RecordedResource) -> Result<Made, Failure> {
        self.api.delete_template(&old.scope, &old.id).await?;
        let done = save(change, RecordedResource { replaces: None, ..record });
        let gone = old.identity.clone().map(Bookkeeping::Forget);
        Ok(self.made(change, std::iter::once(done).chain(gone).collect()))
    }

    fn made(&self, change: &Change, books: Vec<Bookkeeping>) -> Made {
        let event = Event::of(change, self.revision, "", Timestamp::now());
        Made { entry: Entry { books, event: Some(event), row: None }, ..Made::default() }
    }
}

fn save(change: &Change, record: RecordedResource) -> Bookkeeping {
    Bookkeeping::Record(change.identity.clone(), Box::new(record))
}

fn replaced(step: &Step) -> Option<&OldTemplate> {
    if let Step::ReplaceTemplate { old, .. } = step { Some(old) } else { None }
}

//! `[[notify]]`.

use std::collections::BTreeSet;

use crate::model::document::{SecretRef, Section};
use crate::model::notice::Occasion;
use crate::model::source::{Problem, nearest};

/// A receiver of notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Where its address is: whoever knows it can write there.
    pub url: SecretRef,
    /// What it is told; everything where the settings do not say.
    pub on: BTreeSet<Occasion>,
}

impl Notify {
    /// Every receiver.
    pub(super) fn read_all(top: &Section<'_>) -> Vec<Self> {
        let tables = top.tables("notify").map(|found| found.value).unwrap_or_default();
        tables.iter().filter_map(Self::read).collect()
    }

    fn read(section: &Section<'_>) -> Option<Self> {
        let is_there = section.has("url");
        let url = section.secret("url").map(|found| found.value);
        let on = on(section);
        if section.finish() && !is_there {
            let problem = Problem::at(section.place(), format!("{} is missing", section.path_of("url")));
            section.report(
                problem.help("write url = { credential = \"NAME\" }, { file = \"PATH\" } or { env = \"NAME\" }"),
            );
        }
        Some(Self { url: url?, on })
    }
}

fn on(section: &Section<'_>) -> BTreeSet<Occasion> {
    let Some(list) = section.texts("on") else { return Occasion::ALL.into() };
    let words = Occasion::ALL.map(Occasion::as_str);
    if list.value.is_empty() {
        let problem = Problem::at(list.place.clone(), format!("{} is empty", section.path_of("on")));
        section.report(problem.help(format!("leave it out to be told everything; it takes {}", words.join(", "))));
    }
    let mut on = BTreeSet::new();
    for word in list.value {
        match Occasion::ALL.into_iter().find(|occasion| occasion.as_str() == word.value) {
            Some(occasion) => {
                on.insert(occasion);
            }
            None => {
                let near = nearest(&word.value, &words).map(|near| format!("did you mean {near:?}? "));
                let help = format!("{}It takes {}", near.unwrap_or_default(), words.join(", "));
                let message = format!("{:?} is not a value of {}", word.value, section.path_of("on"));
                section.report(Problem::at(word.place, message).help(help));
            }
        }
    }
    on
}

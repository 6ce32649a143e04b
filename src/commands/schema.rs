//! `versync schema`: what editors need to check and complete files.

use super::error::CommandError;
use super::{Exit, write_json};
use crate::args::{Schema as Args, SchemaOf};
use crate::model::json_schema;
use crate::settings;

pub(super) fn schema(args: &Args) -> Result<Exit, CommandError> {
    let schema = match args.of {
        SchemaOf::Manifest => json_schema::manifest(),
        SchemaOf::Settings => settings::json_schema(),
    };
    write_json(&schema)?;
    Ok(Exit::Done)
}

//! Where a key stands, found again in the text: to keep the place of every field would cost more memory than it is
//! worth, since hardly any is ever asked for.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::source::Place;

/// Where the value of `path` stands, below the table whose header or key is at `header`. Of a list, the item
/// `index`, if it has so many. Nothing where the text has no such key.
pub fn locate(header: &Place, path: &[&str], index: Option<usize>) -> Option<Place> {
    let (text, _) = DeTable::parse_recoverable(header.source().text());
    let table = table_at(text.get_ref(), header)?;
    let (last, outer) = path.split_last()?;
    let mut table = table;
    for key in outer {
        table = table.get(*key)?.get_ref().as_table()?;
    }
    let value = table.get(*last)?;
    let item = index.and_then(|index| value.get_ref().as_array()?.get(index));
    Some(Place::new(header.source(), item.unwrap_or(value).span()))
}

/// The table whose key stands there, at any depth.
fn table_at<'t>(table: &'t DeTable<'t>, header: &Place) -> Option<&'t DeTable<'t>> {
    table.iter().find_map(|(key, value): (&Spanned<_>, &'t Spanned<DeValue<'t>>)| {
        let inner = value.get_ref().as_table()?;
        if key.span() == header.span() { Some(inner) } else { table_at(inner, header) }
    })
}

//! What the documents show: their blocks, commands and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A document for people, taken apart.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its path from the project's folder.
    pub(crate) name: String,
    /// The fenced blocks, in order.
    pub(crate) blocks: Vec<Block>,
    /// What is written as code within a line.
    pub(crate) spans: Vec<String>,
    /// Where its links and pictures lead.
    pub(crate) links: Vec<String>,
    /// What links to its headings call them.
    pub(crate) anchors: BTreeSet<String>,
    /// The tables, each with the heading above it: rows of cells, the first of them the head. Cells are Markdown.
    pub(crate) tables: Vec<(String, Vec<Vec<String>>)>,
}

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// What stands behind its fence.
    pub(crate) language: String,
    pub(crate) text: String,
    /// Its place, for whoever has to find it.
    pub(crate) place: String,
    /// The heading above it.
    pub(crate) heading: String,
}

impl Document {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        let mut document = Self {
            name: name.to_owned(),
            blocks: Vec::new(),
            spans: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
            tables: Vec::new(),
        };
        document.take_apart(&text);
        document
    }

    fn take_apart(&mut self, text: &str) {
        let mut heading = String::new();
        let (mut is_heading, mut is_block) = (false, false);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => (heading, is_heading) = (String::new(), true),
                Event::End(TagEnd::Heading(_)) => {
                    is_heading = false;
                    self.anchors.insert(anchor(&heading));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let place = format!("{}:{}", self.name, text[..range.start].lines().count() + 1);
                    self.blocks.push(Block { language, text: String::new(), place, heading: heading.clone() });
                    is_block = true;
                }
                Event::End(TagEnd::CodeBlock) => is_block = false,
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    self.links.push(dest_url.to_string());
                }
                Event::Start(Tag::Table(_)) => self.tables.push((heading.clone(), Vec::new())),
                Event::Start(Tag::TableHead | Tag::TableRow) => self.tables.last_mut().unwrap().1.push(Vec::new()),
                Event::Start(Tag::TableCell) => {
                    let row = self.tables.last_mut().unwrap().1.last_mut().unwrap();
                    row.push(text[range].trim_matches(['|', ' ']).to_owned());
                }
                Event::Text(part) if is_heading => heading.push_str(&part),
                Event::Text(part) if is_block => self.blocks.last_mut().unwrap().text.push_str(&part),
                Event::Code(part) if is_heading => heading.push_str(&part),
                Event::Code(part) => self.spans.push(part.to_string()),
                Event::Html(html) | Event::InlineHtml(html) => {
                    let sources = html.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
                    self.links.extend(sources.map(str::to_owned));
                }
                _ => {}
            }
        }
    }

    /// The blocks of one language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<&Block> {
        self.blocks.iter().filter(|block| block.language == language).collect()
    }
}

/// Every document: those beside the README, and all below `docs`.
pub(crate) fn documents() -> Vec<Document> {
    let mut names: Vec<PathBuf> = Vec::new();
    for folder in ["", "docs"] {
        for entry in fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
            names.push(Path::new(folder).join(entry.unwrap().file_name()));
        }
    }
    names.retain(|name| name.extension().is_some_and(|extension| extension == "md"));
    names.sort();
    names.iter().map(|name| Document::read(name.to_str().unwrap())).collect()
}

/// What a TOML block is, by what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toml {
    Manifest,
    Settings,
    /// What a sandbox begins with.
    World,
    /// Of another program.
    Other,
}

impl Block {
    pub(crate) fn toml(&self) -> Toml {
        match &self.text {
            text if text.contains("[connection_templates.") || text.contains("[auth_scheme_configs.") => Toml::Manifest,
            text if text.contains("[[connection_templates]]") => Toml::World,
            text if text.contains("[[rule]]") => Toml::Other,
            _ => Toml::Settings,
        }
    }

    /// With an id where it says that there has to be one.
    pub(crate) fn with_an_organisation(&self) -> String {
        let id = "organisation = \"01J0ACME000000000000000000\"";
        let text = self.text.replace("# organisation = \"01J…\"", id).replace("organisation = \"01J…\"", id);
        if text.contains(id) { text } else { format!("{text}\n[api]\n{id}\n") }
    }
}

/// What a link to a heading is called where the documents are read.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

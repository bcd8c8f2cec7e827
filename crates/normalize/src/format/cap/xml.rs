//! XML as a small tree, for documents of strangers: no DTD, no entities but the five and the numeric ones, and everything
//! counted (bytes, elements, attributes, namespaces, depth), so that a hostile document costs no more than its own length.
//! Only elements of the document's own namespace are kept; others (signatures, extensions) are passed over with all they hold.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::fault::Fault;

/// The largest real alerts (a polygon a commune, an inline picture) are well below it.
const BYTES_MAX: usize = 1 << 20;
const ELEMENTS_MAX: usize = 20_000;
const DEPTH_MAX: usize = 12;
/// Of one start tag; a CAP document has none but declarations.
const ATTRIBUTES_MAX: usize = 32;
/// In force at one place.
const NAMESPACES_MAX: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without its prefix.
    pub(super) name: String,
    /// Its own text, not its children's; ends trimmed.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the child that may come once; nothing when it is absent or empty.
    pub(super) fn text_of(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        if found.next().is_some() {
            let reason = format!("`{name}` stands twice in `{}`; send it once", self.name);
            return Err(Fault::shape(reason));
        }
        Ok(first
            .map(|child| child.text.as_str())
            .filter(|text| !text.is_empty()))
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Fault> {
        self.text_of(name)?.ok_or_else(|| {
            Fault::shape(format!(
                "`{}` has no `{name}`, which CAP requires",
                self.name
            ))
        })
    }
}

/// A namespace declaration: how deep it was made, for which prefix (empty: the default one), and what it names.
struct Declaration {
    depth: usize,
    prefix: String,
    uri: String,
}

struct Builder {
    declarations: Vec<Declaration>,
    /// Open elements of the document's namespace; the root first.
    open: Vec<Element>,
    /// All open elements, also those passed over.
    depth: usize,
    /// Depth of the foreign element that is being passed over.
    foreign: Option<usize>,
    elements: usize,
    namespace: Option<String>,
    root: Option<Element>,
}

/// The root element and the namespace that it is of.
pub(super) fn parse(text: &str) -> Result<(String, Element), Fault> {
    if text.len() > BYTES_MAX {
        let reason =
            format!("the XML has more than {BYTES_MAX} bytes; send large resources by link");
        return Err(Fault::malformed(reason));
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder {
        declarations: Vec::new(),
        open: Vec::new(),
        depth: 0,
        foreign: None,
        elements: 0,
        namespace: None,
        root: None,
    };
    loop {
        let event = reader.read_event().map_err(|error| {
            let at = reader.error_position();
            Fault::malformed(format!(
                "the payload is not well-formed XML ({error}, byte {at})"
            ))
        })?;
        match event {
            Event::Start(tag) => builder.start(&tag)?,
            Event::Empty(tag) => {
                builder.start(&tag)?;
                builder.end();
            }
            Event::End(_) => builder.end(),
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => entity(&reference)?,
                    Err(_) => {
                        return Err(Fault::malformed("a character reference names no character"));
                    }
                };
                builder.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(declaration) => {
                encoding(declaration.encoding().and_then(Result::ok).as_deref())?
            }
            Event::DocType(_) => {
                let reason = "the XML has a document type declaration, which warnings must not have; send it without";
                return Err(Fault::malformed(reason));
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if builder.depth > 0 {
        return Err(Fault::malformed(
            "the XML ends before its elements do; the message was cut",
        ));
    }
    match (builder.namespace, builder.root) {
        (Some(namespace), Some(root)) => Ok((namespace, root)),
        _ => Err(Fault::malformed("the payload has no XML element")),
    }
}

fn encoding(name: Option<&str>) -> Result<(), Fault> {
    let ours = ["utf-8", "utf8", "us-ascii", "ascii"];
    match name {
        Some(name) if !ours.contains(&name.to_ascii_lowercase().as_str()) => Err(Fault::malformed(
            format!("the XML says that it is in {name:?}; send UTF-8"),
        )),
        _ => Ok(()),
    }
}

fn entity(name: &str) -> Result<char, Fault> {
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => {
            let reason =
                "the XML uses an entity that only a DTD could define; write the character itself";
            Err(Fault::malformed(reason))
        }
    }
}

impl Builder {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        if self.depth == 0 && self.root.is_some() {
            return Err(Fault::malformed(
                "the XML has two root elements; send one alert a message",
            ));
        }
        self.elements += 1;
        self.depth += 1;
        if self.elements > ELEMENTS_MAX || self.depth > DEPTH_MAX {
            let reason = format!(
                "the XML has more than {ELEMENTS_MAX} elements or {DEPTH_MAX} levels; no warning needs them"
            );
            return Err(Fault::malformed(reason));
        }
        self.declare(tag)?;
        if self.foreign.is_some() {
            return Ok(());
        }
        let (local, prefix) = tag.name().decompose();
        let prefix = prefix.map_or("", |prefix| prefix.into_inner());
        let namespace = self.namespace_of(prefix)?;
        let own = match &self.namespace {
            None => {
                self.namespace = Some(namespace);
                true
            }
            Some(root) => *root == namespace,
        };
        if own {
            self.open.push(Element {
                name: local.into_inner().to_owned(),
                ..Element::default()
            });
        } else {
            self.foreign = Some(self.depth);
        }
        Ok(())
    }

    fn declare(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        let mut attributes = tag.attributes();
        // Looking for repeats compares each with each; two declarations of one prefix harm nobody here.
        attributes.with_checks(false);
        for (count, attribute) in attributes.enumerate() {
            let attribute = attribute.map_err(|error| {
                Fault::malformed(format!("an attribute is not well formed ({error})"))
            })?;
            if count >= ATTRIBUTES_MAX {
                let reason = format!("an XML element has more than {ATTRIBUTES_MAX} attributes");
                return Err(Fault::malformed(reason));
            }
            let prefix = match attribute.key.decompose() {
                (local, None) if local.into_inner() == "xmlns" => "",
                (local, Some(prefix)) if prefix.into_inner() == "xmlns" => local.into_inner(),
                _ => continue,
            };
            if self.declarations.len() >= NAMESPACES_MAX {
                let reason = format!("the XML declares more than {NAMESPACES_MAX} namespaces");
                return Err(Fault::malformed(reason));
            }
            self.declarations.push(Declaration {
                depth: self.depth,
                prefix: prefix.to_owned(),
                uri: attribute.value.trim().to_owned(),
            });
        }
        Ok(())
    }

    fn namespace_of(&self, prefix: &str) -> Result<String, Fault> {
        let found = self
            .declarations
            .iter()
            .rev()
            .find(|known| known.prefix == prefix);
        match found {
            Some(declaration) => Ok(declaration.uri.clone()),
            None if prefix.is_empty() => Ok(String::new()),
            None => Err(Fault::malformed(
                "an XML element has a prefix that is not declared",
            )),
        }
    }

    fn end(&mut self) {
        match self.foreign {
            Some(depth) if depth == self.depth => self.foreign = None,
            Some(_) => {}
            None => {
                if let Some(mut done) = self.open.pop() {
                    trim(&mut done.text);
                    match self.open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => self.root = Some(done),
                    }
                }
            }
        }
        let depth = self.depth;
        self.declarations
            .retain(|declaration| declaration.depth < depth);
        self.depth = depth.saturating_sub(1);
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match (self.foreign, self.open.last_mut()) {
            (None, Some(element)) => element.text.push_str(text),
            (None, None) if !text.trim().is_empty() => {
                return Err(Fault::malformed(
                    "there is text outside the XML element; send the alert alone",
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

fn trim(text: &mut String) {
    text.truncate(text.trim_end().len());
    let blank = text.len() - text.trim_start().len();
    text.drain(..blank);
}

//! One object of a document (an indicator, an observable ...) as a tree of elements.
//!
//! Is: names without prefixes, attributes and text of the elements, in the order of the document, in flat arrays.
//! Is not: the document; a tree is read, used and cleared.
//! Invariant: a node's descendants follow it directly, up to [`Element::end`].
//! Fails: by [`Tree::is_full`] beyond the limits. Costs: the text of the object and 40 bytes an element.

use std::borrow::Cow;
use std::ops::Range;

/// Text, names and attributes kept of one object: as much as an object of STIX 2 may have.
pub(super) const TREE_BYTES_MAX: usize = 64 << 20;

/// Elements of one object; the largest known watch list has some thousands.
pub(super) const NODES_MAX: usize = 1 << 20;

/// Text that is copied when it goes on behind a child element, as it does in descriptions only.
const MIXED_BYTES_MAX: usize = 64 << 10;

/// The key under which `xsi:type` is kept, whatever its prefix: objects have a `type` of their own.
pub(super) const XSI_TYPE: &str = "xsi:type";

/// An object.
#[derive(Debug, Default)]
pub(super) struct Tree {
    text: String,
    nodes: Vec<Node>,
    attributes: Vec<(Range<u32>, Range<u32>)>,
    /// The open nodes, the innermost last.
    open: Vec<u32>,
}

#[derive(Debug, Default)]
struct Node {
    name: Range<u32>,
    attributes: Range<u32>,
    text: Range<u32>,
    end: u32,
}

impl Tree {
    /// Opens an element.
    pub(super) fn start<'a>(
        &mut self,
        name: &str,
        attributes: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
    ) {
        let name = self.keep(name);
        let from = small(self.attributes.len());
        for (key, value) in attributes {
            let pair = (self.keep(key), self.keep(&value));
            self.attributes.push(pair);
        }
        let attributes = from..small(self.attributes.len());
        self.open.push(small(self.nodes.len()));
        let at = small(self.text.len());
        self.nodes.push(Node { name, attributes, text: at..at, end: 0 });
    }

    /// Closes the innermost element; says whether the tree is complete.
    pub(super) fn finish(&mut self) -> bool {
        let end = small(self.nodes.len());
        if let Some(node) = self.open.pop().and_then(|at| self.nodes.get_mut(at as usize)) {
            node.end = end;
        }
        self.open.is_empty()
    }

    /// Adds to the text of the innermost element.
    pub(super) fn append(&mut self, text: &str) {
        let Some(node) = self.open.last().and_then(|at| self.nodes.get_mut(*at as usize)) else { return };
        let at = small(self.text.len());
        if node.text.end != at {
            if text.trim().is_empty() {
                return;
            }
            let held = self.text.get(range(&node.text)).unwrap_or_default();
            let held = if held.len() > MIXED_BYTES_MAX { return } else { held.to_owned() };
            node.text.start = at;
            self.text.push_str(&held);
        }
        self.text.push_str(text);
        node.text.end = small(self.text.len());
    }

    /// Whether it holds as much as it may.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() > TREE_BYTES_MAX || self.nodes.len() > NODES_MAX
    }

    /// Empties it for the next object.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.nodes.clear();
        self.attributes.clear();
        self.open.clear();
    }

    /// The outermost element.
    pub(super) fn root(&self) -> Element<'_> {
        Element { tree: self, at: 0 }
    }

    fn keep(&mut self, text: &str) -> Range<u32> {
        let from = small(self.text.len());
        self.text.push_str(text);
        from..small(self.text.len())
    }
}

/// One element of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'t> {
    tree: &'t Tree,
    at: u32,
}

impl<'t> Element<'t> {
    fn node(self) -> Option<&'t Node> {
        self.tree.nodes.get(self.at as usize)
    }

    fn slice(self, part: Option<&Range<u32>>) -> &'t str {
        part.and_then(|part| self.tree.text.get(range(part))).unwrap_or_default()
    }

    /// Its name, without prefix.
    pub(super) fn name(self) -> &'t str {
        self.slice(self.node().map(|node| &node.name))
    }

    /// Its own text, without blanks around.
    pub(super) fn text(self) -> &'t str {
        self.slice(self.node().map(|node| &node.text)).trim()
    }

    /// An attribute, by its name without prefix ([`XSI_TYPE`] but one), without blanks around; one without text is `None`.
    pub(super) fn attribute(self, name: &str) -> Option<&'t str> {
        let pairs = self.tree.attributes.get(range(&self.node()?.attributes))?;
        let pair = pairs.iter().find(|(key, _)| self.slice(Some(key)) == name)?;
        Some(self.slice(Some(&pair.1)).trim()).filter(|value| !value.is_empty())
    }

    /// The id that it refers to, if it only does that, or says how it is related: what holds other
    /// elements is an object, whatever else it says.
    pub(super) fn reference(self) -> Option<&'t str> {
        self.attribute("idref").filter(|_| self.children().all(|child| child.name() == "Relationship"))
    }

    /// The local name of its `xsi:type`.
    pub(super) fn kind(self) -> Option<&'t str> {
        self.attribute(XSI_TYPE).map(|kind| kind.rsplit_once(':').map_or(kind, |(_, local)| local))
    }

    /// The elements directly in it.
    pub(super) fn children(self) -> impl Iterator<Item = Element<'t>> {
        let end = self.end();
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let child = Element { tree: self.tree, at };
            (at < end).then(|| {
                at = child.end();
                child
            })
        })
    }

    /// The first element directly in it with this name.
    pub(super) fn child(self, name: &str) -> Option<Element<'t>> {
        self.children().find(|child| child.name() == name)
    }

    /// The element at the end of this path.
    pub(super) fn find(self, path: &[&str]) -> Option<Element<'t>> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All elements in it, at any depth.
    pub(super) fn descendants(self) -> impl Iterator<Item = Element<'t>> {
        (self.at + 1..self.end()).map(move |at| Element { tree: self.tree, at })
    }

    /// Where it stands among the elements of its tree.
    pub(super) fn position(self) -> u32 {
        self.at
    }

    /// The number of the element that follows it and all in it.
    pub(super) fn end(self) -> u32 {
        self.node().map_or(self.at + 1, |node| node.end.max(self.at + 1))
    }
}

fn range(part: &Range<u32>) -> Range<usize> {
    part.start as usize..part.end as usize
}

/// Trees are smaller than that by far.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stand_where_they_stood() {
        let mut tree = Tree::default();
        tree.start("a", [("id", Cow::Borrowed(" x "))].into_iter());
        tree.append(" one ");
        tree.start("b", std::iter::empty());
        tree.append("two");
        tree.start("c", std::iter::empty());
        assert!(!tree.finish() && !tree.finish());
        tree.append("three ");
        tree.start("b", std::iter::empty());
        assert!(!tree.finish());
        assert!(tree.finish());
        let root = tree.root();
        assert_eq!((root.name(), root.text(), root.attribute("id")), ("a", "one three", Some("x")));
        let names = |found: Vec<Element<'_>>| found.iter().map(|e| e.name().to_owned()).collect::<String>();
        assert_eq!(names(root.children().collect()), "bb");
        assert_eq!(names(root.descendants().collect()), "bcb");
        assert_eq!(root.find(&["b", "c"]).unwrap().text(), "");
        assert_eq!(root.child("b").unwrap().text(), "two");
    }
}

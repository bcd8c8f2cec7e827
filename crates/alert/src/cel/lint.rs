//! What advice wants to know of a program.

use super::program::{Node, Program};

impl Program {
    fn comparisons(&self) -> impl Iterator<Item = (&Node, &Node)> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Compare(_, left, right) => Some((
                self.nodes.get(usize::from(*left))?,
                self.nodes.get(usize::from(*right))?,
            )),
            _ => None,
        })
    }

    /// Whether a measured or computed number is compared with one written into the condition.
    pub(crate) fn compares_with_number(&self) -> bool {
        self.comparisons().any(|(left, right)| {
            matches!(left, Node::Number(_)) != matches!(right, Node::Number(_))
        })
    }

    /// Slots whose newest value is compared as it comes.
    pub(crate) fn compared_slots(&self) -> impl Iterator<Item = u8> {
        let sides = self.comparisons().flat_map(|(left, right)| [left, right]);
        sides.filter_map(|side| match side {
            Node::Measure(slot) | Node::Last(slot) => Some(*slot),
            _ => None,
        })
    }
}

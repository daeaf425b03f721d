//! Which image shapes a repo of a size holds: the measured shares, and each shape once at least.

/// How the image of a container, or of a few, is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `image = "repo:tag"`.
    InPlace,
    /// `image = "repo"`.
    Tagless,
    /// `image = local.x`: one literal for so many containers.
    Local(usize),
    /// `"repo:${var.tag}"` with the tag in the variable's default.
    Default,
    /// The same, with the tag in the stack's `inputs`; the default is dead.
    Inputs,
    /// Input → root variable → module argument → module variable → template in a local.
    Chain,
    /// `"repo:${var.tag}"` in a module that is called with a tag; `false`: the call disables it by
    /// `count`.
    Argument(bool),
    /// `"${local.image}:${local.image_tag}"`, for so many containers.
    Halves(usize),
    /// `image = "repo@sha256:…"`.
    Digest,
    /// `local.x = "repo:tag@sha256:…"`.
    LocalDigest,
    /// `"repo:${var.v}-suffix"` and `"other:${var.v}"`.
    Suffix,
    /// `var.image` of a module.
    Bare,
    /// A module with its own image, called from many stacks.
    Shared,
    /// Images of a chart: values as a map, as a file, as a heredoc, as `set` blocks.
    Helm(usize),
    /// `imageName:` of an operator's object, in a heredoc.
    Operator,
    /// A pod inside a config map's heredoc.
    Helper,
    /// A literal that nothing reads.
    Dead,
}

/// How often each shape was found among 380 containers. Charts, operators' objects and dead
/// literals come on top.
const FOUND: [(Shape, usize); 22] = [
    (Shape::InPlace, 253),
    (Shape::Tagless, 24),
    (Shape::Local(5), 14),
    (Shape::Local(3), 1),
    (Shape::Local(1), 2),
    (Shape::Default, 6),
    (Shape::Inputs, 4),
    (Shape::Chain, 2),
    (Shape::Argument(true), 2),
    (Shape::Argument(false), 1),
    (Shape::Halves(4), 1),
    (Shape::Halves(2), 2),
    (Shape::Digest, 3),
    (Shape::LocalDigest, 2),
    (Shape::Suffix, 1),
    (Shape::Bare, 1),
    (Shape::Shared, 7),
    (Shape::Helm(1), 24),
    (Shape::Helm(3), 6),
    (Shape::Operator, 1),
    (Shape::Helper, 1),
    (Shape::Dead, 6),
];

/// Returns the shapes of a repo with so many containers, shuffled.
pub fn deck(rng: &mut fastrand::Rng, containers: usize) -> Vec<Shape> {
    let count = |found: usize| (found * containers / 380).max(1);
    let mut deck: Vec<Shape> = FOUND
        .iter()
        .flat_map(|&(shape, found)| std::iter::repeat_n(shape, count(found)))
        .collect();
    rng.shuffle(&mut deck);
    deck
}

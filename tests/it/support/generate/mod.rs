//! Makes infra repos of any size in the proportions of the measured one (93,000 lines, 130 stacks,
//! 380 containers), and knows what is true of each literal in them. Deterministic: the same recipe
//! gives the same bytes. Knows nothing of pintle: tests compare, nothing here does.

mod deck;
mod filler;
mod helm;
mod modules;
mod names;
mod page;
mod stack;
mod workload;

pub use page::Place;

use deck::Shape;
use modules::Modules;
use names::Names;
use page::Page;
use stack::Stack;
use std::path::Path;

/// Lines, stacks and containers of the repo that was measured.
const MEASURED: Proportions = Proportions {
    lines: 93_000,
    stacks: 130,
    containers: 380,
};

struct Proportions {
    lines: usize,
    stacks: usize,
    containers: usize,
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Lines of the whole repo, met within a few percent from 2,000 upwards.
    pub lines: usize,
    pub seed: u64,
    /// A registry that every repository is below (`127.0.0.1:5000`); without one the images lie
    /// where real ones do.
    pub host: Option<String>,
}

/// A generated repo, and what is true of it.
#[derive(Debug, Default)]
pub struct Repo {
    /// Sorted by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// Every literal that takes part in an image, sorted by place.
    pub truths: Vec<Truth>,
    pub lines: usize,
    /// Containers as the measured repo counts them: written ones, not instances.
    pub containers: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub place: Place,
    pub fate: Fate,
    /// The effective image, for sites.
    pub reference: String,
    /// For sites, sorted.
    pub uses: Vec<TrueUse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Site,
    Component,
    Unpinnable,
    Dead,
    Orphan,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrueUse {
    pub root: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub container: String,
    pub init: bool,
    pub image: String,
    pub ignored: bool,
    pub instances: u64,
}

/// The number of a truth; its place may be filled in later than its uses.
#[derive(Clone, Copy, Debug)]
struct Id(usize);

/// Everything that grows while a repo is made.
struct Maker {
    rng: fastrand::Rng,
    names: Names,
    truths: Vec<Truth>,
    pages: Vec<Page>,
    containers: usize,
}

/// Makes a repo.
pub fn generate(recipe: &Recipe) -> Repo {
    let rng = fastrand::Rng::with_seed(recipe.seed);
    let names = Names::new(recipe.host.clone());
    let mut maker = Maker {
        rng,
        names,
        truths: Vec::new(),
        pages: Vec::new(),
        containers: 0,
    };
    maker.top();
    let cells = recipe.lines.div_ceil(MEASURED.lines);
    let mut written = 0;
    for cell in 0..cells {
        let end = recipe.lines * (cell + 1) / cells;
        maker.cell(cell, end.saturating_sub(written));
        written = maker.lines();
    }
    maker.finish()
}

impl Repo {
    /// Writes the files below a folder.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, bytes)?;
        }
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

impl Maker {
    /// The files every stack shares: Terragrunt's parent, and an encrypted var-file that could
    /// override anything.
    fn top(&mut self) {
        let mut page = Page::new("terragrunt.hcl");
        page.text(filler::PARENT);
        self.pages.push(page);
    }

    /// As much repo as was measured, or the rest of it: modules of its own, and stacks that share
    /// them.
    fn cell(&mut self, cell: usize, lines: usize) {
        let part = |whole: usize| (whole * lines / MEASURED.lines).max(1);
        let mut hands: Vec<Vec<Shape>> = vec![Vec::new(); part(MEASURED.stacks)];
        for shape in deck::deck(&mut self.rng, part(MEASURED.containers)) {
            let stack = self.rng.usize(..hands.len());
            hands[stack].push(shape);
        }
        let start = self.lines();
        let modules = Modules::new(self, cell);
        let stacks = hands.len();
        for (index, hand) in hands.into_iter().enumerate() {
            let left = (start + lines).saturating_sub(self.lines()) / (stacks - index);
            let share = if index + 1 == stacks {
                100
            } else {
                self.rng.usize(60..140)
            };
            Stack::write(self, &modules, &hand, left * share / 100);
        }
    }

    fn lines(&self) -> usize {
        self.pages.iter().map(Page::lines).sum()
    }

    fn truth(&mut self, fate: Fate, reference: impl Into<String>, place: Place) -> Id {
        self.truths.push(Truth {
            place,
            fate,
            reference: reference.into(),
            uses: Vec::new(),
        });
        Id(self.truths.len() - 1)
    }

    /// Notes a use; repeats of the same one (a module in a root twice) are told apart by their
    /// names, which the caller sees to.
    fn used(&mut self, id: Id, user: TrueUse) {
        self.truths[id.0].uses.push(user);
    }

    fn finish(mut self) -> Repo {
        let lines = self.lines();
        let mut secret = b"\0GITCRYPT\0".to_vec();
        secret.extend(std::iter::repeat_with(|| self.rng.u8(..)).take(600));
        let mut files: Vec<_> = self.pages.into_iter().map(Page::into_file).collect();
        files.push(("config.tfvars".into(), secret));
        files.sort();
        for truth in &mut self.truths {
            truth.uses.sort();
        }
        self.truths.sort_by(|a, b| a.place.cmp(&b.place));
        Repo {
            files,
            truths: self.truths,
            lines,
            containers: self.containers,
        }
    }
}

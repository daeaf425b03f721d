//! From occurrences to the fate of each literal: who decides what, and which literal is the one to
//! pin.

use super::occurrence::{Occurrence, Place, places};
use super::pin::{Ways, misread_in, ways};
use super::{PinPlace, TagPlace, Use};
use crate::model::reference::{Reference, Repository};
use crate::terraform::text::{Piece, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A literal's fate before names, comments and lines are looked up.
#[derive(Clone, Debug)]
pub struct Decided {
    pub place: Place,
    pub role: Role,
    /// Indexes into the occurrences.
    pub users: Vec<usize>,
}

#[derive(Clone, Debug)]
pub enum Role {
    Site {
        image: Reference,
        pin: PinPlace,
        tag: Result<TagPlace, String>,
    },
    Component(String),
    Unpinnable(String),
    Orphan(String),
}

/// One occurrence, understood.
struct Understood {
    ways: Option<Ways>,
    /// Literals that hold a part of what decides, also when the rest is not known.
    deciding: Vec<Place>,
    /// Literals that hold a part of the tag, where a digest decides.
    tag: Vec<Place>,
    all: Vec<Place>,
    /// Why nothing can be pinned here.
    unknown: Option<String>,
    /// The same, where YAML takes what is written for something that is no tag.
    misread: Option<String>,
}

/// Decides every literal that takes part in an occurrence. `other_readers` names literals whose
/// text also goes where no pin may go, and says so; `spell` writes a place for people.
pub fn decide(
    occurrences: &[Occurrence],
    elsewhere: &BTreeMap<Place, String>,
    spell: &dyn Fn(&Place) -> String,
) -> Vec<Decided> {
    let understood: Vec<Understood> = occurrences.iter().map(understand).collect();
    let mut users: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, one) in understood.iter().enumerate() {
        for place in &one.all {
            users.entry(place.clone()).or_default().push(index);
        }
    }
    let table = Table {
        occurrences,
        understood: &understood,
        users: &users,
        elsewhere,
        spell,
    };
    let chosen: Vec<Result<(Place, PinPlace), String>> = (0..occurrences.len())
        .map(|index| table.choose(index))
        .collect();
    let sites: BTreeSet<&Place> = chosen.iter().flatten().map(|(place, _)| place).collect();
    users
        .iter()
        .filter_map(|(place, indexes)| table.fate(place, indexes, &chosen, &sites))
        .collect()
}

fn understand(occurrence: &Occurrence) -> Understood {
    let text = &occurrence.image;
    let mut all: Vec<Place> = places(text).into_iter().map(|(place, _)| place).collect();
    match text.why_unknown() {
        None => {
            let ways = ways(text);
            for (place, _) in ways.iter().flat_map(|w| &w.templates) {
                if !all.contains(place) {
                    all.push(place.clone());
                }
            }
            let misread = ways.is_none().then(|| misread_in(text)).flatten();
            let (misread, place) = misread.unzip();
            let deciding = match &ways {
                Some(ways) => ways.deciding.clone(),
                None => place.into_iter().collect(),
            };
            let not_a_reference = || "the text is not an image reference".to_owned();
            let unknown = ways
                .is_none()
                .then(|| misread.clone().unwrap_or_else(not_a_reference));
            let tag = ways.as_ref().map(|w| w.tag.clone()).unwrap_or_default();
            Understood {
                ways,
                deciding,
                tag,
                all,
                unknown,
                misread,
            }
        }
        Some(why) => {
            let filled = filled(text);
            let deciding = ways(&filled).map(|w| w.deciding).unwrap_or_default();
            Understood {
                ways: None,
                deciding,
                tag: Vec::new(),
                all,
                unknown: Some(why.to_string()),
                misread: None,
            }
        }
    }
}

/// The text with a stand-in for each part that is not known, to tell repository from tag in the
/// parts that are.
fn filled(text: &Text) -> Text {
    let mut out = Text::default();
    for piece in text.pieces() {
        out.push(match piece {
            Piece::Unknown(_) => Piece::Known {
                text: "x".into(),
                origin: None,
            },
            known => known.clone(),
        });
    }
    out
}

struct Table<'a> {
    occurrences: &'a [Occurrence],
    understood: &'a [Understood],
    users: &'a BTreeMap<Place, Vec<usize>>,
    elsewhere: &'a BTreeMap<Place, String>,
    spell: &'a dyn Fn(&Place) -> String,
}

impl Table<'_> {
    /// Chooses the place to pin one occurrence at, or says why there is none.
    fn choose(&self, index: usize) -> Result<(Place, PinPlace), String> {
        let one = &self.understood[index];
        let Some(ways) = &one.ways else {
            return Err(one.unknown.clone().unwrap_or_default());
        };
        if let Some(refused) = &self.occurrences[index].refused {
            return Err(refused.clone());
        }
        let obstacle = match &ways.literal {
            Some((place, pin)) => match self.literal_obstacle(place) {
                None => return Ok((place.clone(), pin.clone())),
                Some(obstacle) => obstacle,
            },
            None => ways.obstacle.clone().unwrap_or_default(),
        };
        let literal = ways.literal.as_ref().map(|(place, _)| place);
        let mut last = obstacle;
        for (place, pin) in ways
            .templates
            .iter()
            .filter(|(place, _)| Some(place) != literal)
        {
            match self.template_obstacle(place) {
                None => return Ok((place.clone(), pin.clone())),
                Some(obstacle) => last = format!("{last}, and {obstacle}"),
            }
        }
        Err(last)
    }

    /// Why a literal cannot take the pin for all its uses.
    fn literal_obstacle(&self, place: &Place) -> Option<String> {
        let users = self.users.get(place)?;
        let mut repositories: BTreeSet<Repository> = BTreeSet::new();
        let mut other = None;
        for &index in users {
            let one = &self.understood[index];
            let Some(ways) = &one.ways else {
                return Some(format!(
                    "another use of it is not known: {}",
                    one.unknown.clone().unwrap_or_default()
                ));
            };
            if ways.literal.as_ref().map(|(place, _)| place) != Some(place) {
                other.get_or_insert_with(|| self.other_part(ways, place));
            } else if let Some(refused) = &self.occurrences[index].refused {
                return Some(refused.clone());
            }
            repositories.insert(ways.reference.repository());
        }
        match repositories.len() {
            0 | 1 => other.or_else(|| self.elsewhere.get(place).cloned()),
            2 => Some(format!(
                "it feeds two repositories: {}",
                join(&repositories)
            )),
            n => Some(format!(
                "it feeds {n} repositories: {}",
                join(&repositories)
            )),
        }
    }

    fn other_part(&self, ways: &Ways, place: &Place) -> String {
        if let Some(misread) = ways
            .misread
            .as_ref()
            .filter(|_| ways.deciding.contains(place))
        {
            return misread.clone();
        }
        match ways.deciding.contains(place) {
            true => format!("in {} it is followed by other text", ways.reference),
            false => format!("in {} it is not what decides", ways.reference),
        }
    }

    /// Why the end of a template cannot take the pin.
    fn template_obstacle(&self, place: &Place) -> Option<String> {
        let mut images: BTreeSet<String> = BTreeSet::new();
        for &index in self.users.get(place)? {
            match &self.understood[index].ways {
                Some(ways) if ways.templates.iter().any(|(template, _)| template == place) => {
                    images.insert(ways.reference.to_string());
                }
                _ => return Some("the template at the use is part of a larger value".into()),
            }
        }
        (images.len() > 1).then(|| {
            format!(
                "the template at the use is evaluated for {} tags: {}",
                images.len(),
                join(&images)
            )
        })
    }

    fn fate(
        &self,
        place: &Place,
        indexes: &[usize],
        chosen: &[Result<(Place, PinPlace), String>],
        sites: &BTreeSet<&Place>,
    ) -> Option<Decided> {
        let live: Vec<usize> = indexes
            .iter()
            .copied()
            .filter(|&i| !self.occurrences[i].orphan)
            .collect();
        let users = if live.is_empty() {
            indexes.to_vec()
        } else {
            live
        };
        let decided = |role| {
            Some(Decided {
                place: place.clone(),
                role,
                users: users.clone(),
            })
        };
        if users.iter().all(|&i| self.occurrences[i].orphan) {
            let known = users.iter().any(|&i| {
                self.understood[i].ways.is_some() || !self.understood[i].deciding.is_empty()
            });
            // A repository whose tag only a caller would give is listed too.
            return (known || !self.says_nothing(place, &users))
                .then(|| decided(Role::Orphan("nothing calls this module".into())))
                .flatten();
        }
        if sites.contains(place) {
            let own = users.iter().find_map(|&i| {
                chosen[i]
                    .as_ref()
                    .ok()
                    .filter(|(site, _)| site == place)
                    .map(|(_, pin)| (i, pin))
            });
            if let Some((index, pin)) = own {
                let image = self.understood[index].ways.as_ref()?.reference.clone();
                return decided(Role::Site {
                    image,
                    pin: pin.clone(),
                    tag: self.find_tag(place, &users, chosen),
                });
            }
        }
        match users
            .iter()
            .find(|&&i| self.understood[i].deciding.contains(place))
        {
            Some(&index) => decided(Role::Unpinnable(self.reason(place, index, chosen))),
            None if self.says_nothing(place, &users) => None,
            None => decided(Role::Component(
                self.component_reason(place, &users, chosen),
            )),
        }
    }

    /// Finds where the tag of a site is written: at one place for all its uses, and whoever reads
    /// that place has it as a tag.
    fn find_tag(
        &self,
        site: &Place,
        users: &[usize],
        chosen: &[Result<(Place, PinPlace), String>],
    ) -> Result<TagPlace, String> {
        let own = |i: &&usize| {
            let place = chosen[**i].as_ref().ok();
            place.is_some_and(|(place, _)| place == site)
        };
        let mut found: Option<(Place, TagPlace)> = None;
        for ways in users
            .iter()
            .filter(own)
            .filter_map(|i| self.understood[*i].ways.as_ref())
        {
            let tag = ways.written_tag.clone()?;
            if found.as_ref().is_some_and(|found| *found != tag) {
                return Err("its uses have the tag from different places".into());
            }
            found = Some(tag);
        }
        let (literal, tag) = found.ok_or("the tag is computed")?;
        for &index in self.users.get(&literal).into_iter().flatten() {
            let one = &self.understood[index];
            let Some(ways) = &one.ways else {
                return Err(format!(
                    "another use of {} is not known: {}",
                    (self.spell)(&literal),
                    one.unknown.clone().unwrap_or_default()
                ));
            };
            if let Some(refused) = &self.occurrences[index].refused {
                return Err(refused.clone());
            }
            if !ways.written_tag.as_ref().is_ok_and(|(_, own)| *own == tag) {
                return Err(format!(
                    "{} is another part of {}",
                    (self.spell)(&literal),
                    ways.reference
                ));
            }
        }
        match self.elsewhere.get(&literal) {
            Some(why) => Err(format!("{}: {why}", (self.spell)(&literal))),
            None => Ok(tag),
        }
    }

    /// A template whose own text is only separators (`"${a}:${b}"`) says nothing about an image.
    fn says_nothing(&self, place: &Place, users: &[usize]) -> bool {
        let says = |piece: &Piece| match piece {
            Piece::Known {
                text,
                origin: Some(origin),
            } => Place::of(origin) == *place && text.chars().any(char::is_alphanumeric),
            _ => false,
        };
        !users
            .iter()
            .any(|&i| self.occurrences[i].image.pieces().iter().any(says))
    }

    fn reason(
        &self,
        place: &Place,
        index: usize,
        chosen: &[Result<(Place, PinPlace), String>],
    ) -> String {
        let one = &self.understood[index];
        if let Some(misread) = &one.misread {
            return misread.clone();
        }
        if let (Some(unknown), None) = (&one.unknown, &one.ways) {
            return format!("the rest of the reference is not known: {unknown}");
        }
        let own = self
            .literal_obstacle(place)
            .unwrap_or_else(|| "it cannot take a pin".into());
        match &chosen[index] {
            Err(reason) if reason.contains(&own) => reason.clone(),
            Err(reason) => format!("{own}; {reason}"),
            Ok((site, _)) => format!("{own}; the pin goes to {}", (self.spell)(site)),
        }
    }

    fn component_reason(
        &self,
        place: &Place,
        users: &[usize],
        chosen: &[Result<(Place, PinPlace), String>],
    ) -> String {
        let site = users
            .iter()
            .find_map(|&i| Some((i, chosen[i].as_ref().ok()?)));
        match site {
            Some((index, (site, _))) if self.understood[index].tag.contains(place) => {
                format!(
                    "holds only the tag: the digest decides, at {}",
                    (self.spell)(site)
                )
            }
            Some((_, (site, _))) => format!(
                "holds only the repository part; the pin goes to {}",
                (self.spell)(site)
            ),
            None => {
                let why = users
                    .iter()
                    .find_map(|&i| chosen[i].as_ref().err())
                    .cloned()
                    .unwrap_or_default();
                format!("holds only the repository part; the tag cannot be pinned: {why}")
            }
        }
    }
}

fn join<T: ToString>(all: &BTreeSet<T>) -> String {
    all.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Fills in the effective image of an occurrence's use.
pub fn used(occurrence: &Occurrence) -> Use {
    let image: Option<Arc<str>> = occurrence.image.known().map(Into::into);
    Use {
        image,
        ..occurrence.user.clone()
    }
}

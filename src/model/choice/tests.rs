use super::{
    CHECKS, FILTERS, KeptOut, ListedTag, Rules, TagBuild, TagChoice, TagQuestion, TagSieve,
    choose_by, choose_tag,
};
use crate::model::platform::Platform;
use crate::model::policy::Policy;
use crate::model::reference::Tag;
use crate::model::version::GRAMMAR;
use jiff::Timestamp;
use proptest::prelude::*;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const CASES: &str = include_str!("../../../tests/it/data/tags/choices.txt");
/// The readers of the grammar, in its order.
const READERS: [&str; 5] = ["pre-release", "counter", "date", "number", "commit"];

/// Cases that one rule of the design is about.
struct Group {
    title: &'static str,
    /// The rules of the code that are needed for one of its cases.
    needs: Vec<&'static str>,
    cases: Vec<Case>,
}

struct Case {
    line: &'static str,
    policy: Policy,
    declared: Tag,
    running: Option<Tag>,
    match_pre_release: bool,
    step: bool,
    exclude: Vec<Regex>,
    platforms: BTreeSet<Platform>,
    rejected: BTreeSet<Tag>,
    list: Vec<ListedTag>,
    /// The codes that tags have to be kept out by.
    kept_out: BTreeMap<&'static str, &'static str>,
    chosen: Option<&'static str>,
    follow_digest: bool,
}

fn read_groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in CASES.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            let (title, needs) = title.split_once(" (").expect(line);
            groups.push(Group {
                title,
                needs: needs.trim_end_matches(')').split(' ').collect(),
                cases: Vec::new(),
            });
        } else if let Some(group) = groups.last_mut()
            && !line.starts_with(' ')
            && !line.is_empty()
        {
            group.cases.push(read_case(line));
        }
    }
    groups
}

fn read_case(line: &'static str) -> Case {
    let (question, answer) = line.split_once(" :").expect(line);
    let (list, chosen) = answer.split_once(" = ").expect(line);
    let mut words = question.split(' ');
    let mut word = || words.next().expect(line);
    let mut case = Case {
        line,
        policy: Policy::parse(word()).expect(line),
        declared: Tag::parse(word()).expect(line),
        running: None,
        match_pre_release: true,
        step: false,
        exclude: Vec::new(),
        platforms: BTreeSet::new(),
        rejected: BTreeSet::new(),
        list: Vec::new(),
        kept_out: BTreeMap::new(),
        chosen: (!matches!(chosen, "-" | "follow")).then_some(chosen),
        follow_digest: chosen == "follow",
    };
    for option in words {
        match option.split_once('=') {
            Some(("running", tag)) => case.running = Tag::parse(tag),
            Some(("pre", "false")) => case.match_pre_release = false,
            Some(("exclude", regex)) => case.exclude.push(Regex::new(regex).expect(line)),
            Some(("platform", text)) => {
                case.platforms.insert(Platform::parse(text).expect(line));
            }
            Some(("rejected", tag)) => {
                case.rejected.insert(Tag::parse(tag).expect(line));
            }
            None if option == "step" => case.step = true,
            _ => panic!("{option} in {line}"),
        }
    }
    for word in list.split_whitespace() {
        let (word, code) = match word.split_once('!') {
            Some((word, code)) => (word, Some(code)),
            None => (word, None),
        };
        let (word, platforms) = match word.split_once('[') {
            Some((word, platforms)) => (word, Some(platforms.trim_end_matches(']'))),
            None => (word, None),
        };
        let (tag, date) = match word.split_once('@') {
            Some((tag, date)) => (tag, Some(date)),
            None => (word, None),
        };
        let at = |date| {
            format!("{date}T12:00:00Z")
                .parse::<Timestamp>()
                .expect(line)
        };
        let platform = |text| Platform::parse(text).expect(line);
        case.list.push(ListedTag {
            tag: tag.to_owned(),
            build: Some(TagBuild {
                created: date.map(at),
                platforms: platforms.map(|all| all.split(',').map(platform).collect()),
            }),
        });
        if let Some(code) = code {
            case.kept_out.insert(tag, code);
        }
    }
    case
}

impl Case {
    fn question(&self) -> TagQuestion<'_> {
        TagQuestion {
            policy: &self.policy,
            declared: &self.declared,
            running: self.running.as_ref(),
            match_pre_release: self.match_pre_release,
            step: self.step,
            exclude: &self.exclude,
            platforms: &self.platforms,
            rejected: &self.rejected,
        }
    }

    /// Returns how the answer differs from the expected one.
    fn check(&self, rules: Rules) -> Result<(), String> {
        let choice = choose_by(rules, self.question(), &self.list);
        let code = |tag: &str| {
            let found = choice.candidates.iter().find(|judged| judged.tag == tag);
            found
                .and_then(|judged| judged.kept_out_by)
                .map(KeptOut::code)
        };
        let line = self.line;
        if (choice.chosen.as_deref(), choice.follow_digest) != (self.chosen, self.follow_digest) {
            return Err(format!("{line}\n  {choice:?}"));
        }
        for (tag, expected) in &self.kept_out {
            if code(tag) != Some(expected) {
                return Err(format!("{line}\n  {tag} is kept out by {:?}", code(tag)));
            }
        }
        if let Some(chosen) = self.chosen
            && code(chosen).is_some()
        {
            return Err(format!(
                "{line}\n  chosen, and kept out by {:?}",
                code(chosen)
            ));
        }
        Ok(())
    }
}

#[test]
fn each_case_has_the_answer_that_was_written_down() {
    let groups = read_groups();
    let cases: Vec<&Case> = groups.iter().flat_map(|group| &group.cases).collect();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| case.check(Rules::default()).err())
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Every rule is left out once: a case of the group that names it has to fail.
#[test]
fn each_rule_is_needed_for_a_case_that_names_it() {
    let mut named = BTreeSet::new();
    for group in read_groups() {
        for need in group.needs {
            named.insert(need);
            let without = |all: &[super::TagRule]| -> Vec<super::TagRule> {
                let is_kept = |rule: &&super::TagRule| rule.code.code() != need;
                all.iter().filter(is_kept).copied().collect()
            };
            let (filters, checks) = (without(FILTERS), without(CHECKS));
            let reader = need.strip_prefix("grammar:");
            let grammar: Vec<_> = READERS
                .iter()
                .zip(GRAMMAR)
                .filter(|(name, _)| Some(**name) != reader)
                .map(|(_, read)| *read)
                .collect();
            let left_out = FILTERS.len() + CHECKS.len() + GRAMMAR.len()
                - filters.len()
                - checks.len()
                - grammar.len();
            let is_in_rules = left_out == 1;
            let is_elsewhere = matches!(need, "step" | "build-tie" | "not-tried");
            assert!(is_in_rules != is_elsewhere, "{need} in {}", group.title);
            let rules = Rules {
                grammar: &grammar,
                filters: &filters,
                checks: &checks,
            };
            let fails = group.cases.iter().any(|case| case.check(rules).is_err());
            assert!(
                fails || is_elsewhere,
                "{need} is not needed in {}",
                group.title
            );
            let shows = |case: &Case| case.kept_out.values().any(|code| *code == need);
            assert!(
                reader.is_some() || group.cases.iter().any(shows),
                "no case of {} shows {need}",
                group.title
            );
        }
    }
    let readers = READERS.iter().map(|name| format!("grammar:{name}"));
    let codes = KeptOut::ALL.iter().map(|code| code.code().to_owned());
    let missing: Vec<String> = codes
        .chain(readers)
        .filter(|name| !named.contains(name.as_str()))
        .collect();
    assert_eq!(missing, [] as [String; 0], "no group names them");
}

#[test]
fn a_list_in_any_order_has_the_same_answer() {
    for case in read_groups().iter().flat_map(|group| &group.cases) {
        let mut list = case.list.clone();
        list.reverse();
        let choice = choose_tag(case.question(), &list);
        assert_eq!(choice.chosen.as_deref(), case.chosen, "{}", case.line);
    }
}

#[test]
fn a_sieved_list_has_the_same_answer() {
    let mut dropped = 0;
    for case in read_groups().iter().flat_map(|group| &group.cases) {
        let sieve = TagSieve::new(case.question());
        let mut list = case.list.clone();
        list.retain(|listed| sieve.keeps(&listed.tag));
        dropped += case.list.len() - list.len();
        let choice = choose_tag(case.question(), &list);
        assert_eq!(choice.chosen.as_deref(), case.chosen, "{}", case.line);
    }
    assert!(dropped > 100, "{dropped} dropped");
}

#[test]
fn a_pruned_list_has_the_same_answer() {
    for case in read_groups().iter().flat_map(|group| &group.cases) {
        let mut tags: Vec<Arc<str>> = case.list.iter().map(|l| l.tag.as_str().into()).collect();
        TagSieve::new(case.question()).prune_longer(&mut tags, 0);
        let mut list = case.list.clone();
        list.retain(|listed| tags.iter().any(|tag| **tag == listed.tag));
        let choice = choose_tag(case.question(), &list);
        assert_eq!(choice.chosen.as_deref(), case.chosen, "{}", case.line);
    }
}

#[test]
fn a_pruned_list_has_few_tags_and_the_ones_that_matter() {
    let declared = Tag::parse("1.2.3").unwrap();
    let all: Vec<Arc<str>> = (0..50_000)
        .map(|at| format!("1.{}.{}", at / 500, at % 500).into())
        .collect();
    let chosen = |policy: &Policy, step| {
        let question = TagQuestion {
            policy,
            declared: &declared,
            step,
            ..choose_nothing()
        };
        let mut tags = all.clone();
        TagSieve::new(question).prune(&mut tags);
        let list: Vec<ListedTag> = tags
            .iter()
            .map(|tag| ListedTag {
                tag: tag.to_string(),
                build: Some(TagBuild::default()),
            })
            .collect();
        (choose_tag(question, &list).chosen.unwrap(), list.len())
    };
    let (patch, few) = chosen(&Policy::Patch, false);
    assert_eq!((patch.as_str(), few <= 41), ("1.2.499", true), "{few}");
    let (minor, few) = chosen(&Policy::Minor, false);
    assert_eq!((minor.as_str(), few <= 41), ("1.99.499", true), "{few}");
    let (step, some) = chosen(&Policy::Minor, true);
    assert_eq!((step.as_str(), some <= 2021), ("1.3.499", true), "{some}");
}

#[test]
fn a_sieve_keeps_little_of_a_long_list() {
    let (policy, declared) = (Policy::Minor, Tag::parse("22.1.0-alpine").unwrap());
    let question = TagQuestion {
        policy: &policy,
        declared: &declared,
        ..choose_nothing()
    };
    let sieve = TagSieve::new(question);
    let variants = [
        "",
        "-alpine",
        "-alpine3.20",
        "-bookworm",
        "-slim",
        "-bookworm-slim",
    ];
    let all = (0..25).flat_map(|major| (0..40).map(move |minor| (major, minor)));
    let tags = all
        .flat_map(|(major, minor)| variants.map(|variant| format!("{major}.{minor}.0{variant}")));
    let kept: Vec<String> = tags.filter(|tag| sieve.keeps(tag)).collect();
    assert_eq!(kept.len(), 39 + 2 * 40, "{kept:?}");
}

/// A question without settings.
fn choose_nothing() -> TagQuestion<'static> {
    static NOTHING: (Policy, std::sync::LazyLock<Tag>) =
        (Policy::Never, std::sync::LazyLock::new(Tag::latest));
    static PLATFORMS: BTreeSet<Platform> = BTreeSet::new();
    static REJECTED: BTreeSet<Tag> = BTreeSet::new();
    TagQuestion {
        policy: &NOTHING.0,
        declared: &NOTHING.1,
        running: None,
        match_pre_release: true,
        step: false,
        exclude: &[],
        platforms: &PLATFORMS,
        rejected: &REJECTED,
    }
}

/// Supplies builds only as far as they are asked for.
#[test]
fn builds_are_asked_for_only_where_they_decide() {
    for case in read_groups().iter().flat_map(|group| &group.cases) {
        let mut list: Vec<ListedTag> = case.list.clone();
        list.iter_mut().for_each(|listed| listed.build = None);
        let mut asked = 0;
        let choice = loop {
            let choice = choose_tag(case.question(), &list);
            if choice.asks.is_empty() {
                break choice;
            }
            for tag in &choice.asks {
                asked += 1;
                let known = case.list.iter().find(|listed| listed.tag == *tag).unwrap();
                let open = list.iter_mut().filter(|listed| listed.tag == *tag);
                open.for_each(|listed| listed.build = known.build.clone());
            }
        };
        assert_eq!(choice.chosen.as_deref(), case.chosen, "{}", case.line);
        let is_by_build = case.line.starts_with("regexp") || case.line.starts_with("glob");
        assert!(asked <= 8 || is_by_build, "{asked} asked: {}", case.line);
        if case.chosen.is_none() && case.kept_out.is_empty() && !is_by_build {
            assert_eq!(asked, 0, "{}", case.line);
        }
    }
}

fn choose(policy: &str, declared: &str, list: &[&str]) -> TagChoice {
    let (policy, declared) = (
        Policy::parse(policy).unwrap(),
        Tag::parse(declared).unwrap(),
    );
    let list: Vec<ListedTag> = list
        .iter()
        .map(|tag| ListedTag {
            tag: (*tag).to_owned(),
            build: Some(TagBuild::default()),
        })
        .collect();
    let question = TagQuestion {
        policy: &policy,
        declared: &declared,
        ..choose_nothing()
    };
    choose_tag(question, &list)
}

#[test]
fn what_looks_newer_is_marked_whatever_keeps_it_out() {
    let choice = choose(
        "patch",
        "1.2.3",
        &["1.2.2", "1.3.0", "2.0.0-alpine", "v3.0.0", "edge"],
    );
    let newer: Vec<(&str, Option<&str>)> = choice
        .candidates
        .iter()
        .filter(|judged| judged.looks_newer)
        .map(|judged| (judged.tag.as_str(), judged.kept_out_by.map(KeptOut::code)))
        .collect();
    assert_eq!(
        newer,
        [
            ("1.3.0", Some("other-minor")),
            ("2.0.0-alpine", Some("variant")),
            ("v3.0.0", Some("prefix"))
        ]
    );
}

#[test]
fn codes_are_distinct_words_with_dashes() {
    let codes: BTreeSet<&str> = KeptOut::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(codes.len(), KeptOut::ALL.len());
    for code in codes {
        assert!(
            code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
            "{code}"
        );
    }
}

#[test]
fn the_page_lists_each_code_once() {
    let page = include_str!("../../../docs/policies.md");
    let (_, table) = page.split_once("| code | the tag |").expect("the table");
    let listed: Vec<&str> = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| `"))
        .filter_map(|line| Some(line.split_once('`')?.0))
        .collect();
    let codes: Vec<&str> = KeptOut::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(listed, codes);
}

proptest! {
    /// Nothing that is chosen is older than what is declared, and no list makes it fail.
    #[test]
    fn a_choice_never_goes_down(
        declared in "[0-3](\\.[0-3]){0,2}(-rc[1-3]|-r[1-3]|-alpine)?",
        list in prop::collection::vec("v?[0-3](\\.[0-3]){0,2}(-rc[1-3]|-r[1-3]|-alpine)?", 0..12),
        policy in prop::sample::select(vec!["patch", "minor", "major", "all", "glob:*"]),
    ) {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let choice = choose(policy, &declared, &list);
        if let Some(chosen) = choice.chosen {
            let back = choose("all", &chosen, &[&declared]);
            prop_assert_eq!(back.chosen, None, "{} from {}", chosen, declared);
            prop_assert!(list.contains(&chosen.as_str()));
        }
    }

    #[test]
    fn no_list_makes_it_fail(list in prop::collection::vec("\\PC{0,12}", 0..6)) {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        for policy in ["minor", "glob:*", "regexp:(?P<compare>.*)", "force"] {
            let choice = choose(policy, "1.2.3", &list);
            prop_assert!(choice.candidates.len() <= list.len());
        }
    }
}

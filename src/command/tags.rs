//! `pintle tags`: the tags of an image, which of them a policy chooses, and what keeps the others
//! out. `pintle tags try` is the same for a list, and asks nobody.

use super::ending::{Completion, on_runtime};
use super::{out, source, table::table};
use crate::cli::{ChoiceArgs, CloneArgs, OutputFormat, TagsArgs, TagsCommand, TagsTryArgs};
use crate::error::{Error, Result};
use crate::model::choice::choose_tag;
use crate::model::choice::{JudgedTag, KeptOut, ListedTag, TagBuild, TagChoice, TagQuestion};
use crate::model::platform::Platform;
use crate::model::policy::Policy;
use crate::model::reference::{Reference, Tag};
use crate::model::version::TagScheme;
use crate::observe::Registries;
use crate::observe::tags::{choose_online, list_all_tags};
use jiff::Timestamp;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// A table shows so many tags; JSON has all.
const SHOWN: usize = 40;

/// What `--available` reads: `[{"tag": "1.2.4", "created": null, "platforms": ["linux/amd64"]}]`.
#[derive(Deserialize)]
struct AvailableTag {
    tag: String,
    created: Option<String>,
    platforms: Option<Vec<String>>,
}

/// What is tried, checked.
struct Trial {
    policy: Policy,
    current: Tag,
    running: Option<Tag>,
    match_pre_release: bool,
    step: bool,
    exclude: Vec<Regex>,
    platforms: BTreeSet<Platform>,
    rejected: BTreeSet<Tag>,
}

pub fn run(args: &TagsArgs) -> Result<Completion> {
    match &args.what {
        Some(TagsCommand::Try(args)) => try_policy(args),
        None => on_runtime(ask(args)),
    }
}

fn try_policy(args: &TagsTryArgs) -> Result<Completion> {
    let current = parse_tag("--current", &args.current)?;
    let trial = Trial::new(&args.policy, current, &args.choice, &args.platform)?;
    let available = read_available(&args.available)?;
    let choice = choose_tag(trial.question(), &available);
    match args.output.output {
        OutputFormat::Json => out::json(&choice_json(&choice))?,
        OutputFormat::Table => {
            let table = choice_table(&choice.candidates, &choice);
            out::data(&answered(table, &answer(&choice, &trial.current)))?;
        }
    }
    Ok(Completion::Ok)
}

async fn ask(args: &TagsArgs) -> Result<Completion> {
    let image = args.image.as_deref().unwrap_or_default();
    let channel = Reference::parse(image).and_then(|reference| reference.channel());
    let channel = channel.ok_or_else(|| {
        Error::usage(format!("{image} is not an image with a tag"))
            .hint("write it like docker.io/library/postgres:16.4")
    })?;
    let clone = CloneArgs {
        config: args.config.clone(),
        ca_file: args.ca_file.clone(),
        insecure_http: args.insecure_http,
        ..CloneArgs::default()
    };
    let settings = source::registry_settings(&clone, &args.registries)?;
    let client = Registries::new(&settings, &source::config(&clone)?)?.upstream;
    let repository = channel.repository.to_string();
    let Some(policy) = &args.policy else {
        let tags = list_all_tags(&client, &channel.repository).await?;
        match args.output.output {
            OutputFormat::Json => {
                out::json(&json!({ "version": 1, "repository": repository, "tags": tags }))?
            }
            OutputFormat::Table => out::data(
                &tags
                    .iter()
                    .map(|tag| format!("{tag}\n"))
                    .collect::<String>(),
            )?,
        }
        return Ok(Completion::Ok);
    };
    let trial = Trial::new(policy, channel.tag.clone(), &args.choice, &args.platform)?;
    let online = choose_online(&client, &channel.repository, trial.question()).await?;
    let (choice, listed) = (online.choice, online.listed);
    match args.output.output {
        OutputFormat::Json => {
            let mut json = choice_json(&choice);
            json["version"] = json!(1);
            json["repository"] = json!(repository);
            out::json(&json)?;
        }
        OutputFormat::Table => {
            let shown = newest_first(&choice.candidates);
            let table = choice_table(&shown, &choice);
            out::data(&answered(table, &answer(&choice, &trial.current)))?;
            let hidden = listed.saturating_sub(shown.len());
            out::say(&format!("{} not shown", out::many(hidden, "other tag")));
        }
    }
    Ok(Completion::Ok)
}

impl Trial {
    fn new(policy: &str, current: Tag, args: &ChoiceArgs, platforms: &[String]) -> Result<Self> {
        let platform = |text: &String| {
            Platform::parse(text).ok_or_else(|| {
                Error::usage(format!("--platform {text} is not a platform"))
                    .hint("write it like linux/amd64")
            })
        };
        let exclude = |text: &String| {
            Regex::new(text).map_err(|why| {
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().to_owned();
                Error::usage(format!("--exclude {text} is not a regular expression")).cause(last)
            })
        };
        let running = args.running.as_deref();
        Ok(Self {
            policy: parse_policy(policy)?,
            current,
            running: running.map(|tag| parse_tag("--running", tag)).transpose()?,
            match_pre_release: args.match_pre_release,
            step: args.step,
            exclude: args.exclude.iter().map(exclude).collect::<Result<_>>()?,
            platforms: platforms.iter().map(platform).collect::<Result<_>>()?,
            rejected: BTreeSet::new(),
        })
    }

    fn question(&self) -> TagQuestion<'_> {
        TagQuestion {
            policy: &self.policy,
            declared: &self.current,
            running: self.running.as_ref(),
            match_pre_release: self.match_pre_release,
            step: self.step,
            exclude: &self.exclude,
            platforms: &self.platforms,
            rejected: &self.rejected,
        }
    }
}

fn parse_policy(text: &str) -> Result<Policy> {
    Policy::parse(text)
        .map_err(|why| Error::usage(format!("--policy {text} cannot be used")).cause(why))
}

fn parse_tag(option: &str, text: &str) -> Result<Tag> {
    Tag::parse(text).ok_or_else(|| {
        Error::usage(format!("{option} \"{text}\" is not a tag"))
            .hint("name the tag alone, as in 1.2.3; an image without a tag has the tag latest")
    })
}

fn read_available(path: &Path) -> Result<Vec<ListedTag>> {
    let (bytes, name) = match path.to_str() {
        Some("-") => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes);
            (read.map(|_| bytes), "standard input".to_owned())
        }
        _ => (std::fs::read(path), path.display().to_string()),
    };
    let bytes = bytes
        .map_err(|why| Error::usage(format!("cannot read the tags from {name}")).because(why))?;
    parse_available(&bytes, &name)
}

/// Reads a JSON list; `null` is an empty one.
fn parse_available(bytes: &[u8], name: &str) -> Result<Vec<ListedTag>> {
    let wrong = |why: String| {
        Error::usage(format!("{name} is not a list of tags"))
            .cause(why)
            .hint(r#"write [{"tag": "1.2.4", "created": null, "platforms": null}]"#)
    };
    let entries: Option<Vec<AvailableTag>> =
        serde_json::from_slice(bytes).map_err(|why| wrong(why.to_string()))?;
    let entries = entries.unwrap_or_default();
    let listed = |(index, entry): (usize, AvailableTag)| {
        let at = |why: String| wrong(format!("entry {}, tag {:?}: {why}", index + 1, entry.tag));
        let created = entry.created.as_ref().map(|text| {
            let time: std::result::Result<Timestamp, _> = text.parse();
            time.map_err(|why| at(format!("created {text:?} is not a time: {why}")))
        });
        let platform = |text: &String| {
            Platform::parse(text)
                .ok_or_else(|| at(format!("platform {text:?} is not like linux/amd64")))
        };
        let platforms = entry
            .platforms
            .as_ref()
            .map(|all| all.iter().map(platform).collect::<Result<_>>());
        Ok(ListedTag {
            build: Some(TagBuild {
                created: created.transpose()?,
                platforms: platforms.transpose()?,
            }),
            tag: entry.tag,
        })
    };
    entries.into_iter().enumerate().map(listed).collect()
}

fn choice_json(choice: &TagChoice) -> Value {
    let candidate = |judged: &JudgedTag| {
        json!({
            "tag": judged.tag,
            "kept_out_by": judged.kept_out_by.map(KeptOut::code),
        })
    };
    json!({
        "chosen": choice.chosen,
        "follow_digest": choice.follow_digest,
        "candidates": choice.candidates.iter().map(candidate).collect::<Vec<_>>(),
    })
}

/// The newest of the tags that the policy takes or that look newer.
fn newest_first(candidates: &[JudgedTag]) -> Vec<JudgedTag> {
    let is_shown = |judged: &&JudgedTag| judged.kept_out_by.is_none() || judged.looks_newer;
    let mut shown: Vec<JudgedTag> = candidates.iter().filter(is_shown).cloned().collect();
    let compare = |a: &JudgedTag, b: &JudgedTag| {
        let (a, b) = (
            TagScheme::of(&a.tag).version(),
            TagScheme::of(&b.tag).version(),
        );
        match (a, b) {
            (Some(a), Some(b)) => a.compare(&b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    };
    shown.sort_by(|a, b| compare(b, a));
    shown.truncate(SHOWN);
    shown
}

fn choice_table(shown: &[JudgedTag], choice: &TagChoice) -> String {
    let rows = shown.iter().map(|judged| {
        let words = match judged.kept_out_by {
            Some(code) => code.words(),
            None if Some(&judged.tag) == choice.chosen.as_ref() => "chosen",
            None => "allowed; a better one is chosen",
        };
        let code = judged.kept_out_by.map_or("-", KeptOut::code);
        [judged.tag.clone(), code.to_owned(), words.to_owned()]
    });
    table(["tag", "kept out by", "why"], rows)
}

fn answer(choice: &TagChoice, current: &Tag) -> String {
    match &choice.chosen {
        Some(tag) => format!("{current} is bumped to {tag}"),
        None if choice.follow_digest => format!("{current} stays, and its digest is followed"),
        None => format!("{current} stays"),
    }
}

fn answered(table: String, answer: &str) -> String {
    match table.is_empty() {
        true => format!("{answer}\n"),
        false => format!("{table}\n{answer}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_and_null_are_no_tags() {
        for text in ["[]", "null", " [ ] "] {
            assert_eq!(parse_available(text.as_bytes(), "x").unwrap(), []);
        }
    }

    #[test]
    fn absent_and_null_are_unknown() {
        let text = br#"[{"tag": "1"}, {"tag": "1", "created": null, "platforms": null, "x": 1}]"#;
        let read = parse_available(text, "x").unwrap();
        assert_eq!(read[0], read[1]);
        assert_eq!(read[0].build, Some(TagBuild::default()));
    }

    #[test]
    fn a_wrong_list_is_named() {
        for (text, why) in [
            ("", "EOF while parsing"),
            ("{}", "invalid type: map, expected a sequence"),
            (r#"["1.2.3"]"#, "invalid type: string \"1.2.3\""),
            (r#"[{"created": null}]"#, "missing field `tag`"),
            (
                r#"[{"tag": "1", "created": "yesterday"}]"#,
                "entry 1, tag \"1\": created \"yesterday\" is not a time",
            ),
            (
                r#"[{"tag": "1", "platforms": ["linux"]}]"#,
                "platform \"linux\" is not like linux/amd64",
            ),
        ] {
            let error = parse_available(text.as_bytes(), "tags.json").unwrap_err();
            assert_eq!(error.kind, crate::error::Kind::Usage);
            assert_eq!(error.what, "tags.json is not a list of tags");
            let cause = error.causes.concat();
            assert!(cause.contains(why), "{cause}");
        }
    }
}

//! The words of a message: its title, its text, and the values that a template and a receiver's
//! program see. Text from outside is made harmless for the receiver: nobody is mentioned, and no
//! markup is read.

use crate::model::message::{MessageLevel, ReceiverKind};
use crate::pipeline::message::{Message, MessageEntry};
use serde::Serialize;

/// The most entries of a text; a receiver of JSON gets all of them.
const MOST: usize = 20;
/// The most characters of an entry's sentence.
const LONGEST: usize = 600;
/// The longest text that is sent, in characters: ntfy makes an attachment of more than 4,096 bytes.
const TEXT: usize = 3_500;

/// What a message says, ready for its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageWords {
    /// `ops/infra: rolled back docker.io/library/nginx:1 …`
    pub title: String,
    pub text: String,
    /// Why the template was not used, if it was not.
    pub trouble: Option<String>,
}

/// A message as templates and programs see it. `docs/notices.md` describes the fields.
#[derive(Debug, Serialize)]
pub struct MessageView {
    pub version: u32,
    pub id: String,
    pub time: String,
    pub repo: String,
    pub level: MessageLevel,
    pub title: String,
    pub entries: Vec<EntryView>,
}

/// One entry of a [`MessageView`].
#[derive(Debug, Serialize)]
pub struct EntryView {
    pub kind: &'static str,
    pub level: MessageLevel,
    pub site: Option<String>,
    pub image: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub cause: Option<&'static str>,
    pub commit: Option<String>,
    pub url: Option<String>,
    pub text: String,
}

/// Returns the words of a message for its receiver.
pub fn message_words(message: &Message) -> MessageWords {
    let safe = |text: &str| make_harmless(text, message.to.kind);
    let title = safe(&title(message));
    let own = || default_text(message, &safe);
    let (text, trouble) = match &message.to.template {
        None => (own(), None),
        Some(template) => match template.render(&view_with(message, &safe)) {
            Ok(text) => (text.trim().to_owned(), None),
            Err(why) => (own(), Some(why)),
        },
    };
    MessageWords {
        title,
        text: cut(&text, TEXT),
        trouble,
    }
}

/// Returns the values of a message as they are.
pub fn message_view(message: &Message) -> MessageView {
    view_with(message, &|text| text.to_owned())
}

fn view_with(message: &Message, safe: &dyn Fn(&str) -> String) -> MessageView {
    let text = |text: &Option<String>| text.as_deref().map(safe);
    let entry = |entry: &MessageEntry| EntryView {
        kind: entry.kind,
        level: entry.level,
        site: text(&entry.site),
        image: text(&entry.image),
        from: entry.from.as_ref().map(ToString::to_string),
        to: entry.to.as_ref().map(ToString::to_string),
        cause: entry.cause,
        commit: entry.commit.as_ref().map(ToString::to_string),
        url: entry.url.as_ref().map(ToString::to_string),
        text: safe(&entry.text),
    };
    MessageView {
        version: 1,
        id: message.id.clone(),
        time: message.at.to_string(),
        repo: safe(&message.repo),
        level: message.level,
        title: safe(&title(message)),
        entries: message.entries.iter().map(entry).collect(),
    }
}

/// The first sentence, and how many more there are.
fn title(message: &Message) -> String {
    let first = message.entries.first();
    let first = first.map_or("nothing new", |entry| entry.text.as_str());
    let more = match message.entries.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("{}: {}{more}", message.repo, cut(first, 120))
}

fn default_text(message: &Message, safe: &dyn Fn(&str) -> String) -> String {
    let line = |entry: &MessageEntry| {
        let url = entry
            .url
            .as_ref()
            .map_or(String::new(), |url| format!(" {url}"));
        let sentence = safe(&cut(&entry.text, LONGEST));
        format!("- {}: {sentence}{url}\n", entry.level.as_str())
    };
    let mut text: String = message.entries.iter().take(MOST).map(line).collect();
    if message.entries.len() > MOST {
        text += &format!("… and {} more\n", message.entries.len() - MOST);
    }
    let repo = safe(&message.repo);
    format!("pintle in {repo}:\n{}", text.trim_end())
}

/// Takes the meaning from what a receiver would read as more than text. A mention is taken apart by
/// a zero-width space; a digest after `@` stays as it is.
fn make_harmless(text: &str, kind: ReceiverKind) -> String {
    if kind == ReceiverKind::Webhook {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' if kind == ReceiverKind::Slack => out.push_str("&amp;"),
            '<' if kind == ReceiverKind::Slack => out.push_str("&lt;"),
            '>' if kind == ReceiverKind::Slack => out.push_str("&gt;"),
            '@' if !text[at..].starts_with("@sha256:") => out.push_str("@\u{200b}"),
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn message(kind: &str, more: &str, texts: &[&str]) -> Message {
        let toml = format!("[[notice]]\nname = \"ops\"\nkind = \"{kind}\"\n{more}");
        let config = Config::parse(&toml, "pintle.toml").unwrap();
        let entry = |text: &&str| MessageEntry {
            key: (*text).to_owned(),
            level: MessageLevel::Warning,
            kind: "blocked",
            site: Some("main.tf#local.image".into()),
            image: None,
            from: None,
            to: None,
            cause: None,
            commit: None,
            url: url::Url::parse("https://forge.example/ops/infra").ok(),
            text: (*text).to_owned(),
        };
        Message {
            to: config.receivers[0].clone(),
            id: "0".repeat(32),
            at: "2026-11-22T12:00:00Z".parse().unwrap(),
            repo: "ops/infra".into(),
            level: MessageLevel::Warning,
            entries: texts.iter().map(entry).collect(),
        }
    }

    #[test]
    fn outside_text_mentions_nobody_and_is_no_markup() {
        let odd = "tag <!channel> & @here of nginx:1@sha256:aa";
        let slack = message_words(&message("slack", "", &[odd]));
        assert!(slack.text.contains(
            "tag &lt;!channel&gt; &amp; @\u{200b}here of nginx:1@sha256:aa https://forge.example"
        ));
        let ntfy = message_words(&message("ntfy", "", &[odd]));
        assert!(ntfy.title.contains("tag <!channel> & @\u{200b}here"));
        assert_eq!(
            message_view(&message("webhook", "", &[odd])).entries[0].text,
            odd
        );
    }

    #[test]
    fn a_template_makes_the_text_and_a_broken_one_is_reported() {
        let right = r#"template = "{{ level }}: {{ entries | length }} {{ entries[0].text }}""#;
        let words = message_words(&message("ntfy", right, &["first", "second"]));
        assert_eq!((&*words.text, words.trouble), ("warning: 2 first", None));
        let wrong = r#"template = "{{ levels }}""#;
        let words = message_words(&message("ntfy", wrong, &["first"]));
        assert!(words.text.contains("- warning: first"), "{}", words.text);
        assert!(words.trouble.is_some());
    }

    #[test]
    fn a_text_stays_short() {
        let long = "x".repeat(5_000);
        let all = vec![long.as_str(); 500];
        let words = message_words(&message("ntfy", "", &all));
        assert!(words.text.chars().count() <= TEXT && words.title.chars().count() < 200);
    }
}

//! `pintle notice test`.

use super::ending::Completion;
use super::{out, source};
use crate::cli::{NoticeCommand, NoticeTestArgs};
use crate::config::{Config, Receiver};
use crate::daemon::messenger::send_message;
use crate::error::{Error, Result};
use crate::model::message::MessageLevel;
use crate::pipeline::message::{Message, MessageEntry};
use jiff::Timestamp;

pub async fn run(command: &NoticeCommand) -> Result<Completion> {
    match command {
        NoticeCommand::Test(args) => test(args).await,
    }
}

/// Sends a test message to each receiver; quiet hours and levels do not count.
async fn test(args: &NoticeTestArgs) -> Result<Completion> {
    let file = args.config.display().to_string();
    let text = std::fs::read_to_string(&args.config).map_err(|e| {
        Error::usage(format!("cannot read {file}"))
            .because(e)
            .hint("name the file with --config")
    })?;
    let receivers = Config::parse(&text, &file)?.receivers;
    if receivers.is_empty() {
        return Err(Error::usage(format!("{file} has no [[notice]] entry"))
            .hint("docs/notices.md has an example"));
    }
    for name in &args.name {
        if !receivers.iter().any(|receiver| *receiver.name == **name) {
            return Err(Error::usage(format!("{file} has no receiver {name}")));
        }
    }
    let addresses = source::addresses(&args.notices, args.ca_file.as_deref(), args.insecure_http)?;
    let is_asked = |receiver: &&Receiver| {
        args.name.is_empty() || args.name.iter().any(|name| **name == *receiver.name)
    };
    let mut is_partly = false;
    for receiver in receivers.iter().filter(is_asked) {
        let name = &receiver.name;
        match send_message(&addresses, &test_message(receiver)).await {
            Ok(()) => out::data(&format!("{name}: sent\n"))?,
            Err(error) => {
                is_partly = true;
                let hint = error.hint.as_ref();
                let hint = hint.map_or(String::new(), |hint| format!(" ({hint})"));
                out::data(&format!("{name}: not sent: {error}{hint}\n"))?;
            }
        }
    }
    Ok(if is_partly {
        Completion::Partly
    } else {
        Completion::Ok
    })
}

fn test_message(receiver: &Receiver) -> Message {
    Message {
        to: receiver.clone(),
        id: format!("{:032x}", fastrand::u128(..)),
        at: Timestamp::now(),
        repo: "test".into(),
        level: MessageLevel::Info,
        entries: vec![MessageEntry {
            key: "test".into(),
            level: MessageLevel::Info,
            kind: "test",
            site: None,
            image: None,
            from: None,
            to: None,
            cause: None,
            commit: None,
            url: None,
            text: format!("a test message for the receiver {}", receiver.name),
        }],
    }
}

//! The task that sends messages. It has a bounded queue and one request at a time for each
//! receiver, so that a receiver that hangs delays neither a pass nor another receiver. It decides
//! nothing: what is handed to it is due, and was recorded as sent.

use crate::error::{Error, Result};
use crate::pipeline::message::Message;
use crate::remote::receiver::{AddressBook, Post};
use crate::report::message_text::{message_view, message_words};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many messages wait to be taken by the task.
const QUEUE: usize = 64;
/// How many messages wait for one receiver.
const WAITING: usize = 16;
/// How long one message may take with all its tries.
const LONGEST: Duration = Duration::from_secs(180);

/// Hands messages to the task. Never waits.
#[derive(Clone)]
pub struct MessageQueue(mpsc::Sender<Message>);

/// The task, before it is started.
pub struct Messenger {
    queue: mpsc::Receiver<Message>,
    addresses: Arc<AddressBook>,
}

/// What was sent, and what was not, since the task started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    pub sent: usize,
    pub failed: usize,
}

/// One message that was tried to its end.
struct Delivered {
    name: Arc<str>,
    outcome: Result<()>,
}

/// Makes a task and the queue that feeds it.
pub fn messenger(addresses: Arc<AddressBook>) -> (MessageQueue, Messenger) {
    let (sender, queue) = mpsc::channel(QUEUE);
    (MessageQueue(sender), Messenger { queue, addresses })
}

impl MessageQueue {
    /// Hands messages over. One that finds the queue full is dropped, and the log says so.
    pub fn send(&self, messages: Vec<Message>) {
        for message in messages {
            let name = message.to.name.clone();
            if self.0.try_send(message).is_err() {
                tracing::warn!(receiver = %name, "a message was dropped: too many wait");
            }
        }
    }
}

impl Messenger {
    /// Sends what is handed over, until every queue to it is gone and all is sent.
    pub async fn run(mut self) -> Result<DeliveryCounts> {
        let mut waiting: BTreeMap<Arc<str>, VecDeque<Message>> = BTreeMap::new();
        let (mut sending, mut busy) = (JoinSet::new(), BTreeSet::new());
        let (mut counts, mut is_open) = (DeliveryCounts::default(), true);
        while is_open || !sending.is_empty() {
            tokio::select! {
                message = self.queue.recv(), if is_open => match message {
                    Some(message) => put(&mut waiting, message),
                    None => is_open = false,
                },
                Some(ended) = sending.join_next() => {
                    let Delivered { name, outcome } = ended
                        .map_err(|e| Error::failed("sending a message ended early").because(e))?;
                    busy.remove(&name);
                    note(&name, outcome, &mut counts);
                }
            }
            for (name, messages) in &mut waiting {
                if !busy.contains(name)
                    && let Some(message) = messages.pop_front()
                {
                    busy.insert(name.clone());
                    sending.spawn(deliver(self.addresses.clone(), message));
                }
            }
        }
        Ok(counts)
    }
}

fn put(waiting: &mut BTreeMap<Arc<str>, VecDeque<Message>>, message: Message) {
    let queue = waiting.entry(message.to.name.clone()).or_default();
    if queue.len() >= WAITING {
        tracing::warn!(receiver = %message.to.name, "a message was dropped: too many wait");
    } else {
        queue.push_back(message);
    }
}

fn note(name: &str, outcome: Result<()>, counts: &mut DeliveryCounts) {
    match outcome {
        Ok(()) => {
            counts.sent += 1;
            tracing::info!(receiver = name, "a message was sent");
        }
        Err(error) => {
            counts.failed += 1;
            let hint = error.hint.as_deref();
            tracing::warn!(receiver = name, %error, hint, "a message was not sent");
        }
    }
}

async fn deliver(addresses: Arc<AddressBook>, message: Message) -> Delivered {
    let outcome = timeout(LONGEST, send_message(&addresses, &message)).await;
    let too_long = |_| Err(Error::outside("sending a message took too long"));
    Delivered {
        name: message.to.name,
        outcome: outcome.unwrap_or_else(too_long),
    }
}

/// Sends one message to its receiver.
pub async fn send_message(addresses: &AddressBook, message: &Message) -> Result<()> {
    let words = message_words(message);
    if let Some(why) = words.trouble {
        tracing::warn!(receiver = %message.to.name, why, "the template was not used");
    }
    let values = serde_json::to_value(message_view(message))
        .map_err(|why| Error::failed("a message cannot be written as JSON").because(why))?;
    let post = Post {
        id: message.id.clone(),
        level: message.level,
        title: words.title,
        text: words.text,
        url: message.entries.first().and_then(|entry| entry.url.clone()),
        values,
    };
    let client = addresses.client(&message.to.name, message.to.kind)?;
    client.deliver(&post).await
}

#[cfg(test)]
mod tests;

//! A receiver of messages: notes each request and answers 200, or keeps the connection and never
//! answers. Decides nothing.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::Reply;
use super::incoming::{Request, answer};

/// A server on loopback; it ends with the process.
pub struct MessageReceiver {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    came: Receiver<()>,
}

impl MessageReceiver {
    /// One that answers 200.
    pub fn start() -> MessageReceiver {
        MessageReceiver::serve(true)
    }

    /// One that takes a request and never answers it.
    pub fn that_hangs() -> MessageReceiver {
        MessageReceiver::serve(false)
    }

    fn serve(answers: bool) -> MessageReceiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (note, (tell, came)) = (Arc::clone(&seen), channel());
        thread::spawn(move || take(&listener, answers, &note, &tell));
        MessageReceiver { url, seen, came }
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the next request.
    pub fn wait(&self) {
        self.came.recv().expect("the server goes on");
    }

    /// The bodies so far, which are JSON.
    pub fn bodies(&self) -> Vec<serde_json::Value> {
        let seen = self.seen.lock().expect("nobody panics with it");
        let body = |request: &Request| serde_json::from_slice(&request.body).expect("it is JSON");
        seen.iter().map(body).collect()
    }

    /// The bytes of one body.
    pub fn raw(&self, at: usize) -> Vec<u8> {
        self.seen.lock().expect("nobody panics with it")[at]
            .body
            .clone()
    }

    /// A header of each request so far.
    pub fn headers(&self, name: &str) -> Vec<Option<String>> {
        let seen = self.seen.lock().expect("nobody panics with it");
        let header = |request: &Request| {
            let mut all = request.headers.iter();
            let found = all.find(|(own, _)| own == name);
            found.map(|(_, value)| value.clone())
        };
        seen.iter().map(header).collect()
    }
}

fn take(listener: &TcpListener, answers: bool, seen: &Arc<Mutex<Vec<Request>>>, tell: &Sender<()>) {
    let mut held = Vec::new();
    for stream in listener.incoming().flatten() {
        let Some(request) = Request::read(&stream) else {
            continue;
        };
        let method = request.method.clone();
        seen.lock().expect("nobody panics with it").push(request);
        if answers {
            let reply = Reply {
                status: 200,
                headers: Vec::new(),
                body: b"ok".to_vec(),
            };
            // A client that went away needs no answer.
            let _ = answer(&stream, &method, &reply);
        } else {
            held.push(stream);
        }
        if tell.send(()).is_err() {
            return;
        }
    }
}

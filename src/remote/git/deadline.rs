//! An http transport for gix that comes to an end: a server that sends a byte now and then never
//! lets a read end by its own limit. Decides nothing about what is sent.

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use std::any::Any;
use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When a fetch has to be done, and whether it was cut.
#[derive(Clone)]
pub(super) struct Deadline {
    end: Instant,
    is_over: Arc<AtomicBool>,
}

impl Deadline {
    pub fn within(limit: Duration) -> Self {
        Self {
            end: Instant::now() + limit,
            is_over: Arc::default(),
        }
    }

    /// Says whether something was refused because it came too late.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<()> {
        if Instant::now() < self.end {
            return Ok(());
        }
        self.is_over.store(true, Ordering::Relaxed);
        Err(Error::new(ErrorKind::TimedOut, "it took too long"))
    }
}

/// What reads until the deadline.
pub(super) struct Timed<T> {
    pub inner: T,
    pub deadline: Deadline,
}

impl<T: Read> Read for Timed<T> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        self.deadline.check()?;
        self.inner.read(into)
    }
}

impl<T: BufRead> BufRead for Timed<T> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.deadline.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
    }
}

impl<H: Http> Http for Timed<H> {
    type Headers = Timed<H::Headers>;
    type ResponseBody = Timed<H::ResponseBody>;
    type PostBody = H::PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let got = self.inner.get(url, base_url, headers)?;
        Ok(GetResponse {
            headers: self.timed(got.headers),
            body: self.timed(got.body),
        })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let got = self.inner.post(url, base_url, headers, body)?;
        Ok(PostResponse {
            post_body: got.post_body,
            headers: self.timed(got.headers),
            body: self.timed(got.body),
        })
    }

    fn configure(&mut self, config: &dyn Any) -> gix::Result {
        self.inner.configure(config)
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.inner.redirected_base_url()
    }
}

impl<H> Timed<H> {
    fn timed<T>(&self, inner: T) -> Timed<T> {
        Timed {
            inner,
            deadline: self.deadline.clone(),
        }
    }
}

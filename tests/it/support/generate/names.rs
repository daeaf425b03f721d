//! Invented names, and images with tags in the shares that were measured.

use std::collections::BTreeMap;

const APPS: [&str; 48] = [
    "atlas", "beacon", "birch", "cargo", "cedar", "cinder", "cobalt", "comet", "coral", "delta",
    "dune", "ember", "falcon", "fern", "fjord", "garnet", "glade", "harbor", "hazel", "heron",
    "indigo", "iris", "jade", "juniper", "kestrel", "lagoon", "larch", "lumen", "maple", "meadow",
    "mesa", "nimbus", "nova", "onyx", "opal", "orchid", "pebble", "pine", "quartz", "raven",
    "reef", "sable", "sierra", "thistle", "topaz", "tundra", "willow", "zephyr",
];
const PARTS: [&str; 24] = [
    "server",
    "worker",
    "web",
    "api",
    "proxy",
    "cache",
    "db",
    "queue",
    "scheduler",
    "ui",
    "sync",
    "backup",
    "exporter",
    "agent",
    "sidecar",
    "migrate",
    "indexer",
    "mailer",
    "gateway",
    "auth",
    "search",
    "media",
    "notify",
    "cron",
];
/// 229 of 377 on docker.io (170 without the host), 131 on ghcr.io, the rest elsewhere.
const HOSTS: [(&str, u32); 7] = [
    ("", 170),
    ("docker.io/", 59),
    ("ghcr.io/", 131),
    ("quay.io/", 6),
    ("lscr.io/", 5),
    ("codeberg.org/", 3),
    ("registry.example.com:5000/", 3),
];
const OWNERS: [&str; 12] = [
    "northwind",
    "bluepeak",
    "openforge",
    "greenfield",
    "stackyard",
    "homelabs",
    "cloudmill",
    "redbrick",
    "silverline",
    "tinyhost",
    "fieldnotes",
    "deepwater",
];
const ODD: [&str; 14] = [
    "15-vectorchord0.4.3-pgvectors0.2.0",
    "v1.0.35.0",
    "MatriX.141",
    "2026.05.14.1326-nightly",
    "v20-20260127",
    "2.4.1-voltage-fix",
    "bookworm-slim",
    "v.1.1.1",
    "22",
    "71b32438",
    "20260127",
    "4f0c1d9ab37e",
    "RELEASE.2026-01-01T00-00-00Z",
    "3.20-alpine",
];

pub struct Names {
    host: Option<String>,
    taken: BTreeMap<String, usize>,
}

/// An image as its parts are written.
#[derive(Clone, Debug)]
pub struct Image {
    pub repository: String,
    pub tag: String,
}

impl Image {
    pub fn tagged(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

impl Names {
    pub fn new(host: Option<String>) -> Self {
        Self {
            host,
            taken: BTreeMap::new(),
        }
    }

    /// Returns `wanted`, with a number from its second time on.
    pub fn once(&mut self, wanted: String) -> String {
        let times = self.taken.entry(wanted.clone()).or_default();
        *times += 1;
        match *times {
            1 => wanted,
            n => format!("{wanted}-{n}"),
        }
    }

    /// A stack's name, new in this repo.
    pub fn app(&mut self, rng: &mut fastrand::Rng) -> String {
        let name = match rng.u8(..3) {
            0 => pick(rng, &APPS).to_owned(),
            _ => format!("{}-{}", pick(rng, &APPS), pick(rng, &PARTS)),
        };
        self.once(name)
    }

    pub fn part(&self, rng: &mut fastrand::Rng) -> &'static str {
        pick(rng, &PARTS)
    }

    pub fn image(&self, rng: &mut fastrand::Rng) -> Image {
        let host = match &self.host {
            Some(host) => format!("{host}/"),
            None => weighted(rng, &HOSTS).to_owned(),
        };
        let path = match (host.as_str(), rng.u8(..4)) {
            ("", 0) => pick(rng, &APPS).to_owned(),
            _ => format!("{}/{}", pick(rng, &OWNERS), pick(rng, &APPS)),
        };
        let part = if rng.bool() {
            format!("-{}", pick(rng, &PARTS))
        } else {
            String::new()
        };
        Image {
            repository: format!("{host}{path}{part}"),
            tag: tag(rng),
        }
    }

    pub fn digest(&self, rng: &mut fastrand::Rng) -> String {
        let hex: String = (0..64)
            .map(|_| char::from_digit(rng.u32(..16), 16).unwrap_or('0'))
            .collect();
        format!("sha256:{hex}")
    }
}

/// `:latest` 141, floating 21, X.Y 68, full versions 102, odd ones, dates and git shas 21 of 353.
fn tag(rng: &mut fastrand::Rng) -> String {
    let (a, b, c) = (rng.u8(..30), rng.u8(..40), rng.u8(..20));
    match rng.u16(..353) {
        0..141 => "latest".into(),
        141..162 => ["stable", "release", "main", "edge", "nightly"][usize::from(a) % 5].into(),
        162..230 => format!("{a}.{b}"),
        230..290 => format!("{a}.{b}.{c}"),
        290..332 => format!("v{a}.{b}.{c}"),
        _ => pick(rng, &ODD).into(),
    }
}

pub fn pick<'a>(rng: &mut fastrand::Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

pub fn weighted<T: Copy>(rng: &mut fastrand::Rng, from: &[(T, u32)]) -> T {
    let all: u32 = from.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.u32(..all);
    for (value, weight) in from {
        if at < *weight {
            return *value;
        }
        at -= weight;
    }
    from[0].0
}

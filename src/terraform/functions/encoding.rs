//! Functions that encode, decode and hash.

use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::arguments::Args;
use super::{Computed, json, yaml};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use std::fmt::Write;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "jsonencode" => args
            .count(1, 1)
            .and_then(|args| json::encode(args.value(0)?))
            .map(Value::Text),
        "jsondecode" => args
            .count(1, 1)
            .and_then(|args| json::decode(&args.text(0)?)),
        "yamlencode" => args
            .count(1, 1)
            .and_then(|args| yaml::encode(args.value(0)?))
            .map(Value::Text),
        "yamldecode" => args
            .count(1, 1)
            .and_then(|args| yaml::decode(&args.text(0)?)),
        "base64encode" => computed(args, |text| Ok(STANDARD.encode(text))),
        "base64decode" => base64_decode(args),
        "urlencode" => computed(args, |text| Ok(url_encode(text))),
        "urldecode" => computed(args, url_decode),
        "sha256" => computed(args, |text| Ok(hex::encode(Sha256::digest(text)))),
        "sha512" => computed(args, |text| Ok(hex::encode(Sha512::digest(text)))),
        "base64sha256" => computed(args, |text| Ok(STANDARD.encode(Sha256::digest(text)))),
        "base64sha512" => computed(args, |text| Ok(STANDARD.encode(Sha512::digest(text)))),
        _ => return None,
    })
}

fn computed(args: Args, compute: impl FnOnce(&str) -> Result<String, Why>) -> Computed {
    Ok(Value::text(compute(&args.count(1, 1)?.string(0)?)?))
}

/// Decodes; no byte of the result is written anywhere.
fn base64_decode(args: Args) -> Computed {
    let text = args.count(1, 1)?.string(0)?;
    let bytes = STANDARD
        .decode(text.as_bytes())
        .map_err(|_| invalid("a string that is not base64"))?;
    String::from_utf8(bytes)
        .map(Value::text)
        .map_err(|_| invalid("base64 of something that is no text"))
}

/// Escapes as Go's `url.QueryEscape`.
fn url_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into())
            }
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn url_decode(text: &str) -> Result<String, Why> {
    let bad = || invalid("a string that is not url-encoded");
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let (high, low) = (bytes.next().ok_or_else(bad)?, bytes.next().ok_or_else(bad)?);
                let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(bad);
                out.push((digit(high)? * 16 + digit(low)?) as u8);
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).map_err(|_| bad())
}

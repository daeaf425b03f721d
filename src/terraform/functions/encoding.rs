//! Functions that encode, decode and hash.

use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::arguments::Args;
use super::{Computed, json, yaml};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeMap;
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
        "sha1" => computed(args, |text| Ok(hex::encode(Sha1::digest(text)))),
        "md5" => computed(args, |text| Ok(hex::encode(Md5::digest(text)))),
        "uuidv5" => uuid_v5(args),
        "textencodebase64" => encode_text(args),
        "textdecodebase64" => decode_text(args),
        "csvdecode" => decode_csv(args),
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

/// The namespaces of RFC 4122 with the last digit of the first group that tells them apart.
const NAMESPACES: [(&str, u8); 4] = [("dns", 0x10), ("url", 0x11), ("oid", 0x12), ("x500", 0x14)];
const NAMESPACE: &str = "6ba7b8009dad11d180b400c04fd430c8";

/// Makes a UUID of a name in a namespace (RFC 4122, version 5).
fn uuid_v5(args: Args) -> Computed {
    let (space, name) = (args.count(2, 2)?.string(0)?, args.string(1)?);
    let bad = || invalid("a namespace that is no UUID");
    let known = NAMESPACES.iter().find(|(known, _)| *known == space);
    let digits = match known {
        Some(_) => NAMESPACE.to_owned(),
        None if space.len() == 36 => space.replace('-', ""),
        None => return Err(bad()),
    };
    let mut bytes = hex::decode(digits).map_err(|_| bad())?;
    if bytes.len() != 16 {
        return Err(bad());
    }
    if let Some((_, last)) = known {
        bytes[3] = *last;
    }
    let mut hash = Sha1::digest([&bytes[..], name.as_bytes()].concat())[..16].to_vec();
    hash[6] = (hash[6] & 0x0f) | 0x50;
    hash[8] = (hash[8] & 0x3f) | 0x80;
    let all = hex::encode(hash);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| all[range].to_owned());
    Ok(Value::text(groups.join("-")))
}

/// How a text is encoded, of the encodings that are computed.
fn is_big_endian(name: &str) -> Result<Option<bool>, Why> {
    match name.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(None),
        "UTF-16LE" => Ok(Some(false)),
        "UTF-16BE" => Ok(Some(true)),
        _ => Err(limit(format!("the encoding {name}"))),
    }
}

fn encode_text(args: Args) -> Computed {
    let (text, name) = (args.count(2, 2)?.string(0)?, args.string(1)?);
    let bytes: Vec<u8> = match is_big_endian(&name)? {
        None => text.into_bytes(),
        Some(true) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Some(false) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
    Ok(Value::text(STANDARD.encode(bytes)))
}

fn decode_text(args: Args) -> Computed {
    let (text, name) = (args.count(2, 2)?.string(0)?, args.string(1)?);
    let bytes = STANDARD
        .decode(text.as_bytes())
        .map_err(|_| invalid("a string that is not base64"))?;
    let is_big = is_big_endian(&name)?;
    let text = match is_big {
        None => String::from_utf8(bytes).map_err(|_| invalid("bytes that are not UTF-8"))?,
        Some(is_big) => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units = pairs.iter().map(|pair| match is_big {
                true => u16::from_be_bytes(*pair),
                false => u16::from_le_bytes(*pair),
            });
            if !rest.is_empty() {
                return Err(limit("half a character"));
            }
            String::from_utf16(&units.collect::<Vec<_>>())
                .map_err(|_| limit("text that is not UTF-16"))?
        }
    };
    Ok(Value::text(text))
}

/// Reads lines of values below a line of names; no byte of the result is written anywhere.
fn decode_csv(args: Args) -> Computed {
    let text = args.count(1, 1)?.string(0)?;
    let bad = |_| invalid("text that is not CSV");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers().map_err(bad)?.clone();
    if names.is_empty() {
        return Err(invalid("CSV without a line of names"));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let cells = names.iter().zip(record.iter());
        let row: BTreeMap<_, _> = cells
            .map(|(name, cell)| (name.into(), Value::text(cell)))
            .collect();
        if row.len() != names.len() {
            return Err(invalid("CSV with two columns of one name"));
        }
        rows.push(Value::Map(row.into()));
    }
    Ok(list(rows))
}

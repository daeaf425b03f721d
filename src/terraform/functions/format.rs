//! `format` and `formatlist`, with the verbs OpenTofu knows. Text that is put in as it is keeps its
//! origin.

use super::super::eval::support::*;
use super::super::text::Text;
use super::super::value::{Number, Value, Why};
use super::arguments::Args;
use super::strings::{piece, with_hole};
use super::{Computed, json};
use unicode_segmentation::UnicodeSegmentation;

pub fn format(args: Args) -> Computed {
    let spec = args.count(1, usize::MAX)?.text(0)?;
    one(&spec, &args.0[1..])
}

/// Formats once for each place of the lists; what is no list is used every time.
pub fn format_list(args: Args) -> Computed {
    let spec = args.count(1, usize::MAX)?.text(0)?;
    let mut length = None;
    for value in &args.0[1..] {
        match value {
            Value::Unknown(why) => return Err(why.clone()),
            Value::List(items) | Value::Set(items) => match length.replace(items.len()) {
                Some(other) if other != items.len() => {
                    return Err(invalid("formatlist with lists of different lengths"));
                }
                _ => {}
            },
            _ => {}
        }
    }
    let row = |at: usize| -> Vec<Value> {
        let pick = |value: &Value| match value {
            Value::List(items) | Value::Set(items) => items.get(at).cloned().unwrap_or(Value::Null),
            single => single.clone(),
        };
        args.0[1..].iter().map(pick).collect()
    };
    (0..length.unwrap_or(1))
        .map(|at| one(&spec, &row(at)))
        .collect::<Result<_, _>>()
        .map(list)
}

fn one(spec: &Text, args: &[Value]) -> Computed {
    let string = known(spec)?;
    let mut out = Text::default();
    let (mut at, mut next, mut used) = (0, 0, 0);
    while let Some(start) = string[at..].find('%').map(|found| found + at) {
        out.append(&piece(spec, at..start)?);
        let verb =
            Verb::read(&string[start..]).ok_or_else(|| invalid("a format with a bad verb"))?;
        at = start + verb.length;
        if verb.letter == '%' {
            out.append(&piece(spec, start..start + 1)?);
            continue;
        }
        let index = verb.index.unwrap_or(next);
        next = index + 1;
        used = used.max(next);
        let arg = args
            .get(index)
            .ok_or_else(|| invalid("a format with too few arguments"))?;
        out.append(&verb.apply(arg)?);
    }
    out.append(&piece(spec, at..string.len())?);
    if used < args.len() {
        return Err(invalid("a format with too many arguments"));
    }
    Ok(Value::Text(out))
}

/// `%[flags][width][.precision][index]letter`.
#[derive(Debug, Default)]
struct Verb {
    letter: char,
    length: usize,
    /// Counted from 0.
    index: Option<usize>,
    width: usize,
    precision: Option<usize>,
    plus: bool,
    minus: bool,
    space: bool,
    sharp: bool,
    zero: bool,
}

const MAX_WIDTH: usize = 1000;

impl Verb {
    fn read(text: &str) -> Option<Self> {
        let mut verb = Self::default();
        let mut rest = &text[1..];
        while let Some(flag) = rest.chars().next().filter(|c| "+- #0".contains(*c)) {
            match flag {
                '+' => verb.plus = true,
                '-' => verb.minus = true,
                ' ' => verb.space = true,
                '#' => verb.sharp = true,
                _ => verb.zero = true,
            }
            rest = &rest[1..];
        }
        let width;
        (width, rest) = digits(rest);
        verb.width = width.unwrap_or(0);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = digits(after);
            verb.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = digits(after);
            verb.index = Some(index?.checked_sub(1)?);
            rest = after.strip_prefix(']')?;
        }
        verb.letter = rest.chars().next()?;
        verb.length = text.len() - rest.len() + verb.letter.len_utf8();
        (verb.width <= MAX_WIDTH && verb.precision.unwrap_or(0) <= MAX_WIDTH).then_some(verb)
    }

    fn apply(&self, arg: &Value) -> Result<Text, Why> {
        let hole = matches!(self.letter, 's' | 'v')
            && self.width == 0
            && self.precision.is_none()
            && !self.sharp;
        if hole && arg.why_unknown().is_some() {
            return with_hole(arg);
        }
        if let Some(why) = unknown_in(arg) {
            return Err(why.clone());
        }
        if matches!(arg, Value::Null) && self.letter != 'v' {
            return Err(invalid("null in a format"));
        }
        match self.letter {
            'v' if self.sharp => self.pad(json::encode(arg)?),
            'v' => match arg {
                Value::Text(_) => self.pad(to_text(arg.clone())?),
                Value::Number(..) | Value::Bool(_) => self.pad(Text::computed(to_known(arg)?)),
                other => self.pad(json::encode(other)?),
            },
            's' => self.pad(self.shorten(to_text(arg.clone())?)?),
            'q' => self.pad(Text::computed(quote(&known(
                &self.shorten(to_text(arg.clone())?)?,
            )?))),
            't' => self.pad(Text::computed(if to_bool(arg)? { "true" } else { "false" })),
            'd' | 'b' | 'o' | 'x' | 'X' => self.integer(arg),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => self.float(to_number(arg)?),
            _ => Err(invalid("a format with a bad verb")),
        }
    }

    fn shorten(&self, text: Text) -> Result<Text, Why> {
        let Some(precision) = self.precision else {
            return Ok(text);
        };
        let string = known(&text)?;
        let end = string
            .grapheme_indices(true)
            .nth(precision)
            .map_or(string.len(), |(at, _)| at);
        piece(&text, 0..end)
    }

    fn pad(&self, text: Text) -> Result<Text, Why> {
        if self.width == 0 {
            return Ok(text);
        }
        let missing = self
            .width
            .saturating_sub(known(&text)?.graphemes(true).count());
        if missing == 0 {
            return Ok(text);
        }
        let zero = self.zero && !self.minus;
        let padding = Text::computed(if zero { "0" } else { " " }.repeat(missing));
        let (first, second) = if self.minus {
            (&text, &padding)
        } else {
            (&padding, &text)
        };
        let mut out = Text::default();
        out.append(first);
        out.append(second);
        Ok(out)
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn integer(&self, arg: &Value) -> Result<Text, Why> {
        if let (Value::Text(text), 'x' | 'X') = (arg, self.letter)
            && number::parse(&known(text)?).is_none()
        {
            return Err(limit("a string in hexadecimal"));
        }
        let int = to_int(arg)?;
        let digits = match self.letter {
            'd' => int.unsigned_abs().to_string(),
            'b' => format!("{:b}", int.unsigned_abs()),
            'o' => format!("{:o}", int.unsigned_abs()),
            'x' => format!("{:x}", int.unsigned_abs()),
            _ => format!("{:X}", int.unsigned_abs()),
        };
        if self.precision.is_some() || self.sharp {
            return Err(limit("a format of this kind"));
        }
        self.number(self.sign(int < 0), &digits)
    }

    fn number(&self, sign: &str, digits: &str) -> Result<Text, Why> {
        if self.zero && !self.minus {
            let missing = self.width.saturating_sub(sign.len() + digits.len());
            return Ok(Text::computed(format!(
                "{sign}{}{digits}",
                "0".repeat(missing)
            )));
        }
        self.pad(Text::computed(format!("{sign}{digits}")))
    }

    fn float(&self, value: Number) -> Result<Text, Why> {
        number::print(value).ok_or_else(|| limit("a number of more than 15 digits"))?;
        let float = number::float(value);
        let whole_beyond = matches!(value, Number::Int(int) if int.unsigned_abs() > 1 << 53);
        if whole_beyond || self.sharp {
            return Err(limit("a format of this kind"));
        }
        let absolute = float.abs();
        let digits = match self.letter {
            'f' | 'F' => format!("{absolute:.*}", self.precision.unwrap_or(6)),
            'e' | 'E' => exponent(&format!("{absolute:.*e}", self.precision.unwrap_or(6))),
            _ if self.precision.is_some() => return Err(limit("a format of this kind")),
            _ => shortest(absolute),
        };
        let digits = if self.letter.is_ascii_uppercase() {
            digits.to_uppercase()
        } else {
            digits
        };
        self.number(self.sign(float < 0.0), &digits)
    }
}

/// Writes a positive number as Go's `%g`.
fn shortest(float: f64) -> String {
    let plain = float == 0.0 || (1e-4..1e6).contains(&float);
    if plain {
        float.to_string()
    } else {
        exponent(&format!("{float:e}"))
    }
}

/// Writes Rust's `1.5e4` as Go's `1.5e+04`.
fn exponent(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(("+", exponent), |rest| ("-", rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Reads a number that is reasonable for a width; larger ones are cut to one that is not.
fn digits(text: &str) -> (Option<usize>, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let value = (end > 0).then(|| text[..end].parse().unwrap_or(usize::MAX));
    (value, &text[end..])
}

/// Quotes as JSON does, which is what `%q` gives.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        json::escape(c, &mut out);
    }
    out.push('"');
    out
}

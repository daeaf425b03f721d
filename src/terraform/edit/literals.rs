//! A file as a list of marks and literals: what a proof compares. Says where each literal's content
//! is; never what it means.

use crate::terraform::files::RepoPath;
use crate::terraform::hcl::parse_body;
use crate::terraform::json;
use crate::terraform::mask;
use crate::terraform::span::Span;
use crate::terraform::yaml;
use granit_parser::{Event, ScalarStyle};
use hcl_edit::expr::{BinaryOperator, Expression, Splat, TraversalOperator, UnaryOperator};
use hcl_edit::structure::{Attribute, Block, BlockLabel};
use hcl_edit::template::{Element, HeredocTemplate, StringTemplate, Template};
use hcl_edit::visit::{self, Visit};
use hcl_edit::{Decorated, Formatted, Ident, Number, Span as _, Spanned};

/// One thing of a file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileItem {
    /// A piece of structure: a name, an operator, the begin or end of a list.
    Mark(String),
    /// A string, or a part of one between `${…}`; it may be empty.
    Literal(FileLiteral),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileLiteral {
    /// Bytes of the content in the file, without quotes.
    pub span: Span,
    /// What it says, escapes resolved.
    pub value: String,
    pub kind: LiteralKind,
}

/// How a literal is written; it stays that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LiteralKind {
    Hcl,
    Heredoc,
    Yaml(ScalarStyle),
    Json,
}

/// How a file is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Hcl,
    Yaml,
    /// YAML after `${…}` and `%{…}` are masked.
    MaskedYaml,
    Json,
    /// Only bytes are compared.
    Bytes,
}

/// Returns how a file named `path` may be read, best first.
pub(super) fn readings(path: &RepoPath) -> &'static [Reading] {
    let extension = path
        .name()
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    match extension {
        "tf" | "hcl" | "tfvars" | "tofu" => &[Reading::Hcl],
        "json" => &[Reading::Json],
        "yaml" | "yml" => &[Reading::Yaml, Reading::MaskedYaml],
        "tpl" | "tftpl" | "tmpl" => &[Reading::MaskedYaml, Reading::Bytes],
        _ => &[Reading::Bytes],
    }
}

/// Returns the items of `bytes`; the error is a sentence.
pub(super) fn items(bytes: &[u8], reading: Reading) -> Result<Vec<FileItem>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    match reading {
        Reading::Hcl => hcl(text),
        Reading::Yaml => yaml_items(text),
        Reading::MaskedYaml => yaml_items(&mask::mask(text)),
        Reading::Json => json_items(text),
        Reading::Bytes => Ok(Vec::new()),
    }
}

/// Splits a byte order mark off; returns the length of it too.
fn without_mark(text: &str) -> (usize, &str) {
    text.strip_prefix('\u{feff}')
        .map_or((0, text), |rest| (3, rest))
}

fn json_items(text: &str) -> Result<Vec<FileItem>, String> {
    let (base, source) = without_mark(text);
    let item = |token| match token {
        json::JsonToken::Mark(mark) => FileItem::Mark(char::from(mark).to_string()),
        json::JsonToken::Word(range) => FileItem::Mark(source[range].to_owned()),
        json::JsonToken::String(range) => {
            let value = serde_json::from_str(&format!("\"{}\"", &source[range.clone()]))
                .unwrap_or_default();
            FileItem::Literal(FileLiteral {
                span: Span::new(base + range.start, base + range.end),
                value,
                kind: LiteralKind::Json,
            })
        }
    };
    let tokens = json::tokens(source).map_err(|why| why.to_string())?;
    Ok(tokens.into_iter().map(item).collect())
}

fn yaml_items(text: &str) -> Result<Vec<FileItem>, String> {
    let mut items = Vec::new();
    for event in yaml::parser(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let Event::Scalar(value, style, anchor, tag) = event else {
            items.push(FileItem::Mark(format!("{event:?}")));
            continue;
        };
        items.push(FileItem::Mark(format!("scalar {anchor} {tag:?}")));
        let span = yaml::content(text, &value, style, span.byte_range().unwrap_or_default());
        items.push(FileItem::Literal(FileLiteral {
            span,
            value: value.into_owned(),
            kind: LiteralKind::Yaml(style),
        }));
    }
    Ok(items)
}

fn hcl(text: &str) -> Result<Vec<FileItem>, String> {
    let (base, source) = without_mark(text);
    let body = parse_body(source)
        .map_err(|error| format!("it is not HCL ({})", first_line(&error.to_string())))?;
    let mut walk = ItemCollector {
        source,
        base,
        items: Vec::new(),
    };
    walk.visit_body(&body);
    Ok(walk.items)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// Collects items of HCL in the order of the file.
struct ItemCollector<'a> {
    source: &'a str,
    base: usize,
    items: Vec<FileItem>,
}

impl ItemCollector<'_> {
    fn mark(&mut self, text: impl Into<String>) {
        self.items.push(FileItem::Mark(text.into()));
    }

    fn literal(&mut self, start: usize, end: usize, value: &str, kind: LiteralKind) {
        let span = Span::new(self.base + start, self.base + end);
        self.items.push(FileItem::Literal(FileLiteral {
            span,
            value: value.to_owned(),
            kind,
        }));
    }

    /// A string between quotes.
    fn quoted(&mut self, string: &Decorated<String>) {
        let Some(range) = string.span() else {
            return self.mark("string without a place");
        };
        let range = if self.source[range.clone()].starts_with('"') {
            range.start + 1..range.end - 1
        } else {
            range
        };
        self.literal(range.start, range.end, string, LiteralKind::Hcl);
    }

    /// The elements between `start` and `end`: literals and holes by turns, so that a text may grow
    /// where there was none.
    fn elements(&mut self, template: &Template, start: usize, end: usize, kind: LiteralKind) {
        let mut at = start;
        let mut pending: Option<&Spanned<String>> = None;
        for element in template {
            match element {
                Element::Literal(literal) => pending = Some(literal),
                hole => {
                    let range = hole.span().unwrap_or(at..at);
                    self.slot(pending.take(), at, range.start, kind);
                    self.hole(hole);
                    at = range.end;
                }
            }
        }
        self.slot(pending, at, end, kind);
    }

    fn slot(
        &mut self,
        literal: Option<&Spanned<String>>,
        start: usize,
        end: usize,
        kind: LiteralKind,
    ) {
        self.literal(
            start,
            end.max(start),
            literal.map_or("", |literal| literal.as_str()),
            kind,
        );
    }

    fn hole(&mut self, element: &Element) {
        let strip = match element {
            Element::Interpolation(interpolation) => format!("{:?}", interpolation.strip),
            _ => String::new(),
        };
        self.mark(format!("${{ {strip}"));
        self.visit_element(element);
        self.mark("}");
    }
}

impl Visit for ItemCollector<'_> {
    fn visit_ident(&mut self, node: &Decorated<Ident>) {
        self.mark(format!("name {}", node.as_str()));
    }

    fn visit_bool(&mut self, node: &Decorated<bool>) {
        self.mark(format!("bool {}", **node));
    }

    fn visit_null(&mut self, _node: &Decorated<hcl_edit::expr::Null>) {
        self.mark("null");
    }

    fn visit_u64(&mut self, node: &Decorated<u64>) {
        self.mark(format!("index {}", **node));
    }

    fn visit_number(&mut self, node: &Formatted<Number>) {
        self.mark(format!("number {}", node.value()));
    }

    fn visit_string(&mut self, node: &Decorated<String>) {
        self.quoted(node);
    }

    fn visit_splat(&mut self, _node: &Decorated<Splat>) {
        self.mark("splat");
    }

    fn visit_unary_operator(&mut self, node: &Spanned<UnaryOperator>) {
        self.mark(format!("unary {:?}", node.value()));
    }

    fn visit_binary_operator(&mut self, node: &Decorated<BinaryOperator>) {
        self.mark(format!("binary {:?}", node.value()));
    }

    fn visit_attr(&mut self, node: &Attribute) {
        self.mark("=");
        visit::visit_attr(self, node);
    }

    fn visit_block(&mut self, node: &Block) {
        self.mark("block {");
        visit::visit_block(self, node);
        self.mark("}");
    }

    fn visit_block_label(&mut self, node: &BlockLabel) {
        visit::visit_block_label(self, node);
    }

    fn visit_expr(&mut self, node: &Expression) {
        self.mark(format!("{} (", name(node)));
        visit::visit_expr(self, node);
        self.mark(")");
    }

    fn visit_traversal_operator(&mut self, node: &TraversalOperator) {
        self.mark("traverse");
        visit::visit_traversal_operator(self, node);
    }

    fn visit_string_template(&mut self, node: &StringTemplate) {
        match node.span() {
            Some(range) => self.elements(node, range.start + 1, range.end - 1, LiteralKind::Hcl),
            None => self.mark("template without a place"),
        }
    }

    fn visit_heredoc_template(&mut self, node: &HeredocTemplate) {
        self.mark(format!("<< {}", node.delimiter.as_str()));
        match node.template.span() {
            Some(range) => {
                self.elements(&node.template, range.start, range.end, LiteralKind::Heredoc)
            }
            None => self.bare(&node.template),
        }
    }

    fn visit_template(&mut self, node: &Template) {
        match node.span() {
            Some(range) => self.elements(node, range.start, range.end, LiteralKind::Heredoc),
            None => self.bare(node),
        }
    }
}

impl ItemCollector<'_> {
    /// A template of which only the elements have places.
    fn bare(&mut self, template: &Template) {
        let first = template.iter().next().and_then(|element| element.span());
        let last = template.iter().last().and_then(|element| element.span());
        match (first, last) {
            (Some(first), Some(last)) => {
                self.elements(template, first.start, last.end, LiteralKind::Heredoc)
            }
            _ => self.mark("empty template"),
        }
    }
}

fn name(node: &Expression) -> &'static str {
    match node {
        Expression::Null(_) => "null",
        Expression::Bool(_) => "bool",
        Expression::Number(_) => "number",
        // A string that gets no `${…}` and a template that has some are told apart by their holes.
        Expression::String(_) | Expression::StringTemplate(_) => "string",
        Expression::Array(_) => "array",
        Expression::Object(_) => "object",
        Expression::HeredocTemplate(_) => "heredoc",
        Expression::Parenthesis(_) => "parenthesis",
        Expression::Variable(_) => "variable",
        Expression::Conditional(_) => "conditional",
        Expression::FuncCall(_) => "call",
        Expression::Traversal(_) => "traversal",
        Expression::UnaryOp(_) => "unary",
        Expression::BinaryOp(_) => "binary",
        Expression::ForExpr(_) => "for",
    }
}

/// Says whether `bytes` are blanks, line ends and whole comments, as that kind of file has them.
pub(super) fn is_comment(reading: Reading, bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    match reading {
        Reading::Hcl => is_hcl_comment(text),
        Reading::Yaml => text.split('\n').all(is_yaml_comment),
        Reading::MaskedYaml | Reading::Json | Reading::Bytes => false,
    }
}

fn is_hcl_comment(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if rest.is_empty() {
        return true;
    }
    if let Some(inner) = rest.strip_prefix("/*") {
        return inner
            .split_once("*/")
            .is_some_and(|(inside, after)| is_text(inside) && is_hcl_comment(after));
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let line = line.strip_suffix('\r').unwrap_or(line);
    (line.starts_with('#') || line.starts_with("//")) && is_text(line) && is_hcl_comment(after)
}

fn is_yaml_comment(line: &str) -> bool {
    let rest = line.trim_matches([' ', '\t', '\r']);
    rest.is_empty() || (rest.starts_with('#') && is_text(rest))
}

fn is_text(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

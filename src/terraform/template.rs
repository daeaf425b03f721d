//! String templates, heredocs and template files: literal parts keep their place in the file, a
//! part that is not known stays a hole. The rules for `~` and `<<-` are those of HCL's scanner,
//! which sees a heredoc's literals one line at a time.

mod literal;

use super::eval::support::{invalid, limit, to_bool, to_text};
use super::eval::{Context, Input, InputPlace, LoopScope, Scope, pairs_and_rest, settle};
use super::files::RepoPath;
use super::text::{Form, Piece, Text};
use super::value::{Value, Why, WhyKind};
use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, StringTemplate, Strip, Template,
};
use literal::TemplateLiteral;
use std::ops::Range;

/// Bytes and pieces of one string; a template that grows beyond is not evaluated.
const MAX_BYTES: usize = 4 << 20;
const MAX_PIECES: usize = 100_000;

/// Renders a whole file as `templatefile` does. `vars` answers for the names in the template.
pub fn render_file(bytes: &[u8], path: &RepoPath, vars: &dyn Scope) -> Value {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Value::unknown(WhyKind::File, format!("{path}, which is not UTF-8 text,"));
    };
    render(
        Input {
            text,
            place: InputPlace::File { path, offset: 0 },
        },
        vars,
    )
}

/// Renders a string as `templatestring` does.
pub fn render_text(template: &Text, vars: &dyn Scope) -> Value {
    match template.known() {
        Some(text) => render(
            Input {
                text: &text,
                place: InputPlace::Inside(template),
            },
            vars,
        ),
        None => template
            .why_unknown()
            .map_or_else(|| Value::text(""), |why| Value::Unknown(why.clone())),
    }
}

fn render(input: Input, scope: &dyn Scope) -> Value {
    match hcl_edit::parser::parse_template(input.text) {
        Ok(template) => {
            let shape = Shape {
                content: 0..input.text.len(),
                form: Form::Raw,
                flush: false,
            };
            settle(evaluate(&Context { input, scope }, &template, &shape))
        }
        Err(error) => Value::unknown(
            WhyKind::Invalid,
            format!("a template with a syntax error: {}", error.message()),
        ),
    }
}

/// Evaluates a template between quotes.
pub(super) fn quoted(context: &Context, template: &StringTemplate) -> Value {
    let Some(span) = template.span() else {
        return Value::unknown(WhyKind::Limit, "a template without a place");
    };
    let shape = Shape {
        content: span.start + 1..span.end - 1,
        form: Form::Quoted,
        flush: false,
    };
    settle(evaluate_elements(context, template.iter(), &shape))
}

/// Evaluates a heredoc whose expression is at `span`.
pub(super) fn heredoc(
    context: &Context,
    heredoc: &HeredocTemplate,
    span: Option<Range<usize>>,
) -> Value {
    let (Some(content), Some(span)) = (heredoc.template.span(), span) else {
        return Value::unknown(WhyKind::Limit, "a heredoc without a place");
    };
    let flush = context
        .input
        .text
        .get(span.start..)
        .is_some_and(|text| text.starts_with("<<-"));
    settle(evaluate(
        context,
        &heredoc.template,
        &Shape {
            content,
            form: Form::Raw,
            flush,
        },
    ))
}

/// Reads a quoted string with escape sequences, whose content is at `content`.
pub(super) fn literal(context: &Context, content: Range<usize>) -> Value {
    let shape = Shape {
        content: content.clone(),
        form: Form::Quoted,
        flush: false,
    };
    let Some(literal) = TemplateLiteral::read(context.input.text, content, Form::Quoted) else {
        return Value::unknown(WhyKind::Limit, "a string with an unusual escape sequence");
    };
    let mut out = Out::new(context, &shape);
    out.literal(&literal);
    settle(out.finish())
}

/// What kind of text a template is in.
struct Shape {
    content: Range<usize>,
    form: Form,
    /// Common indentation is removed (`<<-`).
    flush: bool,
}

/// A template's parts; literals are indexes into the flat list that trimming works on.
enum TemplatePart<'e> {
    Literal(usize),
    Value(&'e Expression),
    If {
        directive: &'e IfDirective,
        then: Vec<TemplatePart<'e>>,
        other: Vec<TemplatePart<'e>>,
    },
    For {
        directive: &'e ForDirective,
        body: Vec<TemplatePart<'e>>,
    },
}

/// Flattens a template the way HCL reads it: one token after another.
struct TemplateReader<'t> {
    text: &'t str,
    form: Form,
    literals: Vec<TemplateLiteral<'t>>,
    /// In order: a literal's index, or `None` for a sequence.
    tokens: Vec<Option<usize>>,
    trim_next: bool,
}

impl<'t> TemplateReader<'t> {
    fn elements<'e>(
        &mut self,
        elements: impl Iterator<Item = &'e Element>,
    ) -> Result<Vec<TemplatePart<'e>>, Why> {
        let mut nodes = Vec::new();
        for element in elements {
            match element {
                Element::Literal(literal) => {
                    let span = literal
                        .span()
                        .ok_or_else(|| limit("a template without a place"))?;
                    self.literal(span, &mut nodes)?;
                }
                Element::Interpolation(interpolation) => {
                    self.sequence(interpolation.strip);
                    nodes.push(TemplatePart::Value(&interpolation.expr));
                }
                Element::Directive(directive) => nodes.push(self.directive(directive)?),
            }
        }
        Ok(nodes)
    }

    fn literal(&mut self, span: Range<usize>, nodes: &mut Vec<TemplatePart>) -> Result<(), Why> {
        let mut start = span.start;
        while start < span.end {
            let rest = &self.text[start..span.end];
            let lines = self.form != Form::Quoted;
            let end = rest
                .find('\n')
                .filter(|_| lines)
                .map_or(span.end, |at| start + at + 1);
            let mut literal = TemplateLiteral::read(self.text, start..end, self.form)
                .ok_or_else(|| limit("a template with an unusual escape sequence"))?;
            if std::mem::take(&mut self.trim_next) {
                literal.trim_start();
            }
            self.tokens.push(Some(self.literals.len()));
            nodes.push(TemplatePart::Literal(self.literals.len()));
            self.literals.push(literal);
            start = end;
        }
        Ok(())
    }

    fn sequence(&mut self, strip: Strip) {
        if strip.strip_start()
            && let Some(Some(last)) = self.tokens.last()
        {
            self.literals[*last].trim_end();
        }
        self.tokens.push(None);
        self.trim_next = strip.strip_end();
    }

    fn directive<'e>(&mut self, directive: &'e Directive) -> Result<TemplatePart<'e>, Why> {
        match directive {
            Directive::If(directive) => {
                self.sequence(directive.if_expr.strip);
                let then = self.elements(directive.if_expr.template.iter())?;
                let mut other = Vec::new();
                if let Some(else_expr) = &directive.else_expr {
                    self.sequence(else_expr.strip);
                    other = self.elements(else_expr.template.iter())?;
                }
                self.sequence(directive.endif_expr.strip);
                Ok(TemplatePart::If {
                    directive,
                    then,
                    other,
                })
            }
            Directive::For(directive) => {
                self.sequence(directive.for_expr.strip);
                let body = self.elements(directive.for_expr.template.iter())?;
                self.sequence(directive.endfor_expr.strip);
                Ok(TemplatePart::For { directive, body })
            }
        }
    }

    /// Removes the indentation that all lines have, as `<<-` does; lines of white space only do not
    /// count and are kept.
    fn flush(&mut self) {
        let mut at_line_start = true;
        let mut common: Option<usize> = None;
        let mut adjust = Vec::new();
        for token in &self.tokens {
            let literal = token.map(|index| &self.literals[index]);
            if std::mem::take(&mut at_line_start) {
                match literal {
                    Some(literal) if literal.is_blank_line() => {}
                    Some(literal) => {
                        common = Some(common.unwrap_or(usize::MAX).min(literal.indent()));
                        adjust.extend(*token);
                    }
                    None => common = Some(0),
                }
            }
            at_line_start = literal.is_some_and(TemplateLiteral::ends_line);
        }
        for index in adjust {
            self.literals[index].dedent(common.unwrap_or(0));
        }
    }
}

fn evaluate(context: &Context, template: &Template, shape: &Shape) -> Result<Value, Why> {
    evaluate_elements(context, template.iter(), shape)
}

fn evaluate_elements<'e>(
    context: &Context,
    elements: impl Iterator<Item = &'e Element>,
    shape: &Shape,
) -> Result<Value, Why> {
    let mut reader = TemplateReader {
        text: context.input.text,
        form: shape.form,
        literals: Vec::new(),
        tokens: Vec::new(),
        trim_next: false,
    };
    let nodes = reader.elements(elements)?;
    if shape.flush {
        reader.flush();
    }
    if let [TemplatePart::Value(expr)] = nodes[..] {
        return Ok(unwrapped(context, expr, shape));
    }
    let mut out = Out::new(context, shape);
    out.nodes(context, &reader.literals, &nodes)?;
    out.finish()
}

/// A template of one sequence and nothing else is the value of that sequence, whatever its type.
fn unwrapped(context: &Context, expr: &Expression, shape: &Shape) -> Value {
    match context.eval(expr) {
        Value::Text(mut text) => {
            if let Some(frame) = context.input.frame(&shape.content, shape.form) {
                text.push_frame(frame);
            }
            Value::Text(text)
        }
        value => value,
    }
}

/// Returns a reference as it is written: what is null there a run has to set.
fn written_name(context: &Context, expr: &Expression) -> Option<String> {
    match expr {
        Expression::Parenthesis(inner) => written_name(context, inner.inner()),
        Expression::Traversal(_) => Some(context.input.text.get(expr.span()?)?.trim().to_owned()),
        _ => None,
    }
}

/// The text a template makes.
struct Out<'c> {
    input: Input<'c>,
    shape: &'c Shape,
    text: Text,
    bytes: usize,
}

impl<'c> Out<'c> {
    fn new(context: &Context<'c>, shape: &'c Shape) -> Self {
        Self {
            input: context.input,
            shape,
            text: Text::default(),
            bytes: 0,
        }
    }

    fn literal(&mut self, literal: &TemplateLiteral) {
        for (range, text) in literal.runs() {
            self.bytes += text.len();
            self.input.append(
                &mut self.text,
                range,
                text,
                &self.shape.content,
                self.shape.form,
            );
        }
    }

    fn nodes(
        &mut self,
        context: &Context,
        literals: &[TemplateLiteral],
        nodes: &[TemplatePart],
    ) -> Result<(), Why> {
        for node in nodes {
            if self.bytes > MAX_BYTES || self.text.pieces().len() > MAX_PIECES {
                return Err(limit("a text this long"));
            }
            match node {
                TemplatePart::Literal(index) => self.literal(&literals[*index]),
                TemplatePart::Value(expr) => {
                    match (context.eval(expr), written_name(context, expr)) {
                        (Value::Null, Some(name)) => {
                            self.hole(Why::new(WhyKind::NullInString, name))?
                        }
                        (value, _) => self.value(value)?,
                    }
                }
                TemplatePart::If {
                    directive,
                    then,
                    other,
                } => match to_bool(&context.eval(&directive.if_expr.cond_expr)) {
                    Ok(true) => self.nodes(context, literals, then)?,
                    Ok(false) => self.nodes(context, literals, other)?,
                    Err(why) => self.hole(why)?,
                },
                TemplatePart::For { directive, body } => {
                    self.repeat(context, literals, directive, body)?
                }
            }
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        context: &Context,
        literals: &[TemplateLiteral],
        directive: &ForDirective,
        body: &[TemplatePart],
    ) -> Result<(), Why> {
        let intro = &directive.for_expr;
        let (items, rest) = match pairs_and_rest(&context.eval(&intro.collection_expr)) {
            Ok(found) => found,
            Err(why) => return self.hole(why),
        };
        let mut rest = rest;
        for (key, value) in items {
            if let Some(why) = value.why_unknown().filter(|_| value.is_elements()) {
                self.hole(why.clone())?;
                rest = None;
                continue;
            }
            let key = intro.key_var.as_ref().map(|name| (name.as_str(), key));
            let scope = LoopScope {
                outer: context.scope,
                key,
                value: (intro.value_var.as_str(), value),
            };
            self.nodes(
                &Context {
                    input: context.input,
                    scope: &scope,
                },
                literals,
                body,
            )?;
        }
        rest.map_or(Ok(()), |why| self.hole(why))
    }

    /// An error inside a template makes the whole an error; anything else that is not known is a
    /// hole.
    fn hole(&mut self, why: Why) -> Result<(), Why> {
        if why.kind == WhyKind::Invalid {
            return Err(why);
        }
        self.text.push(Piece::Unknown(why));
        Ok(())
    }

    fn value(&mut self, value: Value) -> Result<(), Why> {
        match value {
            Value::Null => Err(invalid("null inside a string")),
            Value::Unknown(why) => self.hole(why),
            value => {
                let text = to_text(value)?;
                self.bytes += text.known_len();
                self.text.append(&text);
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<Value, Why> {
        if self.bytes > MAX_BYTES {
            return Err(limit("a text this long"));
        }
        if let Some(frame) = self.input.frame(&self.shape.content, self.shape.form) {
            self.text.push_frame(frame);
        }
        Ok(Value::Text(self.text))
    }
}

//! Documents for property tests: as odd as real files are, with the places where a pin may go.

use super::{Edit, Span};
use crate::terraform::text::Form;
use proptest::prelude::*;

/// A file that can be read, and its image literals.
#[derive(Debug, Clone)]
pub struct Document {
    pub name: &'static str,
    pub text: String,
    pub literals: Vec<(Span, Form)>,
}

/// A template of one part of a file; `@` becomes a name that was not used before, `‹…›` marks an
/// image literal.
type Part = (&'static str, Form);

const HCL: &[Part] = &[
    ("a@   =   \"‹ghcr.io/x/y:1.2›\"  # keep\n", Form::Quoted),
    ("\n\n\tb@=\"‹repo:${var.tag}›\"\n", Form::Quoted),
    (
        "c@ = <<-EOT\n    apiVersion: v1\n      image: ‹busybox:1›\n    %{ for x in y }- ${x}\n    %{ endfor }\n    EOT\n",
        Form::Raw,
    ),
    (
        "d@ = <<EOT\n\timage: ‹é/x:1›\n$${HOME} %%{x}\nEOT\n",
        Form::Raw,
    ),
    (
        "e@ {\n  image=\"‹a\\\"b:1›\"\n  e = 1.50\n}\n",
        Form::Quoted,
    ),
    (
        "resource \"k\" \"r@\" {\n  spec { image = var.x ? \"‹x:1›\" : null } // c\n}\n",
        Form::Quoted,
    ),
    (
        "f@ = merge({ \"a\" : \"‹›\" }, [for k, v in m : \"${k}-${v}\"]...)\n/* multi\n line */\n",
        Form::Quoted,
    ),
    ("g@ = \"${\"a-${\"‹in:ner›\"}\"}\"\n", Form::Quoted),
];

const YAML: &[Part] = &[
    ("a@:   ‹ghcr.io/x/y:1.2›   # keep\n", Form::YamlPlain),
    ("b@: '‹it''s:1›'\n", Form::YamlSingle),
    ("c@: \"‹x:1\\t›\"\n", Form::YamlDouble),
    (
        "# c\n\nd@:\n- image: ‹é:1›\n  x: [1, 'y']\n",
        Form::YamlPlain,
    ),
    ("e@: {image: ‹x/y:1›, z: ~}\n", Form::YamlPlain),
    ("f@: |-\n    image: ‹x:1›\n    more\n", Form::YamlBlock),
    ("g@: &n@ 22\nh@: *n@\ntag@: ‹22›\n", Form::YamlPlain),
    ("\"q@\" : \"‹›\"\n", Form::YamlDouble),
];

const TEMPLATE: &[Part] = &[
    ("a@: ‹repo:${tag}›\n", Form::YamlPlain),
    (
        "%{ if x ~}\nb@: '‹x:1›'\n%{ else }\nc@: 1\n%{ endif ~}\n",
        Form::YamlSingle,
    ),
    (
        "d@: \"‹$${x}:${ jsonencode({ a = \"}\" }) }›\"\n",
        Form::YamlDouble,
    ),
];

const JSON: &[Part] = &[
    (" \"a@\" : \"‹x:1›\",\n", Form::Json),
    ("\t\"b@\":[1.50,\"‹y\\u00e9›\" , null,{}],\n", Form::Json),
    ("\"c@\":{\"image\":\"‹›\", \"image\":\"z\"},\n", Form::Json),
];

/// Returns any document.
pub fn document() -> impl Strategy<Value = Document> {
    let kinds = prop::sample::select(vec![
        ("main.tf", HCL),
        ("x.tfvars", &HCL[..2]),
        ("v.yaml", YAML),
        ("v.yml", TEMPLATE),
        ("v.tpl", TEMPLATE),
        ("a.json", JSON),
    ]);
    let parts = prop::collection::vec(any::<prop::sample::Index>(), 1..12);
    (kinds, parts, any::<(bool, bool, bool)>()).prop_map(
        |((name, kinds), picks, (crlf, mark, bare))| {
            let parts: Vec<Part> = picks
                .iter()
                .map(|pick| kinds[pick.index(kinds.len())])
                .collect();
            // An escape of the test's own language must not meet `\r\n`.
            build(name, &parts, if crlf { "\r\n" } else { "\n" }, mark, bare)
        },
    )
}

fn build(name: &'static str, parts: &[Part], line_end: &str, mark: bool, bare: bool) -> Document {
    let mut document = Document {
        name,
        text: String::new(),
        literals: Vec::new(),
    };
    if mark {
        document.text.push('\u{feff}');
    }
    let json = name.ends_with("json");
    if json {
        document.text.push('{');
    }
    for (number, (part, form)) in parts.iter().enumerate() {
        let part = part
            .replace('@', &number.to_string())
            .replace('\n', line_end);
        push(&mut document, &part, *form);
    }
    if json {
        document.text.push_str("\"end\":0}");
        document.text.push_str(line_end);
    }
    // A heredoc needs the line end after its last line.
    if bare && !document.text.trim_end().ends_with("EOT") {
        document.text.truncate(document.text.trim_end().len());
    }
    document
}

fn push(document: &mut Document, part: &str, form: Form) {
    let (before, rest) = part.split_once('‹').unwrap();
    let (literal, after) = rest.split_once('›').unwrap();
    document.text.push_str(before);
    let start = document.text.len();
    document.text.push_str(literal);
    document
        .literals
        .push((Span::new(start, document.text.len()), form));
    document.text.push_str(after);
}

/// Bytes that end a literal of this form.
pub fn breaking(form: Form) -> Vec<u8> {
    match form {
        Form::Quoted | Form::Json => b"x\" \"y".to_vec(),
        Form::Raw => b"x ${".to_vec(),
        Form::YamlPlain => b"x: y: z".to_vec(),
        Form::YamlSingle => b"x' 'y".to_vec(),
        Form::YamlDouble => b"x\" \"y".to_vec(),
        Form::YamlBlock => b"x\nbreak".to_vec(),
    }
}

/// Returns the edits that undo `edits`, which are sorted.
pub fn reverse(edits: &[Edit]) -> Vec<Edit> {
    let mut shift = 0_isize;
    let mut reversed = Vec::new();
    for edit in edits {
        let start = edit.span.start.checked_add_signed(shift).unwrap();
        let span = Span::new(start, start + edit.put.len());
        shift += edit.put.len() as isize - edit.span.len() as isize;
        reversed.push(Edit {
            span,
            expect: edit.put.clone(),
            put: edit.expect.clone(),
            ..edit.clone()
        });
    }
    reversed
}

use super::Marker;
use crate::model::commit::CommitId;

fn commit() -> CommitId {
    CommitId::parse(&"0123456789".repeat(4)).expect("an id")
}

#[test]
fn every_mark_is_read_again() {
    let marks = [
        Marker::Answer(0),
        Marker::Answer(u64::MAX),
        Marker::Left(commit()),
        Marker::Pipeline(commit()),
        Marker::NotBack("c0ffee1234".repeat(4)),
        Marker::Rotten("c0ffee1234".repeat(4)),
        Marker::Title("c0ffee1234".repeat(4)),
        Marker::Text("c0ffee1234".repeat(4)),
        Marker::Withdrawn,
        Marker::Changed("c0ffee1234".repeat(4)),
    ];
    let lines: Vec<String> = marks.iter().map(Marker::render).collect();
    for end in ["\n", "\r\n"] {
        assert_eq!(Marker::all(&(lines.join(end) + end + "Done." + end)), marks);
    }
    assert_eq!(Marker::Answer(123).render(), "<!-- pintle:answer 123 -->");
}

#[test]
fn only_whole_lines_at_the_top_are_marks() {
    for text in [
        "",
        "Done.\n<!-- pintle:answer 1 -->",
        "\n<!-- pintle:answer 1 -->",
        " <!-- pintle:answer 1 -->",
        "<!-- pintle:answer 1 --> ",
        "<!-- pintle:answer 1 --> x",
        "<!-- pintle:answer 1 2 -->",
        "<!--pintle:answer 1-->",
        "<!-- pintle:answer -->",
        "<!-- pintle:answer 01 -->",
        "<!-- pintle:answer +1 -->",
        "<!-- pintle:answer 99999999999999999999 -->",
        "<!-- pintle:answer 1 --><!-- pintle:answer 2 -->",
        "<!-- pintle:left abc -->",
        "<!-- PINTLE:answer 1 -->",
        "> <!-- pintle:answer 1 -->",
        "```\n<!-- pintle:answer 1 -->\n```",
        "\u{feff}<!-- pintle:answer 1 -->",
    ] {
        assert_eq!(Marker::all(text), [], "{text:?}");
    }
}

#[test]
fn a_mark_of_another_kind_is_passed_over() {
    let text = "<!-- pintle:phase 3 -->\n<!-- pintle:answer 5 -->\nDone.\n<!-- pintle:answer 6 -->";
    assert_eq!(Marker::all(text), [Marker::Answer(5)]);
}

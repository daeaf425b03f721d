use super::{blank_controls, narrow, table};

fn row(cells: [&str; 3]) -> [String; 3] {
    cells.map(str::to_owned)
}

#[test]
fn columns_line_up_and_nothing_is_nothing() {
    assert_eq!(
        table(["place", "fate", "why"], [row(["a/main.tf:1", "site", ""])]),
        "PLACE        FATE  WHY\na/main.tf:1  site\n"
    );
    assert_eq!(table(["place", "fate", "why"], []), "");
}

#[test]
fn on_a_narrow_terminal_the_last_column_has_a_line_of_its_own() {
    let rows = [
        row(["PLACE", "FATE", "WHY"]),
        row(["a/main.tf:1", "dead", "nothing reads it"]),
        row(["b", "site", ""]),
    ];
    assert_eq!(
        narrow(&rows),
        "PLACE        FATE\n    WHY\na/main.tf:1  dead\n    nothing reads it\nb            site\n"
    );
}

#[test]
fn a_cell_cannot_break_out_of_its_line() {
    assert_eq!(blank_controls("a\nb\u{1b}[2Jc"), "a b [2Jc");
}

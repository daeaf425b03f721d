//! Tables for people; as wide as the terminal, plain in a pipe.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use std::io::IsTerminal;

/// Returns the rows below the heads; nothing at all when there is no row.
pub fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(heads.map(str::to_uppercase));
    // Only the last column wraps: a path or an image broken in two cannot be copied.
    for column in table.column_iter_mut().take(N - 1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let mut any = false;
    for row in rows {
        any = true;
        table.add_row(row);
    }
    if !any {
        return String::new();
    }
    let lines = table.lines().map(|line| line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end()).to_owned() + "\n");
    lines.collect()
}

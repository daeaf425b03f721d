//! Tables for people: as wide as the terminal, plain in a pipe.

use crate::model::one_line::blank_controls;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use std::io::IsTerminal;

/// The least room in which the last column is worth wrapping.
const ROOM: usize = 40;

/// Returns the rows below the heads; nothing at all when there is no row. Only the last column
/// wraps, since a path or an image broken in two cannot be copied; on a narrow terminal it gets a
/// line of its own.
pub fn table<const N: usize>(
    heads: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = std::iter::once(heads.map(str::to_uppercase))
        .chain(rows)
        .map(|row| row.map(|cell| blank_controls(&cell)))
        .collect();
    if rows.len() == 1 {
        return String::new();
    }
    let width = std::io::stdout()
        .is_terminal()
        .then(|| Table::new().width())
        .flatten()
        .map(usize::from);
    let fixed: usize = (0..N - 1)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
                + 2
        })
        .sum();
    match width {
        Some(width) if width < fixed + ROOM => narrow(&rows),
        Some(_) => drawn(&rows, N, ContentArrangement::Dynamic).concat(),
        None => drawn(&rows, N, ContentArrangement::Disabled).concat(),
    }
}

fn narrow<const N: usize>(rows: &[[String; N]]) -> String {
    let last = rows.iter().map(|row| row[N - 1].as_str());
    let below = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("    {text}\n")
        }
    };
    drawn(rows, N - 1, ContentArrangement::Disabled)
        .into_iter()
        .zip(last)
        .map(|(line, last)| line + &below(last))
        .collect()
}

fn drawn<const N: usize>(
    rows: &[[String; N]],
    columns: usize,
    arrangement: ContentArrangement,
) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(arrangement);
    for row in rows {
        table.add_row(&row[..columns]);
    }
    for column in table.column_iter_mut().take(N - 1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
        .lines()
        .map(|line| {
            line.trim_end()
                .strip_prefix(' ')
                .unwrap_or(line.trim_end())
                .to_owned()
                + "\n"
        })
        .collect()
}

#[cfg(test)]
mod tests;

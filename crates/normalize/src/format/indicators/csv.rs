//! Comma-separated values (RFC 4180) with what spreadsheets make of them: semicolons or tabs, quoted cells, any line ends.

use event::RejectCode;

use crate::fault::Fault;

pub(in crate::format) const ROWS_MAX: usize = 10_000;
pub(in crate::format) const COLUMNS_MAX: usize = 64;

/// The rows with their cells; blank lines are left out. The delimiter is the one that the first line has most of.
pub(in crate::format) fn rows(text: &str) -> Result<Vec<Vec<String>>, Fault> {
    let head = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let count = |delimiter: char| head.matches(delimiter).count();
    let delimiter = [',', ';', '\t']
        .into_iter()
        .rev()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(',');
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (mut row, mut cell, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut letters = text.chars().peekable();
    loop {
        let letter = letters.next();
        match letter {
            Some('"') if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            Some('"') if quoted => quoted = false,
            Some('"') if cell.trim().is_empty() && !was_quoted => {
                cell.clear();
                (quoted, was_quoted) = (true, true);
            }
            Some(letter) if quoted => cell.push(letter),
            Some(letter) if letter == delimiter => {
                row.push(std::mem::take(&mut cell).trim().to_owned());
                was_quoted = false;
            }
            Some('\n' | '\r') | None => {
                row.push(std::mem::take(&mut cell).trim().to_owned());
                was_quoted = false;
                let full = std::mem::take(&mut row);
                if full.iter().any(|cell| !cell.is_empty()) {
                    rows.push(full);
                }
            }
            Some(letter) => cell.push(letter),
        }
        if rows.len() > ROWS_MAX || row.len() > COLUMNS_MAX {
            let reason = format!(
                "the table has more than {ROWS_MAX} rows or {COLUMNS_MAX} columns; split it"
            );
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        if letter.is_none() {
            break;
        }
    }
    if quoted {
        return Err(Fault::malformed(
            "the table ends within a quoted cell; it was cut",
        ));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_all_kinds() {
        let table = rows("a;b;c\r\n\r\n1;\"x;\"\"y\"\"\nz\"; 80,5 \n;;\n").unwrap();
        assert_eq!(
            table,
            [vec!["a", "b", "c"], vec!["1", "x;\"y\"\nz", "80,5"]]
        );
        assert_eq!(rows("a,b\n1").unwrap(), [vec!["a", "b"], vec!["1"]]);
        assert!(rows("a,\"b").is_err());
        assert!(
            rows(&"x\n".repeat(ROWS_MAX)).is_ok() && rows(&"x\n".repeat(ROWS_MAX + 1)).is_err()
        );
        assert!(rows(&",".repeat(COLUMNS_MAX + 2)).is_err());
    }
}

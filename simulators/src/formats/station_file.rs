//! The text file of official stations (Circular 10/2021/TT-BTNMT): a line for each parameter.

/// Status of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Measuring,
    Calibrating,
    Failed,
}

impl Status {
    fn code(self) -> &'static str {
        match self {
            Self::Measuring => "00",
            Self::Calibrating => "01",
            Self::Failed => "02",
        }
    }
}

pub(crate) struct Line {
    /// `PM2,5` has a comma of its own.
    pub(crate) symbol: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) status: Status,
}

/// How a logger writes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    pub(crate) byte_order_mark: bool,
    pub(crate) crlf: bool,
    pub(crate) decimal_comma: bool,
}

/// `compact_time` is local, `yyyyMMddHHmmss`.
pub(crate) fn file(lines: &[Line], compact_time: &str, habits: Habits) -> String {
    let mut out = String::new();
    if habits.byte_order_mark {
        out.push('\u{feff}');
    }
    for line in lines {
        let mut value = format!("{:.2}", line.value);
        if habits.decimal_comma {
            value = value.replace('.', ",");
        }
        let (symbol, unit, status) = (line.symbol, line.unit, line.status.code());
        let end = if habits.crlf { "\r\n" } else { "\n" };
        out.push_str(&format!(
            "{symbol}\t{value}\t{unit}\t{compact_time}\t{status}{end}"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_by_hand() {
        let line = |symbol, value, status| Line {
            symbol,
            value,
            unit: "ug/m3",
            status,
        };
        let lines = [
            line("PM2,5", 41.2, Status::Measuring),
            line("NO2", 12.0, Status::Calibrating),
        ];
        let habits = Habits {
            byte_order_mark: true,
            crlf: true,
            decimal_comma: true,
        };
        assert_eq!(
            file(&lines, "20261122100500", habits),
            "\u{feff}PM2,5\t41,20\tug/m3\t20261122100500\t00\r\nNO2\t12,00\tug/m3\t20261122100500\t01\r\n"
        );
        assert!(file(&lines, "20261122100500", Habits::default()).starts_with("PM2,5\t41.20\t"));
    }
}

//! Tokens with their byte position.

use super::Mistake;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    /// One of the operators or brackets below.
    Sign(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")",
    "[", "]", ",", ".", "=", "&", "|",
];

pub(super) fn lex(text: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        let token = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first.is_ascii_digit() {
            number(text, &mut at)?
        } else if first == '\'' || first == '"' {
            quoted(text, first, &mut at)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let tail = &text[at..];
            let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = &tail[..end.unwrap_or(tail.len())];
            at += name.len();
            Token::Name(name.to_owned())
        } else if let Some(sign) = SIGNS.iter().find(|sign| text[at..].starts_with(**sign)) {
            if matches!(*sign, "=" | "&" | "|") {
                return Err(Mistake::new(
                    at,
                    format!("`{sign}` is no operator; write `{sign}{sign}`"),
                ));
            }
            at += sign.len();
            Token::Sign(sign)
        } else {
            return Err(Mistake::new(
                at,
                format!("unexpected character `{}`", first.escape_default()),
            ));
        };
        tokens.push((start, token));
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

fn number(text: &str, at: &mut usize) -> Result<Token, Mistake> {
    let bytes = text.as_bytes();
    let start = *at;
    let digits = |from: usize| {
        bytes.get(from..).map_or(0, |tail| {
            tail.iter().take_while(|b| b.is_ascii_digit()).count()
        })
    };
    let mut end = start + digits(start);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let glued = bytes
        .get(end)
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let value = text[start..end]
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && !glued);
    *at = end;
    value
        .map(Token::Number)
        .ok_or_else(|| Mistake::new(start, "not a number that can be read"))
}

fn quoted(text: &str, quote: char, at: &mut usize) -> Result<Token, Mistake> {
    let start = *at;
    let mut value = String::new();
    let mut chars = text[start + 1..].char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            _ if c == quote => {
                *at = start + 1 + index + 1;
                return Ok(Token::Text(value));
            }
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some(escaped @ ('\\' | '\'' | '"')) => value.push(escaped),
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                _ => return Err(Mistake::new(start, "unknown escape in a string")),
            },
            '\n' => break,
            _ => value.push(c),
        }
    }
    Err(Mistake::new(start, "string without its closing quote"))
}

//! Pratt parser: tokens to a tree of bounded depth.

use super::lexer::{Token, lex};
use super::{DEPTH_MAX, LENGTH_MAX, Mistake, NODES_MAX};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ast {
    Number(f64),
    Boolean(bool),
    Text(String),
    Name(String),
    Member(Box<Expr>, String),
    Call(String, Vec<Expr>),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) depth: u16,
    pub(super) ast: Ast,
}

pub(super) fn parse(text: &str) -> Result<Expr, Mistake> {
    if text.len() > LENGTH_MAX {
        return Err(Mistake::new(0, format!("longer than {LENGTH_MAX} bytes")));
    }
    let mut parser = Parser {
        tokens: lex(text)?,
        next: 0,
        nesting: 0,
        nodes: 0,
    };
    let tree = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(tree),
        other => Err(Mistake::new(
            parser.at(),
            format!("unexpected {}", describe(other)),
        )),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    nesting: u16,
    nodes: usize,
}

/// Left binding power of an infix operator.
fn power(sign: &Token) -> Option<(&'static str, u8)> {
    let power = match sign {
        Token::Sign(sign @ "?") => (*sign, 1),
        Token::Sign(sign @ "||") => (*sign, 2),
        Token::Sign(sign @ "&&") => (*sign, 3),
        Token::Sign(sign @ ("==" | "!=" | "<" | "<=" | ">" | ">=")) => (*sign, 4),
        Token::Name(name) if name == "in" => ("in", 4),
        Token::Sign(sign @ ("+" | "-")) => (*sign, 5),
        Token::Sign(sign @ ("*" | "/" | "%")) => (*sign, 6),
        _ => return None,
    };
    Some(power)
}

fn describe(token: &Token) -> String {
    match token {
        Token::Number(value) => format!("number {value}"),
        Token::Text(_) => "string".to_owned(),
        Token::Name(name) => format!("`{name}`"),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::End => "end of the expression".to_owned(),
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens
            .get(self.next)
            .map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens
            .get(self.next)
            .or(self.tokens.last())
            .map_or(0, |(at, _)| *at)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn eat(&mut self, sign: &'static str) -> bool {
        let found = *self.peek() == Token::Sign(sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Mistake> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(Mistake::new(
            self.at(),
            format!("expected `{sign}`, found {}", describe(self.peek())),
        ))
    }

    /// A node above `children`; refuses what is too deep (a chain of operators is deep to the left) or too large.
    fn node(&mut self, at: usize, ast: Ast, children: &[u16]) -> Result<Expr, Mistake> {
        let depth = children.iter().copied().max().unwrap_or(0) + 1;
        self.nodes += 1;
        if depth > DEPTH_MAX {
            return Err(Mistake::new(at, format!("nested deeper than {DEPTH_MAX}")));
        }
        if self.nodes > NODES_MAX {
            return Err(Mistake::new(at, format!("more than {NODES_MAX} parts")));
        }
        Ok(Expr { at, depth, ast })
    }

    fn expression(&mut self, least: u8) -> Result<Expr, Mistake> {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX {
            return Err(Mistake::new(
                self.at(),
                format!("nested deeper than {DEPTH_MAX}"),
            ));
        }
        let mut left = self.prefix()?;
        while let Some((sign, power)) = power(self.peek()) {
            if power <= least && !(sign == "?" && least == 0) {
                break;
            }
            let at = self.at();
            self.next += 1;
            left = if sign == "?" {
                let yes = self.expression(0)?;
                self.expect(":")?;
                let no = self.expression(0)?;
                let depths = [left.depth, yes.depth, no.depth];
                self.node(at, Ast::Choice(left.into(), yes.into(), no.into()), &depths)?
            } else {
                let right = self.expression(power)?;
                let depths = [left.depth, right.depth];
                self.node(at, Ast::Binary(sign, left.into(), right.into()), &depths)?
            };
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expr, Mistake> {
        let at = self.at();
        let operand = match self.take() {
            Token::Number(value) => self.node(at, Ast::Number(value), &[])?,
            Token::Text(value) => self.node(at, Ast::Text(value), &[])?,
            Token::Name(name) => match name.as_str() {
                "true" | "false" => self.node(at, Ast::Boolean(name == "true"), &[])?,
                "null" | "in" => {
                    return Err(Mistake::new(at, format!("`{name}` cannot stand here")));
                }
                _ if self.eat("(") => {
                    let arguments = self.sequence(")")?;
                    let depths: Vec<u16> = arguments.iter().map(|part| part.depth).collect();
                    self.node(at, Ast::Call(name, arguments), &depths)?
                }
                _ => self.node(at, Ast::Name(name), &[])?,
            },
            Token::Sign("(") => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => {
                let items = self.sequence("]")?;
                let depths: Vec<u16> = items.iter().map(|part| part.depth).collect();
                self.node(at, Ast::List(items), &depths)?
            }
            Token::Sign("!") => {
                let inner = self.expression(6)?;
                let depth = inner.depth;
                self.node(at, Ast::Not(inner.into()), &[depth])?
            }
            Token::Sign("-") => {
                let inner = self.expression(6)?;
                let depth = inner.depth;
                self.node(at, Ast::Negative(inner.into()), &[depth])?
            }
            other => {
                return Err(Mistake::new(
                    at,
                    format!("expected a value, found {}", describe(&other)),
                ));
            }
        };
        self.members(operand)
    }

    fn members(&mut self, mut operand: Expr) -> Result<Expr, Mistake> {
        while self.eat(".") {
            let at = self.at();
            let Token::Name(name) = self.take() else {
                return Err(Mistake::new(at, "expected a name after `.`"));
            };
            let depth = operand.depth;
            operand = self.node(operand.at, Ast::Member(operand.into(), name), &[depth])?;
        }
        Ok(operand)
    }

    fn sequence(&mut self, end: &'static str) -> Result<Vec<Expr>, Mistake> {
        let mut items = Vec::new();
        if self.eat(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.eat(end) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }
}

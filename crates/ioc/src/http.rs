//! One HTTP request to a node on this machine, for the command line: a plain connection that ends with the answer.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// To connect.
const CONNECT: Duration = Duration::from_secs(5);
/// An answer larger than this is not ours.
const ANSWER_BYTES_MAX: u64 = 32 << 20;

/// `authority` is host and port. Gives the status and the body.
pub(crate) fn call(
    authority: &str,
    path: &str,
    body: Option<&str>,
    patience: Duration,
) -> Result<(u16, Vec<u8>)> {
    let address = authority
        .to_socket_addrs()
        .with_context(|| format!("{authority} is no address: write host:port"))?
        .next()
        .with_context(|| format!("{authority} has no address"))?;
    let mut connection = TcpStream::connect_timeout(&address, CONNECT)
        .with_context(|| format!("nobody answers at {authority}"))?;
    connection.set_read_timeout(Some(patience))?;
    connection.set_write_timeout(Some(patience))?;
    let (method, body) = match body {
        Some(body) => ("POST", body),
        None => ("GET", ""),
    };
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    if method == "POST" {
        request.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    request.push_str("\r\n");
    request.push_str(body);
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let split = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("the answer has no head")?;
    let head = String::from_utf8_lossy(answer.get(..split).unwrap_or_default()).into_owned();
    if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        bail!("the answer comes in pieces: that is not a node of this release");
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("{authority} does not speak HTTP"))?;
    Ok((status, answer.split_off(split + 4)))
}

/// A value for a query string.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

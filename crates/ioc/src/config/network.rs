//! Addresses as people write them: `127.0.0.1:1883`, `[::1]:1883`, `localhost:1883` (both loopbacks).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// One written address; `localhost` means both loopback addresses. No name is ever looked up.
pub(crate) fn parse_addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    if let Some(port) = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse::<u16>().ok())
    {
        return Ok(vec![
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ]);
    }
    Err(format!(
        "{text:?} is not an address: write IP:PORT, e.g. \"127.0.0.1:1883\" or \"[::1]:1883\""
    ))
}

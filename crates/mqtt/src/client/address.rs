//! Where the broker is.

/// `mqtt://host:port` or `mqtts://host:port`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As a resolver takes it: a name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl Address {
    /// The error says what to write instead.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let form = "write mqtt://host:port or mqtts://host:port";
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| format!("\"{url}\" has no scheme; {form}"))?;
        let tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return Err(format!("the scheme \"{scheme}\" is unknown; {form}")),
        };
        if rest.contains('@') {
            return Err("a login does not belong into the address, where logs show it; set user and password".to_owned());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(format!("nothing may follow the port; {form}"));
        }
        let default_port = if tls { 8_883 } else { 1_883 };
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of a bare IPv6 address is none of a port.
            Some((host, port)) if !rest.ends_with(']') => {
                let number = port.parse().ok().filter(|number| *number > 0);
                let number = number.ok_or_else(|| format!("\"{port}\" is no port; {form}"))?;
                (host, number)
            }
            _ => (rest, default_port),
        };
        if host.is_empty() {
            return Err(format!("the host is missing; {form}"));
        }
        let bracketed = host.starts_with('[') && host.ends_with(']');
        if host.contains(':') && !bracketed {
            return Err("put an IPv6 address in brackets".to_owned());
        }
        if tls && bracketed {
            return Err("with mqtts:// give the broker's name, not an IPv6 address".to_owned());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_taken_apart() {
        for (url, host, port, tls) in [
            ("mqtt://127.0.0.1:18830", "127.0.0.1", 18830, false),
            ("mqtt://broker", "broker", 1883, false),
            ("mqtts://broker.example/", "broker.example", 8883, true),
            ("mqtt://[::1]:1884", "[::1]", 1884, false),
            ("mqtt://[::1]", "[::1]", 1883, false),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!(
                (&*address.host, address.port, address.tls),
                (host, port, tls)
            );
        }
        for url in [
            "broker",
            "http://broker",
            "mqtt://",
            "mqtt://:1883",
            "mqtt://u:p@broker",
            "mqtt://broker:0",
            "mqtt://broker:x",
            "mqtt://broker:1/path",
            "mqtt://::1:1883",
            "mqtts://[::1]:8883",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}

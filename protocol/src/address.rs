//! Where MQTT is spoken: `mqtt://HOST[:PORT]`, or `mqtts://` with TLS.

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttAddress {
    /// A name or an IP address; IPv6 in brackets.
    pub host: String,
    /// 1883, with TLS 8883, when it is not said.
    pub port: u16,
    /// With TLS.
    pub tls: bool,
}

/// The text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address as mqtt://HOST:PORT, or mqtts:// with TLS, and nothing else")]
pub struct NotAnAddress;

impl std::str::FromStr for MqttAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(NotAnAddress),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let bracket = rest.rfind(']').unwrap_or(0);
        let (host, port) = match rest[bracket..].rfind(':') {
            Some(at) => {
                let port = rest[bracket + at + 1..].parse().map_err(|_| NotAnAddress)?;
                (&rest[..bracket + at], port)
            }
            None => (rest, if tls { 8883 } else { 1883 }),
        };
        let fits = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        fits.then(|| Self { host: host.to_owned(), port, tls }).ok_or(NotAnAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scheme_a_host_and_perhaps_a_port() {
        let read = |text: &str| text.parse::<MqttAddress>();
        let address = |host: &str, port, tls| MqttAddress { host: host.to_owned(), port, tls };
        assert_eq!(read("mqtt://hub").unwrap(), address("hub", 1883, false));
        assert_eq!(read("mqtts://hub.example/").unwrap(), address("hub.example", 8883, true));
        assert_eq!(read("mqtt://[::1]:99").unwrap(), address("[::1]", 99, false));
        assert_eq!(read("mqtt://[::1]").unwrap(), address("[::1]", 1883, false));
        for bad in ["hub:1883", "http://hub", "mqtt://", "mqtt://a@b", "mqtt://a:x", "mqtt://a/b"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

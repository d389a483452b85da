//! Requests to addresses that somebody typed in: resolved, checked, connected to as checked, not
//! redirected, capped in time and bytes.
//!
//! It must not know what is sent, nor to whom. Invariant: no connection is opened to an address
//! that [`Guard::permits`] refuses, whatever name leads there.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use oneshelf_connectors::Request;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long a connection may take to stand.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// A network: `10.1.0.0/16`, `::1/128`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: a network, as in 10.1.0.0/16");
        let (base, bits) = text.split_once('/').ok_or_else(wrong)?;
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse().ok().filter(|bits| *bits <= longest).ok_or_else(wrong)?;
        Ok(Self { base, bits })
    }
}

impl Network {
    fn holds(self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let apart = u32::from(base) ^ u32::from(ip);
                apart.leading_zeros() >= self.bits
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let apart = u128::from(base) ^ u128::from(ip);
                apart.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// Ranges of IPv4 that are not on the public internet (IANA's special-purpose registry).
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Of IPv6 only 2000::/3 is public, and not all of it: protocol assignments with Teredo,
/// documentation, 6to4 and the documentation range of 2024 are not.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public(ip: IpAddr) -> bool {
    let within = |(base, bits): (IpAddr, u32)| Network { base, bits }.holds(ip);
    match ip {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|(base, bits)| within(((*base).into(), *bits))),
        IpAddr::V6(_) => {
            let (global, bits) = GLOBAL_V6;
            within((global.into(), bits))
                && !SPECIAL_V6.iter().any(|(base, bits)| within(((*base).into(), *bits)))
        }
    }
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    /// Public addresses, and those of networks that the operator names.
    pub fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// True for an address that the operator's networks hold.
    fn named(&self, ip: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.holds(ip))
    }

    /// True when a connection may go there. An IPv4 address in the clothes of IPv6 counts as what
    /// it is.
    pub fn permits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        is_public(ip) || self.named(ip)
    }

    /// Checks an endpoint as far as its text tells.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn endpoint(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "an address, as in https://shop.example/hook")?;
        match url.scheme() {
            "https" => {}
            "http" if !self.allowed.is_empty() => {}
            _ => return Err("an address that begins with https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address without user name and password");
        }
        let host = url.host_str().ok_or("an address with a host")?;
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if !self.permits(ip) => Err("not an address of a private network"),
            _ => Ok(url),
        }
    }
}

/// Names to addresses.
pub type Lookup = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;
/// What a look-up gives.
pub type LookedUp = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// The system's resolver.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// A name led to an address that nothing is sent to.
#[derive(Debug, thiserror::Error)]
#[error("this name leads to an address that is not allowed")]
struct NotAllowed;

struct Resolver {
    lookup: Lookup,
    guard: Guard,
    /// Without TLS only the operator's own networks are spoken to.
    named_only: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let looked_up = (self.lookup)(name.as_str().to_owned());
        let (guard, named_only) = (self.guard.clone(), self.named_only);
        Box::pin(async move {
            let found = looked_up.await?;
            let good = |ip: &IpAddr| {
                if named_only { guard.named(ip.to_canonical()) } else { guard.permits(*ip) }
            };
            // One bad address is enough: a name that leads to two networks is a trick.
            if found.is_empty() || !found.iter().all(good) {
                return Err(NotAllowed.into());
            }
            let all: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(all)
        })
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Somebody answered.
    Answered {
        /// Of HTTP.
        status: u16,
        /// Headers that are text, their names in lower case.
        headers: Vec<(String, String)>,
        /// The beginning of the body.
        body: Vec<u8>,
    },
    /// The time was up.
    TimedOut,
    /// Nobody was there: it was not sent.
    NotConnected,
    /// Nothing is sent to this address.
    NotAllowed,
    /// The connection broke before the answer.
    Cut,
}

/// The way out.
pub struct Outgoing {
    guard: Guard,
    secure: Client,
    plain: Client,
}

impl Outgoing {
    /// A way out that answers in this time or not at all.
    ///
    /// # Errors
    /// When the system's root certificates cannot be used.
    pub fn new(guard: Guard, lookup: &Lookup, longest: Duration) -> Result<Self, reqwest::Error> {
        let client = |named_only| {
            let (lookup, guard) = (lookup.clone(), guard.clone());
            Client::builder()
                .dns_resolver(Arc::new(Resolver { lookup, guard, named_only }))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT_MAX.min(longest))
                .timeout(longest)
                .pool_idle_timeout(IDLE_MAX)
                .build()
        };
        Ok(Self { secure: client(false)?, plain: client(true)?, guard })
    }

    /// Which addresses it goes to.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a request as it is, once.
    pub async fn send(&self, request: &Request) -> Sent {
        // An address in numbers asks no resolver: it is checked here.
        let Ok(url) = self.guard.endpoint(&request.url) else { return Sent::NotAllowed };
        let in_numbers = url.host_str().and_then(|h| h.trim_matches(['[', ']']).parse().ok());
        let secure = url.scheme() == "https";
        if in_numbers.is_some_and(|ip: IpAddr| !secure && !self.guard.named(ip.to_canonical())) {
            return Sent::NotAllowed;
        }
        let client = if secure { &self.secure } else { &self.plain };
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        let mut outgoing = client.request(method, url).body(request.body.clone());
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        match outgoing.send().await {
            Ok(response) => answered(response).await,
            Err(error) => failed(&error),
        }
    }
}

async fn answered(mut response: reqwest::Response) -> Sent {
    let status = response.status().as_u16();
    let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    let mut body = vec![];
    // An answer that goes on for ever ends with the request's time.
    while body.len() < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return failed(&error),
        }
    }
    body.truncate(ANSWER_BYTES_MAX);
    Sent::Answered { status, headers, body }
}

fn failed(error: &reqwest::Error) -> Sent {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<NotAllowed>() {
            return Sent::NotAllowed;
        }
        cause = inner.source();
    }
    if error.is_connect() {
        Sent::NotConnected
    } else if error.is_timeout() {
        Sent::TimedOut
    } else {
        Sent::Cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn no_private_address_is_permitted_however_it_is_written() {
        let guard = Guard::default();
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!guard.permits(ip(private)), "{private}");
        }
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.255.255",
            "198.17.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(guard.permits(ip(public)), "{public}");
        }
    }

    #[test]
    fn the_operator_names_networks() {
        let networks = ["10.1.0.0/16", "::1/128", "0.0.0.0/0"].map(|text| text.parse().unwrap());
        let guard = Guard::new(networks[..2].to_vec());
        assert!(guard.permits(ip("10.1.255.1")) && guard.permits(ip("::ffff:10.1.0.7")));
        assert!(guard.permits(ip("::1")) && !guard.permits(ip("::2")));
        assert!(!guard.permits(ip("10.2.0.1")) && !guard.permits(ip("127.0.0.1")));
        assert!(Guard::new(networks[2..].to_vec()).permits(ip("127.0.0.1")));
        for wrong in ["", "10.1.0.0", "10.1.0.0/33", "::1/129", "a/8", "10.1.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_checked_as_far_as_its_text_tells() {
        let strict = Guard::default();
        for good in ["https://shop.example/hook", "https://1.1.1.1:8443/", "https://[2a00::1]/"] {
            assert!(strict.endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "http://shop.example/",
            "ftp://shop.example/",
            "https://",
            "file:///etc/passwd",
            "https://user@shop.example/",
            "https://a:b@shop.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://[::ffff:127.0.0.1]/",
            "https://10.0.0.1/",
        ] {
            assert!(strict.endpoint(bad).is_err(), "{bad}");
        }
        let ours = Guard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(ours.endpoint("http://127.0.0.1:9/").is_ok());
        assert!(ours.endpoint("http://10.0.0.1/").is_err());
    }
}

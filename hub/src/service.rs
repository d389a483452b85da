//! Words to systemd: that the hub is ready, that it stops, that it lives.
//!
//! A few lines over a datagram socket, as sd_notify(3) has them. Without `NOTIFY_SOCKET` nobody
//! listens and nothing is said. Invariant: the watchdog hears of a life only after the database
//! has answered in this program: a hub that hangs is started anew.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// Ready for requests.
pub const READY: &str = "READY=1";
/// Ends now.
pub const STOPPING: &str = "STOPPING=1";
const ALIVE: &str = "WATCHDOG=1";

/// Says it, when somebody listens.
pub fn tell(word: &str) {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&address.to_string_lossy(), word) {
        tracing::debug!(%error, word, "systemd was not told");
    }
}

fn send(address: &str, word: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    match address.strip_prefix('@') {
        // A name without a file.
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(word.as_bytes(), &address)?;
        }
        None => {
            socket.send_to(word.as_bytes(), address)?;
        }
    }
    Ok(())
}

/// How often the watchdog wants to hear: half of what the unit allows; none when there is none.
fn watchdog_every(said: Option<String>) -> Option<Duration> {
    let micros: u64 = said?.parse().ok()?;
    (micros > 0).then(|| Duration::from_micros(micros / 2))
}

/// Tells the watchdog of every sign of life, until the stop.
pub async fn keep_alive(store: Store, stop: CancellationToken) {
    let Some(every) = watchdog_every(std::env::var("WATCHDOG_USEC").ok()) else { return };
    loop {
        // What the watchdog must notice is a hub that hangs, not a database that is away: an
        // error is an answer.
        if tokio::time::timeout(every, store.head()).await.is_ok() {
            tell(ALIVE);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_arrives_at_a_file_and_at_a_name() {
        let folder = std::env::temp_dir().join(format!("oneshelf-notify-{}", std::process::id()));
        let path = folder.with_extension("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        send(&path.display().to_string(), READY).unwrap();
        let mut heard = [0; 64];
        let length = listener.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], READY.as_bytes());
        std::fs::remove_file(&path).unwrap();
        assert!(send(&path.display().to_string(), READY).is_err(), "nobody listens");

        use std::os::linux::net::SocketAddrExt;
        let name = format!("oneshelf-notify-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        send(&format!("@{name}"), STOPPING).unwrap();
        let length = listener.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], STOPPING.as_bytes());
    }

    #[test]
    fn the_watchdog_hears_twice_in_its_time() {
        let every = |said: &str| watchdog_every(Some(said.to_owned()));
        assert_eq!(every("30000000"), Some(Duration::from_secs(15)));
        assert_eq!((every("0"), every("x"), watchdog_every(None)), (None, None, None));
    }
}

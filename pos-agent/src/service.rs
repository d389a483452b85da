//! Words to systemd: that the agent is ready, and that it stops.
//!
//! A few lines over a datagram socket, as sd_notify(3) has them. Without `NOTIFY_SOCKET` nobody
//! listens and nothing is said.

use std::os::unix::net::UnixDatagram;

/// Ready for cashiers.
pub(crate) const READY: &str = "READY=1";
/// Ends now.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says it, when somebody listens.
pub(crate) fn tell(word: &str) {
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

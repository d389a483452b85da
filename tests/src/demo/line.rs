//! A store's line to the hub: a TCP forwarder that can be cut.
//!
//! It knows bytes, no protocol. Invariant: while it is cut no byte passes, also on connections
//! that were open before.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running line. Dropping the last clone does not end it; the program's end does.
#[derive(Debug, Clone)]
pub struct Line {
    address: SocketAddr,
    up: Arc<watch::Sender<bool>>,
}

impl Line {
    /// Forwards from a free port of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn open(to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, state) = watch::channel(true);
        tokio::spawn(serve(listener, to, state));
        Ok(Self { address, up: Arc::new(up) })
    }

    /// Where the store's agent finds the hub.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts it or joins it again.
    pub fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// Whether it carries bytes.
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }
}

async fn serve(listener: TcpListener, to: SocketAddr, state: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut state = state.clone();
        if !*state.borrow() {
            continue; // dropped: as good as refused
        }
        tokio::spawn(async move {
            tokio::select! {
                // However it ends, the two ends see a connection that broke.
                _ = state.wait_for(|up| !up) => {}
                _ = forward(near, to) => {}
            }
        });
    }
}

async fn forward(mut near: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let mut far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

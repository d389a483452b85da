//! What an agent said, and whom to tell once it was dealt with.
//!
//! It knows no transport. Invariant: whoever waits is told once: true after what the frame asked
//! for was committed or refused, false when it was dropped and must come again.

use tokio::sync::mpsc::UnboundedSender;

/// A frame as it came.
#[derive(Debug)]
pub struct Said {
    /// JSON text.
    pub text: String,
    /// Who waits for it to be settled.
    pub settled: Settled,
}

/// Whoever waits for a frame to be settled; nobody by default.
#[derive(Debug, Default)]
pub struct Settled(Option<(UnboundedSender<(u16, bool)>, u16)>);

impl Settled {
    /// The transport's number of the frame is sent there.
    pub fn tell(to: UnboundedSender<(u16, bool)>, number: u16) -> Self {
        Self(Some((to, number)))
    }

    pub(super) fn now(mut self) {
        self.say(true);
    }

    fn say(&mut self, settled: bool) {
        if let Some((to, number)) = self.0.take() {
            // The transport may be gone.
            let _ = to.send((number, settled));
        }
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.say(false);
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, settled: Settled::default() }
    }
}

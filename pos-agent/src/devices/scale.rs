//! The scale's task: asks it now and then how it is, so that pages know before goods lie on it.
//!
//! Weights are asked for by the register itself, when it needs one.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_hardware::scale::Scale;
use tokio_util::sync::CancellationToken;

use crate::register::Front;

/// Between two questions for an idle scale's state.
const POLL: Duration = Duration::from_secs(5);

/// Runs until it is stopped.
pub(crate) async fn run(front: Arc<Front>, scale: Arc<Scale>, stop: CancellationToken) {
    let mut states = scale.watch();
    loop {
        let asked = async {
            // What lies on it is nobody's business now; its state is sent by itself.
            let _ = scale.weigh().await;
            tokio::time::sleep(POLL).await;
        };
        tokio::pin!(asked);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = states.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let state = Some(*states.borrow_and_update());
                    front.shared.devices.send_if_modified(|devices| {
                        std::mem::replace(&mut devices.scale, state) != state
                    });
                }
                () = &mut asked => break,
            }
        }
    }
}
